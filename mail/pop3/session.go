package pop3

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail/door"
)

// session is one connection. Its fields belong to the session's goroutine.
type session struct {
	srv  *Server
	conn *door.Conn
	who  string // the client is, for the log

	user    string // of USER
	account directory.Account
	drop    *maildrop // once logged in

	born             time.Time
	errors, commands int
	done             bool
}

func newSession(srv *Server, conn *door.Conn) *session {
	return &session{srv: srv, conn: conn, who: conn.Name(), born: time.Now()}
}

// Serve speaks with the client until one of them has had enough.
func (s *session) Serve(ctx context.Context) {
	s.ok("%s POP3 ready", s.srv.cfg.Hostname)
	for !s.done && s.conn.Broken() == nil {
		s.forCommand()
		line, err := s.conn.Line(s.lineLimit())
		if err != nil {
			s.end(err)
			break
		}
		s.command(ctx, string(line))
	}
	_ = s.conn.Flush()
}

// Ended lets go of the inbox. What was only marked stays (RFC 1939 3).
func (s *session) Ended() {
	if s.drop != nil {
		s.srv.unlock(s.account.ID)
	}
}

// forCommand waits for commands from now on, which Shutdown may break off.
func (s *session) forCommand() {
	s.conn.Busy, s.conn.Patience, s.conn.Until = false, idleTimeout, time.Time{}
	if s.drop == nil {
		s.conn.Until = s.born.Add(earlyTimeout)
	}
}

// lineLimit is longer where an AUTH command may carry its response.
func (s *session) lineLimit() int {
	if s.drop == nil && s.conn.Secure() {
		return maxAuth
	}
	return maxLine
}

// end turns a failed read into the last reply, if the client still listens.
func (s *session) end(err error) {
	s.done = true
	switch {
	case errors.Is(err, door.ErrLeaving):
		s.no("[SYS/TEMP] Shutting down")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.no("[SYS/TEMP] Silent for too long")
	case errors.Is(err, door.ErrLineTooLong):
		s.no("Line too long")
	case errors.Is(err, door.ErrBareNewline):
		s.no("Lines end in CRLF and hold no other CR or LF")
	case errors.Is(err, io.EOF):
	default:
		s.srv.log.Debug("pop3 session broke", "remote", s.who, "error", err)
	}
}

// command runs one command line.
func (s *session) command(ctx context.Context, line string) {
	verb, arg, _ := strings.Cut(line, " ")
	cmd, known := commands[strings.ToUpper(verb)]
	if s.drop == nil {
		if s.commands++; s.commands > maxEarly {
			s.no("Too many commands before a login")
			s.done = true
			return
		}
	}
	switch {
	case !known && isForeign(verb):
		s.no("This is not that protocol")
		s.done = true
	case !known:
		s.mistake("Command not known")
	case s.drop == nil && cmd.in&early == 0, s.drop != nil && cmd.in&late == 0:
		s.mistake("Not now")
	default:
		cmd.run(s, ctx, arg)
	}
}

// isForeign tells whether the first word is that of another protocol: a browser
// made to speak to this port on someone's behalf.
func isForeign(verb string) bool {
	switch strings.ToUpper(verb) {
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "HOST:":
		return true
	}
	return false
}

// ok answers a command that was done.
func (s *session) ok(format string, args ...any) {
	s.conn.Printf("+OK "+format+"\r\n", args...)
}

// no answers one that was not.
func (s *session) no(text string) { s.conn.Print("-ERR " + text + "\r\n") }

// mistake answers something that made no sense; the last one ends the session.
func (s *session) mistake(text string) {
	s.no(text)
	if s.errors++; s.errors >= maxErrors {
		s.no("Too many errors")
		s.done = true
	}
}

// fail answers what could not be done, and is not the client's business.
func (s *session) fail(what string, err error) {
	s.srv.log.Error("pop3 command failed", "remote", s.who, "user", s.account.Login, "command", what, "error", err)
	s.no("[SYS/TEMP] Not now, try again later")
}
