package managesieve

import (
	"context"
	"strconv"
	"strings"

	"martlet/directory"
	"martlet/mail/sasl"
	"martlet/mail/sieve"
)

// command is what a client can ask for.
type command struct {
	late  bool   // after a login only
	takes string // see fits
	run   func(*session, context.Context, []argument)
}

func commands() map[string]command {
	return map[string]command{
		"CAPABILITY":   {false, "", (*session).capability},
		"NOOP":         {false, "?s", (*session).noop},
		"STARTTLS":     {false, "", (*session).startTLS},
		"AUTHENTICATE": {false, "s?s", (*session).authenticate},
		"LOGOUT":       {false, "", (*session).logout},

		"UNAUTHENTICATE": {true, "", (*session).unauthenticate},
		"HAVESPACE":      {true, "sn", (*session).haveSpace},
		"PUTSCRIPT":      {true, "ss", (*session).putScript},
		"LISTSCRIPTS":    {true, "", (*session).listScripts},
		"SETACTIVE":      {true, "s", (*session).setActive},
		"GETSCRIPT":      {true, "s", (*session).getScript},
		"DELETESCRIPT":   {true, "s", (*session).deleteScript},
		"RENAMESCRIPT":   {true, "ss", (*session).renameScript},
		"CHECKSCRIPT":    {true, "s", (*session).checkScript},
	}
}

// capability answers CAPABILITY (RFC 5804 2.4).
func (s *session) capability(context.Context, []argument) {
	s.capabilities()
	s.ok("", "")
}

// capabilities tells what there is (RFC 5804 1.7).
func (s *session) capabilities() {
	line := func(name string, value ...string) {
		s.conn.Print(quote(name))
		for _, v := range value {
			s.conn.Print(" " + quote(v))
		}
		s.conn.Print("\r\n")
	}
	line("IMPLEMENTATION", "Martlet")
	line("VERSION", "1.0")
	if s.account.ID == 0 {
		line("SASL", strings.Join(s.visit().Offered(), " "))
	}
	var extensions []string
	for _, e := range sieve.Extensions() {
		if e != "comparator-i;octet" && e != "comparator-i;ascii-casemap" { // everybody has them
			extensions = append(extensions, e)
		}
	}
	line("SIEVE", strings.Join(extensions, " "))
	line("NOTIFY", "mailto")
	line("MAXREDIRECTS", strconv.Itoa(sieve.MaxRedirects))
	if s.srv.cfg.TLS != nil && !s.conn.Secure() {
		line("STARTTLS")
	}
	if s.account.ID != 0 {
		line("OWNER", s.account.Login)
		line("UNAUTHENTICATE")
	}
}

// noop answers NOOP (RFC 5804 2.13).
func (s *session) noop(_ context.Context, args []argument) {
	if len(args) == 0 {
		s.ok("", "Done")
		return
	}
	s.ok("TAG "+quote(args[0].text), "Done")
}

// logout answers LOGOUT (RFC 5804 2.3).
func (s *session) logout(context.Context, []argument) {
	s.ok("", "Goodbye")
	s.done = true
}

// startTLS answers STARTTLS (RFC 5804 2.2). What there is is told again afterwards.
func (s *session) startTLS(ctx context.Context, _ []argument) {
	switch {
	case s.conn.Secure():
		s.mistake("TLS is on")
	case s.srv.cfg.TLS == nil:
		s.mistake("TLS is not offered")
	case s.conn.Buffered() > 0:
		// What was sent behind STARTTLS in the clear would run as if it had come
		// under its protection: someone in between put it there.
		s.bye("", "Nothing may follow STARTTLS before the handshake")
	default:
		s.ok("", "Begin TLS now")
		if !s.conn.StartTLS(ctx, s.srv.cfg.TLS) {
			s.done = true
			return
		}
		s.capabilities()
		s.ok("", "TLS is on")
	}
}

// visit is what the client can log in with.
func (s *session) visit() *sasl.Visit {
	return s.srv.cfg.Gate.Visit(sasl.Visitor{
		Protocol: directory.ProtocolSieve, Addr: s.conn.Remote, TLS: s.conn.TLS(), Blocked: s.conn.Blocked,
	})
}

// unauthenticate answers UNAUTHENTICATE (RFC 5804 2.14.1).
func (s *session) unauthenticate(context.Context, []argument) {
	s.account = directory.Account{}
	s.born = s.heard
	s.ok("", "Nobody is logged in")
}

// haveSpace answers HAVESPACE (RFC 5804 2.5).
func (s *session) haveSpace(ctx context.Context, args []argument) {
	size := int64(args[1].number)
	s.outcome(s.srv.cfg.Rules.HaveSpace(ctx, s.account.ID, args[0].text, size), "There is room")
}

// putScript answers PUTSCRIPT (RFC 5804 2.6).
func (s *session) putScript(ctx context.Context, args []argument) {
	err := s.srv.cfg.Rules.Put(ctx, s.account.ID, args[0].text, args[1].text)
	if err == nil {
		s.srv.log.Info("script put", "remote", s.who, "account", uint64(s.account.ID), "bytes", len(args[1].text))
	}
	s.outcome(err, "The script is kept")
}

// listScripts answers LISTSCRIPTS (RFC 5804 2.7).
func (s *session) listScripts(ctx context.Context, _ []argument) {
	all, err := s.srv.cfg.Rules.List(ctx, s.account.ID)
	if err != nil {
		s.failed(err)
		return
	}
	for _, one := range all {
		s.conn.Print(quote(one.Name))
		if one.Active {
			s.conn.Print(" ACTIVE")
		}
		s.conn.Print("\r\n")
	}
	s.ok("", "")
}

// setActive answers SETACTIVE (RFC 5804 2.8).
func (s *session) setActive(ctx context.Context, args []argument) {
	err := s.srv.cfg.Rules.Activate(ctx, s.account.ID, args[0].text)
	if err == nil {
		s.srv.log.Info("script activated", "remote", s.who, "account", uint64(s.account.ID), "any", args[0].text != "")
	}
	s.outcome(err, "Done")
}

// getScript answers GETSCRIPT (RFC 5804 2.9).
func (s *session) getScript(ctx context.Context, args []argument) {
	source, err := s.srv.cfg.Rules.Load(ctx, s.account.ID, args[0].text)
	if err != nil {
		s.outcome(err, "")
		return
	}
	s.conn.Print("{" + strconv.Itoa(len(source)) + "}\r\n" + source + "\r\n")
	s.ok("", "")
}

// deleteScript answers DELETESCRIPT (RFC 5804 2.10).
func (s *session) deleteScript(ctx context.Context, args []argument) {
	s.outcome(s.srv.cfg.Rules.Delete(ctx, s.account.ID, args[0].text), "The script is gone")
}

// renameScript answers RENAMESCRIPT (RFC 5804 2.11.1).
func (s *session) renameScript(ctx context.Context, args []argument) {
	s.outcome(s.srv.cfg.Rules.Rename(ctx, s.account.ID, args[0].text, args[1].text), "The script has another name")
}

// checkScript answers CHECKSCRIPT (RFC 5804 2.12).
func (s *session) checkScript(_ context.Context, args []argument) {
	_, err := sieve.Compile(args[0].text)
	s.outcome(err, "The script is right")
}
