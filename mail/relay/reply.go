package relay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what a server says. RFC 5321 4.5.3.1.5 has lines of 512 bytes.
const (
	maxReplyBytes = 64 << 10 // of one reply
	maxReplyLines = 128
	maxReplyLine  = 1024 // of a line; what is longer is cut
	maxReplyText  = 512  // of what is kept of a reply
)

// Errors of a server that does not speak SMTP.
var (
	errReplyTooLong = errors.New("relay: the reply has no end")
	errNoReply      = errors.New("relay: that is no reply of SMTP")
)

// reply is what a server says (RFC 5321 4.2).
type reply struct {
	code     int
	enhanced string   // RFC 2034; of the last line, empty if there is none
	lines    []string // without code, printable
}

func (r reply) good() bool      { return r.code/100 == 2 }
func (r reply) permanent() bool { return r.code/100 == 5 }

// text is the reply in one line with its code.
func (r reply) text() string {
	if r.code == 0 {
		return ""
	}
	s := fmt.Sprintf("%d %s", r.code, strings.Join(r.lines, " "))
	if len(s) > maxReplyText {
		s = strings.ToValidUTF8(s[:maxReplyText], "")
	}
	return strings.TrimSpace(s)
}

// status is the reply's enhanced code, or the one that its code comes to; other
// is what is said of codes that tell nothing more.
func (r reply) status(other string) string {
	if r.enhanced != "" {
		return r.enhanced
	}
	class := "4"
	if r.permanent() {
		class = "5"
	} else if r.good() {
		class = "2"
	}
	return class + other
}

// readReply reads one reply. Bare LF ends a line too; codes that differ from
// line to line are not told apart, the last one counts.
func readReply(r *bufio.Reader) (reply, error) {
	var out reply
	left := maxReplyBytes
	for range maxReplyLines {
		line, err := readReplyLine(r, &left)
		if err != nil {
			return reply{}, err
		}
		if len(line) < 3 || line[0] < '2' || line[0] > '5' || !digit(line[1]) || !digit(line[2]) {
			return reply{}, errNoReply
		}
		out.code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
		more := false
		rest := line[3:]
		if rest != "" {
			if more = rest[0] == '-'; !more && rest[0] != ' ' {
				return reply{}, errNoReply
			}
			rest = rest[1:]
		}
		rest = printable(rest)
		out.enhanced = enhancedCode(line[0], rest)
		out.lines = append(out.lines, rest)
		if !more {
			return out, nil
		}
	}
	return reply{}, errReplyTooLong
}

// readReplyLine reads a line and takes its length from left.
func readReplyLine(r *bufio.Reader, left *int) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if *left -= len(part); *left < 0 {
			return "", errReplyTooLong
		}
		if room := maxReplyLine - len(line); room > 0 {
			line = append(line, part[:min(len(part), room)]...)
		}
		switch {
		case err == nil:
			return strings.TrimRight(string(line), "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return "", io.ErrUnexpectedEOF
		default:
			return "", err
		}
	}
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// enhancedCode returns the code that text begins with, if it is of the class
// (RFC 2034 4).
func enhancedCode(class byte, text string) string {
	code, _, _ := strings.Cut(text, " ")
	parts := strings.Split(code, ".")
	if len(parts) != 3 || parts[0] != string(class) {
		return ""
	}
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return ""
		}
	}
	return code
}

// printable keeps what a server said from being more than text where it is
// shown or reported.
func printable(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "?")
	}
	return strings.Map(func(c rune) rune {
		if c == '\t' {
			return ' '
		}
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
			return -1
		}
		return c
	}, s)
}
