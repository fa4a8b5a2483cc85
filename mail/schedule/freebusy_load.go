package schedule

import (
	"context"
	"errors"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/object"
	"martlet/store"
	"martlet/store/blob"
)

// span is a Period in seconds since 1970: many are kept.
type span struct {
	start, end int64
	status     object.Status
}

func (s span) period() Period {
	return Period{time.Unix(s.start, 0).UTC(), time.Unix(s.end, 0).UTC(), s.status}
}

// maxSpans bounds how often one event is counted. One that comes round more often
// is taken to last from there to the end: whoever asks is better told too much.
const maxSpans = 5000

// slack is how much later than in UTC a day or a wall clock may be, and how far
// from the rest of its series an occurrence is looked for.
const (
	slack       = 14 * time.Hour
	seriesSlack = 366 * 24 * time.Hour
)

// window is a span of time that a calendar was looked through for.
type window struct{ from, to int64 }

func (w window) holds(x window) bool { return w.from <= x.from && x.to <= w.to }

// windowOf is the window that is looked through to answer for a span: whole days
// and some more, for the next one who asks.
func windowOf(from, to time.Time) window {
	const day = 24 * 60 * 60
	f, t := from.Unix(), to.Unix()
	return window{f - f%day - day, t - t%day + 15*day}
}

// opening is an item whose body has to be read.
type opening struct {
	id  mail.ItemID
	uid mail.UIDHash
	ref blob.Ref
}

// found is what a calendar's rows tell: what is known without bodies, what is to
// be read, and what is gone.
type found struct {
	highest mail.ModSeq
	known   map[mail.ItemID]busyItem
	open    []opening
	gone    []mail.ItemID
	whole   bool // the calendar was read from the start
}

// spans are what the events of a calendar make of a span of time. What was found
// out is kept, so that the next one who asks reads what has changed since.
func (s *Scheduler) spans(ctx context.Context, q *BusyQuery, f mail.FolderID) ([]span, error) {
	key := busyKey{box: q.Box, folder: f, zone: q.Zone.String(), who: strings.Join(q.Addresses, " ")}
	asked := window{q.From.Unix(), q.To.Unix() + 1}
	old := s.busy.get(key)
	w := windowOf(q.From, q.To)
	switch {
	case old != nil && old.window.holds(asked):
		w = old.window
	case old != nil:
		old = nil
	}
	got, err := s.find(ctx, q, f, w, old)
	if err != nil {
		return nil, err
	}
	if got == nil {
		return old.collect(q, asked), nil
	}
	if err := s.readBodies(ctx, q, w, got); err != nil {
		return nil, err
	}
	now := old.with(got, w)
	s.busy.put(key, now)
	return now.collect(q, asked), nil
}

// find reads the rows of a calendar, or of what has changed in it; nil when
// nothing has.
func (s *Scheduler) find(ctx context.Context, q *BusyQuery, f mail.FolderID, w window, old *busyCalendar) (got *found, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		got = nil
		folder, err := s.mailboxes.Folder(tx, q.Box, f)
		if err != nil {
			return err
		}
		if old != nil && folder.Highest == old.highest {
			return nil
		}
		got = &found{highest: folder.Highest, known: map[mail.ItemID]busyItem{}}
		if old != nil && folder.Highest > old.highest {
			return s.findChanged(tx, q, f, w, old.highest, got)
		}
		got.whole = true
		for pos, err := range s.mailboxes.Between(tx, q.Box, f, max(w.from*1000, 1), mail.EndOfTime+1) {
			if err != nil {
				return err
			}
			it, err := s.mailboxes.Item(tx, q.Box, f, pos.Item)
			if err != nil {
				return err
			}
			got.look(&it, w, q.Zone)
		}
		return nil
	})
	return got, err
}

func (s *Scheduler) findChanged(tx *store.Tx, q *BusyQuery, f mail.FolderID, w window, since mail.ModSeq, got *found) error {
	for c, err := range s.mailboxes.Changes(tx, q.Box, f, since) {
		if err != nil {
			return err
		}
		got.gone = append(got.gone, c.Item)
		if c.Deleted {
			continue
		}
		it, err := s.mailboxes.Item(tx, q.Box, f, c.Item)
		if errors.Is(err, mail.ErrNoItem) {
			continue
		}
		if err != nil {
			return err
		}
		got.look(&it, w, q.Zone)
	}
	return nil
}

// look takes from an item's summary what it tells. A meeting is opened: what its
// owner answered counts.
func (g *found) look(it *mail.Item, w window, zone *time.Location) {
	b, err := object.ParseBrief(it.Brief)
	if err != nil || it.Class != mail.ClassCalendar || it.Blob.IsZero() || it.Blob.Size > MaxObject {
		return
	}
	reach := slack
	if b.Open {
		reach = seriesSlack
	}
	if b.Start.Add(-reach).Unix() >= w.to || !b.Open && b.End.Add(slack).Unix() <= w.from {
		return
	}
	if b.Open || b.Attendees {
		g.open = append(g.open, opening{it.ID, it.UID, it.Blob})
		return
	}
	if b.Cancelled || !counts(b.Status) {
		return
	}
	start, end := b.Start, b.End
	if b.Floating {
		start, end = calendar.Time{Time: start, Floating: true}.In(zone), calendar.Time{Time: end, Floating: true}.In(zone)
	}
	g.known[it.ID] = busyItem{it.UID, []span{{start.Unix(), end.Unix(), b.Status}}}
}

// counts tells whether somebody is not free: who works elsewhere can be invited.
func counts(status object.Status) bool { return status != object.Free && status != object.Elsewhere }

// readBodies reads what the summaries do not tell. An event that cannot be read
// is nobody's time.
func (s *Scheduler) readBodies(ctx context.Context, q *BusyQuery, w window, got *found) error {
	for _, o := range got.open {
		raw, err := s.mailboxes.Blobs().Read(ctx, o.ref)
		if errors.Is(err, blob.ErrGone) || errors.Is(err, blob.ErrCorrupt) {
			continue
		}
		if err != nil {
			return err
		}
		obj, err := calendar.Parse(raw)
		if err != nil {
			continue
		}
		if spans := spansOf(obj, w, q.Zone, q.Addresses); len(spans) > 0 {
			got.known[o.id] = busyItem{o.uid, spans}
		}
	}
	return nil
}

// spansOf are the spans that an event's occurrences take within a window.
func spansOf(o *calendar.Object, w window, zone *time.Location, who []string) (out []span) {
	moved := map[int64]bool{}
	add := func(e *calendar.Event, at calendar.Time) bool {
		status, yes := weight(e, who)
		if !yes {
			return true
		}
		start := at.In(zone)
		end := start.Add(e.End.Sub(e.Start.Time))
		if e.Start.Date { // a day has not always 24 hours
			end = calendar.Time{Time: at.Time.Add(e.End.Sub(e.Start.Time)), Date: true}.In(zone)
		}
		if len(out) == maxSpans {
			out = append(out, span{start.Unix(), w.to, status})
			return false
		}
		if s := (span{start.Unix(), end.Unix(), status}); s.start < s.end && s.start < w.to && s.end > w.from {
			out = append(out, s)
		}
		return true
	}
	master := o.Master()
	for _, e := range o.Events {
		if e.RecurrenceID != nil {
			moved[dayOrSecond(e.RecurrenceID, master)] = true
			add(e, e.Start)
		}
	}
	if master == nil || master.RecurrenceID != nil {
		return out
	}
	if _, yes := weight(master, who); !yes {
		return out
	}
	for at := range occurrences(master, w) {
		if !moved[dayOrSecond(&at, master)] && !add(master, at) {
			break
		}
	}
	return out
}

// weight is what an event makes of its owner's time. Without an answer an
// invitation is tentative, whatever the organizer thinks of it.
func weight(e *calendar.Event, who []string) (status object.Status, yes bool) {
	status = object.StatusOf(e)
	if e.Status == "CANCELLED" || !counts(status) {
		return status, false
	}
	if me := e.Attendee(who...); me != nil && len(who) > 0 {
		switch me.Status {
		case "DECLINED", "DELEGATED":
			return status, false
		case "NEEDS-ACTION", "TENTATIVE", "":
			if e.Organizer == nil || !isOne(e.Organizer.Address, who) {
				return object.Tentative, true
			}
		}
	}
	return status, true
}

func isOne(address string, of []string) bool {
	for _, s := range of {
		if strings.EqualFold(s, address) {
			return true
		}
	}
	return false
}

// dayOrSecond names an occurrence: by its day where the event has dates.
func dayOrSecond(t *calendar.Time, master *calendar.Event) int64 {
	if t.Date || master != nil && master.Start.Date {
		y, m, d := t.Time.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()
	}
	return t.Unix()
}

// occurrences ranges over those of an event that may touch a window.
func occurrences(e *calendar.Event, w window) func(yield func(calendar.Time) bool) {
	last := time.Unix(w.to, 0).Add(slack)
	first := time.Unix(w.from, 0).Add(-slack - e.End.Sub(e.Start.Time))
	return func(yield func(calendar.Time) bool) {
		for at := range e.Occurrences() {
			if at.After(last) {
				return
			}
			if !at.Before(first) && !yield(at) {
				return
			}
		}
	}
}
