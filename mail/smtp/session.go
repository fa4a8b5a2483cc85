package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"martlet/directory"
	"martlet/mail"
)

// session is one connection. Its fields belong to the session's goroutine,
// but for those under mu.
type session struct {
	srv        *Server
	conn       net.Conn
	in         lineReader
	out        []byte // replies not sent yet
	remote     netip.Addr
	remoteText string
	tls        *tls.ConnectionState

	helo     string
	extended bool // said EHLO or LHLO
	account  directory.Account
	authed   bool

	started bool // MAIL was accepted
	env     mail.Envelope
	chunks  *message // BDAT under way

	errors, refused, authFailures int
	done                          bool

	deadline time.Time // of the message being read; zero: reading a command

	mu      sync.Mutex
	idle    bool // waiting for a command
	leaving bool // Shutdown wants the session to end
}

var errLeaving = errors.New("smtp: shutting down")

func newSession(srv *Server, conn net.Conn) *session {
	s := &session{srv: srv, conn: conn, remote: addrOf(conn.RemoteAddr())}
	s.remoteText = s.remote.String()
	if !s.remote.IsValid() {
		s.remoteText = conn.RemoteAddr().Network()
	}
	return s
}

// serve speaks with the client until one of them has had enough.
func (s *session) serve(ctx context.Context) {
	s.in = lineReader{src: s.conn, buf: make([]byte, readBuffer), before: s.beforeRead, after: s.afterRead}
	defer s.reset()
	if conn, ok := s.conn.(*tls.Conn); ok && !s.handshake(ctx, conn) {
		return
	}
	if s.srv.cfg.Filter != nil {
		if no := s.srv.cfg.Filter.Connect(ctx, s.client()); no.Refuses() {
			s.srv.log.Info("smtp session refused", "remote", s.remoteText, "code", no.Enhanced, "reason", no.Text)
			s.write(refusal(no))
			s.flush()
			return
		}
	}
	s.write(reply{code: 220, lines: []string{s.srv.cfg.Hostname + s.greeting()}})
	for !s.done {
		line, err := s.in.line(s.lineLimit())
		switch {
		case err == nil:
			s.write(s.command(ctx, line))
		case errors.Is(err, errLineTooLong):
			s.write(s.mistake(answer(500, "5.5.6", "Line too long")))
		case errors.Is(err, errBareNewline):
			s.write(s.mistake(answer(500, "5.5.2", "Lines end in CRLF and hold no other CR or LF")))
		default:
			s.end(err)
		}
	}
	s.flush()
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
	case errors.Is(err, errLeaving), errors.Is(err, os.ErrDeadlineExceeded) && s.isLeaving():
		s.write(goodbye(421, "4.3.2", host+" is shutting down"))
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.write(goodbye(421, "4.4.2", host+" timeout, closing the connection"))
	case errors.Is(err, errEndless):
		s.write(goodbye(421, "4.7.0", host+" line without an end, closing the connection"))
	case errors.Is(err, io.EOF):
	default:
		s.srv.log.Debug("smtp session broke", "remote", s.remoteText, "error", err)
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
	s.out = r.append(s.out)
	if r.hangUp {
		s.done = true
	}
}

func (s *session) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := s.conn.Write(s.out)
	s.out = s.out[:0]
	return err
}

// beforeRead sends what is pending and sets the deadline of the next read.
func (s *session) beforeRead() error {
	if err := s.flush(); err != nil {
		return err
	}
	now := time.Now()
	if !s.deadline.IsZero() {
		limit := now.Add(dataTimeout)
		if s.deadline.Before(limit) {
			limit = s.deadline
		}
		return s.conn.SetReadDeadline(limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return errLeaving
	}
	s.idle = true
	return s.conn.SetReadDeadline(now.Add(commandTimeout))
}

func (s *session) afterRead() {
	if !s.deadline.IsZero() {
		return
	}
	s.mu.Lock()
	s.idle = false
	s.mu.Unlock()
}

// hurry makes the session end when it next waits for a command.
func (s *session) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	if s.idle {
		s.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (s *session) isLeaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
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

func (s *session) close() { s.conn.Close() }

// abort closes the connection under the session's feet.
func (s *session) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.Close()
}
