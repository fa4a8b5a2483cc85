package imap

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/directory"
	"martlet/internal/tracing"
	"martlet/mail"
	"martlet/mail/door"
	"martlet/push"
)

// session is one connection. Its fields belong to the session's goroutine, of
// which there is none while it is parked.
type session struct {
	srv  *Server
	conn *door.Conn
	out  writer
	who  string // the client is, for the log

	state    goimap.ConnState
	account  directory.Account
	box      mail.MailboxID
	restored uint32 // when the store was: see uidValidity
	linked   bool   // there are folders of others among the account's
	rev2     bool   // the client enabled IMAP4rev2 (RFC 9051 6.3.1)
	utf8     bool   // the client enabled that, or UTF8=ACCEPT (RFC 6855 3): names are in UTF-8
	view     *view  // of the selected mailbox
	// condstore: the client has shown that it knows of ModSeqs, and is told of them
	// wherever flags change (RFC 7162 3.1).
	condstore bool
	qresync   bool // the client enabled QRESYNC (RFC 7162 3.2.3)
	// toldBefore is up to where the log was told when the command began.
	toldBefore mail.ModSeq
	tag        string // of the command that is run
	idling     bool   // IDLE is what runs

	message *literal // of APPEND, announced and not read yet

	commands, errors int
	born, heard      time.Time // since when; when the client last spoke
	until            time.Time // when the message must be there that is being read
	greeted          bool
	done             bool

	waiter push.Waiter
	links  push.Waiter // for the hierarchy, when the selected mailbox is another's
}

// readMode says what a read waits for.
type readMode uint8

const (
	forCommand readMode = iota // Shutdown may break it off
	forMore                    // the rest of a command
	forWake                    // in IDLE: a wake may break it off too
)

func newSession(srv *Server, conn *door.Conn) *session {
	now := time.Now()
	s := &session{srv: srv, conn: conn, who: conn.Name(), born: now, heard: now, state: goimap.ConnStateNotAuthenticated}
	s.out.conn = conn
	conn.Pending = s.send
	return s
}

// Serve speaks with the client until one of them has had enough, or until there
// is nothing to say for a while.
func (s *session) Serve(ctx context.Context) {
	if !s.greeted {
		s.greeted = true
		s.out.rawf("* OK [CAPABILITY %s] %s ready\r\n", s.capability(), s.srv.cfg.Hostname)
	}
	for !s.done && s.out.err == nil {
		err := s.serveNext(ctx)
		if errors.Is(err, door.ErrQuiet) {
			s.conn.Park()
			return
		}
		if err != nil {
			s.end(err)
		}
	}
	_ = s.out.flush()
	if err := s.out.err; err != nil && !errors.Is(err, io.EOF) {
		s.srv.log.Debug("imap session broke", "remote", s.who, "error", err)
	}
}

// Ended lets go of the selected mailbox.
func (s *session) Ended() {
	s.unwatch()
	s.unselect()
}

// serveNext reads a command and answers it, or goes on with IDLE. An error is
// that of reading.
func (s *session) serveNext(ctx context.Context) error {
	if s.idling {
		return s.idle(ctx)
	}
	s.conn.Shrink()
	cmd, err := s.readCommand()
	if err != nil || cmd == nil { // nil: refused already
		return err
	}
	if s.state == goimap.ConnStateNotAuthenticated {
		if s.commands++; s.commands > maxEarlyCommands {
			s.bye("Too many commands before a login")
			return nil
		}
	}
	p := &parser{b: cmd, utf8: s.utf8}
	s.tag = p.tag()
	if p.err != nil {
		s.answer("*", s.mistake(bad("A command begins with a tag")))
	} else {
		s.answer(s.tag, s.run(ctx, p))
	}
	s.leaveMessage()
	return nil
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
	if s.toldBefore = 0; s.view != nil {
		s.toldBefore = s.view.seen
	}
	ctx, work := tracing.Start(ctx, s.srv.cfg.Tracer, tracing.Server, "imap")
	defer work.End()
	work.Command("imap", verb)
	err := s.stillWelcome(ctx)
	if err == nil {
		err = cmd.run(s, ctx, p)
	}
	rep := s.conclude(ctx, verb, cmd.tells, err)
	if rep.kind == kindNo || rep.kind == kindBad {
		work.Fail("not done")
	}
	return rep
}

// conclude makes the reply of a command that is over. With tells, what changed
// is told before.
func (s *session) conclude(ctx context.Context, verb string, tells bool, err error) reply {
	rep := s.outcome(verb, err)
	if rep.kind == kindBad {
		return s.mistake(rep)
	}
	if tells && s.view != nil && !s.done && !s.idling {
		if err := s.tell(ctx, true); err != nil {
			s.fail(err)
		}
	}
	return s.told(rep)
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
	s.srv.log.Error("imap session cannot go on", "remote", s.who, "user", s.account.Login, "error", err)
	s.bye("[SERVERBUG] Internal error")
}

// end turns a failed read into the last words, if the client still listens.
func (s *session) end(err error) {
	switch {
	case errors.Is(err, door.ErrLeaving):
		s.bye("Shutting down")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.bye("Silent for too long")
	case errors.Is(err, door.ErrLineTooLong):
		s.bye("Line too long")
	case errors.Is(err, door.ErrBareNewline):
		s.bye("Lines end in CRLF and hold no other CR or LF")
	case errors.Is(err, errNonSync):
		s.bye("[TOOBIG] Literal too long to be sent without asking")
	case errors.Is(err, io.EOF):
	default:
		s.srv.log.Debug("imap session broke", "remote", s.who, "error", err)
	}
	s.done = true
}

// send is called before each wait.
func (s *session) send() error {
	err := s.out.flush()
	if !s.conn.Busy {
		s.out.release()
	}
	return err
}

// wait says what is waited for next, and for how long.
func (s *session) wait(mode readMode) {
	c := s.conn
	c.Busy, c.Wakes, c.Parks = mode == forMore, mode == forWake, mode != forMore
	c.Patience, c.Linger = 0, linger
	switch {
	case mode == forMore:
		c.Patience, c.Until = literalTimeout, s.until
	case s.state == goimap.ConnStateNotAuthenticated:
		c.Until = s.born.Add(earlyTimeout)
	default:
		c.Until = s.heard.Add(idleTimeout)
	}
	if mode == forWake {
		c.Linger = 0
	}
}

// heardNow notes that the client is there.
func (s *session) heardNow() { s.heard = time.Now() }

// Wake is for the hub. It breaks off the wait of a session in IDLE.
func (s *session) Wake() { s.conn.Wake() }
