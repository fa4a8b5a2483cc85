package imap

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// startTLS answers STARTTLS (RFC 9051 6.2.1).
func (s *session) startTLS(ctx context.Context, p *parser) error {
	switch {
	case p.end() != nil:
		return p.err
	case s.conn.Secure():
		return bad("TLS is on")
	case s.srv.cfg.TLS == nil:
		return bad("TLS is not offered")
	case s.conn.Buffered() > 0:
		// Commands sent behind STARTTLS in the clear would run as if they had
		// come under its protection: someone in between put them there.
		s.bye("Nothing may follow STARTTLS before the handshake")
		return reply{}
	}
	s.answer(s.tag, ok("", "Begin TLS now"))
	if !s.conn.StartTLS(ctx, s.srv.cfg.TLS) {
		s.done = true
	}
	return reply{} // answered already
}

// login answers LOGIN (RFC 9051 6.2.3).
func (s *session) login(ctx context.Context, p *parser) error {
	p.sp()
	name := p.astring()
	p.sp()
	password := p.astring()
	if err := p.end(); err != nil {
		return err
	}
	return s.enter(ctx, name, password)
}

// authenticate answers AUTHENTICATE PLAIN (RFC 9051 6.2.2, RFC 4616), with an
// initial response or without (RFC 4959).
func (s *session) authenticate(ctx context.Context, p *parser) error {
	p.sp()
	mechanism := strings.ToUpper(p.atom())
	initial := ""
	if p.peek() == ' ' {
		p.sp()
		initial = p.run(func(c byte) bool { return isLetter(c) || isDigit(c) || c == '+' || c == '/' || c == '=' })
	}
	switch {
	case p.end() != nil:
		return p.err
	case mechanism != "PLAIN":
		return no("CANNOT", "Mechanism not known")
	case !s.conn.Secure():
		return errPrivacy
	}
	if initial == "" {
		s.out.raw("+ \r\n")
		s.wait(forMore)
		line, err := s.conn.Line(maxEarly)
		if err != nil {
			s.end(err)
			return reply{}
		}
		if initial = string(line); initial == "*" {
			return bad("Cancelled")
		}
	}
	text, err := []byte(nil), error(nil)
	if initial != "=" { // an empty response (RFC 4959 3)
		text, err = base64.StdEncoding.DecodeString(initial)
	}
	parts := bytes.Split(text, []byte{0})
	// Nobody may act as another, so an authorization identity other than the
	// login is a mistake.
	if err != nil || len(parts) != 3 || len(parts[1]) == 0 || len(parts[0]) > 0 && !bytes.Equal(parts[0], parts[1]) {
		return bad("Not what the mechanism asks for")
	}
	return s.enter(ctx, string(parts[1]), string(parts[2]))
}

var errPrivacy = no("PRIVACYREQUIRED", "Use TLS first")

// enter asks the directory and slows down whoever guesses.
func (s *session) enter(ctx context.Context, name, password string) error {
	if !s.conn.Secure() { // never in the clear
		return errPrivacy
	}
	account, err := s.ask(ctx, name, password)
	switch {
	case errors.Is(err, errBlocked):
		s.bye("Too many failures, try again later")
		return reply{}
	case err == nil && account.Server != "":
		return no("CONTACTADMIN", "The mailbox is on another server")
	case err == nil:
		return s.welcome(ctx, account)
	case errors.Is(err, directory.ErrBadCredentials), errors.Is(err, directory.ErrDisabled), errors.Is(err, directory.ErrNoAccount):
	default:
		s.srv.log.Error("imap authentication not possible", "remote", s.who, "error", err)
		return no("UNAVAILABLE", "Not now, try again later")
	}
	s.srv.log.Warn("imap authentication failed", "remote", s.who, "login", name, "error", err)
	if s.conn.Failed(ctx) {
		s.bye("Too many failures")
		return reply{}
	}
	return no("AUTHENTICATIONFAILED", "Wrong login or password")
}

var errBlocked = errors.New("imap: too many failures")

// ask asks the directory. Who shares an address with somebody who guesses gets
// in all the same with what was right a while ago.
func (s *session) ask(ctx context.Context, name, password string) (directory.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	d := s.srv.cfg.Directory
	if !s.conn.Blocked() {
		return d.Authenticate(ctx, name, password)
	}
	if a, known, err := d.Recall(ctx, name, password); known && err == nil {
		return a, nil
	}
	return directory.Account{}, errBlocked
}

func (s *session) welcome(ctx context.Context, a directory.Account) error {
	box := mail.MailboxOf(a.ID)
	if err := s.srv.cfg.Mailboxes.Create(ctx, box); err != nil {
		return err
	}
	err := s.srv.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		s.restored, err = tx.Restored()
		return err
	})
	if err != nil {
		return err
	}
	s.account, s.box, s.state = a, box, goimap.ConnStateAuthenticated
	return ok("CAPABILITY "+s.capability(), "Welcome")
}
