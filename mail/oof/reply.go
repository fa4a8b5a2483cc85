package oof

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"martlet/mail/message"
	"martlet/mail/wire"
)

// Reply is an automatic answer about to be written (RFC 3834 3).
type Reply struct {
	FromName, From string
	To             string
	Subject        string // of the message that is answered, as it stands there
	MessageID      string // of the message that is answered, with brackets; may be empty
	References     string // of the message that is answered
	ID             string // the answer's own Message-ID without brackets
	Date           time.Time
	Boundary       string
	Message        Message
	// Title is the answer's subject; empty: it is made from Subject. Entity is
	// written in Message's place: header fields of MIME, an empty line, a body (RFC
	// 5230 4.3, :mime).
	Title  string
	Entity []byte
}

// Limits of what is taken over from the message that is answered.
const (
	maxSubject    = 200 // characters
	maxReferences = 800 // bytes; a line has 998
	maxMessageID  = 250
	maxLine       = 900 // of an entity's header
)

// Bytes writes the answer with CRLF line ends. Its envelope must have no
// sender, so that nothing answers it.
func (r *Reply) Bytes() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) {
		b.WriteString(fmt.Sprintf(format, args...) + "\r\n")
	}
	line("Date: %s", r.Date.UTC().Format(wire.DateFormat))
	line("From: %s", wire.FoldWords((&mail.Address{Name: short(wire.OneLine(r.FromName)), Address: wire.OneLine(r.From)}).String()))
	line("To: <%s>", wire.OneLine(r.To))
	if r.Title != "" {
		line("Subject: %s", encoded(r.Title))
	} else {
		line("Subject: %s", subject(r.Subject))
	}
	line("Message-ID: <%s>", wire.OneLine(r.ID))
	if id := messageID(r.MessageID); id != "" {
		line("In-Reply-To: %s", id)
		line("References: %s", strings.TrimSpace(references(r.References)+" "+id))
	}
	line("Auto-Submitted: auto-replied")  // RFC 3834 5
	line("X-Auto-Response-Suppress: All") // Exchange, which does not look at the former
	line("MIME-Version: 1.0")
	if r.Entity != nil {
		r.entity(&b)
		return b.Bytes()
	}
	r.body(&b)
	return b.Bytes()
}

// body writes the text, and HTML beside it if that is what was written.
func (r *Reply) body(b *bytes.Buffer) {
	part := func(kind, text string) {
		fmt.Fprintf(b, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", kind)
		w := quotedprintable.NewWriter(b)
		_, _ = w.Write(wire.CRLF([]byte(text))) // a Buffer does not fail
		_ = w.Close()
		b.WriteString("\r\n")
	}
	if !r.Message.HTML {
		part("text/plain", r.Message.Text)
		return
	}
	fmt.Fprintf(b, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", r.Boundary)
	fmt.Fprintf(b, "--%s\r\n", r.Boundary)
	part("text/plain", message.HTMLToText(r.Message.Text))
	fmt.Fprintf(b, "--%s\r\n", r.Boundary)
	part("text/html", r.Message.Text)
	fmt.Fprintf(b, "--%s--\r\n", r.Boundary)
}

// subject is that of the answer.
func subject(of string) string {
	const prefix = "Automatic reply: "
	text, err := new(mime.WordDecoder).DecodeHeader(wire.OneLine(of))
	if err != nil || !utf8.ValidString(text) {
		text = strings.ToValidUTF8(wire.OneLine(of), "?")
	}
	return encoded(prefix + strings.TrimSpace(text))
}

// encoded is text for a subject.
func encoded(text string) string {
	prefixed := short(strings.TrimSpace(wire.OneLine(strings.ToValidUTF8(text, "?"))))
	return wire.FoldWords(mime.QEncoding.Encode("utf-8", prefixed))
}

// entity writes what a script gives as MIME: of its header only what describes the
// body.
func (r *Reply) entity(b *bytes.Buffer) {
	text := wire.CRLF(r.Entity)
	header, body, found := bytes.Cut(text, []byte("\r\n\r\n"))
	if rest, ok := bytes.CutPrefix(text, []byte("\r\n")); ok {
		header, body, found = nil, rest, true
	}
	if !found {
		header, body = nil, text
	}
	kept := false
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		if len(line) == 0 {
			continue
		}
		if line[0] != ' ' && line[0] != '\t' {
			kept = len(line) > len("content-") && bytes.EqualFold(line[:len("content-")], []byte("content-"))
		}
		if kept {
			b.Write(line[:min(len(line), maxLine)])
			b.WriteString("\r\n")
		}
	}
	b.WriteString("\r\n")
	b.Write(body)
	if !bytes.HasSuffix(body, []byte("\r\n")) {
		b.WriteString("\r\n")
	}
}

// short is the beginning of a text.
func short(s string) string {
	if runes := []rune(s); len(runes) > maxSubject {
		return string(runes[:maxSubject])
	}
	return s
}

// messageID is the first message id of the field, if it is one.
func messageID(s string) string {
	s = strings.TrimSpace(s)
	end := strings.IndexByte(s, '>')
	if !strings.HasPrefix(s, "<") || end < 0 || end > maxMessageID || strings.ContainsFunc(s[:end], func(c rune) bool { return c <= ' ' || c > '~' }) {
		return ""
	}
	return s[:end+1]
}

// references are the last of those that the message had.
func references(s string) string {
	ids := strings.Fields(s)
	size := 0
	for i := len(ids) - 1; i >= 0; i-- {
		size += len(ids[i]) + 1
		if messageID(ids[i]) != ids[i] || size > maxReferences {
			ids = ids[i+1:]
			break
		}
	}
	return strings.Join(ids, "\r\n ")
}
