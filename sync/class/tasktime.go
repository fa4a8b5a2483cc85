package class

import (
	"strconv"
	"time"

	"martlet/mail/calendar"
)

// offsetParam tells how many minutes east of Greenwich the client was that wrote
// a time, where no zone does: tasks are told in both, its clock's and UTC's.
const offsetParam = "X-ACTIVESYNC-OFFSET"

// hiddenParam marks a DTSTART that only says from when on a task recurs (RFC 5545
// 3.8.2.4): the task itself has no start.
const hiddenParam = "X-ACTIVESYNC-HIDDEN"

// maxOffset is the most that a clock is ahead of or behind UTC, in minutes.
const maxOffset = 15 * 60

// taskTime is a start or an end as clients have it: on a clock, written as if in
// UTC, and in UTC. Both are zero where there is none.
type taskTime struct{ local, utc time.Time }

// offset is how far the clock is from UTC.
func (t taskTime) offset() time.Duration { return t.local.Sub(t.utc) }

// noon is the time in UTC of a day of which nobody knows the zone: it is the same
// day for whoever is up to twelve hours east or west of Greenwich.
const noon = 12 * time.Hour

// tell is how clients are told of a time.
func (r *taskReader) tell(t calendar.Time, p *calendar.Property) taskTime {
	local := wallClock(t.Time)
	switch {
	case p != nil && p.Param(offsetParam) != "":
		if offset, ok := offsetOf(p); ok {
			if t.Date || t.Floating {
				return taskTime{local, local.Add(-offset)}
			}
			return taskTime{wallClock(t.UTC().Add(offset)), t.UTC()}
		}
	case !t.Date && !t.Floating && t.Location() != time.UTC:
		return taskTime{local, t.UTC()}
	}
	zone, known := r.zone()
	switch {
	case !t.Date && !t.Floating:
		return taskTime{wallClock(t.Time.In(zone)), t.UTC()}
	case known && t.Date:
		return taskTime{local, midnight(local, zone).UTC()}
	case known:
		return taskTime{local, t.In(zone).UTC()}
	case t.Date:
		return taskTime{local, local.Add(noon)}
	}
	return taskTime{local, local}
}

func offsetOf(p *calendar.Property) (time.Duration, bool) {
	n, err := strconv.Atoi(p.Param(offsetParam))
	if err != nil || n < -maxOffset || n > maxOffset {
		return 0, false
	}
	return time.Duration(n) * time.Minute, true
}

// zone is the one that the task's object is about.
func (r *taskReader) zone() (*time.Location, bool) {
	if r.zoneOf == nil {
		r.zoneOf = eventZone(r.obj, &calendar.Event{Start: calendar.Time{Floating: true}})
	}
	return r.zoneOf, r.zoneOf != time.UTC
}

// sentTime is a time as a client writes it, of which it may leave out one side.
type sentTime struct{ local, utc *time.Time }

// isSet tells whether there is one.
func (s sentTime) isSet() bool {
	return s.local != nil && !s.local.IsZero() || s.utc != nil && !s.utc.IsZero()
}

// isSame tells whether it is what the client was shown.
func (s sentTime) isSame(shown taskTime) bool {
	if !s.isSet() {
		return shown.local.IsZero()
	}
	return (s.local == nil || s.local.IsZero() || s.local.Equal(shown.local)) && (s.utc == nil || s.utc.IsZero() || s.utc.Equal(shown.utc))
}

// offset is how far the client's clock is from UTC, if it tells.
func (s sentTime) offset() (time.Duration, bool) {
	if s.local == nil || s.local.IsZero() || s.utc == nil || s.utc.IsZero() {
		return 0, false
	}
	d := s.local.Sub(*s.utc).Round(time.Minute)
	return d, d >= -maxOffset*time.Minute && d <= maxOffset*time.Minute
}

// read makes a property of a time. The zone stays that was there if the client's
// clock agrees with it; a midnight is a day.
func (s sentTime) read(name string, old calendar.Time, fallback time.Duration) calendar.Property {
	offset, known := s.offset()
	if !known {
		offset = fallback
	}
	var local time.Time
	switch {
	case s.local != nil && !s.local.IsZero():
		local = s.local.UTC()
	default:
		local = s.utc.UTC().Add(offset)
	}
	t := calendar.Time{Time: local, Floating: true}
	switch {
	case local.Equal(dayOf(calendar.UTC(local))):
		t.Floating, t.Date = false, true
	case old.TZID != "" && !old.Floating && known && wallClock(s.utc.In(old.Location())).Equal(local):
		t = calendar.Time{Time: s.utc.In(old.Location()), TZID: old.TZID}
		known = false
	case known:
		t = calendar.UTC(*s.utc)
	}
	p := timeProperty(name, t)
	if known {
		p.SetParam(offsetParam, strconv.Itoa(int(offset/time.Minute)))
	}
	return p
}
