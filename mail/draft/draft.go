// Package draft edits a message that is still being written: it makes one of
// the fields, the text and the files that a client names, and changes just
// those of one that is there. What an edit does not name stays as it is, to the
// byte, so that programs can take turns at one draft. The same edit of the same
// bytes gives the same bytes.
//
// It must never read or write a store, look at a clock, or refuse a draft for
// what another program has put into it.
package draft

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"

	"martlet/mail/message"
	"martlet/mail/wire"
)

// Limits of an edit; the caller bounds its size.
const (
	maxFiles = 500 // that a draft holds after the edit
	maxName  = 255 // bytes of a file's name, as message has it
	maxLine  = 998 // RFC 5322 2.1.1
)

// ErrTooManyFiles tells of a draft that would hold more files than a message
// is read with.
var ErrTooManyFiles = errors.New("draft: too many files")

// Edit says what is to be different. A nil field stays; an empty one goes.
type Edit struct {
	MessageID string // of a draft that has none yet, without brackets

	From, To, Cc, Bcc, ReplyTo *string // address lists as users write them
	Subject                    *string
	Importance                 *int8 // message.ImportanceLow …

	Text *Text
	// Whole is a message that takes the draft's place, before the files are
	// looked at. The draft's own files stay unless it brings some itself.
	Whole []byte

	Remove []int // files, by their numbers in the index of the draft as it was
	Add    []File
}

// Nothing tells that the edit names nothing to be different.
func (e *Edit) Nothing() bool {
	fields := []*string{e.From, e.To, e.Cc, e.Bcc, e.ReplyTo, e.Subject}
	return !slices.ContainsFunc(fields, func(f *string) bool { return f != nil }) &&
		e.Importance == nil && e.Text == nil && e.Whole == nil && len(e.Remove)+len(e.Add) == 0
}

// Text is the words of a message, with any line ends.
type Text struct {
	HTML bool
	Data string
}

// File is a file to attach.
type File struct {
	Name      string
	Type      string // a media type; empty or nonsense: by its nature unknown
	ContentID string // without angle brackets
	Location  string
	Inline    bool // shown within the text
	Message   bool // Content is a message
	Content   []byte
}

// Apply returns the draft after the edit; without bytes it is a new one.
func Apply(raw []byte, e *Edit) ([]byte, error) {
	d := read(raw)
	remove := e.Remove
	add := e.Add
	if e.Whole != nil {
		d, add = d.replacedBy(e.Whole, remove, add)
		remove = nil
	}
	d.editHeader(e)
	d.remove(remove)
	if e.Text != nil {
		d.setText(e.Text)
	}
	for i := range add {
		d.add(&add[i])
	}
	if d.countFiles() > maxFiles {
		return nil, ErrTooManyFiles
	}
	return d.write(), nil
}

// Dated returns the draft with the time at which it is sent.
func Dated(raw []byte, now time.Time) []byte {
	h, body := splitHeader(raw)
	h.set("Date", now.UTC().Format(time.RFC1123Z))
	return append(h.bytes(nil), withEmptyLine(raw[body:])...)
}

// document is a draft taken apart: the header's fields that are of the whole,
// and the content with the fields that describe it.
type document struct {
	head    header
	content *node
}

// read takes a message apart.
func read(raw []byte) *document {
	if len(raw) == 0 {
		return &document{content: textNode(&Text{})}
	}
	ix := message.Parse(raw)
	all, _ := splitHeader(raw[:ix.Parts[0].Body])
	d := &document{}
	var own header
	for _, f := range all {
		switch {
		case f.name == "mime-version":
		case strings.HasPrefix(f.name, "content-") && f.name != "content-class" && f.name != "content-language":
			own = append(own, f)
		default:
			d.head = append(d.head, f)
		}
	}
	d.content = (&reader{raw: raw, ix: ix}).top(own)
	return d
}

// replacedBy is the document of a whole message that a client sent instead. It
// keeps what makes the draft the same one, and the draft's files if the message
// brings none but pictures of its text. A file that the client names beside the
// message and has put into it is there already, and one without content that it
// has not, never came.
func (d *document) replacedBy(whole []byte, remove []int, add []File) (*document, []File) {
	next := read(wire.CRLF(whole))
	for _, name := range []string{"Message-ID", "In-Reply-To", "References", "Thread-Index"} {
		if !next.head.has(name) {
			if f := d.head.find(name); f != nil {
				next.head = append(next.head, *f)
			}
		}
	}
	if !next.hasFiles() {
		d.remove(remove)
		for _, n := range d.content.files(nil) {
			if !n.inline {
				next.attach(n)
			}
		}
		return next, slices.DeleteFunc(slices.Clone(add), func(f File) bool { return len(f.Content) == 0 })
	}
	var left []File
	there := next.content.files(nil)
	for _, f := range add {
		same := func(n *node) bool {
			return n.name == f.Name && (len(f.Content) == 0 || n.size == int64(len(f.Content)))
		}
		if i := slices.IndexFunc(there, same); i >= 0 {
			there = slices.Delete(there, i, i+1)
			continue
		}
		if len(f.Content) > 0 {
			left = append(left, f)
		}
	}
	return next, left
}

// hasFiles tells whether there are files beside the pictures of the text.
func (d *document) hasFiles() bool {
	return slices.ContainsFunc(d.content.files(nil), func(n *node) bool { return !n.inline })
}

func (d *document) countFiles() int { return len(d.content.files(nil)) }

// write puts the document together.
func (d *document) write() []byte {
	var out bytes.Buffer
	out.Write(d.head.bytes(nil))
	out.WriteString("MIME-Version: 1.0\r\n")
	d.content.write(&out)
	return out.Bytes()
}
