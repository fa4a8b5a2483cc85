package dav

import (
	"errors"
	"iter"
	"slices"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/object"
	"martlet/store/blob"
)

// period is when somebody is what (RFC 5545 3.2.9).
type period struct {
	start, end time.Time
	status     object.Status
}

// freeBusyQuery says when the events of a calendar take time (RFC 4791 7.10).
func (q *request) freeBusyQuery(doc *element, r *resource) error {
	e := doc.child(cal("time-range"))
	if e == nil {
		return unmet(cal("valid-filter"), "there is no time range")
	}
	s, err := readSpan(e, true)
	if err != nil {
		return err
	}
	var busy []period
	if r.col.folder.Class == mail.ClassCalendar && !r.col.meta.Transparent {
		zone, err := r.col.zone(nil)
		if err != nil {
			return err
		}
		f := taken{q: q, span: *s, zone: zone}
		if r.item != nil {
			err = f.look(r)
		} else {
			err = q.since(r.col, s.start, f.look)
		}
		if err != nil {
			return err
		}
		busy = f.found
	}
	fb := freeBusy(*s, busy, q.h.clock())
	return q.write("text/calendar; charset=utf-8", calendarOf("", fb).Append(nil))
}

// taken gathers when events take time.
type taken struct {
	q     *request
	span  span
	zone  *time.Location
	found []period
}

// maxPeriods bounds an answer; more of them are one that lasts.
const maxPeriods = 20_000

func (f *taken) add(start, end time.Time, status object.Status) {
	if !end.After(start) || !f.span.overlaps(start, end) || len(f.found) >= maxPeriods {
		return
	}
	if start.Before(f.span.start) {
		start = f.span.start
	}
	if end.After(f.span.end) {
		end = f.span.end
	}
	f.found = append(f.found, period{start.UTC(), end.UTC(), status})
}

// look adds when one event takes time: from its row, if that says it all.
func (f *taken) look(r *resource) error {
	b, err := object.ParseBrief(r.item.Brief)
	if err == nil && len(r.item.Brief) > 0 && !b.Open && !b.Start.IsZero() {
		f.addAll(b.Busy(f.span.start, f.span.end, f.zone))
		return nil
	}
	raw, err := f.q.h.c.Mailboxes.Blobs().Read(f.q.r.Context(), r.item.Blob)
	if errors.Is(err, blob.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if o, err := calendar.Parse(raw); err == nil {
		f.addAll(object.BusyIn(o, f.span.start, f.span.end, f.zone))
	}
	return nil
}

func (f *taken) addAll(all iter.Seq[object.Period]) {
	n := 0
	for p := range all {
		if n++; n > maxInstances {
			return
		}
		f.add(p.Start, p.End, p.Status)
	}
}

// freeBusyType is how a status is told (RFC 5545 3.2.9).
func freeBusyType(s object.Status) string {
	switch s {
	case object.Tentative:
		return "BUSY-TENTATIVE"
	case object.OutOfOffice:
		return "BUSY-UNAVAILABLE"
	}
	return "BUSY"
}

// merged joins periods of a kind that touch.
func merged(all []period) []period {
	slices.SortFunc(all, func(a, b period) int { return a.start.Compare(b.start) })
	out := all[:0]
	for _, p := range all {
		if n := len(out); n > 0 && out[n-1].status == p.status && !p.start.After(out[n-1].end) {
			if p.end.After(out[n-1].end) {
				out[n-1].end = p.end
			}
			continue
		}
		out = append(out, p)
	}
	return out
}

// freeBusy is the VFREEBUSY of some periods (RFC 5545 3.6.4).
func freeBusy(s span, busy []period, now time.Time) *calendar.Component {
	f := calendar.FreeBusy{Stamp: now, From: s.start, To: s.end}
	for _, status := range []object.Status{object.Busy, object.OutOfOffice, object.Tentative} { // who is elsewhere works
		var some []period
		for _, p := range busy {
			if p.status == status {
				some = append(some, p)
			}
		}
		for _, p := range merged(some) {
			f.Busy = append(f.Busy, calendar.BusyTime{Start: p.start, End: p.end, Type: freeBusyType(status)})
		}
	}
	f.Write()
	return f.Component
}

// calendarOf is a calendar with one component.
func calendarOf(method string, c *calendar.Component) *calendar.Component {
	root := &calendar.Component{Name: "VCALENDAR", Props: []calendar.Property{
		{Name: "VERSION", Value: "2.0"}, {Name: "PRODID", Value: calendar.ProductID},
	}}
	root.SetValue("METHOD", method)
	root.Children = append(root.Children, c)
	return root
}
