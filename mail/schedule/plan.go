package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/route"
	"martlet/store"
)

// Plan works out what a change calls for, and makes the messages durable. Doors
// call it before each transaction that writes a calendar object for a user; what
// is no meeting passes through it unchanged. Errors: ErrOrganizer, ErrTooMany, ErrNotDelegate,
// those of mail/calendar for what is no calendar object, those of route.Submit
// for what cannot be sent.
func (s *Scheduler) Plan(ctx context.Context, c Change) (*Plan, error) {
	p := &Plan{New: c.New, s: s}
	wanted, err := parse(c.New)
	if err != nil {
		return nil, err
	}
	old, err := parse(c.Old)
	if err != nil { // what is there already does not keep anybody from changing it
		old = nil
	}
	uid := uidOf(wanted, old)
	var rights mail.Rights // of who looks at another's calendar
	err = s.store.View(ctx, func(tx *store.Tx) error {
		folder, box, _, err := s.mailboxes.Resolve(tx, c.Box, c.Folder)
		if err != nil {
			return err
		}
		if folder.Class != mail.ClassCalendar {
			uid = ""
			return nil
		}
		p.box, rights = box, folder.Link.Rights
		p.Existing, err = s.others(tx, box, uid, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("schedule: plan: %w", err)
	}
	if uid == "" || !isMeeting(c.New) && !isMeeting(c.Old) {
		return p, nil
	}
	o, err := s.owner(ctx, directory.AccountID(p.box))
	if errors.Is(err, directory.ErrNoAccount) { // a public folder: nobody's calendar
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("schedule: plan: %w", err)
	}
	if len(p.Existing) > 0 {
		switch {
		case c.New == nil: // one of several: the meeting is still there
			return p, nil
		case c.Old == nil: // it was moved from another calendar, or added twice
			if old, err = s.readAt(ctx, p.box, p.Existing[0]); err != nil {
				return nil, err
			}
		}
	}
	if err := p.carry(ctx, &c, o, old, wanted); err != nil {
		return nil, err
	}
	if o.by != 0 && p.Messages > 0 && rights&mail.MayDelegate == 0 {
		if may, err := s.actsFor(ctx, o.by, o.account.ID); err != nil || !may {
			return nil, errors.Join(err, ErrNotDelegate)
		}
	}
	return p, nil
}

// parse reads a calendar object; nil for nothing.
func parse(raw []byte) (*calendar.Object, error) {
	if raw == nil {
		return nil, nil
	}
	o, err := calendar.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	return o, nil
}

// isMeeting tells whether bytes may be an object with people in it, without
// reading it: most events have none.
func isMeeting(raw []byte) bool {
	return bytes.Contains(raw, []byte("ATTENDEE")) || bytes.Contains(raw, []byte("ORGANIZER")) || bytes.Contains(bytes.ToUpper(raw), []byte("ATTENDEE"))
}

func uidOf(objects ...*calendar.Object) string {
	for _, o := range objects {
		if s := readSeries(o); s != nil && s.uid != "" {
			return s.uid
		}
	}
	return ""
}

// others are the items of a mailbox with a UID, without the one that is changed.
func (s *Scheduler) others(tx *store.Tx, box mail.MailboxID, uid string, c Change) (all []mail.Place, err error) {
	places, err := s.mailboxes.ByUID(tx, box, mail.ClassCalendar, uid)
	if err != nil {
		return nil, err
	}
	_, _, folder, err := s.mailboxes.Resolve(tx, c.Box, c.Folder)
	for _, at := range places {
		if at != (mail.Place{Folder: folder, Item: c.Item}) {
			all = append(all, at)
		}
	}
	return all, err
}

// readAt reads the object of an item.
func (s *Scheduler) readAt(ctx context.Context, box mail.MailboxID, at mail.Place) (*calendar.Object, error) {
	var it mail.Item
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		it, err = s.mailboxes.Item(tx, box, at.Folder, at.Item)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	raw, err := s.mailboxes.Blobs().Read(ctx, it.Blob)
	if err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	return parse(raw)
}

// carry plans for a meeting, on the side of its organizer or of an attendee.
func (p *Plan) carry(ctx context.Context, c *Change, o *owner, old, wanted *calendar.Object) error {
	was, now := readSeries(old), readSeries(wanted)
	organizer, err := organizerOf(was, now, o)
	if err != nil {
		return err
	}
	sentBy := ""
	if c.Account != 0 && c.Account != o.account.ID {
		actor, err := p.s.directory.Account(ctx, c.Account)
		if err != nil {
			return fmt.Errorf("schedule: plan: %w", err)
		}
		sentBy, o.by = actor.Login, actor.ID
	}
	if organizer != nil && !o.owns(organizer.Address) {
		return p.attend(ctx, c, o, old, wanted, organizer, sentBy)
	}
	if now.tooMany(o.owns) {
		return ErrTooMany
	}
	return p.organize(ctx, c, o, old, wanted, organizer, sentBy)
}

// organizerOf is who organizes a meeting, nil for nobody so far. It does not
// change.
func organizerOf(was, now *series, o *owner) (*calendar.Person, error) {
	before, after := was.organizer(), now.organizer()
	switch {
	case after == nil:
		return before, nil
	case before == nil, strings.EqualFold(before.Address, after.Address), o.owns(before.Address) && o.owns(after.Address):
		return after, nil
	}
	return nil, ErrOrganizer
}

// organize plans for the organizer.
func (p *Plan) organize(ctx context.Context, c *Change, o *owner, old, wanted *calendar.Object, organizer *calendar.Person, sentBy string) error {
	if wanted != nil {
		wanted = calendar.Of(wanted.Root.Clone())
		o.organizes(wanted, organizer, sentBy)
	}
	next, out := organize(old, wanted, o.owns, p.s.now(), c.Invites != ByServer)
	var err error
	if p.sends, err = p.s.prepareAll(ctx, o, out, c.Comment); err != nil {
		return err
	}
	p.Messages = len(p.sends)
	if next == nil {
		return nil
	}
	if len(out) > 0 {
		if err := p.s.noteOutcome(ctx, next, out); err != nil {
			return err
		}
	}
	p.keep(next)
	return nil
}

// keep makes an object what the item is to hold, unless it is what the client
// wants it to hold.
func (p *Plan) keep(next *calendar.Object) {
	if now, err := calendar.Parse(p.New); err == nil && bytes.Equal(now.Encode(), next.Encode()) {
		return
	}
	p.New = next.Encode()
}

// organizes names the owner as the organizer of a meeting that names nobody, by
// the address under which they organize it already, and who acts for them.
func (o *owner) organizes(object *calendar.Object, before *calendar.Person, sentBy string) {
	people := false
	for _, e := range object.Events {
		people = people || e.Component.Prop("ATTENDEE") != nil
	}
	if !people {
		return
	}
	for _, e := range object.Events {
		p := e.Component.Prop("ORGANIZER")
		if p == nil || addressOf(p) == "" {
			me := o.person()
			if before != nil {
				me = *before
			}
			q := calendar.Property{Name: "ORGANIZER", Value: "mailto:" + me.Address}
			q.SetParam("CN", me.Name)
			e.Component.Set(q)
			p = e.Component.Prop("ORGANIZER")
		}
		p.SetParam("SENT-BY", "") // who did so before
		if sentBy != "" {
			p.SetParam("SENT-BY", "mailto:"+sentBy)
		}
	}
	*object = *calendar.Of(object.Root)
}

// noteOutcome writes at each attendee what becomes of the message to them (RFC
// 6638 7.3): delivered, sent, or of no use.
func (s *Scheduler) noteOutcome(ctx context.Context, next *calendar.Object, out []outgoing) error {
	outcome := map[string]string{}
	for _, m := range out {
		for _, to := range m.to {
			key := strings.ToLower(to.Address)
			if outcome[key] != "" || m.method != methodRequest {
				continue
			}
			var err error
			if outcome[key], err = s.outcomeOf(ctx, key); err != nil {
				return err
			}
		}
	}
	for _, e := range next.Events {
		for a := range e.Component.All("ATTENDEE") {
			if v := outcome[addressOf(a)]; v != "" {
				a.SetParam("SCHEDULE-STATUS", v)
			}
		}
	}
	return nil
}

// outcomeOf is what becomes of a message to an address (RFC 6638 3.2.9).
func (s *Scheduler) outcomeOf(ctx context.Context, address string) (string, error) {
	switch r, err := s.directory.Resolve(ctx, address); {
	case errors.Is(err, directory.ErrNoAddress), errors.Is(err, directory.ErrBadAddress), errors.Is(err, directory.ErrDisabled):
		return "3.7", nil
	case err != nil:
		return "", fmt.Errorf("schedule: %w", err)
	case r.Local:
		return "1.2", nil
	}
	return "1.1", nil
}

// Commit sends the messages in the transaction that writes the object, before or
// behind the write. blob.ErrGone and ErrStale ask for a new plan.
func (p *Plan) Commit(tx *store.Tx) error {
	for _, r := range p.sends {
		// One that was sent already, by a request that is repeated, is not sent again.
		if err := r.Commit(tx); err != nil && !errors.Is(err, route.ErrDuplicate) {
			return err
		}
	}
	for _, m := range p.marks {
		if err := p.s.gone.note(tx, m); err != nil {
			return err
		}
	}
	return nil
}

// Done finishes behind the commit what one transaction could not hold. Without
// it, the next start does.
func (p *Plan) Done() {
	for _, r := range p.sends {
		r.Done()
	}
}
