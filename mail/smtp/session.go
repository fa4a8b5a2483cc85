package smtp

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/door"
)

// session is one connection. Its fields belong to the session's goroutine.
type session struct {
	srv    *Server
	conn   *door.Conn
	in     lineReader
	remote netip.Addr
	name   string // of the client, for the log

	helo     string
	extended bool // said EHLO or LHLO
	account  directory.Account
	authed   bool

	started bool // MAIL was accepted
	env     mail.Envelope
	chunks  *message // BDAT under way

	errors, refused int
	done            bool
}

func newSession(srv *Server, conn *door.Conn) *session {
	s := &session{srv: srv, conn: conn, remote: conn.Remote, name: conn.Name()}
	s.in = lineReader{Reader: &conn.Reader, size: readBuffer}
	s.forCommand()
	return s
}

// Serve speaks with the client until one of them has had enough.
func (s *session) Serve(ctx context.Context) {
	if s.srv.cfg.Filter != nil {
		if no := s.srv.cfg.Filter.Connect(ctx, s.client()); no.Refuses() {
			s.srv.log.Info("smtp session refused", "remote", s.name, "code", no.Enhanced, "reason", no.Text)
			s.write(refusal(no))
			_ = s.conn.Flush()
			return
		}
	}
	s.write(reply{code: 220, lines: []string{s.srv.cfg.Hostname + s.greeting()}})
	for !s.done {
		line, err := s.in.line(s.lineLimit())
		switch {
		case err == nil:
			s.write(s.command(ctx, line))
		case errors.Is(err, door.ErrLineTooLong):
			s.write(s.mistake(answer(500, "5.5.6", "Line too long")))
		case errors.Is(err, door.ErrBareNewline):
			s.write(s.mistake(answer(500, "5.5.2", "Lines end in CRLF and hold no other CR or LF")))
		default:
			s.end(err)
		}
	}
	_ = s.conn.Flush()
}

// Ended lets go of a message under way.
func (s *session) Ended() { s.reset() }

// forCommand waits for commands from now on, which Shutdown may break off.
func (s *session) forCommand() {
	s.conn.Busy, s.conn.Patience, s.conn.Until = false, commandTimeout, time.Time{}
}

// forMessage waits for the bytes of a message.
func (s *session) forMessage() {
	s.conn.Busy, s.conn.Patience, s.conn.Until = true, dataTimeout, time.Now().Add(messageTimeout)
}

// lineLimit is longer where an AUTH command may carry its response.
func (s *session) lineLimit() int {
	if s.mayAuth() {
		return maxAuthLine
	}
	return maxCommandLine
}

func (s *session) greeting() string {
	if s.srv.cfg.Mode == LMTP {
		return " LMTP ready"
	}
	return " ESMTP ready"
}

// end turns a failed read into the last reply, if the client still listens.
func (s *session) end(err error) {
	s.done = true
	host := s.srv.cfg.Hostname
	switch {
	case errors.Is(err, door.ErrLeaving):
		s.write(goodbye(421, "4.3.2", host+" is shutting down"))
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.write(goodbye(421, "4.4.2", host+" timeout, closing the connection"))
	case errors.Is(err, door.ErrEndless):
		s.write(goodbye(421, "4.7.0", host+" line without an end, closing the connection"))
	case errors.Is(err, io.EOF):
	default:
		s.srv.log.Debug("smtp session broke", "remote", s.name, "error", err)
	}
}

// command runs one command line.
func (s *session) command(ctx context.Context, line []byte) reply {
	verb, arg, _ := strings.Cut(string(line), " ")
	cmd, known := commands[strings.ToUpper(verb)]
	if !known || !cmd.spokenIn(s.srv.cfg.Mode) {
		if isForeign(verb) {
			return goodbye(421, "4.7.0", "This is not that protocol")
		}
		return s.mistake(answer(500, "5.5.1", "Command not recognised"))
	}
	rep := cmd.run(s, ctx, strings.TrimRight(arg, " \t"))
	if rep.code >= 500 && rep.code < 506 || rep.code == 555 {
		return s.mistake(rep)
	}
	return rep
}

// isForeign tells whether the first word is that of another protocol: a
// browser made to speak to this port on someone's behalf.
func isForeign(verb string) bool {
	switch strings.ToUpper(verb) {
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "HOST:":
		return true
	}
	return false
}

// mistake counts a reply to something that made no sense; the last one ends
// the session.
func (s *session) mistake(r reply) reply {
	if s.errors++; s.errors < maxErrors {
		return r
	}
	return goodbye(421, "4.7.0", "Too many errors, closing the connection")
}

// refusal counts an address refused; the last one ends the session, so that
// addresses cannot be harvested by guessing.
func (s *session) refusal(r reply) reply {
	if s.refused++; s.refused < maxRefused {
		return r
	}
	return goodbye(421, "4.7.0", "Too many addresses refused, closing the connection")
}

// write keeps a reply until the session would wait for the client.
func (s *session) write(r reply) {
	if len(r.lines) == 0 {
		return
	}
	s.conn.Append(r.append(nil))
	if r.hangUp {
		s.done = true
	}
}

// reset forgets the transaction (RFC 5321 4.1.1.5).
func (s *session) reset() {
	s.started = false
	s.env = mail.Envelope{}
	if s.chunks != nil {
		s.chunks.free()
		s.chunks = nil
	}
}
