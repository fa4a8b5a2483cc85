package schedule

import (
	"context"
	"errors"
	"slices"
	"strings"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/route"
	"martlet/store"
)

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
	out := &Answered{Box: mail.MailboxOf(q.o.account.ID), s: q.s, uid: q.uid, there: q.there}
	answered, err := q.events(m)
	if errors.Is(err, ErrNoOccurrence) && q.there != nil && q.a.Status == declined && m.skipped()[q.keys[0]] { // a request that is repeated
		out.done = true
		return out, nil
	}
	if err != nil {
		return nil, err
	}
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
	if q.a.Message.IsZero() && !q.auto && (q.a.Status != declined || q.keys != nil) {
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
	if a.At = (mail.Place{}); a.done {
		a.At = a.there.at
		return nil
	}
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
