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

// place is where a meeting is in a calendar, and what it holds.
type place struct {
	at     mail.Place
	blob   blob.Ref
	object *calendar.Object
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

// write puts a meeting into the calendar, in the place where it was found, or as
// a new item where none was. ErrStale when that is not so any more.
func (s *Scheduler) write(tx *store.Tx, box mail.MailboxID, uid string, there *place, body *mail.Body) (mail.Item, error) {
	if there != nil {
		it, err := s.mailboxes.Item(tx, box, there.at.Folder, there.at.Item)
		if errors.Is(err, mail.ErrNoItem) || err == nil && it.Blob != there.blob {
			return it, ErrStale
		}
		if err != nil {
			return it, err
		}
		return s.mailboxes.ReplaceBody(tx, box, there.at.Folder, there.at.Item, *body, nil)
	}
	if err := s.mailboxes.Ensure(tx, box); err != nil {
		return mail.Item{}, err
	}
	places, err := s.mailboxes.ByUID(tx, box, mail.ClassCalendar, uid)
	if err != nil {
		return mail.Item{}, err
	}
	if len(places) > 0 {
		return mail.Item{}, ErrStale
	}
	folder, err := s.mailboxes.FolderByRole(tx, box, mail.RoleCalendar)
	if err != nil {
		return mail.Item{}, err
	}
	return s.mailboxes.Append(tx, box, folder.ID, mail.NewItem{Class: mail.ClassCalendar, Body: *body})
}

// hand puts a delegate's copy of an invitation into their inbox.
func (s *Scheduler) hand(tx *store.Tx, box mail.MailboxID, letter mail.Body) error {
	if err := s.mailboxes.Ensure(tx, box); err != nil {
		return err
	}
	inbox, err := s.mailboxes.FolderByRole(tx, box, mail.RoleInbox)
	if err != nil {
		return err
	}
	_, err = s.mailboxes.Append(tx, box, inbox.ID, mail.NewItem{Class: mail.ClassEmail, Body: letter, Flags: mail.FlagDelegated})
	return err
}

// seek looks for a meeting in a mailbox: in its own calendar first; nil for none.
func (s *Scheduler) seek(ctx context.Context, box mail.MailboxID, uid string) (*place, error) {
	var p *place
	err := s.store.View(ctx, func(tx *store.Tx) error {
		p = nil
		places, err := s.mailboxes.ByUID(tx, box, mail.ClassCalendar, uid)
		if err != nil || len(places) == 0 {
			return err
		}
		at := places[0]
		if folder, err := s.mailboxes.FolderByRole(tx, box, mail.RoleCalendar); err == nil {
			for _, q := range places {
				if q.Folder == folder.ID {
					at = q
					break
				}
			}
		}
		it, err := s.mailboxes.Item(tx, box, at.Folder, at.Item)
		p = &place{at: at, blob: it.Blob}
		return err
	})
	if errors.Is(err, mail.ErrNoMailbox) {
		return nil, nil
	}
	if err != nil || p == nil {
		return nil, err
	}
	return p, s.load(ctx, p)
}

// load reads what a place holds.
func (s *Scheduler) load(ctx context.Context, p *place) error {
	raw, err := s.mailboxes.Blobs().Read(ctx, p.blob)
	if err != nil {
		return err
	}
	p.object, err = calendar.Parse(raw)
	return err
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

// speaksFor tells whether a sender may say something about a meeting for a
// person: it is them, somebody elsewhere who says to act for them within the same
// domain, or one of ours who does. Of ours it is known who acts for whom: what a
// message says of that does not count.
func (s *Scheduler) speaksFor(ctx context.Context, sender string, p *calendar.Person) (bool, error) {
	address := strings.ToLower(p.Address)
	switch {
	case sender == "" || address == "":
		return false, nil
	case sender == address:
		return true, nil
	case sender == strings.ToLower(p.SentBy) && domainOf(sender) == domainOf(address):
		if !s.isOurs(ctx, sender) && !s.isOurs(ctx, address) {
			return true, nil
		}
	}
	var owner, actor directory.AccountID
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if owner, _, err = s.directory.Whose(tx, address); err != nil {
			return err
		}
		actor, _, err = s.directory.Whose(tx, sender)
		return err
	})
	if errors.Is(err, directory.ErrNoAddress) || errors.Is(err, directory.ErrBadAddress) {
		return false, nil
	}
	if err != nil || owner == 0 || actor == 0 || owner == actor {
		return owner != 0 && owner == actor, err
	}
	return s.actsFor(ctx, actor, owner)
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// actsFor tells whether one of ours is another's delegate.
func (s *Scheduler) actsFor(ctx context.Context, actor, owner directory.AccountID) (bool, error) {
	if s.delegates == nil {
		return false, nil
	}
	all, err := s.delegates(ctx, owner)
	for _, d := range all {
		if d == actor {
			return true, err
		}
	}
	return false, err
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

// mayChange tells whether a message may change what the calendar has: it speaks
// for the same organizer, and is at least as well authenticated as what is there.
func (s *Scheduler) mayChange(ctx context.Context, was *series, organizer *calendar.Person, verified bool, header string) (bool, error) {
	had := was.organizer()
	if had == nil {
		return false, nil // an appointment of the user's own
	}
	if !strings.EqualFold(had.Address, organizer.Address) {
		same, err := s.speaksFor(ctx, strings.ToLower(organizer.Address), had)
		if err != nil || !same {
			return false, err
		}
	}
	if verified {
		return true, nil
	}
	if was.isVerified() {
		return false, nil
	}
	return s.speaksFor(ctx, header, had)
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

// copies finds the delegates who get the invitation, too: those who have not been
// sent it themselves. What is private is not for them.
func (s *Scheduler) copies(ctx context.Context, w *work, in *incoming, m *series) error {
	if s.delegates == nil || in.o.account.IsResource() {
		return nil
	}
	for _, e := range m.events() {
		if e.Class != "" && e.Class != "PUBLIC" {
			return nil
		}
	}
	delegates, err := s.delegates(ctx, in.o.account.ID)
	if err != nil || len(delegates) == 0 {
		return err
	}
	invited := false
	for _, e := range m.events() {
		invited = invited || attendeeOf(e.Component, in.o.owns) != nil
	}
	if !invited { // there is nobody in whose name it could be answered
		return nil
	}
	for _, d := range delegates {
		other, err := s.owner(ctx, d)
		if errors.Is(err, directory.ErrNoAccount) {
			continue
		}
		if err != nil {
			return err
		}
		if d == in.o.account.ID || other.account.Disabled || other.owns(m.organizer().Address) || isInvited(m, other) {
			continue
		}
		w.copies = append(w.copies, mail.MailboxOf(d))
	}
	w.letter = mail.Body{Blob: in.a.blob, Index: in.index}
	return nil
}

func isInvited(m *series, o *owner) bool {
	for _, e := range m.events() {
		if attendeeOf(e.Component, o.owns) != nil {
			return true
		}
	}
	return false
}
