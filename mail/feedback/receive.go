package feedback

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"martlet/mail/message"
	"martlet/store"
)

// Limits of reports that others send.
const (
	maxAttachments = 4    // looked at in a message
	maxNesting     = 12   // of XML elements
	maxText        = 256  // bytes of one text that is kept
	maxSources     = 200  // that are kept of a report; the rest is one
	maxReceived    = 5000 // reports about one domain
	keepReceived   = 180 * 24 * time.Hour
)

// sizes bound one report.
type sizes struct {
	packed, unpacked int64 // bytes
	records          int
}

func defaultSizes() sizes { return sizes{packed: 5 << 20, unpacked: 20 << 20, records: 50_000} }

// Errors of reports that others send.
var (
	ErrNoReport  = errors.New("feedback: no report")
	ErrTooLarge  = errors.New("feedback: the report is too large")
	ErrNotOurs   = errors.New("feedback: the report is about another's domain")
	ErrTooMany   = errors.New("feedback: too many reports about the domain")
	errBadReport = errors.New("feedback: the report cannot be read")
)

// Summary is a report about one of our domains.
type Summary struct {
	Domain       string    `json:"domain"`
	Organisation string    `json:"organisation"`
	Contact      string    `json:"contact,omitempty"`
	ID           string    `json:"id"`
	Begin        time.Time `json:"begin"`
	End          time.Time `json:"end"`
	Received     time.Time `json:"received"`
	Policy       string    `json:"policy"`
	Messages     uint64    `json:"messages"`
	Passed       uint64    `json:"passed"` // DKIM or SPF spoke for From
	Sources      []Source  `json:"sources,omitempty"`
}

// Source is a host that sent mail in the name of a domain.
type Source struct {
	Address  string `json:"address"` // "" where there were too many: all others
	From     string `json:"from"`
	Messages uint64 `json:"messages"`
	Passed   uint64 `json:"passed"`
	DKIM     uint64 `json:"dkim"` // of those that passed: by DKIM
	SPF      uint64 `json:"spf"`
	Refused  uint64 `json:"refused"`
	Junk     uint64 `json:"junk"`
}

// Receive reads a message that may bring reports, and keeps a summary of each. The
// caller knows that the message is of who it says. The error is ErrNoReport if it
// brings none.
func (b *Book) Receive(ctx context.Context, raw []byte) (n int, err error) {
	ix := message.Parse(raw)
	looked := 0
	var errs []error
	for i := range ix.Parts {
		kind := packing(&ix.Parts[i], ix.AttachmentName(i))
		if kind == "" || ix.IsMultipart(i) || looked == maxAttachments {
			continue
		}
		looked++
		x, err := unpack(ix.Open(i, message.Bytes(raw)), kind, b.sizes)
		if err == nil {
			err = b.keep(ctx, x)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	if n == 0 && len(errs) == 0 {
		return 0, ErrNoReport
	}
	return n, errors.Join(errs...)
}

// packing tells how a part is packed; empty: it is no report.
func packing(p *message.Part, name string) string {
	name = strings.ToLower(name)
	switch {
	case p.Type == "application/gzip", p.Type == "application/x-gzip", strings.HasSuffix(name, ".gz"):
		return "gzip"
	case p.Type == "application/zip", p.Type == "application/x-zip-compressed", strings.HasSuffix(name, ".zip"):
		return "zip"
	case p.Type == "text/xml", p.Type == "application/xml", strings.HasSuffix(name, ".xml"):
		return "xml"
	}
	return ""
}

// unpack reads a report.
func unpack(r io.Reader, kind string, most sizes) (*xmlReport, error) {
	packed, err := io.ReadAll(io.LimitReader(r, most.packed+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadReport, err)
	}
	if int64(len(packed)) > most.packed {
		return nil, ErrTooLarge
	}
	plain := io.Reader(bytes.NewReader(packed))
	switch kind {
	case "gzip":
		if plain, err = gzip.NewReader(plain); err != nil {
			return nil, fmt.Errorf("%w: %w", errBadReport, err)
		}
	case "zip":
		if plain, err = zipped(packed); err != nil {
			return nil, err
		}
	}
	return readReport(plain, most)
}

// zipped opens the first file in an archive that is XML by its name.
func zipped(packed []byte) (io.Reader, error) {
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadReport, err)
	}
	for _, f := range z.File {
		if strings.HasSuffix(strings.ToLower(f.Name), ".xml") {
			r, err := f.Open()
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errBadReport, err)
			}
			return r, nil
		}
	}
	return nil, ErrNoReport
}

// bounded counts what is unpacked.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// nesting lets no element stand deeper than reports need, and no directives pass:
// entities of their own have no place in a report.
type nesting struct {
	d     *xml.Decoder
	depth int
}

func (n *nesting) Token() (xml.Token, error) {
	t, err := n.d.Token()
	switch t.(type) {
	case xml.StartElement:
		if n.depth++; n.depth > maxNesting {
			return nil, errBadReport
		}
	case xml.EndElement:
		n.depth--
	case xml.Directive:
		return nil, errBadReport
	}
	return t, err
}

// readReport reads a report one record at a time.
func readReport(r io.Reader, most sizes) (*xmlReport, error) {
	inner := xml.NewDecoder(&bounded{r, most.unpacked})
	inner.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "us-ascii", "ascii", "iso-8859-1", "windows-1252": // all that is looked at is ASCII
			return in, nil
		}
		return nil, errBadReport
	}
	d := xml.NewTokenDecoder(&nesting{d: inner})
	x := &xmlReport{}
	for depth := 0; ; {
		t, err := d.Token()
		if err != nil {
			if errors.Is(err, ErrTooLarge) {
				return nil, ErrTooLarge
			}
			return nil, fmt.Errorf("%w: %w", errBadReport, err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 {
				if t.Name.Local != "feedback" {
					return nil, ErrNoReport
				}
				depth++
				continue
			}
			if err := x.child(d, &t, most.records); err != nil {
				if errors.Is(err, ErrTooLarge) {
					return nil, ErrTooLarge
				}
				return nil, fmt.Errorf("%w: %w", errBadReport, err)
			}
		case xml.EndElement:
			return x, nil // of feedback: its children were read whole
		}
	}
}

// child reads an element of a report.
func (x *xmlReport) child(d *xml.Decoder, t *xml.StartElement, records int) error {
	switch t.Name.Local {
	case "report_metadata":
		return d.DecodeElement(&x.Metadata, t)
	case "policy_published":
		return d.DecodeElement(&x.Policy, t)
	case "record":
		if len(x.Records) == records {
			return ErrTooLarge
		}
		var r xmlRecord
		if err := d.DecodeElement(&r, t); err != nil {
			return err
		}
		r.Results, r.Row.Evaluated.Reasons = xmlResults{}, nil // nothing is kept of them
		x.Records = append(x.Records, r)
		return nil
	}
	return d.Skip()
}

// summary sums a report up.
func (x *xmlReport) summary(now time.Time) Summary {
	m := &x.Metadata
	s := Summary{
		Domain: strings.ToLower(clean(x.Policy.Domain)), Organisation: clean(m.Organisation), Contact: clean(m.Email), ID: clean(m.ID),
		Begin: time.Unix(m.Begin, 0).UTC(), End: time.Unix(m.End, 0).UTC(), Received: now.UTC(), Policy: clean(x.Policy.Policy),
	}
	type place struct{ address, from string }
	at := map[place]int{}
	for i := range x.Records {
		r := &x.Records[i]
		a, err := netip.ParseAddr(strings.TrimSpace(r.Row.Source))
		if err != nil || r.Row.Count > 1<<40 {
			continue
		}
		k := place{a.Unmap().WithZone("").String(), strings.ToLower(clean(r.Identifiers.HeaderFrom))}
		n, has := at[k]
		if !has {
			n = len(s.Sources)
			at[k] = n
			s.Sources = append(s.Sources, Source{Address: k.address, From: k.from})
		}
		s.Sources[n].add(r)
	}
	for _, one := range s.Sources {
		s.Messages += one.Messages
		s.Passed += one.Passed
	}
	slices.SortStableFunc(s.Sources, func(a, b Source) int { return cmp.Compare(b.Messages, a.Messages) })
	if len(s.Sources) > maxSources {
		rest := Source{From: s.Domain}
		for _, one := range s.Sources[maxSources-1:] {
			rest.merge(&one)
		}
		s.Sources = append(s.Sources[:maxSources-1:maxSources-1], rest)
	}
	return s
}

// Sources sums the hosts of many reports up, those with the most messages first.
func Sources(all []Summary) []Source {
	type place struct{ address, from string }
	at := map[place]int{}
	out := []Source{}
	for _, s := range all {
		for _, one := range s.Sources {
			k := place{one.Address, one.From}
			n, has := at[k]
			if !has {
				n = len(out)
				at[k] = n
				out = append(out, Source{Address: one.Address, From: one.From})
			}
			out[n].merge(&one)
		}
	}
	slices.SortStableFunc(out, func(a, b Source) int { return cmp.Compare(b.Messages, a.Messages) })
	return out
}

func (s *Source) merge(other *Source) {
	s.Messages += other.Messages
	s.Passed += other.Passed
	s.DKIM += other.DKIM
	s.SPF += other.SPF
	s.Refused += other.Refused
	s.Junk += other.Junk
}

func (s *Source) add(r *xmlRecord) {
	e, n := &r.Row.Evaluated, r.Row.Count
	dkim, spf := isWord(e.DKIM, "pass"), isWord(e.SPF, "pass")
	s.Messages += n
	if dkim || spf {
		s.Passed += n
	}
	if dkim {
		s.DKIM += n
	}
	if spf {
		s.SPF += n
	}
	switch {
	case isWord(e.Disposition, "reject"):
		s.Refused += n
	case isWord(e.Disposition, "quarantine"):
		s.Junk += n
	}
}

func isWord(s, word string) bool { return strings.EqualFold(strings.TrimSpace(s), word) }

// clean makes a text of somebody else's fit to be shown.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "")
}

// keep writes a report down. One that came before is replaced.
func (b *Book) keep(ctx context.Context, x *xmlReport) error {
	s := x.summary(time.Now())
	if s.Domain == "" || s.ID == "" || x.Metadata.End < x.Metadata.Begin || x.Metadata.Begin < 0 || x.Metadata.End > 1<<40 {
		return errBadReport
	}
	if !b.ours(s.Domain) {
		return fmt.Errorf("%w: %s", ErrNotOurs, s.Domain)
	}
	sum := sha256.Sum256([]byte(s.Organisation + "\x00" + s.ID))
	k := reportKey{domain: s.Domain, end: uint64(x.Metadata.End), hash: rowHash(sum[:16])}
	return b.c.Store.Update(ctx, func(tx *store.Tx) error {
		has, err := b.received.Has(tx, k)
		if err != nil {
			return err
		}
		if !has {
			n := 0
			for _, err := range b.received.Keys(tx, store.TableRange[reportKey]{Prefix: store.AppendString(nil, s.Domain)}) {
				if err != nil {
					return err
				}
				n++
			}
			if n >= maxReceived {
				return fmt.Errorf("%w: %s", ErrTooMany, s.Domain)
			}
		}
		return b.received.Set(tx, k, s)
	})
}

// ours tells whether a domain or one above it is ours.
func (b *Book) ours(domain string) bool {
	for strings.Contains(domain, ".") {
		if b.c.Directory.IsLocal(domain) {
			return true
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return false
}

// Received gives the reports about a domain, or about all with an empty one, the
// latest first within each domain, those that end after since.
func (b *Book) Received(ctx context.Context, domain string, since time.Time) (all []Summary, err error) {
	var prefix []byte
	if domain != "" {
		prefix = store.AppendString(nil, strings.ToLower(domain))
	}
	err = b.c.Store.View(ctx, func(tx *store.Tx) error {
		for r, err := range b.received.Scan(tx, store.TableRange[reportKey]{Prefix: prefix, Reverse: true}) {
			if err != nil {
				return err
			}
			if r.Value.End.After(since) {
				all = append(all, r.Value)
			}
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b Summary) int { return cmp.Compare(a.Domain, b.Domain) })
	return all, err
}

// Sweep removes old reports.
func (b *Book) Sweep(ctx context.Context, now time.Time) error {
	var old []reportKey
	err := b.c.Store.View(ctx, func(tx *store.Tx) error {
		for r, err := range b.received.Scan(tx, store.TableRange[reportKey]{}) {
			if err != nil {
				return err
			}
			if now.Sub(r.Value.Received) >= keepReceived && len(old) < maxReceived {
				old = append(old, r.Key)
			}
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return b.c.Store.Update(ctx, func(tx *store.Tx) error {
		for _, k := range old {
			if err := b.received.Delete(tx, k); err != nil {
				return err
			}
		}
		return nil
	})
}
