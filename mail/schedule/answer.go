package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	q.sentBy = actor.Login
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

// invitee is in whose name an account answers an invitation: its own, unless
// only somebody is invited whose delegate it is.
func (s *Scheduler) invitee(ctx context.Context, id directory.AccountID, m *series) (directory.AccountID, error) {
	me, err := s.owner(ctx, id)
	if err != nil || s.delegates == nil || isInvited(m, me) {
		return id, err
	}
	looked := 0
	for _, e := range m.events() {
		for p := range e.Component.All("ATTENDEE") {
			if looked++; looked > MaxAttendees {
				return id, nil
			}
			var other directory.AccountID
			err := s.store.View(ctx, func(tx *store.Tx) (err error) {
				other, _, err = s.directory.Whose(tx, addressOf(p))
				return err
			})
			if err != nil || other == 0 {
				continue
			}
			if acts, err := s.actsFor(ctx, id, other); err != nil || acts {
				return other, err
			}
		}
	}
	return id, nil
}

// proven tells whether the organizer has sent an invitation: it was seen when it
// came, or the organizer's own calendar is here and has the meeting.
func (s *Scheduler) proven(ctx context.Context, a *Answer, m *series) (bool, error) {
	from, organizer := "", m.organizer()
	var local directory.AccountID
	err := s.store.View(ctx, func(tx *store.Tx) error {
		for row, err := range s.rows.Scan(tx, store.TableRange[uint64]{}) {
			if err != nil {
				return err
			}
			if row.Value.blob == a.Message {
				from = row.Value.from
				break
			}
		}
		id, _, err := s.directory.Whose(tx, organizer.Address)
		if err == nil {
			local = id
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if ok, err := s.speaksFor(ctx, from, organizer); err != nil || ok {
		return ok, err
	}
	if local == 0 {
		return false, nil
	}
	there, err := s.seek(ctx, mail.MailboxOf(local), m.uid)
	if err != nil || there == nil {
		return false, err
	}
	theirs := readSeries(there.object).organizer()
	return theirs != nil && strings.EqualFold(theirs.Address, organizer.Address), nil
}

// decide works out what the calendar holds from now on, and what the organizer
// is told.
func (q *answering) decide(ctx context.Context) (*Answered, error) {
	object := calendar.Of(q.object.Root.Clone())
	m := readSeries(object)
	if !q.a.Occurrence.IsZero() {
		if m.master == nil && len(m.over) == 0 || m.master != nil && !m.master.Recurs() {
			return nil, ErrNoRecurrence
		}
		q.keys = []int64{m.key(calendar.UTC(q.a.Occurrence))}
	}
	answered, err := q.events(m)
	if err != nil {
		return nil, err
	}
	out := &Answered{Box: mail.MailboxOf(q.o.account.ID), s: q.s, uid: q.uid, there: q.there}
	if out.send, err = q.tell(ctx, answered); err != nil {
		return nil, err
	}
	if q.a.Status == declined {
		object = q.without(object, m, answered)
		out.mark = q.s.leaving(out.Box, m, true)
	} else {
		object = q.with(object, m, answered)
	}
	if object == nil {
		return out, nil
	}
	body, err := q.s.mailboxes.PrepareObject(ctx, mail.ClassCalendar, object.Encode())
	if err != nil {
		return nil, err
	}
	out.body = &body
	return out, nil
}

// events are those that are answered.
func (q *answering) events(m *series) (all []*calendar.Event, err error) {
	if q.keys == nil {
		for _, e := range m.events() { // each is named: some may be elsewhere than the whole has them
			if e.Status != "CANCELLED" && len(all) < maxApart {
				all = append(all, e)
			}
		}
		return all, nil
	}
	for _, k := range q.keys {
		e := m.occurrence(k)
		if e == nil {
			return nil, ErrNoOccurrence
		}
		all = append(all, e)
	}
	return all, nil
}

// tell plans the message to the organizer.
func (q *answering) tell(ctx context.Context, answered []*calendar.Event) (*route.Plan, error) {
	if !q.a.ProposedStart.IsZero() {
		for _, e := range answered {
			if e.NoCounter {
				return nil, ErrCounter
			}
		}
	}
	if !q.a.Tell {
		return nil, nil
	}
	once := q.a.Once
	if q.a.Message.IsZero() && !q.auto && q.a.Status != declined {
		// What the calendar has may be answered one way and another and back; the
		// same answer again is a request that is repeated.
		if once = (route.Key{}); q.repeated(answered) {
			return nil, nil
		}
	}
	var events []*calendar.Component
	method := methodReply
	for _, e := range answered {
		who := calendar.Person{Name: q.o.account.Name, Address: q.o.account.Login}
		if p := attendeeOf(e.Component, q.o.owns); p != nil {
			who.Address = writtenAddress(p)
		}
		r := objectOf("", nil, e.Component.Clone()).Reply(&calendar.Answer{
			From: who, Status: q.a.Status, Comment: q.a.Comment, Now: replyTime(e.Component, q.s.now()), ProposedStart: q.a.ProposedStart, ProposedEnd: q.a.ProposedEnd,
		})
		method = r.Method
		for _, e := range r.Events {
			finishReply(e.Component, q.sentBy)
			events = append(events, e.Component)
		}
	}
	reply := objectOf(method, usedZones(zonesOf(q.object), events...), events...)
	organizer := readSeries(q.object).organizer()
	to := addresses([]calendar.Person{*organizer})
	if len(to) == 0 {
		return nil, ErrNoMeeting
	}
	return q.s.prepareReply(ctx, q.o, reply, to, &words{comment: q.a.Comment, html: q.a.HTML, answers: q.a.Index, auto: q.auto, bare: !q.auto}, once)
}

// repeated tells whether the last answer was the same.
func (q *answering) repeated(answered []*calendar.Event) bool {
	for _, e := range answered {
		if e.Component.Value(propAnswer) != strings.ToUpper(q.digest()) {
			return false
		}
	}
	return true
}

// digest is what is answered, in short.
func (q *answering) digest() string {
	return digest(q.a.Status, q.a.Comment, q.a.HTML, q.a.ProposedStart.String(), q.a.ProposedEnd.String())
}

// with is the meeting with the answer in it.
func (q *answering) with(object *calendar.Object, m *series, answered []*calendar.Event) *calendar.Object {
	if q.keys == nil {
		answered = m.events() // the answer is for each
	}
	for _, e := range answered {
		if p := attendeeOf(e.Component, q.o.owns); p != nil {
			setAnswer(e.Component, p, q.a.Status, replyTime(e.Component, q.s.now()))
			if q.a.Tell {
				e.Component.SetValue(propAnswer, q.digest())
			}
		}
		if !slices.Contains(object.Root.Children, e.Component) {
			object.Root.Children = append(object.Root.Children, e.Component)
		}
	}
	return calendar.Of(object.Root)
}

// without is the meeting without the occurrences that are declined; nil when
// nothing is left.
func (q *answering) without(object *calendar.Object, m *series, answered []*calendar.Event) *calendar.Object {
	if q.keys == nil {
		return nil
	}
	for _, e := range answered {
		object.Root.Children = slices.DeleteFunc(object.Root.Children, func(c *calendar.Component) bool { return c == e.Component })
		if m.master == nil {
			continue
		}
		if p := e.Component.Prop("RECURRENCE-ID"); p != nil {
			x := calendar.Property{Name: "EXDATE", Params: slices.Clone(p.Params), Value: p.Value}
			x.SetParam(paramDeclined, "TRUE")
			m.master.Component.Add(x)
		}
	}
	next := calendar.Of(object.Root)
	if len(next.Events) == 0 {
		return nil
	}
	return next
}

// Commit does it, in the caller's transaction, which must fail if Commit does.
// ErrStale and blob.ErrGone ask for a new answer, route.ErrDuplicate says that it
// was given before.
func (a *Answered) Commit(tx *store.Tx) error {
	a.At = mail.Place{}
	if a.send != nil {
		if err := a.send.Commit(tx); err != nil {
			return err
		}
	}
	switch {
	case a.body != nil:
		it, err := a.s.write(tx, a.Box, a.uid, a.there, a.body)
		if err != nil {
			return err
		}
		a.At = mail.Place{Folder: it.Folder, Item: it.ID}
		return nil
	case a.there != nil:
		it, err := a.s.mailboxes.Item(tx, a.Box, a.there.at.Folder, a.there.at.Item)
		if errors.Is(err, mail.ErrNoItem) || err == nil && it.Blob != a.there.blob {
			return ErrStale
		}
		if err != nil {
			return err
		}
		if _, err := a.s.mailboxes.Delete(tx, a.Box, a.there.at.Folder, a.there.at.Item); err != nil {
			return err
		}
	}
	return a.s.gone.note(tx, a.mark)
}

// Done finishes behind the commit.
func (a *Answered) Done() {
	if a.send != nil {
		a.send.Done()
	}
}
