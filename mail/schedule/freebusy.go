package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

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

// BusyAnswer is what BusyOf tells of one address.
type BusyAnswer struct {
	Periods []Period
	Err     error
}

// BusyOf is BusyAt for several addresses, side by side: an answer for each, in
// their order.
func (s *Scheduler) BusyOf(ctx context.Context, addresses []string, from, to time.Time, most int) []BusyAnswer {
	out := make([]BusyAnswer, len(addresses))
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i, address := range addresses {
		all.Go(func() error {
			defer func() { // a fault of ours ends one answer, not the process
				if fault := recover(); fault != nil {
					out[i].Err = fmt.Errorf("schedule: busy: a fault: %v\n%s", fault, debug.Stack())
				}
			}()
			out[i].Periods, out[i].Err = s.BusyAt(ctx, address, from, to, most)
			return nil
		})
	}
	_ = all.Wait() // each has its own error
	return out
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
	var members []string
	for _, id := range route.Accounts {
		a, err := s.directory.Account(ctx, id)
		if errors.Is(err, directory.ErrNoAccount) || err == nil && (a.Disabled || a.Hidden) {
			continue
		}
		if err != nil {
			return nil, err
		}
		members = append(members, a.Login)
	}
	var all []span
	known := false
	for _, one := range s.BusyOf(ctx, members, from, to, 1) {
		if errors.Is(one.Err, ErrNoData) { // just removed
			continue
		}
		if one.Err != nil {
			return nil, one.Err
		}
		known = true
		for _, p := range one.Periods {
			all = append(all, span{p.Start.Unix(), p.End.Unix(), p.Status})
		}
	}
	if !known {
		return nil, ErrNoData
	}
	return clip(all, from, to), nil
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
		if q.Folders, err = s.calendars(ctx, &q); err != nil {
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

// calendars are the calendars of a mailbox, without those that take no time (RFC
// 6638 9.1), unless it is a resource's, and without those that others share with
// its owner: their time is not the owner's.
func (s *Scheduler) calendars(ctx context.Context, q *BusyQuery) (ids []mail.FolderID, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		ids = []mail.FolderID{}
		folders, err := s.mailboxes.Folders(tx, q.Box)
		if errors.Is(err, mail.ErrNoFolder) {
			return nil
		}
		for i := range folders {
			f := &folders[i]
			if f.Class != mail.ClassCalendar || !f.Link.IsZero() {
				continue
			}
			if counts, err := s.counts(tx, q.Box, f.ID); err != nil {
				return err
			} else if counts || q.Booked {
				ids = append(ids, f.ID)
			}
		}
		return err
	})
	return ids, err
}

// clip cuts spans to what was asked for and merges them.
func clip(spans []span, from, to time.Time) []Period {
	var some []span
	for _, one := range spans {
		one.start, one.end = max(one.start, from.Unix()), min(one.end, to.Unix())
		if one.start < one.end {
			some = append(some, one)
		}
	}
	var out []Period
	for _, one := range mergeSpans(some) {
		out = append(out, one.period())
	}
	return out
}

// mergeSpans makes spans that do not overlap, each as long as it can be, in order.
// At every moment the strongest status counts (MS-ASCMD_R3327).
func mergeSpans(all []span) []span {
	const begins, status = 8, 7 // of an edge, below its second
	edges := make([]int64, 0, 2*len(all))
	for _, s := range all {
		edges = append(edges, s.start<<4|begins|int64(s.status), s.end<<4|int64(s.status))
	}
	slices.Sort(edges)
	var open [status + 1]int
	strongest := func() object.Status {
		for status := object.OutOfOffice; status > object.Free; status-- {
			if open[status] > 0 {
				return status
			}
		}
		return object.Free
	}
	out := make([]span, 0, len(all))
	now, since := object.Free, int64(0)
	for i, e := range edges {
		at := e >> 4
		if e&begins != 0 {
			open[e&status]++
		} else {
			open[e&status]--
		}
		if i+1 < len(edges) && edges[i+1]>>4 == at {
			continue // whatever ends and begins at one moment is one step
		}
		next := strongest()
		if next == now {
			continue
		}
		if now != object.Free {
			out = append(out, span{since, at, now})
		}
		now, since = next, at
	}
	return slices.Clip(out)
}
