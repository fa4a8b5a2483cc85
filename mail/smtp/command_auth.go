package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"martlet/directory"
	"martlet/mail/door"
	"martlet/mail/sasl"
)

// mayAuth tells whether somebody may log in now: only at users' listeners, and
// never in the clear.
func (s *session) mayAuth() bool {
	return s.srv.cfg.Mode == Submission && s.conn.Secure() && !s.authed
}

// errCancelled is the client's "*" (RFC 4954 4).
var errCancelled = errors.New("smtp: authentication cancelled")

// visit is what the client can log in with.
func (s *session) visit() *sasl.Visit {
	return s.srv.cfg.Gate.Visit(sasl.Visitor{
		Protocol: directory.ProtocolSMTP, Addr: s.remote, TLS: s.conn.TLS(), Blocked: s.conn.Blocked,
	})
}

// auth answers AUTH (RFC 4954 4).
func (s *session) auth(ctx context.Context, arg string) reply {
	switch {
	case s.srv.cfg.Mode != Submission:
		return answer(502, "5.5.1", "Authentication is not offered here")
	case s.helo == "":
		return replyHelloFirst
	case !s.conn.Secure():
		return answer(538, "5.7.11", "Issue STARTTLS first")
	case s.authed:
		return answer(503, "5.5.1", "You are authenticated")
	case s.started:
		return answer(503, "5.5.1", "A message is under way")
	}
	name, text, _ := strings.Cut(arg, " ")
	if name == "" {
		return answer(501, "5.5.4", "Syntax: AUTH mechanism")
	}
	m, err := s.visit().New(name)
	if err != nil {
		return answer(504, "5.5.4", "Mechanism not known")
	}
	var initial []byte
	if text != "" {
		if initial, err = sasl.Decode(text); err != nil {
			return replyNotSASL
		}
	}
	var broken error
	err = sasl.Converse(ctx, m, initial, func(challenge []byte) (response []byte, err error) {
		response, err = s.ask(challenge)
		if !errors.Is(err, sasl.ErrSyntax) {
			broken = err
		}
		return response, err
	})
	if broken != nil {
		return s.brokenOff(broken)
	}
	return s.enter(ctx, m, err)
}

var replyNotSASL = answer(501, "5.5.2", "Not what the mechanism asks for")

// brokenOff answers when the exchange could not go on.
func (s *session) brokenOff(err error) reply {
	switch {
	case errors.Is(err, errCancelled):
		return answer(501, "5.7.0", "Authentication cancelled")
	case errors.Is(err, door.ErrLineTooLong):
		return answer(500, "5.5.6", "Line too long")
	case errors.Is(err, door.ErrBareNewline):
		return replyNotSASL
	}
	s.end(err)
	return reply{}
}

// enter answers what came of an attempt, and slows down whoever guesses.
func (s *session) enter(ctx context.Context, m sasl.Mechanism, err error) reply {
	switch sasl.Judge(err) {
	case sasl.Accepted:
		s.account, s.authed = m.Account(), true
		return answer(235, "2.7.0", "Authentication succeeded")
	case sasl.Mistake:
		return replyNotSASL
	case sasl.Refused:
		return goodbye(421, "4.7.0", "Too many failures, try again later")
	case sasl.Wrong:
	default:
		s.srv.log.Error("smtp authentication not possible", "remote", s.name, "error", err)
		return answer(454, "4.7.0", "Temporary failure, try again later")
	}
	s.srv.log.Warn("smtp authentication failed", "remote", s.name, "login", m.Login(), "error", err)
	if s.conn.Failed(ctx) {
		return goodbye(421, "4.7.0", "Too many failures, closing the connection")
	}
	return answer(535, "5.7.8", "Wrong login or password")
}

// ask sends a challenge and reads the response.
func (s *session) ask(challenge []byte) ([]byte, error) {
	s.write(reply{code: 334, lines: []string{base64.StdEncoding.EncodeToString(challenge)}})
	line, err := s.in.line(maxAuthLine)
	if err != nil {
		return nil, err
	}
	if string(line) == "*" {
		return nil, errCancelled
	}
	return sasl.Decode(string(line))
}
