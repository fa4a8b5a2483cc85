package activesync

import (
	"context"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store/blob"
	"martlet/sync/class"
)

// Errors of attachments.
var (
	errNoAttachment = errors.New("activesync: no such attachment")
	errBadRange     = errors.New("activesync: the byte range is not in the attachment")
)

// attachment is a part of a message, ready to be read.
type attachment struct {
	index *message.Index
	part  int
	src   blobReader
}

// maxAttachment is how much of an attachment goes into one answer. Messages
// are smaller.
const maxAttachment = 64 << 20

// size is how large the content is at most.
func (a *attachment) size() int64 { return a.index.Parts[a.part].DecodedSize }

func (a *attachment) contentType() string {
	if t := a.index.Parts[a.part].Type; t != "" {
		return t
	}
	return "application/octet-stream"
}

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
	part, ok := class.FindPart(ix, number)
	if !ok { // 0: the whole message is one file
		return nil, errNoAttachment
	}
	return &attachment{index: ix, part: part, src: blobReader{ctx, h.c.Mailboxes.Blobs(), item.Blob}}, nil
}

// read returns the attachment's bytes from one number to another, both
// included, and the size of the whole; to < 0 is to the end. No more than limit
// bytes are read.
func (a *attachment) read(from, to, limit int64) (data []byte, total int64, err error) {
	r := a.index.Open(a.part, a.src)
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
