package schedule

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/route"
)

// fromAttendee attends to an answer, or to who asks for the newest state.
func (s *Scheduler) fromAttendee(ctx context.Context, w *work, in *incoming, m *series) error {
	if w.there == nil {
		return nil
	}
	was := readSeries(w.there.object)
	organizer := was.organizer()
	if organizer == nil || !in.o.owns(organizer.Address) {
		return nil
	}
	who := replier(m)
	if who == nil {
		return nil
	}
	verified, err := s.speaksFor(ctx, in.a.from, &who.Person)
	if err != nil {
		return err
	}
	plausible, err := s.speaksFor(ctx, in.header, &who.Person)
	if err != nil {
		return err
	}
	// What one of ours says comes through us, and is known to be theirs.
	if !verified && (!plausible || in.a.from != "" || s.isOurs(ctx, who.Address)) {
		return nil
	}
	if in.object.Method == methodRefresh {
		return s.refresh(ctx, w, in, was, who)
	}
	a := &answer{as: strings.ToLower(who.Address), name: who.Name, verified: verified, counter: in.object.Method == methodCounter}
	if !isAddress(a.as) || in.o.owns(a.as) {
		return nil
	}
	if a.address, err = s.invitedAs(ctx, was, a.as); err != nil {
		return err
	}
	return s.keep(ctx, w, record(w.there.object, &receipt{message: m, own: in.o.owns, verified: verified}, a))
}

// replier is who answers: the one attendee of a reply.
func replier(m *series) *calendar.Attendee {
	for _, e := range m.events() {
		if len(e.Attendees) == 1 {
			return &e.Attendees[0]
		}
	}
	return nil
}

// refresh sends somebody who is invited the meeting as it is (RFC 5546 3.2.6),
// once for each state of it.
func (s *Scheduler) refresh(ctx context.Context, w *work, in *incoming, was *series, who *calendar.Attendee) error {
	sequence, stamp := was.highest()
	guest := was.guests(in.o.owns)[strings.ToLower(who.Address)]
	if !guest.anywhere() || was.ended(s.now()) {
		return nil
	}
	o := &organizing{now: was, next: was.object, own: in.o.owns, at: s.now(), groups: map[string]int{}, sequence: sequence, stamp: stamp - 2}
	o.request(guest, true, guest.master, keysOf(guest))
	o.build()
	for i := range o.out { // it says what was said before, to who has missed it
		for _, e := range o.out[i].object.Events {
			setStamp(e.Component, stamp)
		}
	}
	for _, m := range o.out {
		e := m.object.Master()
		to := addresses(m.to)
		if e == nil || len(to) == 0 {
			continue
		}
		text, html := describe("You have asked for this meeting.", e)
		p, err := s.prepare(ctx, &letter{
			account: in.o.account.ID, from: in.o.as(e.Organizer), to: to, subject: subject("", e), text: text, html: html,
			method: m.method, object: m.object, auto: true,
			once: route.Key{Account: in.o.account.ID, Device: "refresh", ClientID: digest(w.uid, who.Address, fmt.Sprint(sequence, stamp))},
		})
		if errors.Is(err, route.ErrDuplicate) || errors.Is(err, mail.ErrNoRecipients) {
			continue
		}
		if err != nil {
			return err
		}
		w.sends = append(w.sends, p)
	}
	return nil
}
