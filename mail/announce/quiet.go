package announce

import "time"

// Until tells whether now is within the quiet hours, and when they end. They
// follow the clock on the wall, so a night in which it is put forward or back is
// shorter or longer.
func (q *Quiet) Until(now time.Time) (end time.Time, is bool) {
	if *q == (Quiet{}) {
		return time.Time{}, false
	}
	zone, err := time.LoadLocation(q.Zone)
	if err != nil { // a zone that this machine knew once
		return time.Time{}, false
	}
	now = now.In(zone)
	if !q.covers(now) {
		return time.Time{}, false
	}
	y, m, d := now.Date()
	if q.Start > q.End && clockMinute(now) >= q.Start {
		d++
	}
	end = time.Date(y, m, d, q.End/60, q.End%60, 0, 0, zone)
	// A clock that is put forward may jump over the end; one that is put back
	// shows it twice, and the first counts.
	for n := 0; n < maxJump && q.covers(end); n++ {
		end = end.Add(time.Minute)
	}
	for _, back := range [...]time.Duration{time.Hour, 30 * time.Minute} { // Lord Howe Island: half an hour
		if first := end.Add(-back); first.After(now) && !q.covers(first) {
			end = first
		}
	}
	for n := 0; n < maxJump && end.Add(-time.Minute).After(now) && !q.covers(end.Add(-time.Minute)); n++ {
		end = end.Add(-time.Minute)
	}
	return end.UTC(), true
}

// maxJump is how far a clock is put forward or back at most, in minutes: a day,
// where a country has changed sides of the date line.
const maxJump = minutes

// covers tells whether a time, by its own zone's clock, is within the hours.
func (q *Quiet) covers(t time.Time) bool {
	m, day := clockMinute(t), t.Weekday()
	if q.Start < q.End {
		return m >= q.Start && m < q.End && q.Days.Has(day)
	}
	return m >= q.Start && q.Days.Has(day) || m < q.End && q.Days.Has((day+6)%7)
}

func clockMinute(t time.Time) int { return t.Hour()*60 + t.Minute() }
