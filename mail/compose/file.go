package compose

import (
	"bytes"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"martlet/mail/message"
	"martlet/mail/wire"
)

// newFile copies a part of a message as it is, encoded anew only where it could
// not be sent as it stands.
func newFile(ix *message.Index, part int, raw []byte) *entity {
	pt := &ix.Parts[part]
	e := &entity{part: -1}
	encoding := ""
	named := true               // the fields that name the file can be sent as they are
	virtual := ix.Virtual(part) // it has no header, and its bytes are not in the message
	if pt.Encoding != "x-uuencode" && !virtual {
		for _, f := range splitFields(headOf(wire.CRLF(raw[pt.Header:pt.Body]))) {
			switch {
			case f.name == "content-transfer-encoding":
				encoding = strings.ToLower(f.value())
			case !isContentField(f.name) || f.name == "content-length":
			case len(f.raw) <= maxFileField && sendable(f.raw) && !hasField(e.fields, f.name):
				e.fields = append(e.fields, f)
			case f.name == "content-type", f.name == "content-disposition":
				named = false
			}
		}
	}
	if !named || !hasField(e.fields, "content-type") {
		e.fields = append(fileFields(pt.Type, ix.AttachmentName(part)), without(e.fields, "content-type", "content-disposition")...)
	}
	var body []byte
	if virtual {
		e.fields = virtualFields(ix, part, e.fields)
	} else {
		body = wire.CRLF(raw[pt.Body:pt.End])
	}
	isMessage := strings.HasPrefix(pt.Type, "message/") || strings.HasPrefix(pt.Type, "multipart/")
	switch {
	case encoding == "base64" && pt.Encoding == "base64", encoding == "quoted-printable" && pt.Encoding == "quoted-printable":
		if sendable(body) {
			break
		}
		fallthrough
	default:
		body, encoding = encodeFile(ix, part, raw, body, isMessage)
	}
	if encoding != "" {
		e.fields = append(e.fields, newField("Content-Transfer-Encoding", encoding))
	}
	e.body = body
	return e
}

// virtualFields are the fields of what stands in a winmail.dat.
func virtualFields(ix *message.Index, part int, fields []field) []field {
	pt := &ix.Parts[part]
	if pt.Type == "text/calendar" && pt.Method != "" {
		fields = append([]field{newField("Content-Type", "text/calendar; charset=utf-8; method="+pt.Method)}, without(fields, "content-type", "content-disposition")...)
	}
	if id := wire.OneLine(pt.ContentID); id != "" {
		fields = append(fields, newField("Content-ID", "<"+id+">"))
	}
	return fields
}

// encodeFile writes a part's content so that it can be sent. A message within a
// message must not be encoded (RFC 2046 5.2.1).
func encodeFile(ix *message.Index, part int, raw, body []byte, isMessage bool) ([]byte, string) {
	plain := !ix.Virtual(part) && (ix.Parts[part].Encoding == "" || ix.Parts[part].Encoding == "7bit" || ix.Parts[part].Encoding == "8bit" || ix.Parts[part].Encoding == "binary")
	switch {
	case plain && sendable(body):
		return body, ""
	case plain && isMessage:
		return body, "8bit"
	}
	decoded, err := io.ReadAll(ix.Open(part, message.Bytes(raw)))
	if err != nil { // memory does not fail
		return nil, ""
	}
	if isMessage {
		return wire.CRLF(decoded), "8bit"
	}
	return wire.AppendBase64(nil, decoded), "base64"
}

// sendable tells whether bytes can be sent in 7 bits: ASCII in lines that are
// not too long.
func sendable(b []byte) bool {
	line := 0
	for _, c := range b {
		switch {
		case c >= 0x80 || c == 0:
			return false
		case c == '\n':
			line = 0
			continue
		}
		if line++; line > maxLine {
			return false
		}
	}
	return true
}

// embedded is the original as a whole, for one that must not be taken apart.
func (c *composer) embedded() *entity {
	raw := wire.CRLF(c.o.Raw)
	head, rest := splitHeader(raw)
	var b bytes.Buffer
	for _, f := range splitFields(head) {
		switch f.name {
		case "bcc", "resent-bcc", "return-path", "x-envelope-to", "delivered-to": // nobody's business
			continue
		}
		b.Write(f.raw)
	}
	b.Write(rest)
	name := strings.TrimSpace(wire.OneLine(c.o.Index.Subject))
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`\/:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	if n := []rune(name); len(n) > maxFileName {
		name = string(n[:maxFileName])
	}
	if name == "" {
		name = "message"
	}
	e := &entity{part: -1, fields: fileFields("message/rfc822", name+".eml"), body: b.Bytes()}
	if !sendable(e.body) {
		e.fields = append(e.fields, newField("Content-Transfer-Encoding", "8bit"))
	}
	return e
}

func newField(name, value string) field {
	return field{name: strings.ToLower(name), raw: []byte(name + ": " + value + "\r\n")}
}

// fileFields describe an attachment (RFC 2183, RFC 2231).
func fileFields(mediaType, name string) []field {
	if _, _, err := mime.ParseMediaType(mediaType); err != nil {
		mediaType = "application/octet-stream"
	}
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" {
		disposition = "attachment"
	}
	return []field{newField("Content-Type", mediaType), newField("Content-Disposition", disposition)}
}

func hasField(fields []field, name string) bool {
	for _, f := range fields {
		if f.name == name {
			return true
		}
	}
	return false
}

func without(fields []field, names ...string) (out []field) {
next:
	for _, f := range fields {
		for _, n := range names {
			if f.name == n {
				continue next
			}
		}
		out = append(out, f)
	}
	return out
}

// writeText writes the fields of a text and the text.
func writeText(out *bytes.Buffer, mediaType, text string) {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "�")
	}
	body := wire.CRLF([]byte(text))
	out.WriteString("Content-Type: " + mediaType + "; charset=utf-8\r\n")
	others := 0
	for _, c := range body {
		if c >= 0x80 {
			others++
		}
	}
	switch {
	case others == 0 && sendable(body) && !bytes.Contains(body, []byte("\nFrom ")):
		out.WriteString("\r\n")
		out.Write(body)
	case others*4 < len(body):
		out.WriteString("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
		w := quotedprintable.NewWriter(out)
		_, _ = w.Write(body) // memory does not fail
		_ = w.Close()
	default:
		out.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
		out.Write(wire.AppendBase64(out.AvailableBuffer(), body))
	}
}
