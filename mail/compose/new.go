package compose

import (
	"bytes"
	"mime"
	"strings"
	"time"

	"martlet/mail/message"
	"martlet/mail/wire"
)

// Message is a message that the server writes for a user: an answer to a
// meeting, a meeting that is sent on, or a notice of that.
type Message struct {
	From     message.Address
	To       []message.Address
	Subject  string
	Text     string
	HTML     string // empty: none
	Calendar []byte // a calendar object, or nil
	Method   string // of it
	Outlook  []byte // a TNEF stream, or nil
	Key      string // ties the stream to the message (MS-OXCMAIL 2.1.3.2.26)
	Auto     bool   // nobody wrote it (RFC 3834 5)
}

// New writes the message; o is what it answers, or nil. Date and Message-ID are
// the sending server's to add.
func New(m *Message, o *Original, now time.Time) []byte {
	c := &composer{id: boundaryOf([]byte(m.Subject+m.Text+m.HTML+string(m.Calendar)), now.UTC().String())}
	var root *entity
	if m.Text != "" || m.HTML == "" {
		root = textEntity("text/plain", m.Text)
	}
	add := func(e *entity) {
		switch {
		case root == nil:
			root = e
		case root.kind == "":
			root = newMultipart("multipart/alternative", root, e)
		default:
			root.adopt(e)
		}
	}
	if m.HTML != "" {
		add(textEntity("text/html", m.HTML))
	}
	if m.Calendar != nil { // RFC 6047 2.4
		add(textEntity("text/calendar; method="+m.Method, string(m.Calendar)))
	}
	if m.Outlook != nil {
		root = newMultipart("multipart/mixed", root, &entity{
			part: -1, body: wire.AppendBase64(nil, m.Outlook),
			fields: append(fileFields("application/ms-tnef; name=\"winmail.dat\"", "winmail.dat"), newField("Content-Transfer-Encoding", "base64")),
		})
	}
	var out bytes.Buffer
	out.WriteString("From: " + addresses([]message.Address{m.From}) + "\r\nTo: " + addresses(m.To) + "\r\nSubject: " + encoded(m.Subject) + "\r\n")
	if o != nil {
		out.Write(threadFields(nil, o, now))
	}
	if m.Auto {
		out.WriteString("Auto-Submitted: auto-generated\r\n")
	}
	if m.Outlook != nil {
		out.WriteString("X-MS-TNEF-Correlator: " + wire.OneLine(m.Key) + "\r\n")
	}
	if m.Calendar != nil { // MS-OXCMAIL 2.1.3.2.2
		out.WriteString("Content-Class: urn:content-classes:calendarmessage\r\n")
	}
	out.WriteString("MIME-Version: 1.0\r\n")
	c.write(&out, root)
	return out.Bytes()
}

func textEntity(mediaType, text string) *entity {
	e := &entity{part: -1}
	e.setText(mediaType, text)
	return e
}

// addresses writes an address list. Addresses are taken as they are: the caller
// has checked them.
func addresses(list []message.Address) string {
	var out []string
	for _, a := range list {
		name := strings.TrimSpace(wire.OneLine(a.Name))
		switch {
		case name == "":
			out = append(out, wire.OneLine(a.Address))
		case isPlain(name):
			out = append(out, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)+`" <`+wire.OneLine(a.Address)+">")
		default: // in base64: commas would be taken for those of the list
			out = append(out, wire.FoldWords(mime.BEncoding.Encode("utf-8", name))+" <"+wire.OneLine(a.Address)+">")
		}
	}
	return strings.Join(out, ",\r\n\t")
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return len(s) < maxText
}
