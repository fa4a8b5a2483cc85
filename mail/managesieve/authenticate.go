package managesieve

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"martlet/directory"
	"martlet/mail/sasl"
)

// errCancelled is the client's "*" (RFC 5804 2.1).
var errCancelled = errors.New("managesieve: authentication cancelled")

// authenticate answers AUTHENTICATE (RFC 5804 2.1).
func (s *session) authenticate(ctx context.Context, args []argument) {
	switch {
	case s.account.ID != 0:
		s.mistake("You are logged in")
		return
	case !s.conn.Secure(): // never in the clear
		s.no("ENCRYPT-NEEDED", "Use TLS first")
		return
	}
	m, err := s.visit().New(args[0].text)
	if err != nil {
		s.no("", "Mechanism not known")
		return
	}
	var response []byte
	if len(args) > 1 {
		if response, err = decode(args[1].text); err != nil {
			s.mistake("Not what the mechanism asks for")
			return
		}
	}
	final, err := s.converse(ctx, m, response)
	switch {
	case errors.Is(err, errCancelled):
		s.no("", "Cancelled")
	case s.done:
	default:
		s.enter(ctx, m.Login(), m.Account(), final, err)
	}
}

// converse runs a mechanism. What it says with its success has a place there.
func (s *session) converse(ctx context.Context, m sasl.Mechanism, response []byte) (final []byte, err error) {
	for {
		turn, cancel := context.WithTimeout(ctx, authTimeout)
		challenge, done, err := m.Next(turn, response)
		cancel()
		if done || err != nil && challenge == nil {
			return challenge, err
		}
		s.conn.Print(quote(base64.StdEncoding.EncodeToString(challenge)) + "\r\n")
		answer, readErr := s.readResponse()
		if err != nil { // its answer is of no interest
			return nil, err
		}
		if readErr != nil {
			return nil, readErr
		}
		response = answer
	}
}

// readResponse reads a string with a response in base64.
func (s *session) readResponse() ([]byte, error) {
	r := reading{s: s}
	if err := r.line(); err != nil {
		s.end(err)
		return nil, err
	}
	r.rest = append([]byte(" "), r.rest...)
	_, a, err := r.argument()
	switch {
	case errors.Is(err, errSyntax), errors.Is(err, errTooLong):
		if isEnd(err) {
			s.end(err)
		}
		return nil, sasl.ErrSyntax
	case err != nil:
		s.end(err)
		return nil, err
	case a.kind != isString || len(r.rest) > 0:
		return nil, sasl.ErrSyntax
	case a.text == "*":
		return nil, errCancelled
	}
	return decode(a.text)
}

// decode reads base64; an empty string is an empty response.
func decode(text string) ([]byte, error) {
	if len(text) > maxResponse {
		return nil, sasl.ErrSyntax
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, sasl.ErrSyntax
	}
	return b, nil
}

// enter answers what came of an attempt, and slows down whoever guesses.
func (s *session) enter(ctx context.Context, name string, account directory.Account, final []byte, err error) {
	switch sasl.Judge(err) {
	case sasl.Accepted:
		if account.Server != "" {
			s.no("", "The mailbox is on another server")
			return
		}
		s.account, s.heard = account, time.Now()
		code := ""
		if final != nil {
			code = "SASL " + quote(base64.StdEncoding.EncodeToString(final))
		}
		s.ok(code, "Welcome")
	case sasl.Refused:
		s.bye("TRYLATER", "Too many failures, try again later")
	case sasl.Mistake, sasl.Unknown:
		s.mistake("Not what the mechanism asks for")
	case sasl.Wrong:
		s.srv.log.Warn("sieve authentication failed", "remote", s.who, "login", name, "error", err)
		if s.conn.Failed(ctx) {
			s.bye("", "Too many failures")
			return
		}
		s.no("", "Wrong login or password")
	default:
		s.srv.log.Error("sieve authentication not possible", "remote", s.who, "error", err)
		s.no("TRYLATER", "Not now, try again later")
	}
}
