package smtp

import (
	"context"
	"errors"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/trace"
)

// rcpt answers RCPT TO (RFC 5321 4.1.1.3).
func (s *session) rcpt(ctx context.Context, arg string) reply {
	switch {
	case !s.started:
		return replyNeedMail
	case s.chunks != nil:
		return replyInChunks
	}
	path, rest, ok := cutKeyword(arg, "TO:")
	if !ok || path == "" {
		return answer(501, "5.5.4", "Syntax: RCPT TO:<address>")
	}
	params, err := parseParameters(rest)
	if err != nil {
		return answer(501, "5.5.4", "Bad parameters")
	}
	if len(s.env.To) >= s.srv.cfg.MaxRecipients {
		return answer(452, "4.5.3", "Too many recipients")
	}
	var r mail.Recipient
	rep := rcptParameters(&r, params)
	if rep.code != 0 {
		return rep
	}
	if strings.EqualFold(path, "postmaster") { // RFC 5321 4.5.1
		r.Address = path
	} else if r.Address, rep = s.parseAddress(path, s.env.SMTPUTF8, "5.1.3"); rep.code != 0 {
		return rep
	}
	if rep = s.resolve(ctx, &r); rep.code != 0 {
		if rep.code >= 500 {
			s.refuse(ctx, &r, rep)
			if f, ok := s.srv.cfg.Filter.(Counter); ok {
				if no := f.Unknown(ctx, s.client()); no.Refuses() {
					return refusal(no)
				}
			}
			return s.refusal(rep)
		}
		return rep
	}
	if s.srv.cfg.Filter != nil {
		if no := s.srv.cfg.Filter.Recipient(ctx, s.client(), &s.env, &r); no.Refuses() {
			return s.refuse(ctx, &r, refusal(no))
		}
	}
	if s.srv.cfg.Full != nil {
		if no := s.srv.cfg.Full(ctx, &r); no.Refuses() {
			return s.refuse(ctx, &r, refusal(no))
		}
	}
	s.env.To = append(s.env.To, r)
	return answer(250, "2.1.5", "Recipient OK")
}

// rcptParameters reads the parameters of RCPT (RFC 3461 4).
func rcptParameters(r *mail.Recipient, params []parameter) reply {
	for _, p := range params {
		switch p.key {
		case "NOTIFY":
			n, ok := parseNotify(p.value)
			if !ok {
				return answer(501, "5.5.4", "Bad value of NOTIFY")
			}
			r.Notify = n
		case "ORCPT":
			if !validORcpt(p.value) {
				return answer(501, "5.5.4", "Bad value of ORCPT")
			}
			r.ORcpt = p.value
		default:
			return answer(555, "5.5.4", "A parameter is not known")
		}
	}
	return reply{}
}

// resolve finds out where the address leads. Only authenticated users may
// send to other hosts. A disabled account still receives, as on Exchange: what
// came meanwhile is there when it is enabled again.
func (s *session) resolve(ctx context.Context, r *mail.Recipient) reply {
	route, err := s.srv.cfg.Directory.Resolve(ctx, r.Address)
	if s.srv.cfg.Back != nil && s.env.From == "" && (route.Local || errors.Is(err, directory.ErrNoAddress)) {
		// A report of what was passed on goes to who sent that. Only reports do: an
		// answer of anybody else's would go where its writer has not looked.
		if original, err := s.srv.cfg.Back(r.Address); err == nil {
			r.Address, r.Local, r.ORcpt = original, false, ""
			return reply{}
		}
	}
	switch {
	case errors.Is(err, directory.ErrNoAddress):
		return answer(550, "5.1.1", "No such address here")
	case errors.Is(err, directory.ErrBadAddress):
		return answer(550, "5.1.3", "Bad recipient address")
	case err != nil:
		s.srv.log.Error("smtp address lookup failed", "remote", s.name, "error", err)
		return replyUnavailable
	case route.Local && len(route.Accounts) == 0:
		return answer(550, "5.2.4", "This list has no members")
	case !route.Local && s.srv.cfg.Mode != Submission:
		return answer(550, "5.7.1", "Relaying denied")
	}
	r.Local, r.Accounts = route.Local, route.Accounts
	return reply{}
}

// refuse tells the log, and who looks for a message, of a recipient who was refused.
func (s *session) refuse(ctx context.Context, r *mail.Recipient, rep reply) reply {
	s.srv.log.Info("smtp recipient refused", "remote", s.name, "from", s.env.From, "to", r.Address, "code", rep.enhanced)
	env := mail.Envelope{From: s.env.From, To: []mail.Recipient{*r}}
	s.remember(ctx, &env, trace.Refused, rep.text())
	return rep
}
