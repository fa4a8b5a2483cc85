package calendar

import (
	"strconv"
	"strings"
	"time"
)

// Time is a date or a point in time as a calendar has it.
type Time struct {
	time.Time        // in its zone; a date is midnight UTC, a floating time is as if UTC
	Date      bool   // a whole day, wherever one is
	Floating  bool   // of no zone: the same wall clock everywhere
	TZID      string // as the calendar named the zone
}

// parseTime reads a DATE or DATE-TIME property value in its zone (RFC 5545
// 3.3.4, 3.3.5).
func (z zones) parseTime(p *Property, value string) (Time, error) {
	wall, date, err := parseWall(strings.TrimSpace(value))
	if err != nil {
		return Time{}, err
	}
	id := p.Param("TZID")
	switch {
	case date:
		return Time{Time: wall, Date: true}, nil
	case strings.HasSuffix(strings.ToUpper(strings.TrimSpace(value)), "Z"):
		return Time{Time: wall}, nil
	case id == "":
		return Time{Time: wall, Floating: true}, nil
	}
	loc, err := z.find(id)
	if err != nil { // an unknown zone is better than no event
		return Time{Time: wall, Floating: true, TZID: id}, nil
	}
	return Time{Time: InZone(wall, loc), TZID: id}, nil
}

// InZone reads a wall clock in a zone. One that comes twice, as clocks are set
// back, is the first; one that never comes, as they are set forward, is as much
// behind as if they had not been (RFC 5545 3.3.5). The standard library promises
// neither.
func InZone(wall time.Time, loc *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, loc)
	if loc == time.UTC {
		return t
	}
	start, end := t.ZoneBounds()
	switch {
	case !start.IsZero() && t.Sub(start) < apart*time.Second:
		_, before := start.Add(-time.Second).Zone()
		early := wallAt(wall, before, loc)
		if early.Before(start) || !sameClock(t, wall) {
			return early
		}
	case !end.IsZero() && end.Sub(t) < apart*time.Second && !sameClock(t, wall):
		_, before := t.Zone()
		return wallAt(wall, before, loc)
	}
	return t
}

// zoneClock is the clock of a zone, read over and over: where it is not set for
// a while, no rules need to be looked up.
type zoneClock struct {
	loc      *time.Location
	from, to wall // between which the clock is offset east of UTC
	offset   wall
}

// at is InZone.
func (z *zoneClock) at(w wall) time.Time {
	if w >= z.from && w < z.to {
		return time.Unix(int64(w-z.offset), 0).In(z.loc)
	}
	t := InZone(w.time(), z.loc)
	_, offset := t.Zone()
	z.from, z.to, z.offset = noWall, -noWall, wall(offset)
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		z.from = wallTime(start) + apart
	}
	if !end.IsZero() {
		z.to = wall(end.Unix()) + z.offset - apart
	}
	return t
}

// apart is how many seconds there are between two clocks of the world at most, and
// so by how many one is set.
const apart = 26 * 60 * 60

// wallAt is the point in time at which a clock that is offset seconds east of UTC
// shows a wall clock.
func wallAt(wall time.Time, offset int, loc *time.Location) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second()-offset, 0, time.UTC).In(loc)
}

func sameClock(t, wall time.Time) bool {
	return t.Hour() == wall.Hour() && t.Minute() == wall.Minute() && t.Day() == wall.Day()
}

// wallOf is a time's wall clock as if it were UTC.
func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// parseWall reads the digits of a date or time as if in UTC.
func parseWall(s string) (t time.Time, date bool, err error) {
	s = strings.ToUpper(s)
	if len(s) == 10 && s[4] == '-' && s[7] == '-' { // not iCalendar, but found
		s = s[:4] + s[5:7] + s[8:]
	}
	if len(s) == 8 {
		t, err = time.Parse("20060102", s)
		if err != nil {
			return t, false, ErrBadTime
		}
		return t, true, nil
	}
	s = strings.TrimSuffix(s, "Z")
	if day, ok := strings.CutSuffix(s, "T240000"); ok && len(day) == 8 { // as ISO 8601 writes the end of a day
		t, err = time.Parse("20060102", day)
		if err != nil {
			return t, false, ErrBadTime
		}
		return t.AddDate(0, 0, 1), false, nil
	}
	switch len(s) {
	case len("20060102T150405"):
		if strings.HasSuffix(s, "60") { // a leap second
			s = s[:len(s)-2] + "59"
		}
		t, err = time.Parse("20060102T150405", s)
	case len("20060102T1504"):
		t, err = time.Parse("20060102T1504", s)
	default:
		err = ErrBadTime
	}
	if err != nil {
		return t, false, ErrBadTime
	}
	return t, false, nil
}

// property writes the time as a property's value.
func (t Time) property(name string) Property {
	p := Property{Name: name}
	switch {
	case t.Date:
		p.SetParam("VALUE", "DATE")
		p.Value = t.Format("20060102")
	case t.Floating:
		p.SetParam("TZID", t.TZID) // one that nobody knows
		p.Value = t.Format("20060102T150405")
	case t.TZID != "" && t.Location() != time.UTC:
		p.SetParam("TZID", t.TZID)
		p.Value = t.Format("20060102T150405")
	default:
		p.Value = t.UTC().Format("20060102T150405Z")
	}
	return p
}

// UTC is a time in UTC.
func UTC(t time.Time) Time { return Time{Time: t.UTC()} }

// In is the point in time that a floating time or a date means to somebody in a
// zone.
func (t Time) In(loc *time.Location) time.Time {
	if t.Date || t.Floating {
		return InZone(t.Time, loc)
	}
	return t.Time.In(loc)
}

// Same tells whether two times are the same point, dates by their day.
func (t Time) Same(u Time) bool {
	if t.Date || u.Date {
		a, b := t.Time, u.Time
		return a.Year() == b.Year() && a.YearDay() == b.YearDay()
	}
	return t.Equal(u.Time)
}

// maxDuration is the longest duration that is read: a hundred years.
const maxDuration = 100 * 366 * 24 * time.Hour

// parseDuration reads a DURATION (RFC 5545 3.3.6): days and weeks are counted
// apart from hours, since a day need not have 24.
func parseDuration(s string) (days int, rest time.Duration, err error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	sign := 1
	if strings.HasPrefix(s, "-") {
		sign = -1
	}
	s = strings.TrimLeft(s, "+-")
	s, ok := strings.CutPrefix(s, "P")
	if !ok || s == "" {
		return 0, 0, ErrBadTime
	}
	clock := false
	for s != "" {
		if s[0] == 'T' && !clock {
			clock, s = true, s[1:]
			continue
		}
		i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if i <= 0 || i > 9 {
			return 0, 0, ErrBadTime
		}
		n, _ := strconv.Atoi(s[:i]) // digits only, and few
		switch unit := s[i]; {
		case unit == 'W':
			days += 7 * n
		case unit == 'D':
			days += n
		case unit == 'H' && clock:
			rest += time.Duration(n) * time.Hour
		case unit == 'M' && clock:
			rest += time.Duration(n) * time.Minute
		case unit == 'S' && clock:
			rest += time.Duration(n) * time.Second
		default:
			return 0, 0, ErrBadTime
		}
		if s = s[i+1:]; days > 100*366 || rest > maxDuration {
			return 0, 0, ErrBadTime
		}
	}
	return sign * days, time.Duration(sign) * rest, nil
}

// formatDuration writes a duration of whole seconds.
func formatDuration(d time.Duration) string {
	var b strings.Builder
	if d < 0 {
		b.WriteByte('-')
		d = -d
	}
	b.WriteByte('P')
	days := int64(d / (24 * time.Hour))
	d -= time.Duration(days) * 24 * time.Hour
	if days > 0 {
		b.WriteString(strconv.FormatInt(days, 10) + "D")
	}
	if d > 0 || days == 0 {
		b.WriteByte('T')
		h, m, s := int64(d/time.Hour), int64(d/time.Minute%60), int64(d/time.Second%60)
		if h > 0 {
			b.WriteString(strconv.FormatInt(h, 10) + "H")
		}
		if m > 0 {
			b.WriteString(strconv.FormatInt(m, 10) + "M")
		}
		if s > 0 || h == 0 && m == 0 {
			b.WriteString(strconv.FormatInt(s, 10) + "S")
		}
	}
	return b.String()
}

// Time reads a date or time of one of the object's components, in its zone. It
// is false if there is none that can be read.
func (o *Object) Time(c *Component, name string) (Time, bool) {
	return o.zones.time(c, name)
}
