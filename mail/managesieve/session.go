package managesieve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail/door"
	"martlet/mail/rules"
	"martlet/mail/sieve"
)

// session is one connection.
type session struct {
	srv  *Server
	conn *door.Conn
	who  string // the client is, for the log

	account  directory.Account // ID zero: nobody has logged in
	commands int
	errors   int
	born     time.Time
	heard    time.Time
	until    time.Time // when the rest of a command must be there
	done     bool
}

func newSession(srv *Server, conn *door.Conn) *session {
	now := time.Now()
	return &session{srv: srv, conn: conn, who: conn.Name(), born: now, heard: now}
}

// Serve speaks with the client until one of them has had enough.
func (s *session) Serve(ctx context.Context) {
	s.capabilities()
	s.ok("", s.srv.cfg.Hostname+" ready")
	for !s.done && s.conn.Broken() == nil {
		s.conn.Shrink()
		q, err := s.readRequest()
		switch {
		case err == nil:
			s.run(ctx, q)
		case isEnd(err):
			s.end(err)
		case errors.Is(err, errSyntax):
			s.mistake("Not a command as RFC 5804 writes it")
		default: // errTooLong
			s.no("QUOTA/MAXSIZE", rules.ErrTooLarge.Error())
		}
	}
	_ = s.conn.Flush()
}

// isEnd tells whether nothing more can be read.
func isEnd(err error) bool {
	return !errors.Is(err, errSyntax) && !errors.Is(err, errTooLong) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errEndless) ||
		errors.Is(err, door.ErrLineTooLong) || errors.Is(err, door.ErrBareNewline) || errors.Is(err, door.ErrLeaving)
}

// Ended implements door.Session.
func (s *session) Ended() {}

// end says why the session is over, where that can be said.
func (s *session) end(err error) {
	switch {
	case errors.Is(err, door.ErrLeaving):
		s.bye("TRYLATER", "Shutting down")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.bye("", "Silent for too long")
	case errors.Is(err, door.ErrLineTooLong):
		s.bye("", "Line too long")
	case errors.Is(err, door.ErrBareNewline):
		s.bye("", "Lines end in CRLF and hold no other CR or LF")
	case errors.Is(err, errEndless):
		s.bye("QUOTA/MAXSIZE", "That is too long to be read")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
	default:
		s.srv.log.Debug("sieve session broke", "remote", s.who, "error", err)
	}
	s.done = true
}

// wait says for how long the client is waited for: for a command, or for the rest
// of one.
func (s *session) wait(more bool) {
	s.conn.Busy = more
	switch {
	case more:
		s.conn.Until = s.until
	case s.account.ID == 0:
		s.conn.Until = s.born.Add(earlyTimeout)
	default:
		s.conn.Until = s.heard.Add(idleTimeout)
	}
}

// run runs one command.
func (s *session) run(ctx context.Context, q request) {
	if s.account.ID == 0 {
		if s.commands++; s.commands > maxEarly {
			s.bye("", "Too many commands before a login")
			return
		}
	}
	c, known := s.srv.commands[q.verb]
	switch {
	case !known && (q.verb == "GET" || q.verb == "POST" || q.verb == "HEAD" || q.verb == "PUT"):
		s.bye("", "This is not that protocol")
	case !known:
		s.mistake("Command not known")
	case c.late && s.account.ID == 0:
		s.mistake("Log in first")
	case !fits(q.args, c.takes):
		s.mistake("Not the arguments of " + q.verb)
	case c.late && !s.stillWelcome(ctx):
	default:
		c.run(s, ctx, q.args)
	}
}

// stillWelcome ends the session of an account that is gone or barred by now.
func (s *session) stillWelcome(ctx context.Context) bool {
	a, err := s.srv.cfg.Gate.Directory.Account(ctx, s.account.ID)
	switch {
	case errors.Is(err, directory.ErrNoAccount), err == nil && (a.Disabled || a.Server != ""):
		s.bye("", "Log in again")
		return false
	case err != nil:
		s.failed(err)
		return false
	}
	return true
}

// fits compares arguments with a pattern: s for a string, n for a number; what
// stands behind ? may be left out.
func fits(args []argument, pattern string) bool {
	needed, optional, _ := strings.Cut(pattern, "?")
	kinds := needed + optional
	if len(args) < len(needed) || len(args) > len(kinds) {
		return false
	}
	for i, a := range args {
		if (kinds[i] == 'n') != (a.kind == isNumber) {
			return false
		}
	}
	return true
}

// quote writes a string: in quotation marks where it can stand there, else counted
// (RFC 5804 4).
func quote(s string) string {
	if len(s) > 1024 || strings.ContainsAny(s, "\r\n\x00") {
		return "{" + strconv.Itoa(len(s)) + "}\r\n" + s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// answer writes the response that ends a command (RFC 5804 1.2).
func (s *session) answer(word, code, text string) {
	if code != "" {
		code = " (" + code + ")"
	}
	if text != "" {
		text = " " + quote(text)
	}
	s.conn.Print(word + code + text + "\r\n")
}

func (s *session) ok(code, text string) { s.answer("OK", code, text) }
func (s *session) no(code, text string) { s.answer("NO", code, text) }

// bye ends the session.
func (s *session) bye(code, text string) {
	if !s.done {
		s.answer("BYE", code, text)
		s.done = true
	}
}

// mistake answers what made no sense; the last one ends the session.
func (s *session) mistake(text string) {
	if s.errors++; s.errors >= maxErrors {
		s.bye("", "Too many errors")
		return
	}
	s.no("", text)
}

// outcome answers a command about scripts.
func (s *session) outcome(err error, done string) {
	var wrong *sieve.Error
	switch {
	case err == nil:
		s.ok("", done)
	case errors.As(err, &wrong):
		s.no("", wrong.Error())
	case errors.Is(err, rules.ErrNoScript):
		s.no("NONEXISTENT", "There is no such script")
	case errors.Is(err, rules.ErrExists):
		s.no("ALREADYEXISTS", "There is a script of that name")
	case errors.Is(err, rules.ErrActive):
		s.no("ACTIVE", "The script is active")
	case errors.Is(err, rules.ErrTooMany):
		s.no("QUOTA/MAXSCRIPTS", fmt.Sprintf("There can be %d scripts", rules.MaxScripts))
	case errors.Is(err, rules.ErrTooLarge):
		s.no("QUOTA/MAXSIZE", fmt.Sprintf("A script has at most %d bytes, all together %d", sieve.MaxScript, rules.MaxBytes))
	case errors.Is(err, rules.ErrBadName):
		s.no("", "Not the name of a script")
	default:
		s.failed(err)
	}
}

// failed answers a fault of ours.
func (s *session) failed(err error) {
	s.srv.log.Error("sieve command failed", "remote", s.who, "account", uint64(s.account.ID), "error", err)
	s.no("TRYLATER", "Not now, try again later")
}
