package imap

import (
	"context"
	"encoding/base64"
	"errors"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/sasl"
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

// visit is what the client can log in with.
func (s *session) visit() *sasl.Visit {
	return s.srv.cfg.Gate.Visit(sasl.Visitor{
		Protocol: directory.ProtocolIMAP, Addr: s.conn.Remote, TLS: s.conn.TLS(), Blocked: s.conn.Blocked,
	})
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
	if !s.conn.Secure() { // never in the clear
		return errPrivacy
	}
	wait, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	account, err := s.visit().Password(wait, name, password)
	return s.enter(ctx, name, account, err)
}

// authenticate answers AUTHENTICATE (RFC 9051 6.2.2), with an initial response
// or without (RFC 4959).
func (s *session) authenticate(ctx context.Context, p *parser) error {
	p.sp()
	mechanism := p.atom()
	initial := ""
	if p.peek() == ' ' {
		p.sp()
		initial = p.run(func(c byte) bool { return isLetter(c) || isDigit(c) || c == '+' || c == '/' || c == '=' })
	}
	if p.end() != nil {
		return p.err
	}
	m, err := s.visit().New(mechanism)
	switch {
	case !s.conn.Secure() && sasl.Known(mechanism):
		return errPrivacy
	case err != nil:
		return no("CANNOT", "Mechanism not known")
	}
	var first []byte
	if initial != "" {
		if first, err = sasl.Decode(initial); err != nil {
			return errNotSASL
		}
	}
	var broken error
	err = sasl.Converse(ctx, m, first, func(challenge []byte) (response []byte, err error) {
		response, err = s.ask(challenge)
		if !errors.Is(err, sasl.ErrSyntax) {
			broken = err
		}
		return response, err
	})
	var rep reply
	switch {
	case errors.As(broken, &rep):
		return rep
	case broken != nil:
		s.end(broken)
		return reply{}
	}
	return s.enter(ctx, m.Login(), m.Account(), err)
}

var (
	errPrivacy = no("PRIVACYREQUIRED", "Use TLS first")
	errNotSASL = bad("Not what the mechanism asks for")
)

// ask sends a challenge and reads the response.
func (s *session) ask(challenge []byte) ([]byte, error) {
	s.out.raw("+ ").raw(base64.StdEncoding.EncodeToString(challenge)).raw("\r\n")
	s.wait(forMore)
	line, err := s.conn.Line(maxEarly)
	if err != nil {
		return nil, err
	}
	if string(line) == "*" {
		return nil, bad("Cancelled")
	}
	return sasl.Decode(string(line))
}

// enter answers what came of an attempt, and slows down whoever guesses.
func (s *session) enter(ctx context.Context, name string, account directory.Account, err error) error {
	switch sasl.Judge(err) {
	case sasl.Accepted:
		if account.Server != "" {
			return no("CONTACTADMIN", "The mailbox is on another server")
		}
		return s.welcome(ctx, account)
	case sasl.Refused:
		s.bye("Too many failures, try again later")
		return reply{}
	case sasl.Mistake:
		return errNotSASL
	case sasl.Wrong:
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
