package imap

import (
	"context"
	"errors"
	"strings"

	"martlet/mail"
	"martlet/mail/door"
	"martlet/push"
)

// idleCommand answers IDLE (RFC 2177, RFC 9051 6.3.13): the session waits for
// DONE and is woken by the hub when the selected mailbox changes. Nothing polls,
// and while nothing happens there is not even a goroutine.
func (s *session) idleCommand(ctx context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	s.out.raw("+ idling\r\n")
	s.idling = true
	s.watch()
	if s.view != nil {
		if err := s.tell(ctx, true); err != nil {
			s.fail(err)
		}
	}
	return reply{} // comes when the client is done
}

// watch has the hub wake the session when the selected mailbox changes. Whoever
// calls it reads the log afterwards: the other order loses what happens in
// between.
func (s *session) watch() {
	s.conn.TakeWake()
	if s.view == nil {
		return
	}
	s.srv.cfg.Hub.Add(&s.waiter, s, uint64(s.view.at.Box), push.FoldersOf(uint32(s.view.at.Folder)))
	if s.view.at.Box != s.box { // it may be taken away
		s.srv.cfg.Hub.Add(&s.links, s, uint64(s.box), push.FoldersOf(uint32(mail.Hierarchy)))
	}
}

// unwatch ends IDLE.
func (s *session) unwatch() {
	if !s.idling {
		return
	}
	s.idling = false
	s.srv.cfg.Hub.Remove(&s.waiter)
	s.srv.cfg.Hub.Remove(&s.links)
}

// idle waits for DONE or for news. An error is that of reading.
func (s *session) idle(ctx context.Context) error {
	s.wait(forWake)
	line, err := s.conn.Line(maxEarly)
	if errors.Is(err, door.ErrWoken) {
		s.conn.TakeWake()
		s.tellIdle(ctx)
		return nil
	}
	if err != nil {
		return err
	}
	s.heardNow()
	s.unwatch()
	err = nil
	if !strings.EqualFold(string(line), "DONE") {
		err = bad("DONE was expected")
	}
	s.answer(s.tag, s.conclude(ctx, "IDLE", true, err))
	return nil
}

// tellIdle tells a client in IDLE what is new.
func (s *session) tellIdle(ctx context.Context) {
	if s.view == nil {
		return
	}
	err := s.stillWelcome(ctx)
	if s.done {
		return
	}
	if err == nil {
		err = s.tell(ctx, true)
	}
	if err != nil {
		s.fail(err)
	}
}
