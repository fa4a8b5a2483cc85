package schedule

import (
	"context"
	"errors"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/store"
)

// booking is what a resource does with a message of an organizer's: its verdict,
// the answer, and what its calendar holds then. It keeps no letters.
type booking struct {
	verdict  *verdict // nil: there was nothing to decide
	answered *Answered
	letter   mail.Place // the message, which nobody needs any more
}

// commit does it in the transaction that ends the message's note.
func (b *booking) commit(tx *store.Tx, s *Scheduler, box mail.MailboxID) error {
	if b.verdict != nil {
		if err := b.verdict.commit(tx, s); err != nil {
			return err
		}
	}
	if b.answered != nil {
		if err := b.answered.Commit(tx); err != nil {
			return err
		}
	}
	_, err := s.mailboxes.Delete(tx, box, b.letter.Folder, b.letter.Item)
	if errors.Is(err, mail.ErrNoItem) || errors.Is(err, mail.ErrNoFolder) { // somebody has moved it
		return nil
	}
	return err
}

// enter has a calendar hold what an organizer's message has made of a meeting; nil
// is nothing new. A resource answers at once.
func (s *Scheduler) enter(ctx context.Context, w *work, in *incoming, next *calendar.Object) error {
	if next == nil || !in.o.account.IsResource() {
		return s.keep(ctx, w, next)
	}
	m := readSeries(next)
	asked, keys := w.unanswered(m, in.o.owns)
	b := &booking{letter: in.a.at}
	switch {
	case len(asked) == 0 && !anyLeft(m) && w.there != nil: // it is free again
		b.answered = &Answered{Box: w.box, s: s, uid: w.uid, there: w.there, mark: s.leaving(w.box, m, false)}
		w.booking = b
		return nil
	case len(asked) == 0:
		w.booking = b
		return s.keep(ctx, w, next)
	case !m.isVerified() && !in.o.account.Booking.Outsiders:
		return nil // an answer might go to somebody who has asked for nothing
	}
	organizer := ""
	if m.isVerified() {
		organizer = strings.ToLower(m.organizer().Address)
	}
	part := next
	if keys != nil {
		part = objectOf("", zonesOf(next), asked...)
	}
	var err error
	if b.verdict, err = s.decideResource(ctx, &in.o.account, part, organizer); err != nil {
		return err
	}
	q := &answering{
		s: s, o: in.o, there: w.there, object: next, keys: keys, uid: w.uid, auto: true,
		a: &Answer{Account: in.o.account.ID, Status: b.verdict.status, Tell: true, Comment: b.verdict.comment, Index: in.index},
	}
	if b.answered, err = q.decide(ctx); err != nil {
		return err
	}
	b.answered.mark.declined = false // who asks again may find it free
	w.booking = b
	return s.askDelegates(ctx, w, in, m, b.verdict.delegates)
}

// unanswered are the events of a meeting that a resource has not answered, and
// the keys of the occurrences among them; nil where the whole is to be answered.
// What the organizer says of the answer does not count.
func (w *work) unanswered(m *series, own func(address string) bool) (asked []*calendar.Component, keys []int64) {
	var was *series
	if w.there != nil {
		was = readSeries(w.there.object)
	}
	for _, e := range m.events() {
		if e.Status == "CANCELLED" {
			continue
		}
		p := attendeeOf(e.Component, own)
		known := was != nil && (was.master != nil || e.RecurrenceID != nil && was.over[was.key(*e.RecurrenceID)] != nil)
		if p == nil || known && status(p) != needsAction {
			continue
		}
		if e.RecurrenceID == nil {
			return []*calendar.Component{e.Component}, nil
		}
		asked = append(asked, e.Component)
		keys = append(keys, m.key(*e.RecurrenceID))
	}
	return asked, keys
}

// anyLeft tells whether anything is left of a meeting.
func anyLeft(m *series) bool {
	for _, e := range m.events() {
		if e.Status != "CANCELLED" {
			return true
		}
	}
	return false
}

// askDelegates hands the invitation to those who decide about a resource.
func (s *Scheduler) askDelegates(ctx context.Context, w *work, in *incoming, m *series, delegates []directory.AccountID) error {
	for _, id := range delegates {
		other, err := s.owner(ctx, id)
		if errors.Is(err, directory.ErrNoAccount) {
			continue
		}
		if err != nil {
			return err
		}
		if !other.account.Disabled && !other.owns(m.organizer().Address) {
			w.copies = append(w.copies, mail.MailboxOf(id))
		}
	}
	w.letter = mail.Body{Blob: in.a.blob, Index: in.index}
	return nil
}

// resourceDelegates adds those who decide about a resource to those whom others
// have named: they answer its invitations in its name.
func (s *Scheduler) resourceDelegates(ctx context.Context, id directory.AccountID) ([]directory.AccountID, error) {
	var all []directory.AccountID
	if s.appointed != nil {
		var err error
		if all, err = s.appointed(ctx, id); err != nil {
			return nil, err
		}
	}
	a, err := s.directory.Account(ctx, id)
	if errors.Is(err, directory.ErrNoAccount) {
		return all, nil
	}
	if err != nil || !a.IsResource() {
		return all, err
	}
	d := decision{s: s, ctx: ctx, resource: &a, rule: &a.Booking}
	more, err := d.accounts(a.Booking.Delegates)
	return append(all, more...), err
}
