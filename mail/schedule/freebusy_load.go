package schedule

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/mailbox"
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

// slack is how much later or sooner than in UTC a day or a wall clock may be.
const slack = 14 * time.Hour

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
	scratch []span
}

// spans are what the events of a calendar make of a span of time. What was found
// out is kept, so that the next one who asks reads what has changed since.
func (s *Scheduler) spans(ctx context.Context, q *BusyQuery, f mail.FolderID) ([]span, error) {
	key := busyKey{box: q.Box, folder: f, zone: q.Zone.String(), who: strings.Join(q.Addresses, " "), booked: q.Booked}
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
		for b, err := range s.mailboxes.Briefs(tx, q.Box, f, max(w.from*1000, 1), mail.EndOfTime+1) {
			if err := errors.Join(err, ctx.Err()); err != nil { // a calendar may be full of rules that take long
				return err
			}
			if !got.look(&b, w, q) {
				continue
			}
			it, err := s.mailboxes.Item(tx, q.Box, f, b.Item)
			if err != nil {
				return err
			}
			got.toOpen(&it)
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
		if it.Class == mail.ClassCalendar && got.look(&mailbox.Brief{Item: it.ID, UID: it.UID, Brief: it.Brief}, w, q) {
			got.toOpen(&it)
		}
	}
	return nil
}

// look takes from an item's summary what it tells, and tells whether the item has
// to be opened: it may not say all, and of a meeting it counts what its owner
// answered.
func (g *found) look(it *mailbox.Brief, w window, q *BusyQuery) (open bool) {
	b, err := object.ParseBrief(it.Brief)
	if err != nil {
		return false
	}
	once := !b.Open && b.Series == nil
	if once && (b.Start.Add(-slack).Unix() >= w.to || b.End.Add(slack).Unix() <= w.from) {
		return false
	}
	if b.Open || b.Attendees {
		return true
	}
	c := counter{g.scratch[:0]}
	for p := range b.Periods(time.Unix(w.from, 0), time.Unix(w.to, 0), q.Zone) {
		status, yes := q.takes(p.Status)
		if yes && !p.Cancelled && !c.add(w, p.Start, p.End, status) {
			break
		}
	}
	if len(c.spans) > 0 {
		g.known[it.Item] = busyItem{it.UID, slices.Clone(c.spans)}
	}
	g.scratch = c.spans
	return false
}

// toOpen notes an item whose body has to be read.
func (g *found) toOpen(it *mail.Item) {
	if it.Class == mail.ClassCalendar && !it.Blob.IsZero() && it.Blob.Size <= MaxObject {
		g.open = append(g.open, opening{it.ID, it.UID, it.Blob})
	}
}

// counter collects the spans of one event.
type counter struct{ spans []span }

// add is false when there are more than are counted.
func (c *counter) add(w window, start, end time.Time, status object.Status) bool {
	s := span{start.Unix(), end.Unix(), status}
	switch {
	case s.start >= s.end || s.start >= w.to || s.end <= w.from:
		return true
	case len(c.spans) == maxSpans:
		s.end = w.to
	}
	c.spans = append(c.spans, s)
	return len(c.spans) <= maxSpans
}

// takes tells whether a status takes time, and which it counts as: who works
// elsewhere can be invited, but what is in a resource's calendar takes it.
func (q *BusyQuery) takes(status object.Status) (object.Status, bool) {
	if status != object.Free && status != object.Elsewhere {
		return status, true
	}
	return object.Busy, q.Booked
}

// readBodies reads what the summaries do not tell. An event that cannot be read
// is nobody's time.
func (s *Scheduler) readBodies(ctx context.Context, q *BusyQuery, w window, got *found) error {
	for _, o := range got.open {
		if err := ctx.Err(); err != nil {
			return err
		}
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
		if spans := spansOf(obj, w, q); len(spans) > 0 {
			got.known[o.id] = busyItem{o.uid, spans}
		}
	}
	return nil
}

// spansOf are the spans that an event's occurrences take within a window.
func spansOf(o *calendar.Object, w window, q *BusyQuery) []span {
	var c counter
	for at := range o.Occurrences(time.Unix(w.from, 0), time.Unix(w.to, 0), q.Zone) {
		if status, yes := q.weight(at.Event); yes && !c.add(w, at.Start, at.End, status) {
			break
		}
	}
	return c.spans
}

// weight is what an event makes of its owner's time. Without an answer an
// invitation is tentative, whatever the organizer thinks of it.
func (q *BusyQuery) weight(e *calendar.Event) (object.Status, bool) {
	who := q.Addresses
	status, yes := q.takes(object.StatusOf(e))
	if e.Status == "CANCELLED" || !yes {
		return status, false
	}
	if len(who) == 0 {
		return status, true
	}
	if me := e.Attendee(who...); me != nil {
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
