package draft

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"martlet/mail/message"
	"martlet/mail/wire"
)

// write writes the entity: its header, an empty line and its content.
func (n *node) write(out *bytes.Buffer) {
	if !n.dirty {
		out.Write(n.raw)
		return
	}
	var kids [][]byte
	sum := sha256.New()
	for _, k := range n.kids {
		var b bytes.Buffer
		k.write(&b)
		kids = append(kids, b.Bytes())
		sum.Write(b.Bytes())
	}
	// No content can hold a digest of itself.
	boundary := "=_" + hex.EncodeToString(sum.Sum([]byte(n.kind))[len(n.kind):])[:32]
	for _, f := range n.fields {
		if f.name != "content-type" && f.name != "content-transfer-encoding" && f.name != "content-length" {
			out.Write(header{f}.bytes(nil))
		}
	}
	out.WriteString("Content-Type: multipart/" + n.kind + ";\r\n boundary=\"" + boundary + "\"")
	if n.kind == "related" {
		out.WriteString(";\r\n type=\"" + n.kids[0].mediaType() + "\"")
		if n.start != "" && token(n.start) {
			out.WriteString(";\r\n start=\"<" + n.start + ">\"")
		}
	}
	out.WriteString("\r\n")
	for _, k := range kids {
		out.WriteString("\r\n--" + boundary + "\r\n")
		out.Write(k)
	}
	out.WriteString("\r\n--" + boundary + "--\r\n")
}

// mediaType is the type that a multipart/related names of its root.
func (n *node) mediaType() string {
	if n.kind != "" {
		return "multipart/" + n.kind
	}
	return "text/html"
}

// token tells whether s can stand in a quoted parameter as it is.
func token(s string) bool {
	return len(s) < 200 && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' || r == '<' || r == '>' }) < 0
}

// textNode is a text in the forms in which it is sent: HTML has a plain one
// beside it for those who read no other.
func textNode(t *Text) *node {
	if !t.HTML {
		return leaf("text/plain", t.Data)
	}
	html := leaf("text/html", t.Data)
	html.html = true
	return multipart("alternative", []*node{leaf("text/plain", message.HTMLToText(t.Data)), html})
}

// leaf is a part of text.
func leaf(kind, text string) *node {
	text = string(wire.CRLF([]byte(strings.ToValidUTF8(text, "\ufffd"))))
	var b bytes.Buffer
	b.WriteString("Content-Type: " + kind + "; charset=utf-8\r\n")
	if plainLines(text) {
		b.WriteString("Content-Transfer-Encoding: 7bit\r\n\r\n" + text)
	} else {
		b.WriteString("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
		w := quotedprintable.NewWriter(&b)
		_, _ = w.Write([]byte(text)) // a buffer takes everything
		_ = w.Close()
	}
	return &node{part: -1, raw: b.Bytes()}
}

// plainLines tells whether text travels unencoded everywhere.
func plainLines(text string) bool {
	if !wire.IsASCII(text) || strings.IndexByte(text, 0) >= 0 {
		return false
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > maxLine-10 {
			return false
		}
	}
	return true
}

// FileName is the name that a file gets.
func FileName(name string) string {
	return cut(oneLine(strings.ReplaceAll(name, "\\", "_")), maxName)
}

// fileNode is a part that holds a file.
func fileNode(f *File) *node {
	name := FileName(f.Name)
	kind, params, err := mime.ParseMediaType(f.Type)
	if err != nil || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") || !strings.Contains(kind, "/") {
		kind, params = "application/octet-stream", nil
	}
	asMessage := f.Message && travels(f.Content)
	if asMessage {
		kind, params = "message/rfc822", nil
	}
	own := map[string]string{}
	if c := params["charset"]; c != "" && wire.IsASCII(c) {
		own["charset"] = c
	}
	disposition := "attachment"
	if f.Inline {
		disposition = "inline"
	}
	var b bytes.Buffer
	b.WriteString("Content-Type: " + typeField(kind, own, "name", name) + "\r\n")
	b.WriteString("Content-Disposition: " + typeField(disposition, nil, "filename", name) + "\r\n")
	if id := strings.Trim(oneLine(f.ContentID), "<>"); id != "" && token(id) {
		b.WriteString("Content-ID: <" + id + ">\r\n")
	}
	if at := oneLine(f.Location); at != "" && token(at) {
		b.WriteString("Content-Location: " + at + "\r\n")
	}
	n := &node{part: -1, file: true, inline: f.Inline, name: name, size: int64(len(f.Content))}
	if asMessage { // RFC 2046 5.2.1: never encoded
		b.WriteString("Content-Transfer-Encoding: 8bit\r\n\r\n")
		b.Write(wire.CRLF(f.Content))
	} else {
		b.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
		b.Write(bytes.TrimSuffix(wire.AppendBase64(nil, f.Content), []byte("\r\n")))
	}
	n.raw = b.Bytes()
	return n
}

// typeField writes a media type or a disposition; a value that mime refuses is
// written without its parameters.
func typeField(kind string, params map[string]string, name, value string) string {
	with := map[string]string{}
	for k, v := range params {
		with[k] = v
	}
	if value != "" {
		with[name] = value
	}
	s := mime.FormatMediaType(kind, with)
	if s == "" {
		return kind
	}
	return strings.ReplaceAll(s, "; ", ";\r\n ")
}

// travels tells whether a message can be attached as it is.
func travels(content []byte) bool {
	if bytes.IndexByte(content, 0) >= 0 || len(content) == 0 {
		return false
	}
	for line := range bytes.Lines(content) {
		if len(line) > maxLine {
			return false
		}
	}
	return true
}

// cut shortens s to at most n bytes of whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
