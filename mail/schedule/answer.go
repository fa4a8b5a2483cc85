package schedule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/mail/route"
	"martlet/store"
	"martlet/store/blob"
)

// Answer is how an attendee answers an invitation: the one in a message, or the
// one in a calendar.
type Answer struct {
	Account directory.AccountID // who answers

	Message blob.Ref       // of the invitation in mail; zero: At names the calendar's
	Index   *message.Index // of the message

	Box mail.MailboxID // whose calendar At is in
	At  mail.Place

	Status     string    // ACCEPTED, TENTATIVE, DECLINED
	Occurrence time.Time // zero: the whole meeting, or the occurrences of the message

	// Tell says that the server sends the answer to the organizer. Otherwise the
	// client does, or nobody.
	Tell                       bool
	Comment, HTML              string    // the attendee's words
	ProposedStart, ProposedEnd time.Time // another time, or zero
	Once                       route.Key // remembered with the message
}

// Answered is an answer that is about to be given. It is good for one
// transaction, which may run more than once.
type Answered struct {
	// Box and At say where the meeting is, behind Commit. At is zero when it was
	// declined and is not there any more.
	Box mail.MailboxID
	At  mail.Place

	s     *Scheduler
	uid   string
	there *place     // nil: it is not in the calendar
	body  *mail.Body // what it is to hold; nil: it leaves
	mark  mark
	send  *route.Plan
	done  bool // the calendar says so already
}

// Find tells where the meeting is that an Answer names: in whose calendar, and
// where there; the place is zero when it is not there.
func (s *Scheduler) Find(ctx context.Context, account directory.AccountID, a Answer) (mail.MailboxID, mail.Place, error) {
	if a.Message.IsZero() {
		return a.Box, a.At, nil
	}
	q := &answering{a: &a, s: s}
	a.Account = account
	err := q.byMessage(ctx)
	if errors.Is(err, ErrNoMeeting) || err == nil && q.there == nil {
		return 0, mail.Place{}, nil
	}
	if err != nil {
		return 0, mail.Place{}, fmt.Errorf("schedule: %w", err)
	}
	return mail.MailboxOf(q.o.account.ID), q.there.at, nil
}

// Answer works out what an answer does: the calendar has the meeting as it was
// answered, or not at all when it was declined, and the organizer is told. A
// delegate answers in the name of who is invited. Errors: ErrNoMeeting,
// ErrNoOccurrence, ErrNoRecurrence, ErrCounter, mail.ErrNoItem, route.ErrDuplicate,
// those of route.Submit.
func (s *Scheduler) Answer(ctx context.Context, a Answer) (*Answered, error) {
	if answerWords[a.Status] == "" {
		return nil, ErrNoMeeting
	}
	q := &answering{a: &a, s: s}
	var err error
	if a.Message.IsZero() {
		err = q.byItem(ctx)
	} else {
		err = q.byMessage(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("schedule: answer: %w", err)
	}
	out, err := q.decide(ctx)
	if err != nil {
		return nil, fmt.Errorf("schedule: answer: %w", err)
	}
	return out, nil
}

// answering is an answer that is worked out.
type answering struct {
	a      *Answer
	s      *Scheduler
	o      *owner // who is invited
	sentBy string // the delegate who answers for them
	there  *place
	object *calendar.Object // the meeting as it is answered
	keys   []int64          // the occurrences that are answered; nil: all of it
	uid    string
	auto   bool // nobody gives it: a resource does
}

// byItem takes the meeting that is in a calendar.
func (q *answering) byItem(ctx context.Context) error {
	var it mail.Item
	err := q.s.store.View(ctx, func(tx *store.Tx) (err error) {
		it, err = q.s.mailboxes.Item(tx, q.a.Box, q.a.At.Folder, q.a.At.Item)
		return err
	})
	switch {
	case err != nil:
		return err
	case it.Class != mail.ClassCalendar:
		return ErrNoMeeting
	}
	q.there = &place{at: q.a.At, blob: it.Blob}
	if err := q.s.load(ctx, q.there); err != nil {
		return err
	}
	if err := q.inNameOf(ctx, directory.AccountID(q.a.Box)); err != nil {
		return err
	}
	q.object = q.there.object
	return q.check(readSeries(q.object))
}

// check refuses what is no invitation to somebody.
func (q *answering) check(m *series) error {
	if m == nil || m.uid == "" {
		return ErrNoMeeting
	}
	organizer := m.organizer()
	if organizer == nil || q.o.owns(organizer.Address) {
		return ErrNoMeeting
	}
	if m.master != nil && m.master.Status == "CANCELLED" {
		return ErrNoMeeting
	}
	q.uid = m.uid
	return nil
}

// inNameOf says whose answer it is.
func (q *answering) inNameOf(ctx context.Context, id directory.AccountID) (err error) {
	if q.o, err = q.s.owner(ctx, id); err != nil {
		if errors.Is(err, directory.ErrNoAccount) {
			return ErrNoMeeting
		}
		return err
	}
	if id == q.a.Account {
		return nil
	}
	actor, err := q.s.directory.Account(ctx, q.a.Account)
	q.sentBy, q.o.by = actor.Login, actor.ID
	return err
}

// byMessage takes the meeting that a message invites to, and what the calendar
// has of it.
func (q *answering) byMessage(ctx context.Context) error {
	raw, err := q.s.mailboxes.Blobs().Read(ctx, q.a.Message)
	if err != nil {
		return err
	}
	ix := q.a.Index
	if ix == nil {
		ix = message.Parse(raw)
	}
	o := readMeeting(ix, raw)
	if o == nil || o.Method != methodRequest {
		return ErrNoMeeting
	}
	m := readSeries(o)
	if m == nil || m.uid == "" || len(m.events()) == 0 {
		return ErrNoMeeting
	}
	id, err := q.s.invitee(ctx, q.a.Account, m)
	if err != nil {
		return err
	}
	if err := q.inNameOf(ctx, id); err != nil {
		return err
	}
	if err := q.check(m); err != nil {
		return err
	}
	if q.there, err = q.s.seek(ctx, mail.MailboxOf(id), m.uid); err != nil {
		return err
	}
	if m.master == nil {
		q.keys = sortedKeys(m.over)
	}
	return q.merge(ctx, m)
}

// merge brings the message and the calendar together: the message may be newer,
// or may not have been let in, and who answers it wants what it says.
func (q *answering) merge(ctx context.Context, m *series) error {
	r := &receipt{message: m, own: q.o.owns, me: q.o.person()}
	var err error
	if r.verified, err = q.s.proven(ctx, q.a, m); err != nil {
		return err
	}
	if q.there == nil {
		q.object = take(nil, r)
		return nil
	}
	was := readSeries(q.there.object)
	if had := was.organizer(); had == nil || !strings.EqualFold(had.Address, m.organizer().Address) {
		return ErrNoMeeting
	}
	if err := q.check(was); err != nil {
		return err
	}
	had, _ := was.highest()
	if now, _ := m.highest(); now < had { // a newer one has come
		return ErrNoMeeting
	}
	if q.object = take(q.there.object, r); q.object == nil {
		q.object = q.there.object
	}
	return nil
}
