package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/mail/object"
	"martlet/mail/route"
	"martlet/store"
	"martlet/store/blob"
)

// maxRetries is how often a calendar that changes meanwhile is looked at anew.
const maxRetries = 20

// attendTo does what one message calls for, and ends its note. What cannot be
// done for the message's own sake is left: the message is in the mailbox. Only
// what the machine lacks is an error, and tried again.
func (s *Scheduler) attendTo(ctx context.Context, n uint64, a *arrival) error {
	for attempt := 1; ; attempt++ {
		w, err := s.workSafely(ctx, a)
		if err == nil {
			err = s.store.Update(ctx, func(tx *store.Tx) error { return w.commit(tx, n) })
		}
		switch {
		case err == nil:
			w.done()
			return nil
		case ctx.Err() != nil, errors.Is(err, store.ErrDiskFull):
			return err
		case attempt < maxRetries && (errors.Is(err, ErrStale) || errors.Is(err, blob.ErrGone)):
			continue
		}
		s.log.Warn("scheduling mail left to its reader", "account", uint64(a.account), "error", err)
		return s.store.Update(ctx, func(tx *store.Tx) error {
			_, err := s.strike(tx, n)
			return err
		})
	}
}

// work is what a message does.
type work struct {
	s   *Scheduler
	box mail.MailboxID

	uid     string
	there   *place     // of the meeting in the calendar, nil for none
	body    *mail.Body // what it holds from now on, nil: as before
	mark    *mark
	booking *booking // of a resource

	sends  []*route.Plan
	copies []mail.MailboxID // of delegates, who get the message too
	letter mail.Body        // the message itself
	from   mail.Place       // and where it came
}

// commit does it, unless it is done.
func (w *work) commit(tx *store.Tx, n uint64) error {
	ok, err := w.s.strike(tx, n)
	if err != nil || !ok {
		w.sends = nil
		return err
	}
	if w.booking != nil {
		if err := w.booking.commit(tx, w.s, w.box); err != nil {
			return err
		}
	}
	if w.body != nil {
		if _, err := w.s.write(tx, w.box, w.uid, w.there, w.body); err != nil {
			return err
		}
	}
	if w.mark != nil {
		if err := w.s.gone.note(tx, *w.mark); err != nil {
			return err
		}
	}
	for _, p := range w.sends {
		if err := p.Commit(tx); err != nil && !errors.Is(err, route.ErrDuplicate) {
			return err
		}
	}
	for _, box := range w.copies {
		if err := w.s.hand(tx, box, w.letter); err != nil {
			return err
		}
	}
	if len(w.copies) == 0 || w.booking != nil {
		return nil
	}
	_, err = w.s.mailboxes.UpdateItem(tx, w.box, w.from.Folder, w.from.Item, func(it *mail.Item) { it.Flags |= mail.FlagDelegator })
	if errors.Is(err, mail.ErrNoItem) || errors.Is(err, mail.ErrNoFolder) { // its reader was faster
		return nil
	}
	return err
}

func (w *work) done() {
	if w.booking != nil && w.booking.answered != nil {
		w.booking.answered.Done()
	}
	for _, p := range w.sends {
		p.Done()
	}
}

// incoming is a scheduling message that is attended to.
type incoming struct {
	o      *owner
	a      *arrival
	raw    []byte
	index  *message.Index
	object *calendar.Object
	header string // who it says it is from, in lower case; proves nothing
}

// workSafely is work. A message that finds a fault of ours must not end the
// process, which would meet it again at the next start.
func (s *Scheduler) workSafely(ctx context.Context, a *arrival) (w *work, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			w, err = nil, fmt.Errorf("schedule: a fault: %v\n%s", fault, debug.Stack())
		}
	}()
	return s.work(ctx, a)
}

// work reads a message and works out what it does.
func (s *Scheduler) work(ctx context.Context, a *arrival) (*work, error) {
	w := &work{s: s, box: mail.MailboxOf(a.account), from: a.at}
	o, err := s.owner(ctx, a.account)
	if errors.Is(err, directory.ErrNoAccount) {
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	in := &incoming{o: o, a: a}
	if in.raw, err = s.mailboxes.Blobs().Read(ctx, a.blob); err != nil {
		return nil, err
	}
	in.index = message.Parse(in.raw)
	if in.object = readMeeting(in.index, in.raw); in.object == nil {
		return w, nil
	}
	if from := in.index.From; len(from) == 1 {
		in.header = strings.ToLower(from[0].Address)
	}
	m := readSeries(in.object)
	if m == nil || m.uid == "" || len(m.events()) == 0 || len(m.events()) > maxEvents {
		return w, nil
	}
	w.uid = m.uid
	if w.there, err = s.seek(ctx, w.box, m.uid); err != nil {
		return nil, err
	}
	switch in.object.Method {
	case methodRequest, methodCancel, methodAdd:
		return w, s.fromOrganizer(ctx, w, in, m)
	case methodReply, methodCounter, methodRefresh:
		return w, s.fromAttendee(ctx, w, in, m)
	}
	return w, nil
}

// readMeeting is the calendar object with a method that a message carries, nil
// for none. Some send it as a file alone.
func readMeeting(ix *message.Index, raw []byte) *calendar.Object {
	read := func(part int) *calendar.Object {
		text, _, cut, err := ix.ReadText(part, message.Bytes(raw), MaxObject)
		if err != nil || cut {
			return nil
		}
		o, err := calendar.Parse([]byte(text))
		if err != nil || o.Method == "" {
			return nil
		}
		return o
	}
	if part := ix.MeetingPart(); part >= 0 {
		return read(part)
	}
	for i := range ix.Parts {
		if t := ix.Parts[i].Type; t == "application/ics" || t == "text/calendar" {
			if o := read(i); o != nil {
				return o
			}
		}
	}
	return nil
}

// fromOrganizer attends to an invitation, a change or a cancellation.
func (s *Scheduler) fromOrganizer(ctx context.Context, w *work, in *incoming, m *series) error {
	organizer := m.organizer()
	if organizer == nil || in.o.owns(organizer.Address) { // the organizer's own calendar says what is so
		return nil
	}
	r := &receipt{message: m, own: in.o.owns, me: in.o.person()}
	var err error
	if r.verified, err = s.speaksFor(ctx, in.a.from, organizer); err != nil {
		return err
	}
	if r.verified && in.o.account.IsResource() {
		w.booking = &booking{letter: in.a.at}
	}
	if in.object.Method == methodRequest {
		if err := s.copies(ctx, w, in, m); err != nil {
			return err
		}
	}
	if w.there == nil {
		return s.unknown(ctx, w, in, r)
	}
	was := readSeries(w.there.object)
	if ok, err := s.mayChange(ctx, was, organizer, r.verified, in.header); err != nil || !ok {
		return err
	}
	var next *calendar.Object
	switch in.object.Method {
	case methodRequest:
		next = take(w.there.object, r)
	case methodCancel:
		next = cancel(w.there.object, r)
	case methodAdd:
		next = add(w.there.object, r)
	}
	return s.enter(ctx, w, in, next)
}

// unknown attends to a message about a meeting that the calendar does not have.
func (s *Scheduler) unknown(ctx context.Context, w *work, in *incoming, r *receipt) error {
	var last mark
	left := false
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		last, left, err = s.gone.seen(tx, w.box, w.uid)
		return err
	})
	if err != nil {
		return err
	}
	var seen version
	seen.sequence, seen.stamp = r.message.highest()
	switch {
	case in.object.Method == methodCancel && r.message.master != nil && r.verified:
		// Its invitation is still to come.
		w.mark = &mark{box: w.box, uid: mail.HashUID(mail.ClassCalendar, w.uid), seen: seen, when: s.now()}
		return nil
	case in.object.Method == methodCancel && r.verified && !left:
		// An occurrence, of what is still to come: it is entered as what it is.
		return s.enter(ctx, w, in, cancel(nil, r))
	case in.object.Method != methodRequest, left && (seen.compare(last.seen) <= 0 || seen.stamp < last.seen.stamp), left && last.declined && seen.sequence <= last.seen.sequence:
		return nil
	}
	return s.enter(ctx, w, in, take(nil, r))
}

// keep has the calendar hold an object from now on.
func (s *Scheduler) keep(ctx context.Context, w *work, next *calendar.Object) error {
	if next == nil {
		return nil
	}
	body, err := s.mailboxes.PrepareObject(ctx, mail.ClassCalendar, next.Encode())
	if err != nil {
		return err
	}
	if body.Facts.UID != w.uid {
		return fmt.Errorf("schedule: %w", object.ErrMalformed)
	}
	w.body = &body
	return nil
}
