package pop3

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"martlet/directory"
	"martlet/mail/sasl"
)

// stls answers STLS (RFC 2595 4).
func (s *session) stls(ctx context.Context, arg string) {
	switch {
	case arg != "":
		s.mistake("STLS has no arguments")
	case s.conn.Secure():
		s.mistake("TLS is on")
	case s.srv.cfg.TLS == nil:
		s.mistake("TLS is not offered")
	case s.conn.Buffered() > 0:
		// What was sent behind STLS in the clear would run as if it had come under
		// its protection: someone in between put it there.
		s.no("Nothing may follow STLS before the handshake")
		s.done = true
	default:
		s.ok("Begin TLS now")
		s.done = !s.conn.StartTLS(ctx, s.srv.cfg.TLS)
		s.user = "" // what was learned in the clear is forgotten
	}
}

// visit is what the client can log in with.
func (s *session) visit() *sasl.Visit {
	return s.srv.cfg.Gate.Visit(sasl.Visitor{
		Protocol: directory.ProtocolPOP3, Addr: s.conn.Remote, TLS: s.conn.TLS(), Blocked: s.conn.Blocked,
	})
}

// private tells whether the client may say who it is. Never in the clear.
func (s *session) private() bool {
	if !s.conn.Secure() {
		s.no("Use STLS first")
	}
	return s.conn.Secure()
}

func (s *session) userCommand(_ context.Context, arg string) {
	switch {
	case !s.private():
	case arg == "":
		s.mistake("USER needs a name")
	default:
		s.user = arg
		s.ok("And the password")
	}
}

// pass ends a login. The password is all of the line, spaces too (RFC 1939 7).
func (s *session) pass(ctx context.Context, arg string) {
	user := s.user
	s.user = ""
	switch {
	case !s.private():
	case user == "":
		s.mistake("USER comes first")
	default:
		wait, cancel := context.WithTimeout(ctx, authTimeout)
		defer cancel()
		account, err := s.visit().Password(wait, user, arg)
		s.enter(ctx, user, account, err)
	}
}

// auth answers AUTH (RFC 5034). Without a mechanism it lists them, as some
// clients expect.
func (s *session) auth(ctx context.Context, arg string) {
	if !s.private() {
		return
	}
	name, text, _ := strings.Cut(arg, " ")
	if name == "" {
		s.ok("Mechanisms")
		for _, name := range s.visit().Offered() {
			s.conn.Print(name + "\r\n")
		}
		s.conn.Print(".\r\n")
		return
	}
	m, err := s.visit().New(name)
	if err != nil {
		s.mistake("Mechanism not known")
		return
	}
	var initial []byte
	if text != "" {
		if initial, err = sasl.Decode(text); err != nil {
			s.mistake(notSASL)
			return
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
	switch {
	case errors.Is(broken, errCancelled):
		s.no("Cancelled")
	case broken != nil:
		s.end(broken)
	default:
		s.enter(ctx, m.Login(), m.Account(), err)
	}
}

const notSASL = "Not what the mechanism asks for"

// errCancelled is the client's "*" (RFC 5034 4).
var errCancelled = errors.New("pop3: authentication cancelled")

// ask sends a challenge and reads the response.
func (s *session) ask(challenge []byte) ([]byte, error) {
	s.conn.Print("+ " + base64.StdEncoding.EncodeToString(challenge) + "\r\n")
	line, err := s.conn.Line(maxAuth)
	if err != nil {
		return nil, err
	}
	if string(line) == "*" {
		return nil, errCancelled
	}
	return sasl.Decode(string(line))
}

// enter answers what came of an attempt, and slows down whoever guesses.
func (s *session) enter(ctx context.Context, login string, account directory.Account, err error) {
	switch sasl.Judge(err) {
	case sasl.Accepted:
		s.open(ctx, account)
		return
	case sasl.Refused:
		s.no("[SYS/TEMP] Too many failures, try again later")
		s.done = true
		return
	case sasl.Mistake:
		s.mistake(notSASL)
		return
	case sasl.Wrong:
	default:
		s.srv.log.Error("pop3 authentication not possible", "remote", s.who, "error", err)
		s.no("[SYS/TEMP] Not now, try again later")
		return
	}
	s.srv.log.Warn("pop3 authentication failed", "remote", s.who, "login", login, "error", err)
	enough := s.conn.Failed(ctx)
	s.no("[AUTH] Wrong login or password") // RFC 3206 5
	s.done = enough
}

// open takes the inbox and looks at it once.
func (s *session) open(ctx context.Context, account directory.Account) {
	if account.Server != "" {
		s.no("[SYS/PERM] The mailbox is on another server")
		return
	}
	if !s.srv.lock(account.ID) {
		s.no("[IN-USE] Another program is fetching mail") // RFC 2449 8.1.2
		return
	}
	drop, err := s.srv.look(ctx, account.ID)
	if err != nil {
		s.srv.unlock(account.ID)
		s.fail("login", err)
		return
	}
	s.account, s.drop = account, drop
	n, size := drop.left()
	s.ok("%d messages, %d octets", n, size)
}
