package smtp

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"martlet/internal/tracing"
	"martlet/mail"
	"martlet/mail/trace"
)

// data answers DATA (RFC 5321 4.1.1.4).
func (s *session) data(ctx context.Context, arg string) reply {
	switch {
	case arg != "":
		return replyNoArgument
	case !s.started:
		return replyNeedMail
	case len(s.env.To) == 0:
		return replyNeedRcpt
	case s.chunks != nil:
		return replyInChunks
	}
	msg := s.srv.newMessage(ctx)
	defer msg.free()
	if msg.noRoom {
		s.reset()
		return replyNoSpace
	}
	s.write(reply{code: 354, lines: []string{"End with a line that holds only a dot"}})
	s.forMessage()
	bare, err := s.in.data(func(p []byte) error { return msg.write(ctx, p) })
	s.forCommand()
	if errors.Is(err, errGiveUp) {
		return goodbye(552, "5.3.4", "The message is far too big")
	}
	if err != nil {
		s.end(err)
		return reply{}
	}
	return s.accept(ctx, msg, func([]byte) bool { return bare })
}

// accept takes a whole message to its recipients and ends the transaction. bare
// tells whether it has a bare CR or LF.
func (s *session) accept(ctx context.Context, msg *message, bare func(raw []byte) bool) reply {
	env := s.env
	s.reset()
	var rep reply
	raw, err := msg.whole(ctx)
	if err != nil {
		s.srv.log.Error("smtp message not taken", "remote", s.name, "size", msg.size, "error", err)
		msg.noRoom = true
	}
	switch {
	case msg.tooBig:
		rep = replyTooBig
	case msg.noRoom:
		rep = replyNoSpace
	case bare(raw):
		rep = replyBareNewline
	default:
		rep = s.transport(ctx, env, raw)
	}
	if s.srv.cfg.Mode == LMTP {
		rep.times = len(env.To)
	}
	return rep
}

// transport hands the message over and turns the outcome into a reply. One
// line in the log tells of it.
func (s *session) transport(ctx context.Context, env mail.Envelope, raw []byte) (rep reply) {
	ctx, work := tracing.Start(ctx, s.srv.cfg.Tracer, tracing.Server, "smtp message")
	work.Number("recipients", len(env.To))
	work.Number("size", len(raw))
	defer func() {
		work.Number("reply", rep.code)
		if rep.code >= 400 {
			work.Fail("not taken")
		}
		work.End()
	}()
	start := time.Now()
	env.Trace = s.trace(&env, start)
	refused, discard := s.judge(ctx, &env, &raw)
	var err error
	if !refused.Refuses() && !discard {
		err = s.deliver(ctx, env, raw)
	}
	log := s.srv.log.With("id", env.Trace.ID, "remote", s.name, "helo", s.helo, "protocol", env.Trace.Protocol,
		"from", env.From, "to", env.To[0].Address, "recipients", len(env.To), "size", len(raw), "took", time.Since(start))
	if s.authed {
		log = log.With("user", s.account.Login)
	}
	if err != nil {
		rep := failure(err)
		if rep.code >= 500 {
			log.Info("smtp message refused", "error", err)
			s.remember(ctx, &env, trace.Refused, rep.text())
		} else {
			log.Error("smtp message not taken", "error", err)
		}
		return rep
	}
	if refused.Refuses() {
		log.Info("smtp message refused", "code", refused.Enhanced, "reason", refused.Text)
		rep := refusal(refused)
		s.remember(ctx, &env, trace.Refused, rep.text())
		return rep
	}
	if discard {
		s.remember(ctx, &env, trace.Discarded, "by a filter")
	}
	log.Info("smtp message accepted", "discarded", discard)
	return answer(250, "2.0.0", "OK "+env.Trace.ID)
}

// deliver hands the message over.
func (s *session) deliver(ctx context.Context, env mail.Envelope, raw []byte) error {
	ctx, work := tracing.Child(ctx, "deliver")
	defer work.End()
	if s.srv.cfg.Mode == Submission {
		return s.srv.cfg.Transport.Relay(ctx, s.account.ID, env, raw)
	}
	return s.srv.cfg.Transport.Deliver(ctx, env, raw)
}

// remember notes that a message ends here, for all of its recipients.
func (s *session) remember(ctx context.Context, env *mail.Envelope, step trace.Step, detail string) {
	e := trace.Event{Time: env.Trace.Time, ID: env.Trace.ID, From: env.From, Remote: s.remote, Login: s.account.Login}
	for i := range env.To {
		e.Outcomes = append(e.Outcomes, trace.Outcome{To: env.To[i].Address, Step: step, Detail: detail})
	}
	s.srv.cfg.Trace.Note(ctx, e)
}

// judge asks the filter, if there is one, what it thinks of a message, and keeps
// that in the envelope. What the filter had to change is raw from then on.
func (s *session) judge(ctx context.Context, env *mail.Envelope, raw *[]byte) (refused mail.Refusal, discard bool) {
	if s.srv.cfg.Filter == nil {
		return mail.Refusal{}, false
	}
	ctx, work := tracing.Child(ctx, "filter")
	v := s.srv.cfg.Filter.Message(ctx, s.client(), env, *raw)
	work.End()
	env.Verdict, env.Trace.Results = &v, v.Results
	if v.Raw != nil {
		*raw = v.Raw
	}
	return v.Refusal, v.Discard
}

// client is who is there, for the filter.
func (s *session) client() *mail.Client {
	return &mail.Client{Addr: s.remote, Helo: s.helo, TLS: s.conn.Secure(), Account: s.account.ID, Login: s.account.Login}
}

// refusal is a filter's word as a reply.
func refusal(r mail.Refusal) reply {
	rep := answer(r.Code, r.Enhanced, r.Text)
	rep.hangUp = r.Code == 421 || r.Code == 521
	return rep
}

// maxReplyText is how much of a text that is not ours goes into a line of a reply,
// which has 512 bytes (RFC 5321 4.5.3.1.5).
const maxReplyText = 400

func isPrintable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// failure is where an error of the transport becomes a reply. It tells the
// client nothing of what is inside.
func failure(err error) reply {
	var rejected *mail.RejectedError
	switch {
	case errors.As(err, &rejected):
		text := "The recipient does not take this message"
		if said := strings.Join(strings.Fields(rejected.Text), " "); said != "" && len(said) <= maxReplyText && isPrintable(said) {
			text = said
		}
		return answer(550, "5.7.1", text)
	case errors.Is(err, mail.ErrNoSpace):
		return replyNoSpace
	case errors.Is(err, mail.ErrLoop):
		return answer(554, "5.4.6", "The message has passed too many servers")
	case errors.Is(err, mail.ErrNotSender):
		return answer(550, "5.7.1", "You may not send as the address in From")
	case errors.Is(err, mail.ErrNoRecipients):
		return replyNeedRcpt
	case errors.Is(err, mail.ErrTooManyTo):
		return answer(452, "4.5.3", "Too many recipients")
	case errors.Is(err, mail.ErrBadAddress):
		return answer(554, "5.1.3", "Bad address in the message")
	}
	return replyUnavailable
}

// trace tells how the message came (RFC 5321 4.4, RFC 3848, RFC 6531 4.3).
func (s *session) trace(env *mail.Envelope, now time.Time) mail.Trace {
	t := mail.Trace{ID: rand.Text()[:16], Helo: s.helo, Remote: s.remote, By: s.srv.cfg.Hostname, Time: now}
	protocol := "SMTP"
	if s.srv.cfg.Mode == LMTP {
		protocol = "LMTP"
	}
	switch {
	case env.SMTPUTF8:
		protocol = "UTF8" + protocol
	case s.extended && s.srv.cfg.Mode != LMTP:
		protocol = "E" + protocol
	}
	if s.conn.Secure() {
		protocol += "S"
		state := s.conn.TLS()
		t.TLS = strings.ReplaceAll(tls.VersionName(state.Version), " ", "") + " " + tls.CipherSuiteName(state.CipherSuite)
	}
	if s.authed {
		protocol += "A"
	}
	t.Protocol = protocol
	return t
}
