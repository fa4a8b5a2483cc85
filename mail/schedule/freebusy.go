package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/object"
	"martlet/store"
)

// ErrNoData means that nothing is known of whether somebody is busy: they are
// not here, or not to be seen.
var ErrNoData = errors.New("schedule: no free/busy times")

// MaxBusySpan bounds the time that one question of who is busy may be about.
const MaxBusySpan = 2 * 366 * 24 * time.Hour

// Period is a span of time in which somebody is not free.
type Period struct {
	Start, End time.Time // in UTC
	Status     object.Status
}

// BusyQuery asks when somebody is busy.
type BusyQuery struct {
	Box      mail.MailboxID
	Folders  []mail.FolderID // calendars of the mailbox; nil: its own, all of them
	From, To time.Time
	// Zone is that of days and of times without one; nil: the Scheduler's.
	Zone *time.Location
	// Except is the UID of a meeting that does not count.
	Except string
	// Addresses are the owner's: what they have declined does not count, and what
	// they have not answered is tentative.
	Addresses []string
	// Booked tells that the mailbox is a resource's: whatever is in its calendar
	// takes it, also what takes nobody's time.
	Booked bool
}

// Busy tells when an account is not free between two times: what its calendars
// have there that counts, without saying what it is. The periods are in order
// and do not overlap: where two do, the stronger status counts. Everybody in the
// organisation may know.
func (s *Scheduler) Busy(ctx context.Context, account directory.AccountID, from, to time.Time) ([]Period, error) {
	a, err := s.directory.Account(ctx, account)
	if err != nil {
		return nil, err
	}
	return s.BusyIn(ctx, BusyQuery{Box: mail.MailboxOf(account), From: from, To: to, Addresses: append([]string{a.Login}, a.Aliases...), Booked: a.IsResource()})
}

// BusyAt is Busy for whoever has an address, of a group for its members together.
// ErrNoData for those who are not in the address list and for those outside;
// ErrTooMany for a group with more members than most.
func (s *Scheduler) BusyAt(ctx context.Context, address string, from, to time.Time, most int) ([]Period, error) {
	e, err := s.directory.Lookup(ctx, address)
	switch {
	case errors.Is(err, directory.ErrNoAddress):
		return nil, ErrNoData
	case err != nil:
		return nil, err
	case e.Contact != nil:
		return nil, ErrNoData
	case e.Group == nil:
		return s.Busy(ctx, e.Account.ID, from, to)
	}
	return s.busyGroup(ctx, e.Group.Address, from, to, most)
}

// busyGroup merges the members of a group who are in the address list.
func (s *Scheduler) busyGroup(ctx context.Context, group string, from, to time.Time, most int) ([]Period, error) {
	route, err := s.directory.Resolve(ctx, group)
	if err != nil && !errors.Is(err, directory.ErrNoAddress) {
		return nil, err
	}
	if len(route.Accounts) > most {
		return nil, ErrTooMany
	}
	var all []Period
	known := false
	for _, id := range route.Accounts {
		a, err := s.directory.Account(ctx, id)
		if errors.Is(err, directory.ErrNoAccount) || err == nil && (a.Disabled || a.Hidden) {
			continue
		}
		if err != nil {
			return nil, err
		}
		some, err := s.Busy(ctx, id, from, to)
		if err != nil {
			return nil, err
		}
		known = true
		all = append(all, some...)
	}
	if !known {
		return nil, ErrNoData
	}
	return mergePeriods(all), nil
}

// BusyIn tells when a mailbox is busy. A mailbox that was never used is free.
func (s *Scheduler) BusyIn(ctx context.Context, q BusyQuery) ([]Period, error) {
	if !q.To.After(q.From) {
		return nil, nil
	}
	if q.To.Sub(q.From) > MaxBusySpan {
		q.To = q.From.Add(MaxBusySpan)
	}
	if q.Zone == nil {
		q.Zone = s.zone
	}
	if q.Folders == nil {
		var err error
		if q.Folders, err = s.calendars(ctx, q.Box); err != nil {
			return nil, err
		}
	}
	var all []span
	for _, f := range q.Folders {
		spans, err := s.spans(ctx, &q, f)
		if err != nil {
			return nil, fmt.Errorf("schedule: busy: %w", err)
		}
		all = append(all, spans...)
	}
	return clip(all, q.From, q.To), nil
}

// calendars are the calendars of a mailbox, without those that others share with
// its owner: their time is not the owner's.
func (s *Scheduler) calendars(ctx context.Context, box mail.MailboxID) (ids []mail.FolderID, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		ids = []mail.FolderID{}
		folders, err := s.mailboxes.Folders(tx, box)
		if errors.Is(err, mail.ErrNoFolder) {
			return nil
		}
		for i := range folders {
			if f := &folders[i]; f.Class == mail.ClassCalendar && f.Link.IsZero() {
				ids = append(ids, f.ID)
			}
		}
		return err
	})
	return ids, err
}

// clip cuts spans to what was asked for and merges them.
func clip(spans []span, from, to time.Time) []Period {
	var out []Period
	for _, one := range spans {
		p := one.period()
		if p.Start.Before(from) {
			p.Start = from.UTC()
		}
		if p.End.After(to) {
			p.End = to.UTC()
		}
		if p.Start.Before(p.End) {
			out = append(out, p)
		}
	}
	return mergePeriods(out)
}

// mergePeriods makes periods that do not overlap, each as long as it can be. At
// every moment the strongest status counts (MS-ASCMD_R3327).
func mergePeriods(all []Period) []Period {
	if len(all) == 0 {
		return nil
	}
	type edge struct {
		at     time.Time
		status object.Status
		begins bool
	}
	edges := make([]edge, 0, 2*len(all))
	for _, p := range all {
		edges = append(edges, edge{p.Start, p.Status, true}, edge{p.End, p.Status, false})
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })
	var open [object.Elsewhere + 1]int
	strongest := func() object.Status {
		for status := object.OutOfOffice; status > object.Free; status-- {
			if open[status] > 0 {
				return status
			}
		}
		return object.Free
	}
	var out []Period
	now := object.Free
	var since time.Time
	for i, e := range edges {
		if e.begins {
			open[e.status]++
		} else {
			open[e.status]--
		}
		if i+1 < len(edges) && edges[i+1].at.Equal(e.at) {
			continue // whatever ends and begins at one moment is one step
		}
		next := strongest()
		if next == now {
			continue
		}
		if now != object.Free {
			out = append(out, Period{since, e.at, now})
		}
		now, since = next, e.at
	}
	return out
}
