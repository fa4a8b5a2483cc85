package pop3

import (
	"context"
	"strings"
)

// The states in which a command may be said (RFC 1939 3).
const (
	early = 1 << iota // AUTHORIZATION
	late              // TRANSACTION
)

// command is one row of the table: what it does and when it may be said.
type command struct {
	run func(s *session, ctx context.Context, arg string)
	in  int
}

// commands is every command there is. APOP is not: it takes passwords kept in
// the clear.
var commands = map[string]command{
	"CAPA": {(*session).capa, early | late}, // RFC 2449 5
	"NOOP": {(*session).noop, late},
	"QUIT": {(*session).quit, early | late},
	"LANG": {(*session).lang, early | late}, // RFC 6856 3

	"STLS": {(*session).stls, early}, // RFC 2595 4
	"UTF8": {(*session).utf8, early}, // RFC 6856 2
	"USER": {(*session).userCommand, early},
	"PASS": {(*session).pass, early},
	"AUTH": {(*session).auth, early}, // RFC 5034

	"STAT": {(*session).stat, late},
	"LIST": {(*session).list, late},
	"UIDL": {(*session).uidl, late},
	"RETR": {(*session).retr, late},
	"TOP":  {(*session).top, late},
	"DELE": {(*session).dele, late},
	"RSET": {(*session).rset, late},
}

// capa lists what is there now (RFC 2449 6).
func (s *session) capa(_ context.Context, arg string) {
	if arg != "" {
		s.mistake("CAPA has no arguments")
		return
	}
	s.ok("Capabilities")
	for _, line := range s.capabilities() {
		s.conn.Print(line + "\r\n")
	}
	s.conn.Print(".\r\n")
}

func (s *session) capabilities() []string {
	all := []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "LOGIN-DELAY 0", "UTF8 USER", "LANG"}
	switch {
	case s.conn.Secure():
		all = append(all, "USER", "SASL "+strings.Join(s.visit().Offered(), " "))
	case s.srv.cfg.TLS != nil:
		all = append(all, "STLS")
	}
	return append(all, "IMPLEMENTATION Martlet")
}

func (s *session) noop(_ context.Context, arg string) {
	if arg != "" {
		s.mistake("NOOP has no arguments")
		return
	}
	s.ok("Nothing done")
}

// lang knows one language, and that is the default too (RFC 6856 3).
func (s *session) lang(_ context.Context, arg string) {
	switch strings.ToLower(arg) {
	case "":
		s.ok("Languages")
		s.conn.Print("en English\r\n.\r\n")
	case "*", "en", "i-default":
		s.ok("en Language is English")
	default:
		s.no("Not a language that is spoken here")
	}
}

// utf8 is what a client says that reads UTF-8 in header fields (RFC 6856 2).
// Messages come as they are in any case.
func (s *session) utf8(_ context.Context, arg string) {
	if arg != "" {
		s.mistake("UTF8 has no arguments")
		return
	}
	s.ok("UTF-8 it is")
}
