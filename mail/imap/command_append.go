package imap

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
	"martlet/store"
)

// appendArgs is what APPEND says before the message.
type appendArgs struct {
	mailbox string
	flags   []goimap.Flag
	time    time.Time
}

// parseAppend reads the arguments of APPEND up to the announcement of the
// message, with which the command must end (RFC 9051 6.3.12).
func parseAppend(p *parser) (a appendArgs, isMessage bool) {
	p.sp()
	a.mailbox = p.mailbox()
	p.sp()
	if p.peek() == '(' {
		a.flags = p.flags()
		p.sp()
	}
	if p.peek() == '"' {
		a.time = p.dateTime()
		p.sp()
	}
	if p.err != nil {
		return a, false
	}
	rest := p.b[p.pos:]
	if !bytes.HasSuffix(rest, []byte("\r\n")) {
		return a, false
	}
	_, at, ok := literalAt(rest[:len(rest)-2])
	return a, ok && (at == 0 || at == 1 && rest[0] == '~')
}

// append answers APPEND. The message is durable when it says so.
func (s *session) append(ctx context.Context, p *parser) error {
	a, isMessage := parseAppend(p)
	l := s.message
	switch {
	case p.err != nil:
		return p.err
	case !isMessage || l == nil:
		return errSyntax
	case l.size > s.srv.cfg.MaxMessageBytes:
		return no("TOOBIG", "The message is too large")
	case l.size == 0:
		return bad("A message is not empty")
	}
	c, err := newChange(goimap.StoreFlagsSet, a.flags)
	if err != nil {
		return err
	}
	var dst mail.FolderID
	err = s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err := s.findFolder(tx, a.mailbox)
		dst = n.ID
		return err
	})
	if errors.Is(err, mail.ErrNoFolder) {
		return no("TRYCREATE", "No such mailbox")
	}
	if err != nil {
		return err
	}
	return s.receive(ctx, l, dst, c, a.time)
}

// receive reads the message and puts it into the folder.
func (s *session) receive(ctx context.Context, l *literal, dst mail.FolderID, c change, received time.Time) error {
	got := &taken{ctx: ctx, srv: s.srv, size: l.size}
	defer got.release()
	if !got.room(min(l.size, firstBuffer)) {
		return errBusy
	}
	s.message = nil
	if err := s.readMessage(l, got); err != nil {
		s.end(err)
		return reply{}
	}
	raw := got.raw
	switch line, err := s.conn.Line(maxEarly); {
	case err != nil:
		s.end(err)
		return reply{}
	case len(line) > 0: // one message at a time: MULTIAPPEND is not offered
		if _, _, more := literalAt(line); more {
			s.end(errNonSync)
			return reply{}
		}
		return errSyntax
	}
	if got.refused {
		return errBusy
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return no("UNKNOWN-CTE", "A message with NUL cannot be kept")
	}
	body, err := s.srv.cfg.Mailboxes.Prepare(ctx, raw)
	if err != nil {
		return err
	}
	item := mail.Item{}
	c.apply(&item)
	n := mail.NewItem{Class: mail.ClassEmail, Body: body, Flags: item.Flags, FollowUp: item.FollowUp, Keywords: item.Keywords, Own: true}
	if !received.IsZero() {
		n.Received = max(received.UnixMilli(), 1)
	}
	var it mail.Item
	err = s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) (err error) {
		if err := s.srv.cfg.Mailboxes.Room(tx, s.box, dst, n.Blob.Size, 1); err != nil {
			return err
		}
		it, err = s.srv.cfg.Mailboxes.Append(tx, s.box, dst, n)
		return err
	})
	if errors.Is(err, mail.ErrNoFolder) {
		return no("TRYCREATE", "No such mailbox")
	}
	if err != nil {
		return err
	}
	// RFC 4315 3.
	return ok("APPENDUID "+strconv.Itoa(int(s.uidValidity(dst)))+" "+strconv.Itoa(int(it.ID)), "APPEND completed")
}

// readMessage asks for the message and reads it.
func (s *session) readMessage(l *literal, got *taken) error {
	if !l.nonSync {
		s.out.raw("+ Ready\r\n")
	}
	s.until = time.Now().Add(messageTimeout)
	s.wait(forMore)
	defer func() {
		s.until = time.Time{}
		s.wait(forMore)
	}()
	return s.conn.Exactly(l.size, got.take)
}

var errBusy = no("UNAVAILABLE", "Too many messages are under way")

// taken is what has come of a message. It takes its share of the memory as the
// message comes: a client that announces a large one and is slow, as one with a
// bad network is, keeps nobody else waiting.
type taken struct {
	ctx     context.Context
	srv     *Server
	size    int64 // that was announced
	raw     []byte
	held    int64
	refused bool // there is no room for it: what still comes is dropped
}

func (t *taken) take(piece []byte) error {
	if t.refused {
		return nil
	}
	if n := int64(len(t.raw) + len(piece)); n > t.held && !t.room(min(t.size, max(n, 2*t.held))) {
		t.refused, t.raw = true, nil
		t.release()
		return nil
	}
	if t.raw == nil {
		t.raw = make([]byte, 0, t.held)
	}
	t.raw = append(t.raw, piece...)
	return nil
}

// room makes sure of that much memory.
func (t *taken) room(n int64) bool {
	wait, cancel := context.WithTimeout(t.ctx, memoryTimeout)
	defer cancel()
	if t.srv.inFlight.Acquire(wait, n-t.held) != nil {
		return false
	}
	t.held = n
	return true
}

func (t *taken) release() {
	t.srv.inFlight.Release(t.held)
	t.held = 0
}

// firstBuffer is for most messages; longer ones grow into theirs.
const firstBuffer = 64 << 10
