package activesync

import (
	"context"
	"errors"
	"reflect"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/sync/class"
)

// Errors of one Fetch.
var (
	errUnknownStore    = errors.New("activesync: there is no such store")
	errEmptyAttachment = errors.New("activesync: the attachment is empty")
	errAnswerFull      = errors.New("activesync: the answer gets too large")
	errNotRendered     = errors.New("activesync: the item cannot be converted")
)

// maxFetched bounds the content of one ItemOperations answer.
const maxFetched = 96 << 20

// fetch brings an item or an attachment (MS-ASCMD 2.2.3.67.1).
func (h *Handler) fetch(ctx context.Context, s *session, q *eas.Fetch, out *operated) (*eas.FetchReply, error) {
	switch store := storeName(q.Store); {
	case store == storeName(eas.StoreDocumentLibrary):
		return h.fetchDocument(ctx, s, q, out)
	case store != storeName(eas.StoreMailbox):
		return nil, errUnknownStore
	case q.FileReference != nil: // an empty one, too, names no attachment (MS-ASAIRS_R214)
		return h.fetchAttachment(ctx, s, q, out)
	case q.ServerID != "" && q.CollectionID != "":
		return h.fetchItem(ctx, s, q, out)
	case q.LongID != "": // without a folder: iOS knows none
		return h.fetchItem(ctx, s, q, out)
	}
	return nil, errProtocol
}

// take reserves memory for content of an answer.
func (h *Handler) take(ctx context.Context, out *operated, n int64) error {
	if out.bytes += n; out.bytes > maxFetched && out.bytes > n {
		return errAnswerFull
	}
	release, err := h.reserve(ctx, n)
	if err == nil {
		out.memory = append(out.memory, release)
	}
	return err
}

func (h *Handler) fetchAttachment(ctx context.Context, s *session, q *eas.Fetch, out *operated) (*eas.FetchReply, error) {
	a, err := h.openAttachment(ctx, s, *q.FileReference)
	if err != nil {
		return nil, err
	}
	from, to := int64(0), int64(-1)
	if q.Options != nil && q.Options.Range != "" {
		if from, to, err = parseRange(q.Options.Range); err != nil {
			return nil, err
		}
	}
	want := a.atMost
	if to >= 0 {
		want = min(want, to-from+1)
	}
	if err := h.take(ctx, out, want); err != nil {
		return nil, err
	}
	data, total, err := a.read(from, to, maxAttachment)
	switch {
	case err != nil:
		return nil, err
	case total == 0:
		return nil, errEmptyAttachment
	case len(data) == 0:
		return nil, errBadRange
	}
	size := uint64(total)
	p := &eas.AttachmentProperties{ContentType: a.kind, Range: formatRange(from, len(data)), Total: &size}
	if out.parts != nil {
		p.Part = out.parts.add(data)
	} else {
		p.Data = data
	}
	return &eas.FetchReply{Status: eas.ItemOperationsStatusSuccess, Properties: p}, nil
}

func (h *Handler) fetchItem(ctx context.Context, s *session, q *eas.Fetch, out *operated) (*eas.FetchReply, error) {
	long := q.LongID
	if q.ServerID != "" && q.CollectionID != "" {
		long = ""
	}
	item, ix, err := h.openNamed(ctx, s, q.CollectionID, q.ServerID, long)
	if err != nil {
		return nil, err
	}
	opt, err := fetchOptions(s, q.Options)
	if err != nil {
		return nil, err
	}
	if err := h.take(ctx, out, item.Blob.Size); err != nil {
		return nil, err
	}
	data, err := h.renderAny(ctx, s, &item, ix, opt)
	if err != nil {
		return nil, errors.Join(errNotRendered, err)
	}
	if q.Options != nil && q.Options.Schema != nil {
		schema, err := wbxml.Children(q.Options.Schema)
		if err != nil {
			return nil, errors.Join(errProtocol, err)
		}
		class.Restrict(data, schema)
	}
	if body := bodyOf(data); out.parts != nil && body != nil { // an empty part, too, is one (MS-ASAIRS_R244)
		var data []byte
		if body.Data != nil {
			data = []byte(*body.Data)
		}
		body.Part, body.Data = out.parts.add(data), nil
	}
	return &eas.FetchReply{Status: eas.ItemOperationsStatusSuccess, Class: className(item.Class), Properties: data}, nil
}

// bodyOf is the body of rendered data, or nil. It stands in the same field
// whatever the class.
func bodyOf(data any) *eas.Body {
	if f := reflect.ValueOf(data).Elem().FieldByName("Body"); f.IsValid() {
		body, _ := f.Interface().(*eas.Body)
		return body
	}
	return nil
}
