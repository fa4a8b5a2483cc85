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
	"martlet/store"
)

// verdict is how a resource answers an invitation. It is good for one
// transaction: the one that writes the meeting into the resource's calendar.
type verdict struct {
	status  string // accepted, tentative or declined
	comment string // why, for the organizer; empty for an acceptance
	// delegates are to be asked, where the verdict is tentative.
	delegates []directory.AccountID

	box  mail.MailboxID
	seen map[mail.FolderID]mail.ModSeq // the calendars that it was made from
}

// decideResource tells how a resource answers an invitation, by its booking rule:
// who may book, for how long, how far ahead, when, and whether it is free. o is
// the meeting as the resource's calendar would have it, in whole; organizer the
// address that asks for it, empty if nothing proves who that is. The organizer
// learns that the resource is taken, and when, not by whom.
//
// An invitation is never answered twice at once: commit refuses a verdict when
// the calendar has changed since, so of two that want the same time one is made
// anew and finds it taken.
func (s *Scheduler) decideResource(ctx context.Context, a *directory.Account, o *calendar.Object, organizer string) (*verdict, error) {
	v := &verdict{box: mail.MailboxOf(a.ID), status: accepted}
	if err := v.look(ctx, s); err != nil {
		return nil, err
	}
	d := decision{s: s, ctx: ctx, resource: a, rule: &a.Booking, object: o, now: s.now()}
	if err := d.load(); err != nil {
		return nil, err
	}
	role, err := d.roleOf(organizer)
	if err != nil {
		return nil, err
	}
	comment := d.refuse(role)
	if comment == "" && !a.Booking.Conflicts {
		if comment, err = d.conflict(v); err != nil {
			return nil, err
		}
	}
	switch {
	case comment != "":
		v.status, v.comment = declined, comment
	case a.Booking.Decision == directory.DecideDelegates && role != roleDelegate:
		v.status, v.comment = tentative, d.name()+" is free. Somebody who looks after it has been asked and will answer."
		if v.delegates, err = d.accounts(a.Booking.Delegates); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// look notes which state of the calendars a verdict is about to be made from.
func (v *verdict) look(ctx context.Context, s *Scheduler) error {
	return s.store.View(ctx, func(tx *store.Tx) (err error) {
		v.seen, err = s.calendarStates(tx, v.box)
		return err
	})
}

// commit holds the verdict against the calendars as they are now: ErrStale when
// they have changed. It must run before the transaction writes into them.
func (v *verdict) commit(tx *store.Tx, s *Scheduler) error {
	now, err := s.calendarStates(tx, v.box)
	if err != nil {
		return err
	}
	for f, highest := range now {
		if v.seen[f] != highest { // one that is new has zero, and nothing in it
			return ErrStale
		}
	}
	return nil
}

// calendarStates are the calendars of a mailbox, each with its last change.
func (s *Scheduler) calendarStates(tx *store.Tx, box mail.MailboxID) (map[mail.FolderID]mail.ModSeq, error) {
	states := map[mail.FolderID]mail.ModSeq{}
	folders, err := s.mailboxes.Folders(tx, box)
	if errors.Is(err, mail.ErrNoFolder) {
		return states, nil
	}
	for i := range folders {
		if f := &folders[i]; f.Class == mail.ClassCalendar && f.Link.IsZero() {
			states[f.ID] = f.Highest
		}
	}
	return states, err
}

// The roles that an organizer may have.
type bookingRole uint8

const (
	roleOutsider bookingRole = iota
	roleNobody               // of the directory, but not one who may book
	roleBooker
	roleDelegate
)

// decision is a verdict in the making.
type decision struct {
	s        *Scheduler
	ctx      context.Context
	resource *directory.Account
	rule     *directory.Booking
	object   *calendar.Object
	now      time.Time

	zone  *time.Location
	until time.Time // how far ahead is looked
	spans []span    // when the meeting takes place, as far as that
}

// load works out when the meeting takes place.
func (d *decision) load() error {
	d.zone = d.s.zone
	if d.rule.Zone != "" {
		zone, err := calendar.LoadZone(d.rule.Zone)
		if err != nil {
			return fmt.Errorf("schedule: the zone of %s: %w", d.resource.Login, err)
		}
		d.zone = zone
	}
	d.until = d.now.Add(MaxBusySpan)
	if n := d.rule.HorizonDays; n > 0 {
		d.until = minTime(d.until, d.now.AddDate(0, 0, n))
	}
	d.spans = spansOf(d.object, window{d.now.Unix(), d.until.Unix()}, &BusyQuery{Zone: d.zone, Booked: true})
	return nil
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// roleOf tells what an organizer may do.
func (d *decision) roleOf(organizer string) (bookingRole, error) {
	if organizer == "" {
		return roleOutsider, nil
	}
	route, err := d.s.directory.Resolve(d.ctx, organizer)
	switch {
	case errors.Is(err, directory.ErrNoAddress), errors.Is(err, directory.ErrBadAddress):
		return roleOutsider, nil
	case err != nil:
		return roleOutsider, err
	case !route.Local || len(route.Accounts) != 1: // a group organizes nothing
		return roleOutsider, nil
	}
	id := route.Accounts[0]
	if in, err := d.belongs(id, d.rule.Delegates); err != nil || in {
		return roleDelegate, err
	}
	if len(d.rule.Bookers) == 0 {
		return roleBooker, nil
	}
	in, err := d.belongs(id, d.rule.Bookers)
	if err != nil || !in {
		return roleNobody, err
	}
	return roleBooker, nil
}

func (d *decision) belongs(id directory.AccountID, addresses []string) (bool, error) {
	for _, address := range addresses {
		if in, err := d.s.directory.Belongs(d.ctx, id, address); err != nil || in {
			return in, err
		}
	}
	return false, nil
}

// accounts are those whom addresses lead to.
func (d *decision) accounts(addresses []string) (ids []directory.AccountID, err error) {
	seen := map[directory.AccountID]bool{}
	for _, address := range addresses {
		route, err := d.s.directory.Resolve(d.ctx, address)
		if err != nil && !errors.Is(err, directory.ErrNoAddress) {
			return nil, err
		}
		for _, id := range route.Accounts {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

func (d *decision) name() string {
	e := directory.Entry{Account: *d.resource}
	return e.Name()
}

// refuse tells in words why the rule does not allow the meeting, "" if it does.
func (d *decision) refuse(role bookingRole) string {
	b := d.rule
	master := d.object.Master()
	switch {
	case d.resource.Disabled, b.Decision == directory.DecideNever:
		return d.name() + " cannot be booked."
	case role == roleOutsider && !b.Outsiders:
		return d.name() + " can be booked by people of its organisation only."
	case role == roleNobody:
		return "You are not among those who may book " + d.name() + "."
	case master == nil:
		return "The invitation says no time."
	case b.OneTime && master.Recurs():
		return d.name() + " cannot be booked for meetings that recur."
	case master.BadRule:
		return "The invitation recurs in a way that cannot be followed."
	case d.first().After(d.until):
		return fmt.Sprintf("%s can be booked at most %d days ahead.", d.name(), int(d.until.Sub(d.now).Hours()/24))
	case len(d.spans) == 0:
		return "The meeting is over."
	case len(d.spans) > maxSpans:
		return "The meeting takes place too often."
	}
	for _, one := range d.spans {
		if why := d.refuseSpan(one); why != "" {
			return why
		}
	}
	return ""
}

// first is when the meeting begins, its first occurrence that is still to come.
func (d *decision) first() time.Time {
	if len(d.spans) == 0 {
		return d.object.Master().Start.In(d.zone)
	}
	first := d.spans[0].start
	for _, one := range d.spans {
		first = min(first, one.start)
	}
	return time.Unix(first, 0)
}

// refuseSpan tells why the rule does not allow one occurrence.
func (d *decision) refuseSpan(one span) string {
	b := d.rule
	start, end := time.Unix(one.start, 0).In(d.zone), time.Unix(one.end, 0).In(d.zone)
	if b.MaxDuration > 0 && end.Sub(start) > b.MaxDuration && onWall(end).Sub(onWall(start)) > b.MaxDuration { // a day may have 25 hours
		return fmt.Sprintf("%s can be booked for at most %s.", d.name(), lengthText(b.MaxDuration))
	}
	for day := start; day.Before(end); day = time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, d.zone) {
		if !b.Days.Has(day.Weekday()) {
			return d.name() + " cannot be booked on a " + day.Weekday().String() + "."
		}
	}
	if b.Open == 0 && b.Close == 0 {
		return ""
	}
	minute := func(t time.Time) int { return t.Hour()*60 + t.Minute() }
	last := minute(end)
	if y, m, day := start.Date(); !end.Before(time.Date(y, m, day+1, 0, 0, 0, 0, d.zone)) {
		last = 24 * 60
		if end.After(time.Date(y, m, day+1, 0, 0, 0, 0, d.zone)) {
			last++
		}
	}
	if minute(start) < b.Open || last > b.Close {
		return fmt.Sprintf("%s can be booked from %02d:%02d to %02d:%02d (%s).", d.name(), b.Open/60, b.Open%60, b.Close/60, b.Close%60, d.zone)
	}
	return ""
}

// onWall is what a clock on the wall shows, as if it were in UTC.
func onWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

func lengthText(d time.Duration) string {
	switch {
	case d%(24*time.Hour) == 0 && d > 24*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}

// maxTold is how many of the times at which a resource is taken are told.
const maxTold = 3

// conflict tells when the resource is taken at a time of the meeting, "" if it is
// not. What is there of the meeting itself does not count.
func (d *decision) conflict(v *verdict) (string, error) {
	q := BusyQuery{Box: v.box, Folders: []mail.FolderID{}, Zone: d.zone, Except: d.object.Master().UID, Booked: true,
		Addresses: append([]string{d.resource.Login}, d.resource.Aliases...)}
	for f := range v.seen {
		q.Folders = append(q.Folders, f)
	}
	last := d.now
	for _, one := range d.spans {
		if end := time.Unix(one.end, 0); end.After(last) {
			last = end
		}
	}
	q.From, q.To = d.now, last
	taken, err := d.s.BusyIn(d.ctx, q)
	if err != nil {
		return "", err
	}
	var told []string
	for _, one := range d.spans {
		if meets(taken, one) {
			if len(told) == maxTold {
				told = append(told, "…")
				break
			}
			told = append(told, time.Unix(one.start, 0).In(d.zone).Format("Monday, 2 January 2006, 15:04 MST"))
		}
	}
	if len(told) == 0 {
		return "", nil
	}
	return d.name() + " is taken: " + strings.Join(told, "; ") + ".", nil
}
