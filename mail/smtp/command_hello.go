package smtp

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ehlo answers EHLO and LHLO with what we can do (RFC 5321 4.1.1.1).
func (s *session) ehlo(_ context.Context, arg string) reply {
	if !validHelo(arg) {
		return answer(501, "5.5.4", "Say who you are")
	}
	s.reset()
	s.helo, s.extended = arg, true
	lines := []string{
		s.srv.cfg.Hostname,
		"PIPELINING",
		"SIZE " + strconv.FormatInt(s.srv.cfg.MaxMessageBytes, 10),
		"8BITMIME",
		"SMTPUTF8",
		"CHUNKING",
		"DSN",
		"ENHANCEDSTATUSCODES",
	}
	if s.srv.cfg.TLS != nil && !s.conn.Secure() {
		lines = append(lines, "STARTTLS")
	}
	if s.conn.Secure() { // RFC 8689 3: inside TLS alone
		lines = append(lines, "REQUIRETLS")
	}
	if s.mayAuth() {
		lines = append(lines, "AUTH "+strings.Join(s.visit().Offered(), " "))
	}
	return reply{code: 250, lines: lines}
}

func (s *session) heloCommand(_ context.Context, arg string) reply {
	if !validHelo(arg) {
		return answer(501, "5.5.4", "Say who you are")
	}
	s.reset()
	s.helo, s.extended = arg, false
	return reply{code: 250, lines: []string{s.srv.cfg.Hostname}}
}

// validHelo takes any one word. What clients call themselves is seldom true
// and often no domain; it is shown in Received and used for nothing.
func validHelo(name string) bool {
	if name == "" || len(name) > maxHelo || !utf8.ValidString(name) {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c == 0x7f || c == '(' || c == ')' || c == '\\' || c == ';' {
			return false
		}
	}
	return true
}
