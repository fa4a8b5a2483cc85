package activesync

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/store/blob"
	"martlet/sync/class"
)

// Errors of attachments.
var (
	errNoAttachment = errors.New("activesync: no such attachment")
	errBadRange     = errors.New("activesync: the byte range is not in the attachment")
)

// attachment is a part of a message or a file of an event, ready to be read.
type attachment struct {
	kind   string // its content type
	atMost int64  // how large the content is at most
	open   func() io.Reader
}

// maxAttachment is how much of an attachment goes into one answer. Messages
// are smaller.
const maxAttachment = 64 << 20

// blobReader reads a message's bytes.
type blobReader struct {
	ctx   context.Context
	blobs *blob.Blobs
	ref   blob.Ref
}

// ReadAt is io.ReaderAt.
func (r blobReader) ReadAt(p []byte, off int64) (int, error) {
	return r.blobs.ReadAt(r.ctx, r.ref, p, off)
}

// openAttachment finds what a FileReference names, if it is the user's.
func (h *Handler) openAttachment(ctx context.Context, s *session, reference string) (*attachment, error) {
	folder, id, number, err := class.ParseFileReference(reference)
	if err != nil {
		return nil, errNoAttachment
	}
	item, ix, err := h.openItem(ctx, s, folder, id)
	if errors.Is(err, mail.ErrNoItem) || errors.Is(err, mail.ErrNoFolder) {
		return nil, errNoAttachment
	}
	if err != nil {
		return nil, err
	}
	if isObject(item.Class) {
		return h.openEventFile(ctx, s, &item, number)
	}
	part, ok := class.FindPart(ix, number)
	if !ok { // 0: the whole message is one file
		return nil, errNoAttachment
	}
	src := blobReader{ctx, h.c.Mailboxes.Blobs(), item.Blob}
	a := &attachment{kind: ix.Parts[part].Type, atMost: ix.Parts[part].DecodedSize, open: func() io.Reader { return ix.Open(part, src) }}
	if a.kind == "" {
		a.kind = "application/octet-stream"
	}
	return a, nil
}

// openEventFile finds a file of an event.
func (h *Handler) openEventFile(ctx context.Context, s *session, it *mail.Item, number int) (*attachment, error) {
	who, err := h.ownerOfFolder(ctx, s, it.Folder)
	if err != nil {
		return nil, err
	}
	if it.Class != mail.ClassCalendar || hidden(&who, it) {
		return nil, errNoAttachment
	}
	raw, err := h.readObject(ctx, it)
	if err != nil {
		return nil, err
	}
	content, kind, err := class.EventAttachment(raw, number)
	if errors.Is(err, class.ErrNotFound) {
		return nil, errNoAttachment
	}
	return &attachment{kind: kind, atMost: int64(len(content)), open: func() io.Reader { return bytes.NewReader(content) }}, err
}

// read returns the attachment's bytes from one number to another, both
// included, and the size of the whole; to < 0 is to the end. No more than limit
// bytes are read.
func (a *attachment) read(from, to, limit int64) (data []byte, total int64, err error) {
	r := a.open()
	// The size is not known before the end is reached: the index has an estimate.
	skipped, err := io.CopyN(io.Discard, r, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	if skipped < from {
		return nil, skipped, errBadRange
	}
	want := limit
	if to >= 0 {
		want = min(to-from+1, limit)
	}
	data, err = io.ReadAll(io.LimitReader(r, want))
	if err != nil {
		return nil, 0, err
	}
	rest, err := io.Copy(io.Discard, r)
	if err != nil {
		return nil, 0, err
	}
	return data, from + int64(len(data)) + rest, nil
}

// farthest is as far as a range is followed: that its length can be counted.
const farthest = math.MaxInt64 - 1

// parseRange reads "m-n", zero-based and both included (MS-ASCMD 2.2.3.143.2).
func parseRange(s string) (from, to int64, err error) {
	m, n, ok := strings.Cut(s, "-")
	if !ok {
		return 0, 0, errBadRange
	}
	a, err1 := strconv.ParseUint(strings.TrimSpace(m), 10, 64)
	b, err2 := strconv.ParseUint(strings.TrimSpace(n), 10, 64)
	if err1 != nil || err2 != nil || a > b {
		return 0, 0, errBadRange
	}
	return int64(min(a, farthest)), int64(min(b, farthest)), nil
}

func formatRange(from int64, n int) string {
	return strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(from+int64(n)-1, 10)
}
