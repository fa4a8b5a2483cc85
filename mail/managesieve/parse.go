package managesieve

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"martlet/mail/sieve"
)

// argument is a string or a number of a command (RFC 5804 4).
type argument struct {
	text   string
	number uint64
	kind   argumentKind
}

type argumentKind uint8

const (
	isString argumentKind = iota
	isNumber
)

// request is a command as it came.
type request struct {
	verb string // in upper case
	args []argument
}

// Errors of reading a command, besides those of a connection.
var (
	errSyntax  = errors.New("managesieve: not a command")
	errTooLong = errors.New("managesieve: a string is too long")
)

// reading is a command on its way in.
type reading struct {
	s    *session
	rest []byte // of the line
	size int    // of all that was read
}

// readRequest reads a command with its literals. errSyntax and errTooLong leave the
// session at the next command.
func (s *session) readRequest() (q request, err error) {
	s.wait(false)
	line, err := s.conn.Line(maxLine)
	if err != nil {
		return q, err
	}
	s.heard = time.Now()
	s.until = s.heard.Add(commandTimeout)
	r := reading{s: s, rest: bytes.Clone(line), size: len(line)}
	q.verb = strings.ToUpper(r.atom())
	bad := error(nil)
	if q.verb == "" {
		bad = errSyntax
	}
	for {
		more, a, err := r.argument()
		switch {
		case err != nil && isEnd(err):
			return q, err
		case errors.Is(err, errSyntax):
			return q, errors.Join(bad, r.drain(), errSyntax)
		case errors.Is(err, errTooLong):
			bad = errors.Join(bad, err)
			continue
		case err != nil:
			return q, err
		case !more:
			return q, bad
		}
		if q.args = append(q.args, a); len(q.args) > maxArguments {
			return q, errors.Join(r.drain(), errSyntax)
		}
	}
}

// drain reads what a line that makes no sense announces as its literal, so that it
// is not taken for commands.
func (r *reading) drain() error {
	for {
		i := bytes.LastIndexByte(r.rest, '{')
		if i < 0 {
			return nil
		}
		n, ok := literalSize(r.rest[i:])
		if !ok {
			return nil
		}
		if err := r.skip(n); err != nil {
			return err
		}
		if err := r.line(); err != nil {
			return err
		}
	}
}

// atom reads letters.
func (r *reading) atom() string {
	n := 0
	for n < len(r.rest) && ('A' <= r.rest[n]&^0x20 && r.rest[n]&^0x20 <= 'Z') {
		n++
	}
	word := string(r.rest[:n])
	r.rest = r.rest[n:]
	return word
}

// argument reads one, if there is one.
func (r *reading) argument() (more bool, a argument, err error) {
	if len(r.rest) == 0 {
		return false, a, nil
	}
	if r.rest[0] != ' ' {
		return false, a, errSyntax
	}
	r.rest = r.rest[1:]
	if len(r.rest) == 0 {
		return false, a, errSyntax
	}
	switch c := r.rest[0]; {
	case c == '"':
		a.text, err = r.quoted()
	case c == '{':
		a.text, err = r.literal()
	case '0' <= c && c <= '9':
		a.kind = isNumber
		a.number, err = r.number()
	default:
		err = errSyntax
	}
	if err == nil && !utf8.ValidString(a.text) {
		err = errSyntax
	}
	return true, a, err
}

// quoted reads "text" (RFC 5804 4).
func (r *reading) quoted() (string, error) {
	var b strings.Builder
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; c {
		case '"':
			r.rest = r.rest[i+1:]
			return b.String(), nil
		case '\\':
			if i++; i == len(r.rest) || r.rest[i] != '"' && r.rest[i] != '\\' {
				return "", errSyntax
			}
			b.WriteByte(r.rest[i])
		case 0:
			return "", errSyntax
		default:
			b.WriteByte(c)
		}
	}
	return "", errSyntax
}

func (r *reading) number() (uint64, error) {
	n := 0
	for n < len(r.rest) && '0' <= r.rest[n] && r.rest[n] <= '9' {
		n++
	}
	v, err := strconv.ParseUint(string(r.rest[:n]), 10, 63)
	if err != nil {
		return 0, errSyntax
	}
	r.rest = r.rest[n:]
	return v, nil
}

// literalSize reads {123+} at the end of a line. Clients write no other (RFC 5804
// 4).
func literalSize(b []byte) (int64, bool) {
	inner, ok := bytes.CutPrefix(b, []byte("{"))
	inner, ok2 := bytes.CutSuffix(inner, []byte("+}"))
	if !ok || !ok2 || len(inner) == 0 || len(inner) > 18 || len(bytes.Trim(inner, "0123456789")) > 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(inner), 10, 64)
	return n, err == nil
}

// literal reads a counted string and the line behind it.
func (r *reading) literal() (string, error) {
	n, ok := literalSize(r.rest)
	if !ok {
		return "", errSyntax
	}
	if n > sieve.MaxScript || r.size+int(n) > maxCommand {
		if err := r.skip(n); err != nil {
			return "", err
		}
		return "", errors.Join(r.line(), errTooLong)
	}
	r.size += int(n)
	r.s.wait(true)
	text := make([]byte, 0, n)
	err := r.s.conn.Exactly(n, func(b []byte) error {
		text = append(text, b...)
		return nil
	})
	if err != nil {
		return "", err
	}
	if err := r.line(); err != nil {
		return "", err
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return "", errors.Join(r.drain(), errSyntax)
	}
	return string(text), nil
}

// skip reads past a literal that is not wanted.
func (r *reading) skip(n int64) error {
	if n > maxSkipped {
		return fmt.Errorf("managesieve: a literal of %d bytes: %w", n, errEndless)
	}
	r.s.wait(true)
	return r.s.conn.Exactly(n, func([]byte) error { return nil })
}

// errEndless ends a session.
var errEndless = errors.New("more than is worth reading")

// line reads the line behind a literal.
func (r *reading) line() error {
	r.s.wait(true)
	line, err := r.s.conn.Line(maxLine)
	if err != nil {
		return err
	}
	r.size += len(line)
	r.rest = bytes.Clone(line)
	return nil
}
