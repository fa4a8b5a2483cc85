package draft

import (
	"bytes"
	"encoding/base64"
	"mime"
	netmail "net/mail"
	"slices"
	"strings"

	"martlet/mail/message"
	"martlet/mail/wire"
)

// field is one header field with its line end.
type field struct {
	name string // lower case; empty for a line that is none
	raw  []byte
}

// header is a message's or a part's header.
type header []field

// splitHeader reads the fields at the start of raw, and where they end.
func splitHeader(raw []byte) (h header, end int) {
	for end < len(raw) {
		next := len(raw)
		if i := bytes.IndexByte(raw[end:], '\n'); i >= 0 {
			next = end + i + 1
		}
		line := raw[end:next]
		switch {
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			return h, end
		case (line[0] == ' ' || line[0] == '\t') && len(h) > 0:
			last := &h[len(h)-1]
			last.raw = append(slices.Clip(last.raw), line...)
		default:
			name := ""
			if i := bytes.IndexByte(line, ':'); i > 0 {
				name = strings.ToLower(string(bytes.TrimRight(line[:i], " \t")))
			}
			h = append(h, field{name, line})
		}
		end = next
	}
	return h, end
}

// withEmptyLine makes sure that a header's end is marked.
func withEmptyLine(rest []byte) []byte {
	if len(bytes.TrimLeft(rest[:min(len(rest), 2)], "\r\n")) < min(len(rest), 2) {
		return rest
	}
	return append([]byte("\r\n"), rest...)
}

func (h header) bytes(dst []byte) []byte {
	for _, f := range h {
		dst = append(dst, bytes.TrimRight(f.raw, "\r\n")...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

func (h header) find(name string) *field {
	name = strings.ToLower(name)
	for i := range h {
		if h[i].name == name {
			return &h[i]
		}
	}
	return nil
}

func (h header) has(name string) bool { return h.find(name) != nil }

// set puts a field where it stands, or to the end; an empty value removes it.
func (h *header) set(name, value string) {
	lower := strings.ToLower(name)
	raw := []byte(name + ": " + value + "\r\n")
	done := value == ""
	out := (*h)[:0:0]
	for _, f := range *h {
		if f.name != lower {
			out = append(out, f)
		} else if !done {
			out, done = append(out, field{lower, raw}), true
		}
	}
	if !done {
		out = append(out, field{lower, raw})
	}
	*h = out
}

// editHeader changes the fields of the header that the edit names.
func (d *document) editHeader(e *Edit) {
	for _, a := range []struct {
		name  string
		value *string
	}{{"From", e.From}, {"To", e.To}, {"Cc", e.Cc}, {"Bcc", e.Bcc}, {"Reply-To", e.ReplyTo}} {
		if a.value != nil {
			d.head.set(a.name, addressField(*a.value))
		}
	}
	if e.Subject != nil {
		d.head.set("Subject", textField(*e.Subject))
	}
	if e.Importance != nil {
		d.setImportance(*e.Importance)
	}
	if e.MessageID != "" && !d.head.has("Message-ID") {
		d.head.set("Message-ID", "<"+oneLine(e.MessageID)+">")
	}
}

// setImportance writes the two fields that programs read.
func (d *document) setImportance(v int8) {
	d.head.set("Priority", "")
	switch v {
	case message.ImportanceHigh:
		d.head.set("Importance", "high")
		d.head.set("X-Priority", "1")
	case message.ImportanceLow:
		d.head.set("Importance", "low")
		d.head.set("X-Priority", "5")
	default:
		d.head.set("Importance", "")
		d.head.set("X-Priority", "")
	}
}

// addressField writes an address list. What is no address stays as the user
// wrote it: it is a draft.
func addressField(list string) string {
	var out strings.Builder
	for _, a := range message.ParseAddressList(list) {
		if out.Len() > 0 {
			out.WriteString(",\r\n ")
		}
		name, address := oneLine(a.Name), oneLine(a.Address)
		switch {
		case address == "":
			out.WriteString(quoted(name))
		case name == "":
			out.WriteString(address)
		default:
			out.WriteString(quoted(name) + " <" + address + ">")
		}
	}
	return out.String()
}

// quoted writes a display name (RFC 5322 3.2.5, RFC 2047).
func quoted(name string) string {
	s := (&netmail.Address{Name: name, Address: "a@b"}).String()
	return wire.FoldWords(strings.TrimSuffix(s, " <a@b>"))
}

// textField writes unstructured text (RFC 5322 2.2.1).
func textField(s string) string {
	s = oneLine(s)
	const line = 76
	switch {
	case !wire.IsASCII(s):
		return wire.FoldWords(mime.QEncoding.Encode("utf-8", s))
	case strings.Contains(s, "=?"): // it would be read as encoded
		return encodedWords(s)
	case len(s) < line-len("Subject: "):
		return s
	}
	return foldText(s)
}

// encodedWords encodes ASCII, which mime would leave alone (RFC 2047 2).
func encodedWords(s string) string {
	const most = 45 // bytes that make 60 characters
	var words []string
	for len(s) > 0 {
		n := min(len(s), most)
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, "\r\n ")
}

// foldText breaks a long text at single blanks; what has none is encoded.
func foldText(s string) string {
	const line = 76
	var out strings.Builder
	for at := 0; at < len(s); {
		end := len(s)
		if end-at > line {
			if i := strings.LastIndexByte(s[at+1:at+line], ' '); i > 0 && s[at+i] != ' ' {
				end = at + 1 + i
			} else if i := strings.IndexByte(s[at+line:], ' '); i >= 0 && line+i < maxLine {
				end = at + line + i
			} else if end-at > maxLine-len("Subject: ") {
				return encodedWords(s)
			}
		}
		if at > 0 {
			out.WriteString("\r\n")
		}
		out.WriteString(s[at:end])
		at = end
	}
	return out.String()
}

// oneLine makes what a user wrote fit for a header field. Unlike wire.OneLine it
// keeps every blank: the phone compares what it wrote with what it gets.
func oneLine(s string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.TrimSpace(clean)
}
