package smtp

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"martlet/directory"
	"martlet/mail/door"
)

// mayAuth tells whether a password may be sent now: only users' listeners
// take one, and never in the clear.
func (s *session) mayAuth() bool {
	return s.srv.cfg.Mode == Submission && s.conn.Secure() && !s.authed
}

// errCancelled is the client's "*" (RFC 4954 4).
var errCancelled = errors.New("smtp: authentication cancelled")

// auth answers AUTH PLAIN and AUTH LOGIN (RFC 4954 4).
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
	if s.conn.Blocked() {
		return goodbye(421, "4.7.0", "Too many failures, try again later")
	}
	mechanism, initial, _ := strings.Cut(arg, " ")
	var login, password string
	var err error
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		login, password, err = s.plain(initial)
	case "LOGIN":
		login, password, err = s.login(initial)
	case "":
		return answer(501, "5.5.4", "Syntax: AUTH mechanism")
	default:
		return answer(504, "5.5.4", "Mechanism not known")
	}
	switch {
	case errors.Is(err, errCancelled):
		return answer(501, "5.7.0", "Authentication cancelled")
	case errors.Is(err, door.ErrLineTooLong):
		return answer(500, "5.5.6", "Line too long")
	case errors.Is(err, errSyntax), errors.Is(err, door.ErrBareNewline):
		return answer(501, "5.5.2", "Not what the mechanism asks for")
	case err != nil:
		s.end(err)
		return reply{}
	}
	return s.authenticate(ctx, login, password)
}

// authenticate asks the directory and slows down whoever guesses.
func (s *session) authenticate(ctx context.Context, login, password string) reply {
	account, err := s.srv.cfg.Directory.Authenticate(ctx, login, password)
	switch {
	case err == nil:
		s.account, s.authed = account, true
		return answer(235, "2.7.0", "Authentication succeeded")
	case errors.Is(err, directory.ErrBadCredentials), errors.Is(err, directory.ErrDisabled), errors.Is(err, directory.ErrNoAccount):
	default:
		s.srv.log.Error("smtp authentication not possible", "remote", s.name, "error", err)
		return answer(454, "4.7.0", "Temporary failure, try again later")
	}
	s.srv.log.Warn("smtp authentication failed", "remote", s.name, "login", login, "error", err)
	if s.conn.Failed(ctx) {
		return goodbye(421, "4.7.0", "Too many failures, closing the connection")
	}
	return answer(535, "5.7.8", "Wrong login or password")
}

// plain runs SASL PLAIN (RFC 4616). Nobody may act as another, so an
// authorization identity other than the login is a mistake.
func (s *session) plain(initial string) (login, password string, err error) {
	text, err := s.response(initial, "")
	if err != nil {
		return "", "", err
	}
	parts := bytes.Split(text, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[0]) > 0 && !bytes.Equal(parts[0], parts[1]) {
		return "", "", errSyntax
	}
	return string(parts[1]), string(parts[2]), nil
}

// login runs LOGIN, which has no standard but many clients.
func (s *session) login(initial string) (login, password string, err error) {
	name, err := s.response(initial, "VXNlcm5hbWU6") // "Username:"
	if err != nil {
		return "", "", err
	}
	secret, err := s.response("", "UGFzc3dvcmQ6") // "Password:"
	if err != nil {
		return "", "", err
	}
	if len(name) == 0 {
		return "", "", errSyntax
	}
	return string(name), string(secret), nil
}

// response decodes the initial response, or asks for one with the challenge.
// "=" is an empty initial response (RFC 4954 4).
func (s *session) response(initial, challenge string) ([]byte, error) {
	if initial == "=" {
		return nil, nil
	}
	if initial == "" {
		s.write(reply{code: 334, lines: []string{challenge}})
		line, err := s.in.line(maxAuthLine)
		if err != nil {
			return nil, err
		}
		if initial = string(line); initial == "*" {
			return nil, errCancelled
		}
	}
	text, err := base64.StdEncoding.DecodeString(initial)
	if err != nil {
		return nil, errSyntax
	}
	return text, nil
}
