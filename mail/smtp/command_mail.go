package smtp

import (
	"context"
	"strings"

	"martlet/mail"
)

// mail answers MAIL FROM (RFC 5321 4.1.1.2).
func (s *session) mail(ctx context.Context, arg string) reply {
	switch {
	case s.helo == "":
		return replyHelloFirst
	case s.srv.cfg.Mode == Submission && !s.conn.Secure():
		return replyTLSFirst
	case s.srv.cfg.Mode == Submission && !s.authed:
		return replyAuthRequired
	case s.started:
		return answer(503, "5.5.1", "A message is under way")
	}
	path, rest, ok := cutKeyword(arg, "FROM:")
	if !ok {
		return answer(501, "5.5.4", "Syntax: MAIL FROM:<address>")
	}
	params, err := parseParameters(rest)
	if err != nil {
		return answer(501, "5.5.4", "Bad parameters")
	}
	var env mail.Envelope
	if rep := s.mailParameters(&env, params); rep.code != 0 {
		return rep
	}
	if path != "" {
		var rep reply
		if env.From, rep = s.parseAddress(path, env.SMTPUTF8, "5.1.7"); rep.code != 0 {
			return rep
		}
	}
	if rep := s.checkSender(ctx, env.From); rep.code != 0 {
		return rep
	}
	s.started, s.env = true, env
	return answer(250, "2.1.0", "Sender OK")
}

// cutKeyword takes "FROM:" or "TO:" and the path off the front of an argument.
func cutKeyword(arg, keyword string) (path, rest string, ok bool) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return "", "", false
	}
	path, rest, err := cutPath(arg[len(keyword):])
	return path, rest, err == nil
}

// mailParameters reads the parameters of MAIL; a reply without a code means
// that all is well.
func (s *session) mailParameters(env *mail.Envelope, params []parameter) reply {
	bad := func(key string) reply { return answer(501, "5.5.4", "Bad value of "+key) }
	for _, p := range params {
		switch p.key {
		case "SIZE": // RFC 1870
			n, ok := parseNumber(p.value)
			if !ok {
				return bad(p.key)
			}
			if n > s.srv.cfg.MaxMessageBytes {
				return replyTooBig
			}
		case "BODY": // RFC 6152
			switch strings.ToUpper(p.value) {
			case "7BIT":
			case "8BITMIME":
				env.Body8Bit = true
			default:
				return bad(p.key)
			}
		case "SMTPUTF8": // RFC 6531
			if p.hasValue {
				return bad(p.key)
			}
			env.SMTPUTF8 = true
		case "REQUIRETLS": // RFC 8689 3
			if p.hasValue {
				return bad(p.key)
			}
			if !s.conn.Secure() {
				return answer(555, "5.5.4", "REQUIRETLS goes with TLS")
			}
			env.RequireTLS = true
		case "RET": // RFC 3461 4.3
			env.Ret = strings.ToUpper(p.value)
			if env.Ret != "FULL" && env.Ret != "HDRS" {
				return bad(p.key)
			}
		case "ENVID": // RFC 3461 4.4
			if p.value == "" || len(p.value) > maxEnvID || !validXtext(p.value) {
				return bad(p.key)
			}
			env.EnvID = p.value
		case "AUTH": // RFC 4954 5: nothing follows from it
			if s.srv.cfg.Mode != Submission || !validXtext(p.value) {
				return answer(555, "5.5.4", "AUTH is not known here")
			}
		default:
			return answer(555, "5.5.4", "A parameter is not known")
		}
	}
	return reply{}
}

// checkSender keeps users from writing in another's name (RFC 6409 6.1).
func (s *session) checkSender(ctx context.Context, from string) reply {
	if s.srv.cfg.Mode != Submission || from == "" {
		return reply{}
	}
	may, err := s.srv.cfg.Directory.MaySendAs(ctx, s.account.ID, from)
	if err == nil && !may {
		may, err = s.srv.cfg.Directory.MaySendOnBehalf(ctx, s.account.ID, from)
	}
	switch {
	case err != nil:
		s.srv.log.Error("smtp sender check failed", "remote", s.name, "user", s.account.Login, "error", err)
		return replyUnavailable
	case !may:
		s.srv.log.Info("smtp sender refused", "remote", s.name, "user", s.account.Login, "from", from)
		return s.refusal(answer(550, "5.7.1", "You may not send as this address"))
	}
	return reply{}
}
