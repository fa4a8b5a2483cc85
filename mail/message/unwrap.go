package message

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"

	"martlet/mail/wire"
)

// HasWinmail tells whether something of the message stands in a winmail.dat.
// What is signed or encrypted stays as it is.
func (ix *Index) HasWinmail() bool {
	if ix.IsSigned() || ix.IsEncrypted() {
		return false
	}
	for i := range ix.Parts {
		if ix.Virtual(i) {
			return true
		}
	}
	return false
}

// Unwrap writes a message that has a winmail.dat as everybody else sends one:
// the same header, its texts, its meeting and its attachments as MIME. raw is the
// message.
func (ix *Index) Unwrap(raw []byte) ([]byte, error) {
	w := &unwrapped{ix: ix, src: Bytes(raw)}
	w.header(raw[min(int64(len(raw)), ix.Parts[0].Header):min(int64(len(raw)), ix.Parts[0].Body)])
	body, files := ix.Shape()
	inline := slices.DeleteFunc(slices.Clone(files), func(i int) bool { return !ix.Inline(i) })
	files = slices.DeleteFunc(slices.Clone(files), func(i int) bool { return ix.Inline(i) })
	w.multipart("mixed", len(files) > 0 || len(body) != 1, func() {
		for i, b := range body {
			w.multipart("related", i == 0 && len(inline) > 0, func() {
				w.text(b, i == 0)
				if i == 0 {
					w.files(inline)
				}
			})
		}
		if len(body) == 0 {
			w.calendar()
			w.files(inline)
		}
		w.files(files)
	})
	return w.b.Bytes(), w.err
}

// unwrapped writes one message. Boundaries are numbered, so that a message is
// the same bytes each time.
type unwrapped struct {
	ix    *Index
	src   Bytes
	b     bytes.Buffer
	open  []string // boundaries of the multiparts that are open
	count int
	err   error
}

// header writes the message's header without the fields of its content.
func (w *unwrapped) header(head []byte) {
	drop := true // what stands before the first field
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, ok := bytes.Cut(line, []byte(":"))
			lower := strings.ToLower(string(bytes.TrimSpace(name)))
			drop = !ok || strings.HasPrefix(lower, "content-") && lower != "content-class" || lower == "mime-version" || lower == "x-ms-tnef-correlator"
		}
		if !drop {
			w.b.Write(line)
			w.b.WriteString("\r\n")
		}
	}
	w.b.WriteString("MIME-Version: 1.0\r\n")
}

// part begins a part of the multipart that is open; in none it is the message.
func (w *unwrapped) part() {
	if n := len(w.open); n > 0 {
		w.b.WriteString("--" + w.open[n-1] + "\r\n")
	}
}

// multipart puts what write writes into a multipart, if that is needed.
func (w *unwrapped) multipart(kind string, needed bool, write func()) {
	if !needed {
		write()
		return
	}
	w.count++
	boundary := fmt.Sprintf("=_winmail_%d", w.count)
	w.part()
	w.b.WriteString("Content-Type: multipart/" + kind + "; boundary=\"" + boundary + "\"\r\n\r\n")
	w.open = append(w.open, boundary)
	write()
	w.open = w.open[:len(w.open)-1]
	w.b.WriteString("--" + boundary + "--\r\n")
}

// text writes a text in all its forms; the first one has the meeting beside it.
func (w *unwrapped) text(b Body, first bool) {
	meeting := first && w.meeting() >= 0
	w.multipart("alternative", b.Plain >= 0 && b.HTML >= 0 || meeting, func() {
		for _, i := range []int{b.Plain, b.HTML} {
			if i < 0 {
				continue
			}
			text, _, _, err := w.ix.ReadText(i, w.src, -1)
			w.fail(err)
			w.part()
			kind := w.ix.Parts[i].Type
			w.content(kind+"; charset=utf-8", "", "", []byte(text))
		}
		if meeting {
			w.calendar()
		}
	})
}

// meeting is the part that is the message's meeting, -1 for none.
func (w *unwrapped) meeting() int {
	for i := range w.ix.Parts {
		if pt := &w.ix.Parts[i]; pt.Type == "text/calendar" && pt.Method != "" && pt.Disposition != "attachment" {
			return i
		}
	}
	return -1
}

func (w *unwrapped) calendar() {
	i := w.meeting()
	if i < 0 {
		return
	}
	text, _, _, err := w.ix.ReadText(i, w.src, -1)
	w.fail(err)
	w.part()
	w.content("text/calendar; charset=utf-8; method="+w.ix.Parts[i].Method, "", "", []byte(text))
}

func (w *unwrapped) files(list []int) {
	for _, i := range list {
		pt := &w.ix.Parts[i]
		data, err := io.ReadAll(w.ix.Open(i, w.src))
		w.fail(err)
		w.part()
		disposition := "attachment"
		if w.ix.Inline(i) {
			disposition = "inline"
		}
		if d := mime.FormatMediaType(disposition, map[string]string{"filename": w.ix.AttachmentName(i)}); d != "" {
			disposition = d
		}
		kind := pt.Type
		if _, _, err := mime.ParseMediaType(kind); err != nil {
			kind = "application/octet-stream"
		}
		w.content(kind, disposition, pt.ContentID, data)
	}
}

// content writes a part's header and content. Messages are not encoded (RFC 2046
// 5.2.1).
func (w *unwrapped) content(kind, disposition, id string, data []byte) {
	w.b.WriteString("Content-Type: " + kind + "\r\n")
	if disposition != "" {
		w.b.WriteString("Content-Disposition: " + disposition + "\r\n")
	}
	if id = tidy(id); id != "" {
		w.b.WriteString("Content-ID: <" + id + ">\r\n")
	}
	if strings.HasPrefix(kind, "message/") {
		w.b.WriteString("\r\n")
		w.b.Write(data)
		w.b.WriteString("\r\n")
		return
	}
	w.b.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
	w.b.Write(wire.AppendBase64(w.b.AvailableBuffer(), data))
}

func (w *unwrapped) fail(err error) {
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("message: unwrap: %w", err)
	}
}
