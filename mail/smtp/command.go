package smtp

import "context"

// command is one row of the table: what it does and where it is spoken.
type command struct {
	run   func(s *session, ctx context.Context, arg string) reply
	modes []Mode // nil: all
}

func (c command) spokenIn(m Mode) bool {
	if c.modes == nil {
		return true
	}
	for _, mode := range c.modes {
		if mode == m {
			return true
		}
	}
	return false
}

// commands is every command we know (RFC 5321 4.1.1, RFC 2033 4.1, RFC 3030,
// RFC 3207, RFC 4954).
var commands = map[string]command{
	"EHLO":     {run: (*session).ehlo, modes: []Mode{MX, Submission}},
	"HELO":     {run: (*session).heloCommand, modes: []Mode{MX, Submission}},
	"LHLO":     {run: (*session).ehlo, modes: []Mode{LMTP}},
	"STARTTLS": {run: (*session).startTLS},
	"AUTH":     {run: (*session).auth},
	"MAIL":     {run: (*session).mail},
	"RCPT":     {run: (*session).rcpt},
	"DATA":     {run: (*session).data},
	"BDAT":     {run: (*session).bdat},
	"RSET":     {run: (*session).rset},
	"NOOP":     {run: (*session).noop},
	"VRFY":     {run: (*session).vrfy},
	"EXPN":     {run: (*session).expn},
	"HELP":     {run: (*session).help},
	"QUIT":     {run: (*session).quit},
}
