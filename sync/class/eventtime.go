package class

import (
	"encoding/base64"
	"hash/fnv"
	"strconv"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// blobProperty keeps the TimeZone structure of a client in the definition of a
// zone that the world does not know.
const blobProperty = "X-MARTLET-TIMEZONE"

// eventZone is the zone in which an event is told to clients: its own, or for one
// of days and one without a zone the one that its object is about.
func eventZone(obj *calendar.Object, e *calendar.Event) *time.Location {
	if !e.Start.Date && !e.Start.Floating {
		return e.Start.Location()
	}
	for _, c := range obj.Root.Children {
		if c.Name != "VTIMEZONE" {
			continue
		}
		if loc, err := calendar.LoadZone(c.TZID()); err == nil {
			return loc
		}
		if z, ok := readBlob(c.Text(blobProperty)); ok {
			if loc, err := z.Location(e.Start.Year()); err == nil {
				return loc
			}
		}
	}
	if loc, err := calendar.LoadZone(obj.Root.Text("X-WR-TIMEZONE")); err == nil {
		return loc
	}
	return time.UTC
}

// keptBlob is the TimeZone of a zone that a client has defined.
func keptBlob(obj *calendar.Object, id string) string {
	for _, c := range obj.Root.Children {
		if c.Name == "VTIMEZONE" && (id == "" || c.TZID() == id) {
			return c.Text(blobProperty)
		}
	}
	return ""
}

// readBlob reads a TimeZone element. One of zeros says nothing: some clients send
// it for want of a better one.
func readBlob(s string) (z calendar.TimeZone, ok bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return z, false
	}
	if z, err = calendar.ParseTimeZone(b); err != nil || z == (calendar.TimeZone{}) {
		return z, false
	}
	return z, true
}

// sameZone tells whether two zones have the same offsets in a year.
func sameZone(a, b *time.Location, year int) bool {
	if a == b || a.String() == b.String() {
		return true
	}
	x, y := calendar.ZoneOf(a, year), calendar.ZoneOf(b, year)
	for _, z := range [...]*calendar.TimeZone{&x, &y} {
		z.Standard.Name, z.Daylight.Name = "", ""
	}
	return x == y
}

// zoneID is the name under which an object refers to a zone, and its definition.
// A zone of the world goes by its name; another is defined, and keeps what the
// client said of it.
func zoneID(loc *time.Location, blob string, year int) (string, *calendar.Component) {
	name := loc.String()
	if known, err := calendar.LoadZone(name); err == nil && sameZone(known, loc, year) {
		return name, calendar.DescribeZone(name, loc, year)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(blob)) // a hash takes everything
	name = "zone-" + strconv.FormatUint(h.Sum64(), 16)
	c := calendar.DescribeZone(name, loc, year)
	c.SetText(blobProperty, blob)
	return name, c
}

// times are the start and end of an event as the client has them. A whole day is
// one from midnight to midnight in the event's zone, and since 16.0 in none
// (MS-ASCAL 2.2.2.1).
func (r *eventReader) times(e *calendar.Event) (start, end time.Time, allDay uint8) {
	if !e.AllDay() {
		start, end = r.tell(e.Start), r.tell(e.End)
		if end.Before(start) {
			end = start
		}
		return start, end, 0
	}
	from, to := dayOf(e.Start), dayOf(e.End)
	if !to.After(from) {
		to = from.AddDate(0, 0, 1)
	}
	return r.tellDay(from), r.tellDay(to), 1
}

// dayOf is the day of a time on its own clock.
func dayOf(t calendar.Time) time.Time {
	y, m, d := t.Time.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// tellDay is how the client is told of the beginning of a day.
func (r *eventReader) tellDay(day time.Time) time.Time {
	if r.opt.Version >= eas.V160 {
		return day
	}
	return midnight(day, r.zone).UTC()
}

// tell is how the client is told of a time.
func (r *eventReader) tell(t calendar.Time) time.Time {
	switch {
	case t.Date:
		return r.tellDay(t.Time)
	case t.Floating:
		return t.In(r.zone).UTC()
	}
	return t.UTC()
}

// tellID is how the client is told of an occurrence of the series. Of a series of
// days it is a day, and of one with a time never a day alone.
func (r *eventReader) tellID(t calendar.Time) time.Time {
	s := r.series
	switch {
	case s.AllDay():
		return r.tellDay(dayOf(t))
	case t.Date:
		return r.tell(at(s.Start, t.Time))
	}
	return r.tell(t)
}

// at is the occurrence of a start on a day.
func at(start calendar.Time, day time.Time) calendar.Time {
	c := start.Time
	wall := time.Date(day.Year(), day.Month(), day.Day(), c.Hour(), c.Minute(), c.Second(), 0, time.UTC)
	start.Time = calendar.InZone(wall, c.Location())
	return start
}

// readDay is the day that a client means by a point in time: midnight in a zone,
// give or take what its own zone differs, and since 16.0 simply a date. Clients
// write birthdays at other hours, too.
func (r *eventReader) readDay(t time.Time, zone *time.Location) time.Time {
	if t = t.UTC(); r.opt.Version >= eas.V160 && t.Equal(dayOf(calendar.UTC(t))) {
		return t
	}
	return nearestDay(t, zone)
}

// readID is the occurrence that a client means by what tellID told it.
func (r *eventReader) readID(t time.Time) calendar.Time {
	start := r.series.Start
	switch {
	case r.series.AllDay():
		day := r.readDay(t, r.zone)
		if start.Date {
			start.Time = day
			return start
		}
		return at(start, day)
	case start.Floating:
		start.Time = wallClock(t.In(r.zone))
	default:
		start.Time = t.In(start.Location())
	}
	return start
}

// timeProperty writes a time as a property. Its TZID must be defined.
func timeProperty(name string, t calendar.Time) calendar.Property {
	p := calendar.Property{Name: name}
	switch {
	case t.Date:
		p.SetParam("VALUE", "DATE")
		p.Value = t.Format("20060102")
	case t.Floating:
		p.Value = t.Format("20060102T150405")
	case t.TZID != "" && t.Location() != time.UTC:
		p.SetParam("TZID", t.TZID)
		p.Value = t.Format("20060102T150405")
	default:
		p.Value = t.UTC().Format("20060102T150405Z")
	}
	return p
}
