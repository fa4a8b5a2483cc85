package imap

import (
	"bytes"
	"context"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
)

// Messages that a client puts into a mailbox come as the data of a command: in one
// literal or several, with text of the command between them (RFC 3502, RFC 4469).
// A literal is read where the command has come to it, so that it goes to where it
// is kept, and the line behind it is the command's next text.

// incoming is what has come of the messages of one command.
type incoming struct {
	items []mail.NewItem
	// before is asked once, before any data is: whether it has a place to go.
	before func() error
}

// takeMessages takes messages up to the end of the command, at most as many as
// said. What has come is in the blob store, and nothing refers to it yet.
func (s *session) takeMessages(ctx context.Context, p *parser, in *incoming, most int) error {
	for {
		p.sp()
		n, err := s.takeMessage(ctx, p, in)
		if err != nil {
			return err
		}
		in.items = append(in.items, n)
		switch {
		case p.err != nil:
			return p.err
		case p.pos == len(p.b):
			return nil
		case len(in.items) == most:
			if most == 1 {
				return errSyntax
			}
			return no("LIMIT", "Too many messages at once")
		}
	}
}

func (s *session) takeMessage(ctx context.Context, p *parser, in *incoming) (n mail.NewItem, err error) {
	flags, at := p.description()
	if p.err != nil {
		return n, p.err
	}
	c, err := newChange(goimap.StoreFlagsSet, flags)
	if err != nil {
		return n, err
	}
	got := &taken{ctx: ctx, srv: s.srv}
	defer got.release()
	if err := s.takeData(p, in, got); err != nil {
		return n, err
	}
	switch {
	case got.refused:
		return n, errBusy
	case len(got.raw) == 0:
		return n, bad("A message is not empty")
	case bytes.IndexByte(got.raw, 0) >= 0:
		return n, no("UNKNOWN-CTE", "A message with NUL cannot be kept")
	}
	body, err := s.srv.cfg.Mailboxes.Prepare(ctx, got.raw)
	if err != nil {
		return n, err
	}
	item := mail.Item{}
	c.apply(&item)
	n = mail.NewItem{Class: mail.ClassEmail, Body: body, Flags: item.Flags, FollowUp: item.FollowUp, Keywords: item.Keywords, Own: true}
	if !at.IsZero() {
		n.Received = max(at.UnixMilli(), 1)
	}
	return n, nil
}

// takeData takes the bytes of one message.
func (s *session) takeData(p *parser, in *incoming, got *taken) error {
	switch {
	case p.word(wordUTF8):
		if err := s.takeLiteralInto(p, in, got); err != nil {
			return err
		}
		p.expect(')')
		return p.err
	case p.word(wordCatenate):
		return s.catenate(p, in, got)
	}
	return s.takeLiteralInto(p, in, got)
}

// catenate puts a message together (RFC 4469 3).
func (s *session) catenate(p *parser, in *incoming, got *taken) error {
	for parts := 0; ; parts++ {
		if parts == maxCatenated {
			return no("LIMIT", "Too many pieces")
		}
		switch p.name() {
		case "TEXT":
			p.sp()
			if err := s.takeLiteralInto(p, in, got); err != nil {
				return err
			}
		case "URL":
			p.sp()
			url := p.astring()
			if p.err != nil {
				return p.err
			}
			if err := in.ready(); err != nil {
				return err
			}
			if err := s.takeURL(url, got); err != nil {
				return err
			}
		default:
			p.fail()
		}
		if p.try(')') || p.err != nil {
			return p.err
		}
		p.sp()
	}
}

// ready asks once whether the messages have a place to go.
func (in *incoming) ready() error {
	if in.before == nil {
		return nil
	}
	before := in.before
	in.before = nil
	return before()
}

// takeLiteralInto reads the literal that the text ends with, and the line behind it,
// which is the text from then on.
func (s *session) takeLiteralInto(p *parser, in *incoming, got *taken) error {
	l := s.message
	switch {
	case p.err != nil:
		return p.err
	case l == nil || !p.announces():
		return errSyntax
	case got.size+l.size > s.srv.cfg.MaxMessageBytes:
		return no("TOOBIG", "The message is too large")
	case l.size == 0 && !l.nonSync: // RFC 3502 3: the client gives up
		return bad("A message is not empty")
	}
	if err := in.ready(); err != nil {
		return err
	}
	got.size += l.size
	if !got.room(min(got.size, max(firstBuffer, got.held))) {
		return errBusy
	}
	s.message = nil
	if err := s.readMessage(l, got); err != nil {
		s.end(err)
		return reply{}
	}
	line, err := s.conn.Line(maxCommand)
	if err != nil {
		s.end(err)
		return reply{}
	}
	p.b, p.pos = append(p.b[:0], line...), 0
	if next, _, more := literalAt(line); more {
		p.b = append(p.b, "\r\n"...)
		s.message = &next
		if next.nonSync && next.size > s.maxNonSync() {
			s.end(errNonSync)
			return reply{}
		}
	}
	return nil
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
	size    int64 // that was announced so far
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
	if n <= t.held {
		return true
	}
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
