package route

import (
	"bytes"
	"strings"
)

// Limits on what is looked at in a message's header.
const (
	maxHeader   = 1 << 20 // bytes; what lies behind is left alone
	maxReceived = 100     // RFC 5321 6.3
)

// field is one header field as it stands in the message.
type field struct {
	name  string // lower case; empty for a line that is no field
	start int    // offset of its first byte
	colon int    // offset of the colon
	end   int    // offset behind its last line
}

// scanHeader finds the fields of a message and where its header ends: at the
// empty line, or before it if there is none. Any bytes are accepted.
func scanHeader(raw []byte) (fields []field, end int) {
	limit := min(len(raw), maxHeader)
	for end < limit {
		n := bytes.IndexByte(raw[end:limit], '\n')
		next := end + n + 1
		if n < 0 {
			next = limit
		}
		line := raw[end:next]
		switch {
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			return fields, end
		case (line[0] == ' ' || line[0] == '\t') && len(fields) > 0:
			fields[len(fields)-1].end = next
		default:
			fields = append(fields, newField(line, end, next))
		}
		end = next
	}
	return fields, end
}

func newField(line []byte, start, end int) field {
	f := field{start: start, colon: start, end: end}
	if i := bytes.IndexByte(line, ':'); i > 0 {
		f.name = strings.ToLower(string(bytes.TrimRight(line[:i], " \t")))
		f.colon = start + i
	}
	return f
}

// value returns the field's text in one line.
func (f field) value(raw []byte) string {
	s := string(raw[min(f.colon+1, f.end):f.end])
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(s))
}

// countReceived counts the servers that have signed the message, without
// allocating: every delivery asks.
func countReceived(raw []byte) int {
	const name = "received:"
	n := 0
	for rest := raw[:min(len(raw), maxHeader)]; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		line := rest
		if i >= 0 {
			line = rest[:i+1]
		}
		if len(line) <= 2 && len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if len(line) >= len(name) && line[0]|0x20 == 'r' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			n++
		}
		rest = rest[len(line):]
	}
	return n
}

// addressesIn returns the addresses of an address list (RFC 5322 3.4) as they
// stand there, unchecked. Semicolons separate too, as phones write them.
func addressesIn(list string) []string {
	var out []string
	var text, angle strings.Builder
	var inAngle, hasAngle, quoted bool
	comment, literal := 0, false
	finish := func() {
		s := text.String()
		if hasAngle {
			s = angle.String()
		}
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
		text.Reset()
		angle.Reset()
		hasAngle = false
	}
	for i := 0; i < len(list); i++ {
		c := list[i]
		keep := &text
		if inAngle {
			keep = &angle
		}
		switch {
		case c == '\\' && i+1 < len(list):
			if comment == 0 {
				keep.WriteByte(c)
				keep.WriteByte(list[i+1])
			}
			i++
		case quoted:
			keep.WriteByte(c)
			quoted = c != '"'
		case comment > 0:
			if c == '(' {
				comment++
			} else if c == ')' {
				comment--
			}
		case c == '"':
			keep.WriteByte(c)
			quoted = true
		case c == '(':
			comment++
		case c == '[' || c == ']':
			literal = c == '['
			keep.WriteByte(c)
		case c == '<':
			inAngle, hasAngle = true, true
			angle.Reset()
		case c == '>':
			inAngle = false
		case (c == ',' || c == ';') && !inAngle:
			finish()
		case c == ':' && !inAngle && !literal: // a group's name
			text.Reset()
		default:
			keep.WriteByte(c)
		}
	}
	finish()
	return out
}
