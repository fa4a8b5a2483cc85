package activesync

import (
	"context"
	"fmt"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/sync/class"
)

// fetchOptions are the options of an ItemOperations Fetch (MS-ASCMD 2.2.3.125.2).
func fetchOptions(s *session, q *eas.FetchOptions) (*class.Options, error) {
	o := &eas.SyncOptions{}
	if q != nil {
		o.BodyPreference, o.MIMESupport, o.BodyPartPreference = q.BodyPreference, q.MIMESupport, q.BodyPartPreference
	}
	opt, err := emailOptions(s.version, o)
	if err != nil {
		return nil, err
	}
	opt.Fetch = true
	return opt, nil
}

// emailOptions checks what is wanted of messages outside of a Sync.
func emailOptions(v eas.Version, o *eas.SyncOptions) (*class.Options, error) {
	if err := checkBodyParts(v, o); err != nil {
		return nil, err
	}
	if err := checkOptions(o, mail.ClassEmail); err != nil {
		return nil, err
	}
	return class.OptionsOf(v, o), nil
}

// whole are the options with nothing cut off, for a Fetch in a Sync: it asks
// for what was (MS-ASCMD 2.2.3.67.2).
func whole(opt *class.Options) *class.Options {
	w := *opt
	w.Fetch = true
	w.Truncation, w.MIMETruncation = nil, nil
	w.BodyPreferences = append([]eas.BodyPreference(nil), opt.BodyPreferences...)
	for i := range w.BodyPreferences {
		w.BodyPreferences[i].TruncationSize, w.BodyPreferences[i].AllOrNone = nil, nil
	}
	w.BodyParts = append([]eas.BodyPartPreference(nil), opt.BodyParts...)
	for i := range w.BodyParts {
		w.BodyParts[i].TruncationSize, w.BodyParts[i].AllOrNone = nil, nil
	}
	return &w
}

// renderItem converts a message for the client. What goes wrong with one, up to
// a panic over bytes nobody has foreseen, must not take others with it.
func (h *Handler) renderItem(ctx context.Context, s *session, item *mail.Item, ix *message.Index, opt *class.Options) (e *eas.Email, err error) {
	defer func() {
		if p := recover(); p != nil {
			e, err = nil, fmt.Errorf("activesync: render: %v", p)
		}
	}()
	e = &eas.Email{}
	src := blobReader{ctx, h.c.Mailboxes.Blobs(), item.Blob}
	render := class.RenderEmail
	if item.Class == mail.ClassSMS {
		render = class.RenderSMS
	}
	if err := render(item, ix, src, opt, e); err != nil {
		return nil, err
	}
	h.tellOutdated(ctx, s, item, ix, e)
	return e, nil
}

// renderAny converts an item for who looks at it outside of a Sync; ix is the
// index of a message.
func (h *Handler) renderAny(ctx context.Context, s *session, item *mail.Item, ix *message.Index, opt *class.Options) (any, error) {
	if !isObject(item.Class) {
		if ix == nil {
			return nil, fmt.Errorf("%w: no index", errNotRendered)
		}
		return h.renderItem(ctx, s, item, ix, opt)
	}
	who, err := h.ownerOfFolder(ctx, s, item.Folder)
	if err != nil {
		return nil, err
	}
	seen := *opt
	seen.Viewer = who.viewer()
	return h.renderObject(ctx, item, &seen)
}

// itemWeight is about how many bytes an item takes in an answer at most.
func itemWeight(o *eas.SyncOptions, v eas.Version) func(*mail.Item) int64 {
	of := messageWeight(o, v)
	return func(it *mail.Item) int64 {
		if isObject(it.Class) {
			return fieldsWeight + it.Blob.Size
		}
		return of(it)
	}
}

// fieldsWeight is what an item takes without its body.
const fieldsWeight = 2048

// messageWeight is that of a message: its header fields, and of its body as much
// as the options let through.
func messageWeight(o *eas.SyncOptions, v eas.Version) func(*mail.Item) int64 {
	const fields = fieldsWeight
	body := func(size int64) int64 { return size }
	if len(o.BodyPreference) > 0 {
		var most int64
		for _, p := range o.BodyPreference {
			if p.TruncationSize == nil {
				most = -1
				break
			}
			most = max(most, int64(*p.TruncationSize))
		}
		if most >= 0 {
			body = func(size int64) int64 { return min(size, most) }
		}
	} else if v >= eas.V120 { // no body at all was asked for
		body = func(int64) int64 { return 0 }
	}
	if len(o.BodyPartPreference) > 0 {
		if whole := o.BodyPartPreference[0].TruncationSize; whole == nil {
			return func(it *mail.Item) int64 { return fields + body(it.Blob.Size) + it.Blob.Size }
		}
		most := int64(*o.BodyPartPreference[0].TruncationSize)
		return func(it *mail.Item) int64 { return fields + body(it.Blob.Size) + min(it.Blob.Size, most) }
	}
	return func(it *mail.Item) int64 { return fields + body(it.Blob.Size) }
}
