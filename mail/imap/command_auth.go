package imap

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"time"

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
	case s.tls != nil:
		return bad("TLS is on")
	case s.srv.cfg.TLS == nil:
		return bad("TLS is not offered")
	case s.in.buffered() > 0:
		// Commands sent behind STARTTLS in the clear would run as if they had
		// come under its protection: someone in between put them there.
		s.bye("Nothing may follow STARTTLS before the handshake")
		return reply{}
	}
	s.answer(s.tag, ok("", "Begin TLS now"))
	if err := s.out.flush(); err != nil {
		return reply{}
	}
	conn := tls.Server(s.conn, s.srv.cfg.TLS)
	if !s.handshake(ctx, conn) {
		s.done = true
		return reply{}
	}
	s.in.src = conn
	s.in.drop()
	s.out.conn = conn
	s.mu.Lock()
	s.conn = conn // Shutdown may be looking at it
	s.mu.Unlock()
	return reply{} // answered already
}

// handshake runs the TLS handshake and notes its outcome.
func (s *session) handshake(ctx context.Context, conn *tls.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn.SetDeadline(time.Time{})
	if err := conn.HandshakeContext(ctx); err != nil {
		s.srv.log.Info("imap handshake failed", "remote", s.remoteText, "error", err)
		return false
	}
	state := conn.ConnectionState()
	s.tls = &state
	return true
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
	case s.tls == nil:
		return errPrivacy
	}
	if initial == "" {
		s.out.raw("+ \r\n")
		s.mode = forMore
		line, err := s.in.line(maxEarly)
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
	client := clientOf(s.remote)
	if s.tls == nil { // never in the clear
		return errPrivacy
	}
	account, err := s.ask(ctx, client, name, password)
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
		s.srv.log.Error("imap authentication not possible", "remote", s.remoteText, "error", err)
		return no("UNAVAILABLE", "Not now, try again later")
	}
	s.srv.log.Warn("imap authentication failed", "remote", s.remoteText, "login", name, "error", err)
	s.srv.penalties.failed(client, time.Now())
	s.authFailures++
	wait := time.NewTimer(time.Duration(s.authFailures) * authDelay)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	if s.authFailures >= maxAuthFailures {
		s.bye("Too many failures")
		return reply{}
	}
	return no("AUTHENTICATIONFAILED", "Wrong login or password")
}

var errBlocked = errors.New("imap: too many failures")

// ask asks the directory. Who shares an address with somebody who guesses gets
// in all the same with what was right a while ago.
func (s *session) ask(ctx context.Context, client netip.Prefix, name, password string) (directory.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	d := s.srv.cfg.Directory
	if !s.srv.penalties.blocked(client, time.Now()) {
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
