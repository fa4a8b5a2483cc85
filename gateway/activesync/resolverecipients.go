package activesync

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"martlet/directory"
	"martlet/protocol/eas"
)

// Limits of ResolveRecipients.
const (
	maxResolved      = 100  // recipients of a request (MS-ASCMD_R5655)
	maxTo            = 256  // characters of one (MS-ASCMD_R4611)
	maxResolveOption = 9999 // MaxCertificates, MaxAmbiguousRecipients (MS-ASCMD_R3253, R3248)
	maxSuggestions   = 100  // of one that is ambiguous, whatever the client would take
	maxPictureSize   = 100 << 10
	maxBusyMembers   = 20               // of a group (MS-ASCMD_R4626)
	maxBusyPeople    = 100              // whose free/busy times one request may ask for (MS-ASCMD_R4622, R7499)
	busyTime         = 10 * time.Second // for the free/busy times of all recipients

	minBusySpan     = 30 * time.Minute    // MS-ASCMD_R2266
	maxBusySpan     = 42 * 24 * time.Hour // MS-ASCMD_R5175
	defaultBusySpan = 7 * 24 * time.Hour  // MS-ASCMD_R2265
)

// The kinds of recipients (MS-ASCMD 2.2.3.186.5).
const (
	recipientGAL     uint8 = 1
	recipientContact uint8 = 2
)

// errResolve is a request that is answered with status 5 (MS-ASCMD_R4270).
var errResolve = errors.New("activesync: a parameter is invalid or beyond its limits")

// resolution is the answer to a ResolveRecipients in the making.
type resolution struct {
	h       *Handler
	ctx     context.Context
	s       *session
	certs   uint // 1 none, 2 whole, 3 small (MS-ASCMD 2.2.3.22)
	most    int  // certificates that may still be given
	suggest int  // recipients of one that is ambiguous
	busy    bool // free/busy times are wanted
	from    time.Time
	until   time.Time
	waiting []waiting
	asked   int // people whose free/busy times were asked for
	picture *eas.ResolvePicture

	room     int64 // bytes that certificates and pictures may still take
	contacts *contactBook
	now      time.Time
}

// resolveRecipients finds out whom the client means (MS-ASCMD 2.2.1.15), in the
// order of the request.
func (h *Handler) resolveRecipients(ctx context.Context, s *session, q *eas.ResolveRecipients) (*eas.ResolveRecipientsResponse, error) {
	r := &resolution{h: h, ctx: ctx, s: s, certs: 1, most: maxResolveOption, suggest: maxSuggestions, room: maxAnswer, now: time.Now()}
	if err := r.read(q); err != nil {
		return &eas.ResolveRecipientsResponse{Status: eas.ResolveRecipientsStatusProtocolError}, nil
	}
	release, err := h.reserve(ctx, r.weight())
	if err != nil {
		return nil, err
	}
	defer release()
	resp := &eas.ResolveRecipientsResponse{Status: eas.ResolveRecipientsStatusSuccess}
	resp.Responses, err = r.answers(q.To)
	if err != nil && (ctx.Err() != nil || retryable(err)) {
		return nil, err
	}
	if err != nil { // MS-ASCMD_R4271
		h.logFailure(s, err, true)
		return &eas.ResolveRecipientsResponse{Status: eas.ResolveRecipientsStatusServerError}, nil
	}
	return resp, nil
}

// answers are one for each To. Free/busy times are asked for all at once.
func (r *resolution) answers(all []string) (out []eas.ResolveResponse, err error) {
	for _, to := range all {
		one, err := r.resolve(to)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, r.askWaiting()
}

// weight is how much an answer may take: names are small.
func (r *resolution) weight() int64 {
	if r.certs == 1 && r.picture == nil {
		return 0
	}
	return maxAnswer
}

// read checks the request.
func (r *resolution) read(q *eas.ResolveRecipients) error {
	if len(q.To) == 0 || len(q.To) > maxResolved { // MS-ASCMD_R5656
		return errResolve
	}
	for _, to := range q.To {
		if utf8.RuneCountInString(to) > maxTo {
			return errResolve
		}
	}
	o := q.Options
	if o == nil {
		return nil
	}
	if c := o.CertificateRetrieval; c != nil {
		if *c < 1 || *c > 3 { // MS-ASCMD_R855
			return errResolve
		}
		r.certs = *c
	}
	if n := o.MaxCertificates; n != nil {
		if *n > maxResolveOption {
			return errResolve
		}
		r.most = int(*n)
	}
	if n := o.MaxAmbiguousRecipients; n != nil {
		if *n > maxResolveOption {
			return errResolve
		}
		r.suggest = min(int(*n), maxSuggestions)
	}
	if p := o.Picture; p != nil {
		if r.s.version < eas.V141 || p.MaxSize != nil && *p.MaxSize > maxPictureSize { // MS-ASCMD_R6968, R5349
			return errResolve
		}
		r.picture = p
	}
	return r.readAvailability(o.Availability)
}

// readAvailability checks the span of time (MS-ASCMD 2.2.3.176.1, 2.2.3.61.1).
func (r *resolution) readAvailability(a *eas.AvailabilityRequest) error {
	if a == nil {
		return nil
	}
	end := a.EndTime
	if end.IsZero() {
		end = a.StartTime.Add(defaultBusySpan)
	}
	span := end.Sub(a.StartTime)
	if r.s.version < eas.V140 || a.StartTime.IsZero() || span < minBusySpan || span > maxBusySpan { // MS-ASCMD_R6193, R3986
		return errResolve
	}
	r.busy, r.from, r.until = true, a.StartTime, end
	return nil
}

// resolve answers for one To.
func (r *resolution) resolve(to string) (eas.ResolveResponse, error) {
	resp := eas.ResolveResponse{To: to}
	found, total, err := r.matches(strings.TrimSpace(to))
	if err != nil {
		return resp, err
	}
	count := uint(total)
	resp.RecipientCount = &count
	switch {
	case total == 0:
		resp.Status = eas.ResolveRecipientsStatusUnresolved
		return resp, nil
	case total == 1:
		resp.Status = eas.ResolveRecipientsStatusSuccess
	case total <= r.suggest:
		resp.Status = eas.ResolveRecipientsStatusAmbiguous
	default:
		resp.Status = eas.ResolveRecipientsStatusAmbiguousPartial
		found = found[:min(len(found), r.suggest)]
	}
	pictures := r.pictures()
	for i := range found {
		one, err := r.recipient(&found[i], total == 1, pictures)
		if err != nil {
			return resp, err
		}
		resp.Recipients = append(resp.Recipients, one)
	}
	return resp, nil
}

// match is somebody who may be meant: an entry of the address list or a contact.
type match struct {
	entry         *directory.Entry
	contact       *contact
	name, address string
}

// matches are those who may be meant, and how many there are. An address that
// is somebody's means that one; any other text is of those in the address list
// and among the contacts whose names and addresses it begins (MS-ASCMD_R4610).
func (r *resolution) matches(to string) ([]match, int, error) {
	if to == "" {
		return nil, 0, nil
	}
	if strings.Contains(to, "@") {
		e, err := r.h.c.Directory.Lookup(r.ctx, to)
		if err == nil {
			return []match{{entry: &e, name: e.Name(), address: e.Address()}}, 1, nil
		}
		if !errors.Is(err, directory.ErrNoAddress) {
			return nil, 0, err
		}
	}
	book, err := r.book()
	if err != nil {
		return nil, 0, err
	}
	if m, ok := book.of(to); ok {
		return []match{m}, 1, nil
	}
	found, err := r.h.c.Directory.Search(r.ctx, to, maxSuggestions)
	if err != nil {
		return nil, 0, err
	}
	var all []match
	seen := map[string]bool{}
	for i := range found.Entries {
		e := &found.Entries[i]
		seen[strings.ToLower(e.Address())] = true
		all = append(all, match{entry: e, name: e.Name(), address: e.Address()})
	}
	total := found.Total
	for _, m := range book.matches(to) {
		if key := strings.ToLower(m.address); !seen[key] {
			seen[key] = true
			total++
			if len(all) < maxSuggestions {
				all = append(all, m)
			}
		}
	}
	return all, total, nil
}
