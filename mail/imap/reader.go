package imap

import (
	"bytes"
	"errors"
)

// errNonSync: nothing that is still on its way can be told from commands, so the
// connection is closed.
var errNonSync = errors.New("imap: literal too long to be sent without asking")

// literal is an announcement at the end of a line (RFC 9051 4.3, RFC 7888).
type literal struct {
	size    int64
	nonSync bool // the client does not wait for the server's leave
	binary  bool // literal8: may hold NUL (RFC 3516 4.1)
}

// literalAt reads the announcement that a line ends with. Whatever looks like
// one is one: bytes must never be taken for commands that the client sent as
// text.
func literalAt(line []byte) (l literal, at int, ok bool) {
	n := len(line)
	if n < 3 || line[n-1] != '}' {
		return l, 0, false
	}
	at = bytes.LastIndexByte(line, '{')
	if at < 0 {
		return l, 0, false
	}
	digits := line[at+1 : n-1]
	if len(digits) > 1 && digits[len(digits)-1] == '+' {
		l.nonSync = true
		digits = digits[:len(digits)-1]
	}
	if len(digits) == 0 {
		return l, 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return l, 0, false
		}
		if l.size < 1<<40 { // more is too large in any case
			l.size = l.size*10 + int64(c-'0')
		}
	}
	if at > 0 && line[at-1] == '~' {
		l.binary = true
	}
	return l, at, true
}
