package vcard

import (
	"bytes"
	"io"
	"strings"
)

// reader takes a text apart into unfolded lines (RFC 6350 3.2).
type reader struct {
	text  string
	at    int  // where the next line begins
	start int  // where the last one began
	end   byte // of a line
}

// resume returns what begins with the next card, nothing if there is none.
func resume(rest []byte, end byte) []byte {
	for len(rest) > 0 {
		line, more, _ := bytes.Cut(rest, []byte{end})
		if len(line) < 40 && isBegin(string(line)) {
			return rest
		}
		rest = more
	}
	return nil
}

// begin returns the first line that is not empty.
func (r *reader) begin() (string, error) {
	for {
		line, ok := r.line()
		if !ok {
			return "", io.EOF
		}
		if strings.TrimSpace(line) != "" {
			return line, nil
		}
	}
}

// raw returns the next physical line without its end.
func (r *reader) raw() (string, bool) {
	if r.at >= len(r.text) {
		return "", false
	}
	r.start = r.at
	line := r.text[r.at:]
	if i := strings.IndexByte(line, r.end); i >= 0 {
		line = line[:i]
		r.at += i + 1
	} else {
		r.at = len(r.text)
	}
	return strings.TrimSuffix(line, "\r"), true
}

// line returns the next line with those that continue it.
func (r *reader) line() (string, bool) {
	first, ok := r.raw()
	if !ok || !r.continues() {
		return first, ok
	}
	var b strings.Builder
	b.WriteString(first)
	for r.continues() {
		more, _ := r.raw()
		b.WriteString(more[1:])
	}
	return b.String(), true
}

func (r *reader) continues() bool {
	return r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\t')
}
