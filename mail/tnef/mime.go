package tnef

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
	"time"

	"martlet/mail/rtf"
	"martlet/mail/wire"
)

// maxMIME is how large a message written as MIME may get.
const maxMIME = 64 << 20

// MIME writes the message as MIME (RFC 5322): what a message within a stream is
// for people who have no Outlook. stream is what was parsed.
func (m *Message) MIME(stream []byte) []byte {
	w := &mimeWriter{stream: stream}
	w.message(m, 0)
	return w.b.Bytes()
}

type mimeWriter struct {
	stream []byte
	b      bytes.Buffer
	parts  int
}

func (w *mimeWriter) field(name, value string) {
	if value != "" {
		w.b.WriteString(name + ": " + value + "\r\n")
	}
}

func (w *mimeWriter) message(m *Message, depth int) {
	w.field("From", mailbox(m.From))
	w.field("To", mailboxes(m.To))
	w.field("Cc", mailboxes(m.Cc))
	w.field("Subject", mime.QEncoding.Encode("utf-8", wire.OneLine(m.Subject)))
	if !m.Sent.IsZero() {
		w.field("Date", m.Sent.UTC().Format(time.RFC1123Z))
	}
	if m.MessageID != "" {
		w.field("Message-ID", "<"+wire.OneLine(m.MessageID)+">")
	}
	w.field("MIME-Version", "1.0")
	kind, text := w.text(m)
	if len(m.Attachments) == 0 {
		w.part(kind, "", text)
		return
	}
	w.parts++
	boundary := fmt.Sprintf("=_tnef_%d", w.parts)
	w.field("Content-Type", "multipart/mixed; boundary=\""+boundary+"\"")
	w.b.WriteString("\r\n--" + boundary + "\r\n")
	w.part(kind, "", text)
	for i := range m.Attachments {
		a := &m.Attachments[i]
		data := w.stream[a.Data.Start:a.Data.End]
		if w.b.Len()+len(data)*3/2 > maxMIME {
			break
		}
		w.b.WriteString("--" + boundary + "\r\n")
		if a.IsMessage {
			w.embedded(data, depth)
			continue
		}
		w.attachment(a, data)
	}
	w.b.WriteString("--" + boundary + "--\r\n")
}

// embedded writes a message within the message.
func (w *mimeWriter) embedded(data []byte, depth int) {
	w.field("Content-Type", "message/rfc822")
	w.b.WriteString("\r\n")
	if m, err := Parse(data); err == nil && depth < maxDepth {
		inner := mimeWriter{stream: data, parts: w.parts}
		inner.message(m, depth+1)
		w.parts = inner.parts
		w.b.Write(inner.b.Bytes())
	}
	w.b.WriteString("\r\n")
}

// text is the message's text in its best form.
func (w *mimeWriter) text(m *Message) (kind string, text []byte) {
	at := func(p Place) []byte { return w.stream[p.Start:p.End] }
	if m.HTML.Len() > 0 {
		return "text/html; charset=" + Charset(m.HTMLPage), at(m.HTML)
	}
	if m.RTF.Len() > 0 {
		if doc, _ := rtf.Decompress(at(m.RTF)); len(doc) > 0 {
			if rtf.FormOf(doc) == rtf.Text {
				return "text/plain; charset=utf-8", []byte(rtf.ToText(doc))
			}
			return "text/html; charset=utf-8", []byte(rtf.ToHTML(doc))
		}
	}
	page := m.CodePage
	if m.TextUnicode {
		page = pageUTF16
	}
	return "text/plain; charset=" + Charset(page), at(m.Text)
}

// part writes content in base64.
func (w *mimeWriter) part(kind, disposition string, data []byte) {
	w.field("Content-Type", kind)
	w.field("Content-Disposition", disposition)
	w.field("Content-Transfer-Encoding", "base64")
	w.b.WriteString("\r\n")
	w.b.Write(wire.AppendBase64(w.b.AvailableBuffer(), data))
}

func (w *mimeWriter) attachment(a *Attachment, data []byte) {
	kind := a.Type
	if _, _, err := mime.ParseMediaType(kind); kind == "" || err != nil {
		kind = "application/octet-stream"
	}
	disposition := "attachment"
	if a.Hidden && a.ContentID != "" {
		disposition = "inline"
	}
	if d := mime.FormatMediaType(disposition, map[string]string{"filename": wire.OneLine(a.Name)}); a.Name != "" && d != "" {
		disposition = d
	}
	if a.ContentID != "" {
		w.field("Content-ID", "<"+wire.OneLine(a.ContentID)+">")
	}
	w.part(kind, disposition, data)
}

func mailbox(r Recipient) string {
	name, addr := mime.QEncoding.Encode("utf-8", wire.OneLine(r.Name)), address(wire.OneLine(r.Address))
	switch {
	case addr == "" && name == "":
		return ""
	case addr == "":
		addr = "unknown@invalid" // RFC 6761 6.4: there is a name only
	case name == "":
		return addr
	}
	if !strings.HasPrefix(name, "=?") {
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name + " <" + addr + ">"
}

func mailboxes(list []Recipient) string {
	var all []string
	for _, r := range list {
		if s := mailbox(r); s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, ",\r\n ")
}
