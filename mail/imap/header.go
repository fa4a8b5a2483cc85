package imap

import (
	"bytes"
	"errors"
	"iter"
	"strings"
)

var errMemory = errors.New("imap: too many messages are under way")

// maxFields is how many fields of a header are looked at.
const maxFields = 5000

// fields visits the fields of a header with their names, as they stand, with
// their line ends.
func fields(header []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for n := 0; len(header) > 0 && n < maxFields; n++ {
			end := nextField(header)
			field := header[:end]
			header = header[end:]
			colon := bytes.IndexByte(field, ':')
			if colon <= 0 {
				if len(bytes.TrimSpace(field)) == 0 {
					return
				}
				continue
			}
			if !yield(string(bytes.TrimRight(field[:colon], " \t")), field) {
				return
			}
		}
	}
}

// nextField returns where the field at the start ends: before the next line that
// does not continue it.
func nextField(header []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(header[at:], '\n')
		if i < 0 {
			return len(header)
		}
		at += i + 1
		if at >= len(header) || header[at] != ' ' && header[at] != '\t' {
			return at
		}
	}
}

// fieldValue is a field's value on one line.
func fieldValue(field []byte) string {
	_, value, _ := bytes.Cut(field, []byte(":"))
	s := strings.Map(func(r rune) rune {
		switch r {
		case '\r', '\n', 0:
			return -1
		case '\t':
			return ' '
		}
		return r
	}, string(value))
	return strings.TrimSpace(s)
}

// contentFields are the fields that describe a part, by their names in lower
// case; the first of each counts.
func contentFields(header []byte) map[string]string {
	all := map[string]string{}
	for name, field := range fields(header) {
		name = strings.ToLower(name)
		if _, have := all[name]; !have && strings.HasPrefix(name, "content-") {
			all[name] = fieldValue(field)
		}
	}
	return all
}

const maxParams = 64

// parameters splits a field's value into its first word and its parameters
// (RFC 2045 5.1), which are left as they stand but for their quotes.
func parameters(value string) (kind string, params [][2]string) {
	kind, rest, _ := strings.Cut(value, ";")
	for rest != "" && len(params) < maxParams {
		var name, text string
		name, rest, _ = strings.Cut(rest, "=")
		name = strings.TrimSpace(name)
		rest = strings.TrimLeft(rest, " ")
		if strings.HasPrefix(rest, `"`) {
			text, rest = unquote(rest[1:])
			_, rest, _ = strings.Cut(rest, ";")
		} else {
			text, rest, _ = strings.Cut(rest, ";")
			text = strings.TrimSpace(text)
		}
		if name != "" && !strings.ContainsAny(name, " ;\"") {
			params = append(params, [2]string{name, text})
		}
	}
	return strings.TrimSpace(kind), params
}

// unquote reads to the end of a quoted string and returns what follows it.
func unquote(s string) (text, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:]
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
