package pop3

import (
	"context"
	"strconv"
	"strings"
)

// stat answers STAT: what is marked does not count (RFC 1939 5).
func (s *session) stat(_ context.Context, arg string) {
	if arg != "" {
		s.mistake("STAT has no arguments")
		return
	}
	n, size := s.drop.left()
	s.ok("%d %d", n, size)
}

// list answers LIST.
func (s *session) list(_ context.Context, arg string) {
	s.each(arg, func(e *entry) string { return strconv.FormatInt(e.size, 10) })
}

// uidl answers UIDL.
func (s *session) uidl(_ context.Context, arg string) { s.each(arg, s.drop.uid) }

// each says something of one message or of all.
func (s *session) each(arg string, of func(*entry) string) {
	if arg != "" {
		if e, n := s.message(arg); e != nil {
			s.ok("%d %s", n, of(e))
		}
		return
	}
	s.ok("Messages")
	for i := range s.drop.messages {
		if e := &s.drop.messages[i]; !e.gone {
			s.conn.Print(strconv.Itoa(i+1) + " " + of(e) + "\r\n")
		}
	}
	s.conn.Print(".\r\n")
}

// message finds the message of an argument, or says that there is none.
func (s *session) message(arg string) (*entry, int) {
	n, ok := number(arg)
	if !ok {
		s.mistake("A message has a number")
		return nil, 0
	}
	e := s.drop.at(n)
	if e == nil {
		s.no("No such message")
	}
	return e, n
}

// number reads digits; what is greater than any number of ours is one that
// nothing has.
func number(s string) (n int, ok bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		n = maxLines
	}
	return n, true
}

// dele answers DELE: the message is marked, and goes at QUIT.
func (s *session) dele(_ context.Context, arg string) {
	if e, n := s.message(arg); e != nil {
		e.gone = true
		s.ok("Message %d will be deleted", n)
	}
}

// rset answers RSET: nothing is marked any more.
func (s *session) rset(_ context.Context, arg string) {
	if arg != "" {
		s.mistake("RSET has no arguments")
		return
	}
	for i := range s.drop.messages {
		s.drop.messages[i].gone = false
	}
	n, size := s.drop.left()
	s.ok("%d messages, %d octets", n, size)
}

// quit answers QUIT, after which what is marked is gone (RFC 1939 6).
func (s *session) quit(ctx context.Context, arg string) {
	if arg != "" {
		s.mistake("QUIT has no arguments")
		return
	}
	s.done = true
	if s.drop != nil {
		if err := s.srv.remove(ctx, s.drop); err != nil {
			s.fail("quit", err)
			return
		}
	}
	s.ok("%s says goodbye", s.srv.cfg.Hostname)
}
