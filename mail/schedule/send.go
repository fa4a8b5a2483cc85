package schedule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/compose"
	"martlet/mail/message"
	"martlet/mail/route"
	"martlet/store"
)

// letter is a scheduling message as mail (RFC 6047).
type letter struct {
	account directory.AccountID // whose message it is
	by      directory.AccountID // who sends it for them, zero: they do
	from    message.Address
	to      []message.Address
	subject string
	text    string
	html    string // empty: none
	method  string
	object  *calendar.Object
	answers *message.Index // what it answers, or nil
	once    route.Key
	auto    bool // nobody asked for it: nothing is kept of it
}

// prepare plans the sending of a letter.
func (s *Scheduler) prepare(ctx context.Context, l *letter) (*route.Plan, error) {
	out := compose.Message{
		From: l.from, To: l.to, Subject: l.subject, Text: l.text, HTML: l.html,
		Calendar: l.object.Encode(), Method: l.method, Auto: l.auto,
	}
	if len(out.Calendar) > MaxObject {
		return nil, fmt.Errorf("schedule: a message of %d bytes: %w", len(out.Calendar), calendar.ErrTooLarge)
	}
	var original *compose.Original
	if l.answers != nil {
		original = &compose.Original{Index: l.answers}
	}
	return s.router.Plan(ctx, route.Submission{
		Account: l.account, By: l.by, Raw: compose.New(&out, original, s.now()), SaveInSent: !l.auto, Once: l.once, Automatic: l.auto,
	})
}

// addresses are people as a message names them, whom mail can reach, each once.
func addresses(people []calendar.Person) (all []message.Address) {
	seen := map[string]bool{}
	for _, p := range people {
		address, err := mail.ParseAddress(p.Address)
		if key := strings.ToLower(address); err == nil && !seen[key] {
			seen[key] = true
			all = append(all, message.Address{Name: p.Name, Address: address})
		}
	}
	return all
}

// prepareAll plans the sending of an organizer's messages.
func (s *Scheduler) prepareAll(ctx context.Context, o *owner, out []outgoing, comment string) (plans []*route.Plan, err error) {
	for _, m := range out {
		to := addresses(m.to)
		e := m.object.Master()
		if len(to) == 0 || e == nil {
			continue
		}
		prefix, first := "", ""
		switch {
		case m.method == methodCancel:
			prefix, first = "Canceled: ", "This meeting does not take place."
			if e.RecurrenceID != nil {
				first = "This occurrence of the meeting does not take place."
			}
		case m.update && e.RecurrenceID != nil:
			first = "One occurrence of this meeting has changed."
		case m.update:
			first = "This meeting has changed."
		}
		if comment != "" {
			first = strings.TrimSpace(first + "\n\n" + cutWords(comment))
			for _, e := range m.object.Events {
				e.Component.SetText("COMMENT", comment)
			}
		}
		text, html := describe(first, e)
		p, err := s.prepare(ctx, &letter{
			account: o.account.ID, by: o.by, from: o.as(e.Organizer), to: to, subject: subject(prefix, e), text: text, html: html,
			method: m.method, object: m.object,
		})
		if errors.Is(err, mail.ErrNoRecipients) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("schedule: %w", err)
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// owner is whose calendar it is.
type owner struct {
	account directory.Account
	by      directory.AccountID // who acts for them, zero: they do
	s       *Scheduler
	known   map[string]bool
}

func (s *Scheduler) owner(ctx context.Context, id directory.AccountID) (*owner, error) {
	account, err := s.directory.Account(ctx, id)
	if err != nil {
		return nil, err
	}
	o := &owner{account: account, s: s, known: map[string]bool{strings.ToLower(account.Login): true}}
	for _, a := range account.Aliases {
		o.known[strings.ToLower(a)] = true
	}
	return o, nil
}

// owns tells whether an address leads to the owner alone.
func (o *owner) owns(address string) bool {
	key := strings.ToLower(address)
	is, known := o.known[key]
	if known || len(o.known) > 2*MaxAttendees {
		return is
	}
	if isAddress(key) {
		is = o.s.leadsTo(key, o.account.ID)
	}
	o.known[key] = is
	return is
}

// leadsTo tells whether an address is the account's own, with or without a tag.
// A group's is not, nor is one that a catch-all takes.
func (s *Scheduler) leadsTo(address string, id directory.AccountID) (is bool) {
	ctx := context.Background()
	err := s.store.View(ctx, func(tx *store.Tx) error {
		account, _, err := s.directory.Whose(tx, address)
		is = account == id && account != 0
		return err
	})
	if errors.Is(err, directory.ErrNoAddress) && strings.Contains(address, "+") {
		to, err := s.directory.Resolve(ctx, address)
		return err == nil && len(to.Accounts) == 1 && to.Accounts[0] == id
	}
	return is && err == nil
}

// as is how the owner is named in a message: by the address under which the
// meeting knows them.
func (o *owner) as(p *calendar.Person) message.Address {
	from := message.Address{Name: o.account.Name, Address: o.account.Login}
	if p != nil && o.owns(p.Address) {
		from.Address = p.Address
		if from.Name == "" {
			from.Name = p.Name
		}
	}
	return from
}

// person is the owner in a calendar.
func (o *owner) person() calendar.Person {
	return calendar.Person{Name: o.account.Name, Address: o.account.Login}
}

// digest makes a short name of some words.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
