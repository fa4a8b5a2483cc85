package imap

import (
	"context"
	"errors"
	"os"
	"strings"

	"martlet/mail"
	"martlet/push"
)

// idleCommand answers IDLE (RFC 2177, RFC 9051 6.3.13): the session waits for
// DONE and is woken by the hub when the selected mailbox changes. The hub's wake
// breaks off the read that waits for the client, so nothing polls and no second
// goroutine waits.
func (s *session) idleCommand(ctx context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	s.out.raw("+ idling\r\n")
	s.in.shrink()
	if s.view != nil {
		s.takeWake()
		// Register first and read the log afterwards: the other order loses what
		// happens in between.
		s.srv.cfg.Hub.Add(&s.waiter, s, uint64(s.view.at.Box), push.FoldersOf(uint32(s.view.at.Folder)))
		defer s.srv.cfg.Hub.Remove(&s.waiter)
		if s.view.at.Box != s.box { // it may be taken away
			s.srv.cfg.Hub.Add(&s.links, s, uint64(s.box), push.FoldersOf(uint32(mail.Hierarchy)))
			defer s.srv.cfg.Hub.Remove(&s.links)
		}
		if err := s.tell(ctx, true); err != nil {
			s.fail(err)
			return reply{}
		}
	}
	for {
		s.mode = forWake
		line, err := s.in.line(maxEarly)
		s.mode = forMore
		switch {
		case err == nil && strings.EqualFold(string(line), "DONE"):
			s.heardNow()
			return nil
		case err == nil:
			s.heardNow()
			return bad("DONE was expected")
		case (errors.Is(err, errWoken) || errors.Is(err, os.ErrDeadlineExceeded)) && !s.isLeaving() && s.takeWake():
			if s.view == nil {
				continue
			}
			err := s.stillWelcome(ctx)
			if s.done {
				return reply{}
			}
			if err == nil {
				err = s.tell(ctx, true)
			}
			if err != nil {
				s.fail(err)
				return reply{}
			}
		default:
			s.end(err)
			return reply{}
		}
	}
}
