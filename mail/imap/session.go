package imap

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

	goimap "github.com/emersion/go-imap/v2"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
)

// session is one connection. Its fields belong to the session's goroutine, but
// for those under mu.
type session struct {
	srv        *Server
	conn       net.Conn
	in         reader
	out        writer
	remote     netip.Addr
	remoteText string
	tls        *tls.ConnectionState

	state    goimap.ConnState
	account  directory.Account
	box      mail.MailboxID
	restored uint32 // when the store was: see uidValidity
	linked   bool   // there are folders of others among the account's
	rev2     bool   // the client enabled IMAP4rev2 (RFC 9051 6.3.1)
	view     *view  // of the selected mailbox
	// condstore: the client has shown that it knows of ModSeqs, and is told of them
	// wherever flags change (RFC 7162 3.1).
	condstore bool
	tag       string // of the command that is run

	message *literal // of APPEND, announced and not read yet

	commands, errors, authFailures int
	born, heard                    time.Time // since when; when the client last spoke
	until                          time.Time // when the message must be there that is being read
	mode                           readMode
	done                           bool

	waiter push.Waiter
	links  push.Waiter // for the hierarchy, when the selected mailbox is another's

	mu      sync.Mutex
	idle    bool // a read waits that may be broken off
	leaving bool // Shutdown wants the session to end
	woken   bool // the hub says that the selected folder changed
}

// readMode says what a read waits for.
type readMode uint8

const (
	forCommand readMode = iota // Shutdown may break it off
	forMore                    // the rest of a command
	forWake                    // in IDLE: a wake may break it off too
)

var (
	errLeaving = errors.New("imap: shutting down")
	errWoken   = errors.New("imap: woken")
)

func newSession(srv *Server, conn net.Conn) *session {
	now := time.Now()
	s := &session{srv: srv, conn: conn, remote: addrOf(conn.RemoteAddr()), born: now, heard: now, state: goimap.ConnStateNotAuthenticated}
	s.remoteText = s.remote.String()
	if !s.remote.IsValid() {
		s.remoteText = conn.RemoteAddr().Network()
	}
	return s
}

// serve speaks with the client until one of them has had enough.
func (s *session) serve(ctx context.Context) {
	s.in = reader{src: s.conn, before: s.beforeRead, after: s.afterRead}
	s.out.conn = s.conn
	defer s.unselect()
	if conn, ok := s.conn.(*tls.Conn); ok && !s.handshake(ctx, conn) {
		return
	}
	s.out.rawf("* OK [CAPABILITY %s] %s ready\r\n", s.capability(), s.srv.cfg.Hostname)
	for !s.done && s.out.err == nil {
		s.serveCommand(ctx)
	}
	_ = s.out.flush()
	if err := s.out.err; err != nil && !errors.Is(err, io.EOF) {
		s.srv.log.Debug("imap session broke", "remote", s.remoteText, "error", err)
	}
}

// serveCommand reads a command and answers it.
func (s *session) serveCommand(ctx context.Context) {
	s.in.shrink()
	cmd, err := s.readCommand()
	if err != nil {
		s.end(err)
		return
	}
	if cmd == nil { // refused already
		return
	}
	if s.state == goimap.ConnStateNotAuthenticated {
		if s.commands++; s.commands > maxEarlyCommands {
			s.bye("Too many commands before a login")
			return
		}
	}
	p := &parser{b: cmd, utf8: s.rev2}
	s.tag = p.tag()
	if p.err != nil {
		s.answer("*", s.mistake(bad("A command begins with a tag")))
	} else {
		s.answer(s.tag, s.run(ctx, p))
	}
	s.leaveMessage()
}

// run runs one command.
func (s *session) run(ctx context.Context, p *parser) reply {
	p.sp()
	verb := strings.ToUpper(p.atom())
	if p.err != nil {
		return s.mistake(bad("A command is missing"))
	}
	cmd, known := s.srv.commands[verb]
	if known && cmd.offered != nil {
		known = cmd.offered(s)
	}
	switch {
	case !known && isForeign(verb):
		s.bye("This is not that protocol")
		return reply{}
	case !known:
		return s.mistake(bad("Command not known"))
	case !cmd.in.has(s.state):
		return s.mistake(bad("Not now"))
	}
	err := s.stillWelcome(ctx)
	if err == nil {
		err = cmd.run(s, ctx, p)
	}
	rep := s.outcome(verb, err)
	if rep.kind == kindBad {
		return s.mistake(rep)
	}
	if cmd.tells && s.view != nil && !s.done {
		if err := s.tell(ctx, true); err != nil {
			s.fail(err)
		}
	}
	return rep
}

// isForeign tells whether the first word is that of another protocol: a
// browser made to speak to this port on someone's behalf. The tag is the verb
// there, so the path stands where we expect a command.
func isForeign(verb string) bool {
	return strings.HasPrefix(verb, "/") || strings.HasPrefix(verb, "HTTP")
}

// mistake counts a reply to something that made no sense; the last one ends
// the session.
func (s *session) mistake(r reply) reply {
	if s.errors++; s.errors >= maxErrors {
		s.bye("Too many errors")
		return reply{}
	}
	return r
}

// bye says that the session ends (RFC 9051 7.1.5).
func (s *session) bye(text string) {
	if !s.done {
		s.out.rawf("* BYE %s\r\n", text)
		s.done = true
	}
}

// fail ends a session that cannot go on.
func (s *session) fail(err error) {
	if errors.Is(err, mail.ErrNoFolder) {
		s.bye("The selected mailbox is gone")
		return
	}
	s.srv.log.Error("imap session cannot go on", "remote", s.remoteText, "user", s.account.Login, "error", err)
	s.bye("[SERVERBUG] Internal error")
}

// end turns a failed read into the last words, if the client still listens.
func (s *session) end(err error) {
	switch {
	case errors.Is(err, errLeaving), (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errWoken)) && s.isLeaving():
		s.bye("Shutting down")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.bye("Silent for too long")
	case errors.Is(err, errLineTooLong):
		s.bye("Line too long")
	case errors.Is(err, errBareNewline):
		s.bye("Lines end in CRLF and hold no other CR or LF")
	case errors.Is(err, errNonSync):
		s.bye("[TOOBIG] Literal too long to be sent without asking")
	case errors.Is(err, io.EOF):
	default:
		s.srv.log.Debug("imap session broke", "remote", s.remoteText, "error", err)
	}
	s.done = true
}

// beforeRead sends what is pending and sets the deadline of the next read.
func (s *session) beforeRead() error {
	if err := s.out.flush(); err != nil {
		return err
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mode == forMore {
		limit := now.Add(literalTimeout)
		if !s.until.IsZero() && s.until.Before(limit) {
			limit = s.until
		}
		return s.conn.SetReadDeadline(limit)
	}
	s.out.release()
	if s.leaving {
		return errLeaving
	}
	if s.mode == forWake && s.woken {
		return errWoken
	}
	s.idle = true
	limit := s.heard.Add(idleTimeout)
	if s.state == goimap.ConnStateNotAuthenticated {
		limit = s.born.Add(earlyTimeout)
	}
	return s.conn.SetReadDeadline(limit)
}

// heardNow notes that the client is there.
func (s *session) heardNow() { s.heard = time.Now() }

func (s *session) afterRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = false
}

// Wake is for the hub. It breaks off the read that an idle session waits in, so
// that a session has one goroutine.
func (s *session) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woken = true
	if s.idle {
		s.conn.SetReadDeadline(time.Unix(1, 0))
	}
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

// takeWake tells whether there was a wake, and forgets it.
func (s *session) takeWake() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.woken
	s.woken = false
	return w
}

func (s *session) close() { s.conn.Close() }

// abort closes the connection under the session's feet.
func (s *session) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.Close()
}
