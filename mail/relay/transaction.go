package relay

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"martlet/mail"
)

// maxAtOnce is how many recipients one transaction has: every server takes so
// many (RFC 5321 4.5.3.1.8).
const maxAtOnce = 100

// maxRounds bounds how often a server that takes fewer recipients at once is given
// the rest in the same session.
const maxRounds = 50

// job is a message on its way through the sessions of one attempt.
type job struct {
	*mail.Outgoing
	outcomes []mail.Outcome
	looked   bool
	found    found
	err      error // of reading the message
}

// look finds out what the message holds, once.
func (j *job) look() found {
	if !j.looked {
		j.looked = true
		j.found, j.err = inspect(j.Message)
	}
	return j.found
}

// open are the recipients that nothing is known of yet.
func (j *job) open() (left []int) {
	for i := range j.outcomes {
		if j.outcomes[i].Action == 0 {
			left = append(left, i)
		}
	}
	return left
}

// send takes the message to all open recipients. An error means that the session
// has ended, and what is still open may be tried elsewhere.
func (s *session) send(ctx context.Context, j *job) error {
	stop := s.heed(ctx)
	defer func() { stop() }()
	s.refuseBefore(j)
	for range maxRounds {
		left := j.open()
		if len(left) == 0 {
			return nil
		}
		if s.dirty && !s.usable() {
			return s.broken("between two messages", errNoReply)
		}
		s.sent, s.dirty = s.sent+1, true
		if err := s.transaction(ctx, &stop, j, left[:min(len(left), maxAtOnce)]); err != nil {
			return err
		}
	}
	for _, i := range j.open() {
		j.outcomes[i] = s.outcome(mail.Delayed, "4.5.3", "the host takes too few recipients at once", reply{})
	}
	return nil
}

// refuseBefore settles the recipients that the server cannot serve, as its EHLO
// says.
func (s *session) refuseBefore(j *job) {
	all := func(status, text string, hit func(to string) bool) {
		for _, i := range j.open() {
			if hit(j.Envelope.To[i].Address) {
				j.outcomes[i] = s.outcome(mail.Failed, status, text, reply{})
			}
		}
	}
	if most := s.maxSize(); most > 0 && j.Message.Size() > most {
		all("5.3.4", fmt.Sprintf("the message has %d bytes, the host takes %d", j.Message.Size(), most), func(string) bool { return true })
	}
	if j.Envelope.SMTPUTF8 && !s.has("SMTPUTF8") { // RFC 6531 3.2
		whole := !mail.IsASCII(asciiDomain(j.Envelope.From)) || j.look().header8
		all("5.6.7", "the host does not take addresses or header fields with other letters than ASCII's (SMTPUTF8)",
			func(to string) bool { return whole || !mail.IsASCII(asciiDomain(to)) })
	}
}

// asciiDomain writes the domain of an address in ASCII.
func asciiDomain(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || mail.IsASCII(address[at:]) {
		return address
	}
	d, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		return address
	}
	return address[:at+1] + d
}

// address is how an address is written to this server.
func (s *session) address(a string) string {
	if !s.has("SMTPUTF8") {
		return asciiDomain(a)
	}
	return a
}

// transaction sends the message to some recipients (RFC 5321 3.3).
func (s *session) transaction(ctx context.Context, stop *func() bool, j *job, to []int) error {
	lines, encode := s.commands(j, to)
	replies, err := s.exchange(lines)
	if err != nil {
		return s.broken("before the message", err)
	}
	if from := replies[0]; !from.good() {
		if from.code == 421 {
			return s.refused("the host ends the session", from)
		}
		s.settle(j, to, from, "the host does not take the sender")
		return nil
	}
	var accepted []int
	for n, i := range to {
		switch r := replies[n+1]; {
		case r.good():
			accepted = append(accepted, i)
		case r.code == 421:
			return s.refused("the host ends the session", r)
		case r.code == 452 && len(accepted) > 0, r.code == 552 && len(accepted) > 0:
			// Too many at once (RFC 5321 4.5.3.1.10): the next transaction has them.
		default:
			s.settle(j, []int{i}, r, "")
		}
	}
	if len(accepted) == 0 {
		return nil
	}
	r, err := s.command(s.times.Data, "DATA")
	switch {
	case err != nil:
		return s.broken("at DATA", err)
	case r.code == 421:
		return s.refused("the host ends the session", r)
	case r.code/100 == 2:
		return s.broken("at DATA", errNoReply)
	case r.code != 354:
		s.settle(j, accepted, r, "the host does not take the message")
		return nil
	}
	return s.data(ctx, stop, j, accepted, encode)
}

// data sends the message itself. From here on an end of ctx no longer breaks it
// off: what is half sent would only be sent again.
func (s *session) data(ctx context.Context, stop *func() bool, j *job, to []int, encode bool) error {
	if !(*stop)() {
		return s.broken("at DATA", errInterrupted)
	}
	release := s.relay.holdOn(s)
	defer release()
	if err := s.body(j, encode); err != nil {
		// Without its last dot nothing was sent.
		return s.broken("during the message", err)
	}
	r, err := s.read(s.times.Dot)
	if err != nil {
		// It may have arrived or not: another host must not get it now.
		herr := s.broken("after the message", err)
		for _, i := range to {
			j.outcomes[i] = s.outcome(mail.Delayed, herr.status, herr.text, reply{})
		}
		return herr
	}
	s.settle(j, to, r, "the host does not take the message")
	if r.code == 421 {
		return s.refused("the host ends the session", r)
	}
	*stop = s.heed(ctx)
	return nil
}

// body writes the message and its end.
func (s *session) body(j *job, encode bool) error {
	t := &timedWriter{s: s}
	s.w.Reset(t)
	defer func() { s.w.Reset(s.conn) }()
	d := &dotWriter{w: s.w}
	src := onlyReader{io.NewSectionReader(j.Message, 0, j.Message.Size())}
	var err error
	if encode {
		err = writeSevenBit(d, src)
	} else {
		_, err = io.CopyBuffer(d, src, make([]byte, 32<<10))
	}
	if err != nil {
		return s.explain(err)
	}
	d.end()
	return s.explain(s.w.Flush())
}

// timedWriter gives each piece its time.
type timedWriter struct{ s *session }

func (t *timedWriter) Write(p []byte) (int, error) {
	if err := t.s.wait(t.s.times.Block); err != nil {
		return 0, err
	}
	return t.s.conn.Write(p)
}

// onlyReader hides what would copy without our buffer.
type onlyReader struct{ io.Reader }

// exchange sends lines and reads a reply to each: together where the server knows
// PIPELINING (RFC 2920).
func (s *session) exchange(lines []string) ([]reply, error) {
	replies := make([]reply, 0, len(lines))
	if !s.has("PIPELINING") {
		for _, line := range lines {
			r, err := s.command(s.times.Command, line)
			if err != nil {
				return nil, err
			}
			if replies = append(replies, r); len(replies) == 1 && !r.good() {
				return replies, nil
			}
		}
		return replies, nil
	}
	if err := s.wait(s.times.Command); err != nil {
		return nil, err
	}
	for _, line := range lines {
		s.put(line)
	}
	if err := s.w.Flush(); err != nil {
		return nil, s.explain(err)
	}
	for range lines {
		r, err := s.read(s.times.Command)
		if err != nil {
			return nil, err
		}
		if replies = append(replies, r); r.code == 421 {
			break // nothing more comes
		}
	}
	for len(replies) < len(lines) {
		replies = append(replies, replies[len(replies)-1])
	}
	return replies, nil
}

// commands are MAIL and RCPTs of a transaction; encode: the body must be made one
// of seven bits.
func (s *session) commands(j *job, to []int) (lines []string, encode bool) {
	env := &j.Envelope
	line := "MAIL FROM:<" + s.address(env.From) + ">"
	if s.has("SIZE") {
		line += " SIZE=" + strconv.FormatInt(j.Message.Size(), 10)
	}
	eight := env.Body8Bit || j.look().body8
	if s.has("8BITMIME") {
		if eight {
			line += " BODY=8BITMIME"
		}
	} else {
		encode = eight && j.look().body8
	}
	if env.SMTPUTF8 && s.has("SMTPUTF8") {
		line += " SMTPUTF8"
	}
	if env.RequireTLS && s.has("REQUIRETLS") {
		line += " REQUIRETLS"
	}
	dsn := s.has("DSN")
	if dsn {
		if env.Ret != "" {
			line += " RET=" + env.Ret
		}
		if env.EnvID != "" {
			line += " ENVID=" + env.EnvID
		}
	}
	lines = append(lines, line)
	for _, i := range to {
		r := &env.To[i]
		line := "RCPT TO:<" + s.address(r.Address) + ">"
		if dsn {
			if n := notifyText(r.Notify); n != "" {
				line += " NOTIFY=" + n
			}
			if r.ORcpt != "" {
				line += " ORCPT=" + r.ORcpt
			}
		}
		lines = append(lines, line)
	}
	return lines, encode
}

// notifyText writes NOTIFY's value (RFC 3461 4.1); empty: the sender did not say.
func notifyText(n mail.Notify) string {
	if n&mail.NotifyNever != 0 {
		return "NEVER"
	}
	var words []string
	for _, w := range []struct {
		bit  mail.Notify
		word string
	}{{mail.NotifySuccess, "SUCCESS"}, {mail.NotifyFailure, "FAILURE"}, {mail.NotifyDelay, "DELAY"}} {
		if n&w.bit != 0 {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

// settle notes a reply as the outcome of recipients.
func (s *session) settle(j *job, to []int, r reply, text string) {
	for _, i := range to {
		switch {
		case r.good():
			action := mail.Delivered
			if !s.has("DSN") {
				action = mail.Relayed
			}
			j.outcomes[i] = s.outcome(action, r.status(".0.0"), "", r)
		case r.permanent():
			j.outcomes[i] = s.outcome(mail.Failed, r.status(".0.0"), text, r)
		default:
			j.outcomes[i] = s.outcome(mail.Delayed, r.status(".0.0"), text, r)
		}
	}
}

func (s *session) outcome(a mail.Action, status, text string, r reply) mail.Outcome {
	return mail.Outcome{Action: a, Status: status, Text: text, Reply: r.text(), Host: s.target.host.Name, Addr: s.target.addr.String(), TLS: s.tlsText(), Policy: s.policy.Kind}
}

// worst tells which of two reasons says more of why no host took the message: one
// that comes from a host, then one that may pass.
func worst(a, b *hostError) *hostError {
	all := []*hostError{a, b}
	slices.SortStableFunc(all, func(x, y *hostError) int { return weight(y) - weight(x) })
	return all[0]
}

func weight(e *hostError) int {
	n := 0
	switch {
	case e == nil:
		return -1
	case e.temporary:
		n += 4
	}
	if e.reply != "" {
		n += 2
	}
	if e.tls {
		n++
	}
	return n
}
