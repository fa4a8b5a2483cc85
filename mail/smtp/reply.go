package smtp

import (
	"strconv"
	"strings"
)

// reply is what the server answers to one command.
type reply struct {
	code     int
	enhanced string   // RFC 3463, empty where RFC 2034 4 wants none
	lines    []string // at least one
	times    int      // LMTP repeats it for each recipient (RFC 2033 4.2); zero is once
	hangUp   bool
}

// answer makes a reply of one line.
func answer(code int, enhanced, text string) reply {
	return reply{code: code, enhanced: enhanced, lines: []string{text}}
}

// goodbye makes a reply that ends the session.
func goodbye(code int, enhanced, text string) reply {
	return reply{code: code, enhanced: enhanced, lines: []string{text}, hangUp: true}
}

// text is the reply in one line.
func (r *reply) text() string {
	return strconv.Itoa(r.code) + " " + r.enhanced + " " + strings.Join(r.lines, " ")
}

// append writes the reply's lines.
func (r *reply) append(dst []byte) []byte {
	for range max(1, r.times) {
		for i, line := range r.lines {
			dst = strconv.AppendInt(dst, int64(r.code), 10)
			if i < len(r.lines)-1 {
				dst = append(dst, '-')
			} else {
				dst = append(dst, ' ')
			}
			if r.enhanced != "" {
				dst = append(dst, r.enhanced...)
				dst = append(dst, ' ')
			}
			dst = append(dst, line...)
			dst = append(dst, '\r', '\n')
		}
	}
	return dst
}

// Replies that several commands give.
var (
	replyOK           = answer(250, "2.0.0", "OK")
	replyHelloFirst   = answer(503, "5.5.1", "Say hello first")
	replyNeedMail     = answer(503, "5.5.1", "MAIL comes first")
	replyNeedRcpt     = answer(503, "5.5.1", "No valid recipients")
	replyNoArgument   = answer(501, "5.5.4", "This command takes no argument")
	replyInChunks     = answer(503, "5.5.1", "A message in chunks is under way")
	replyUnavailable  = answer(451, "4.3.0", "Temporary failure, try again later")
	replyNoSpace      = answer(452, "4.3.1", "Not enough space, try again later")
	replyTooBig       = answer(552, "5.3.4", "The message is too big")
	replyBareNewline  = answer(550, "5.5.2", "CR and LF may stand only together, as CRLF")
	replyTLSFirst     = answer(530, "5.7.0", "Issue STARTTLS first")
	replyAuthRequired = answer(530, "5.7.0", "Authentication required")
)
