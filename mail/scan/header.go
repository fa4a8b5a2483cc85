package scan

import (
	"bytes"
	"slices"
	"strings"
)

// letter is a message in pieces, to be changed.
type letter struct {
	fields []field
	body   []byte // with the empty line before it, if there was one
}

// field is a header field with its line ends.
type field struct {
	name  string
	value []byte // behind the colon, with its folds and without the last line end
	raw   []byte // as it stood there; nil: it is new
}

// maxFields is how many fields of a header are shown. The rest counts as body.
const maxFields = 2000

// open takes a message to pieces. What is no field ends the header, as it does for
// who reads the message.
func open(raw []byte) *letter {
	l := &letter{}
	rest := raw
	for len(rest) > 0 && len(l.fields) < maxFields {
		size := 0
		for {
			i := bytes.IndexByte(rest[size:], '\n')
			if i < 0 {
				size = len(rest)
				break
			}
			size += i + 1
			if size == len(rest) || rest[size] != ' ' && rest[size] != '\t' {
				break
			}
		}
		name, value, ok := bytes.Cut(rest[:size], []byte(":"))
		clean := strings.TrimRight(string(name), " \t")
		if !ok || !isName(clean) {
			break
		}
		l.fields = append(l.fields, field{clean, bytes.TrimRight(value, "\r\n"), rest[:size]})
		rest = rest[size:]
	}
	l.body = rest
	return l
}

// isName tells whether a text is the name of a field (RFC 5322 2.2).
func isName(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return true
}

// bytes puts the message together again.
func (l *letter) bytes() []byte {
	size := len(l.body)
	for i := range l.fields {
		size += len(l.fields[i].raw) + len(l.fields[i].name) + len(l.fields[i].value) + 4
	}
	out := make([]byte, 0, size)
	for i := range l.fields {
		f := &l.fields[i]
		if f.raw != nil {
			out = append(out, f.raw...)
			if !bytes.HasSuffix(out, []byte("\n")) {
				out = append(out, "\r\n"...)
			}
			continue
		}
		out = append(out, f.name...)
		out = append(out, ':')
		out = append(out, f.value...)
		out = append(out, "\r\n"...)
	}
	return append(out, l.body...)
}

// newField makes a field of what a program says, which may be folded with any line
// ends; a line that is no fold becomes one, so that no other field can stand in it.
// Without lead a blank goes before the value.
func newField(name, value string, lead bool) (field, bool) {
	if !isName(name) {
		return field{}, false
	}
	value = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(value)
	var b []byte
	if !lead {
		b = append(b, ' ')
	}
	for i, line := range strings.Split(strings.TrimRight(value, "\n"), "\n") {
		if i > 0 {
			if strings.TrimSpace(line) == "" { // an empty line would end the header
				continue
			}
			b = append(b, "\r\n"...)
			if line[0] != ' ' && line[0] != '\t' {
				b = append(b, '\t')
			}
		}
		b = append(b, line...)
	}
	return field{name: name, value: b}, true
}

// nth finds the nth field of a name, from one; -1 if there is none.
func (l *letter) nth(name string, n int) int {
	for i := range l.fields {
		if strings.EqualFold(l.fields[i].name, name) {
			if n--; n <= 0 {
				return i
			}
		}
	}
	return -1
}

// insert puts a field before the one at a place; a place behind the last is the end.
func (l *letter) insert(at int, f field) {
	l.fields = slices.Insert(l.fields, min(max(at, 0), len(l.fields)), f)
}

// change gives the nth field of a name another value, and takes it away if that is
// empty. Where there is no such field it is added.
func (l *letter) change(n int, f field, remove bool) {
	i := l.nth(f.name, max(n, 1))
	switch {
	case i >= 0 && remove:
		l.fields = slices.Delete(l.fields, i, i+1)
	case i >= 0:
		f.name = l.fields[i].name
		l.fields[i] = f
	case !remove:
		l.insert(len(l.fields), f)
	}
}
