package compose

import (
	"bytes"
	"mime"
	"strings"
	"unicode/utf8"

	"martlet/mail/wire"
)

// Limits of what is read and written.
const (
	maxFields     = 2000      // of one header; what follows is kept as one
	maxParam      = 500       // bytes of a parameter that is written again
	maxQuote      = 16 << 20  // bytes of the original's text
	maxFileField  = 8 << 10   // bytes of a field that describes an attachment
	maxReferences = 50        // of a References field
	maxLine       = 998       // RFC 5322 2.1.1
	maxText       = 255       // characters of a header field that we write
	maxListed     = 100       // recipients named above a quoted text
	maxFileName   = 100       // characters of a file name made of a subject
	maxThread     = 22 + 5*50 // bytes of a Thread-Index that grows; a longer one stays
)

// field is a header field with its line ends.
type field struct {
	name string // lower case; empty for a line that is no field
	raw  []byte
}

// value is the field's text in one line.
func (f *field) value() string {
	_, v, _ := bytes.Cut(f.raw, []byte(":"))
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(string(v)))
}

// isContentField tells whether a field speaks of the entity, not of the
// message (RFC 2045 3).
func isContentField(name string) bool {
	return strings.HasPrefix(name, "content-") && name != "content-class"
}

// splitHeader cuts a message behind the last field of its header; rest begins
// with the empty line.
func splitHeader(raw []byte) (head, rest []byte) {
	if bytes.HasPrefix(raw, []byte("\r\n")) {
		return nil, raw
	}
	if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
		return raw[:i+2], raw[i+2:]
	}
	if len(raw) > 0 && !bytes.HasSuffix(raw, []byte("\r\n")) {
		return append(bytes.Clone(raw), "\r\n"...), []byte("\r\n")
	}
	return raw, []byte("\r\n")
}

// headOf is an entity's header without the empty line.
func headOf(raw []byte) []byte {
	head, _ := splitHeader(raw)
	return head
}

// splitFields cuts a header with CRLF line ends into its fields. Lines that are
// none are dropped: behind our own fields they would end the header for some
// readers.
func splitFields(head []byte) []field {
	var out []field
	for at := 0; at < len(head); {
		n := bytes.IndexByte(head[at:], '\n') + 1
		if n == 0 {
			n = len(head) - at
		}
		start := at
		at += n
		if folded := head[start] == ' ' || head[start] == '\t'; folded && len(out) > 0 || len(out) >= maxFields {
			last := &out[len(out)-1]
			begin := start - len(last.raw) // fields follow one another in head
			last.raw = head[begin:at:at]
			continue
		}
		out = append(out, field{name: fieldName(head[start:at]), raw: head[start:at:at]})
	}
	kept := out[:0]
	for _, f := range out {
		if f.name != "" {
			kept = append(kept, f)
		}
	}
	return kept
}

func fieldName(line []byte) string {
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return ""
	}
	name := bytes.TrimRight(line[:i], " \t")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return ""
		}
	}
	return strings.ToLower(string(name))
}

// encoded writes text for a header field (RFC 2047), at most maxText characters
// of it, so that no line gets too long.
func encoded(text string) string {
	n := 0
	text = strings.Map(func(r rune) rune {
		if n++; n > maxText {
			return -1
		}
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	return wire.FoldWords(mime.QEncoding.Encode("utf-8", text))
}
