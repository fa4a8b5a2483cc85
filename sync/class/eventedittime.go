package class

import (
	"encoding/base64"
	"slices"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// editTimes applies when the event is and how it recurs.
func (w *eventWriter) editTimes(e *calendar.Event, in *eas.Calendar, cur *eventView) error {
	shown, _ := w.recurrence(cur)
	before := w.moment()
	moved, err := w.move(e, in, cur)
	if err != nil {
		return err
	}
	return w.editRecurrence(in, shown, before, moved)
}

// move applies start, end, zone and whether the event takes whole days, and tells
// whether any of them is another than the client was shown.
func (w *eventWriter) move(e *calendar.Event, in *eas.Calendar, cur *eventView) (bool, error) {
	hasStart, hasEnd := in.StartTime != nil && !in.StartTime.IsZero(), in.EndTime != nil && !in.EndTime.IsZero()
	if hasEnd && !hasStart && w.o.Version < eas.V160 { // MS-ASCAL_R53915
		return false, ErrBadValue
	}
	allDay, _ := value(in.AllDayEvent, cur.allDay, false)
	from, to := cur.start, cur.end
	if hasStart {
		from = *in.StartTime
		to = from.Add(cur.end.Sub(cur.start)) // who moves the start alone moves the whole
	}
	if hasEnd {
		to = *in.EndTime
	}
	if allDay > 1 || to.Before(from) {
		return false, ErrBadValue
	}
	loc, id, defined := w.readZone(e, in)
	if !w.added && allDay == cur.allDay && from.Equal(cur.start) && to.Equal(cur.end) && (defined == nil || allDay == 1) {
		return false, nil
	}
	start, end := w.timesIn(e, from, to, allDay == 1, loc, id, defined != nil, in.Recurrence != nil && in.Recurrence.Type != nil)
	if !w.added && alike(start, e.Start) && alike(end, e.End) { // days that were told with other hours
		return false, nil
	}
	if defined != nil {
		w.define(defined)
	}
	if w.zone = loc; allDay == 1 && !e.Start.Date && loc != time.UTC && defined == nil { // where its midnights are
		_, zone := zoneID(loc, base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(loc, start.Year())), start.Year())
		w.define(zone)
	}
	c := e.Component
	c.Remove("DURATION")
	c.Set(timeProperty("DTSTART", start))
	c.Set(timeProperty("DTEND", end))
	if c.Prop("X-MICROSOFT-CDO-ALLDAYEVENT") != nil {
		c.SetValue("X-MICROSOFT-CDO-ALLDAYEVENT", map[bool]string{true: "TRUE", false: "FALSE"}[allDay == 1])
	}
	e.Start, e.End = start, end
	w.touch(c, true)
	return true, nil
}

// alike tells whether two times would be written the same.
func alike(a, b calendar.Time) bool {
	p, q := timeProperty("", a), timeProperty("", b)
	return p.Value == q.Value && a.Date == b.Date && a.Floating == b.Floating && (a.Date || a.TZID == b.TZID)
}

// readZone is the zone that the event is in: the one that it had, or another that
// the client names, with its definition.
func (w *eventWriter) readZone(e *calendar.Event, in *eas.Calendar) (loc *time.Location, id string, defined *calendar.Component) {
	loc, id = w.zone, e.Start.TZID
	if in.Timezone == nil || !w.added && *in.Timezone == w.timezone(e) {
		return loc, id, nil
	}
	z, ok := readBlob(*in.Timezone)
	if !ok {
		return loc, id, nil
	}
	year := e.Start.Year()
	if in.StartTime != nil && !in.StartTime.IsZero() {
		year = in.StartTime.Year()
	}
	other, err := z.Location(year)
	if err != nil || sameZone(other, loc, year) {
		return loc, id, nil
	}
	id, defined = zoneID(other, *in.Timezone, year)
	return other, id, defined
}

// timesIn brings two points in time into the form in which the event has them.
func (w *eventWriter) timesIn(e *calendar.Event, from, to time.Time, allDay bool, loc *time.Location, id string, other, recurs bool) (start, end calendar.Time) {
	if allDay {
		first, last := w.readDay(from, loc), w.readDay(to, loc)
		if !last.After(first) {
			last = first.AddDate(0, 0, 1)
		}
		return calendar.Time{Time: first, Date: true}, calendar.Time{Time: last, Date: true}
	}
	if e.Start.Floating && !other && !w.added {
		return calendar.Time{Time: wallClock(from.In(loc)), Floating: true}, calendar.Time{Time: wallClock(to.In(loc)), Floating: true}
	}
	if e.Start.Date && id == "" && loc != time.UTC {
		id = loc.String()
		if known, err := calendar.LoadZone(id); err != nil || !sameZone(known, loc, from.Year()) {
			id, loc = "", time.UTC
		}
	}
	start, end = calendar.Time{Time: from.In(loc), TZID: id}, calendar.Time{Time: to.In(loc), TZID: id}
	if !other && !w.added && !e.End.Date && !e.End.Floating && e.End.TZID != e.Start.TZID { // a flight
		end = calendar.Time{Time: to.In(e.End.Location()), TZID: e.End.TZID}
	}
	// The second of the two hours that the end of summer time has under one name no
	// zone can tell. A series goes by the clock all the same.
	if !e.Recurs() && !recurs && twofold(start.Time) {
		start = calendar.UTC(from)
	}
	if twofold(end.Time) {
		end = calendar.UTC(to)
	}
	return start, end
}

// twofold tells whether a time's wall clock is read as another time.
func twofold(t time.Time) bool {
	return calendar.InZone(wallClock(t), t.Location()).Unix() != t.Unix()
}

// define adds the definition of a zone to the object.
func (w *eventWriter) define(zone *calendar.Component) {
	root, id := w.obj.Root, zone.TZID()
	if zone.TZID() == "UTC" {
		return
	}
	for _, c := range root.Children {
		if c.Name == "VTIMEZONE" && c.TZID() == id {
			return
		}
	}
	root.Children = slices.Insert(root.Children, 0, zone)
}

// moment is by what a series is told at one time, to be compared with later.
type moment struct {
	start calendar.Time
	zone  *time.Location
	told  calendar.Time // patternStart
	last  time.Time     // lastStep
}

func (w *eventWriter) moment() moment {
	return moment{w.series.Start, w.patternZone(), w.patternStart(), w.lastStep()}
}
