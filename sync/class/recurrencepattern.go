package class

import (
	"slices"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// Limits of a recurrence (MS-ASCAL 2.2.2.25, 2.2.2.32).
const (
	maxInterval    = 999
	maxOccurrences = 999
	maxCounted     = 20_000 // occurrences that are counted off to find the last one
)

// pattern tells a rule in the elements of the Calendar class, which those of the
// Tasks class equal. start is the first occurrence, zone the one in which days
// are told to the client: of an event of whole days the one that its midnights
// are in. Not every rule can be told.
func pattern(rule *calendar.Rule, start calendar.Time, zone *time.Location, v eas.Version) (*eas.CalendarRecurrence, bool) {
	m, ok := recurrence(&calendar.Event{Start: start, Rule: rule}, v)
	if !ok || m.MonthOfYear != nil && m.DayOfMonth != nil && *m.DayOfMonth > longest[*m.MonthOfYear] { // clients would take the month's last day
		return nil, false
	}
	r := &eas.CalendarRecurrence{
		Type: &m.Type, Interval: &m.Interval, WeekOfMonth: m.WeekOfMonth, DayOfMonth: m.DayOfMonth, MonthOfYear: m.MonthOfYear,
		CalendarType: m.CalendarType, IsLeapMonth: m.IsLeapMonth, FirstDayOfWeek: m.FirstDayOfWeek,
	}
	if m.DayOfWeek != nil {
		r.DayOfWeek = pointer(uint16(*m.DayOfWeek))
	}
	switch {
	case rule.Count > maxOccurrences: // more than the element may say (MS-ASCAL_R345)
		if rule.Count <= maxCounted {
			r.Until = pointer(onDay(lastOf(rule, start), start, zone))
		}
	case rule.Count > 0:
		r.Occurrences = pointer(uint16(rule.Count))
	case !rule.Until.IsZero():
		r.Until = pointer(onDay(lastDay(rule, start, zone), start, zone))
	}
	return r, true
}

// startsIn tells whether the start is one of the days of a pattern. iCalendar has it
// among the occurrences in any case (RFC 5545 3.8.5.3), and counts it.
func startsIn(p *eas.CalendarRecurrence, start calendar.Time) bool {
	rule, err := ruleOf(p, start, nil)
	if err != nil {
		return false
	}
	wall := wallClock(start.Time)
	day, back := dayOf(calendar.Time{Time: wall}), rule.Interval
	rule.Count, rule.Until = 0, time.Time{}
	from := wall // the period before
	switch rule.Freq {
	case calendar.Daily:
		from = wall.AddDate(0, 0, -back)
	case calendar.Weekly:
		from = wall.AddDate(0, 0, -7*back)
	case calendar.Monthly:
		from = time.Date(day.Year(), day.Month()-time.Month(back), 1, 0, 0, 0, 0, time.UTC).Add(wall.Sub(day))
	case calendar.Yearly:
		from = time.Date(day.Year()-back, 1, 1, 0, 0, 0, 0, time.UTC).Add(wall.Sub(day))
	}
	for t := range rule.From(from) {
		if !t.Before(wall) {
			return t.Equal(wall)
		}
	}
	return false
}

// longest is how many days a month may have.
var longest = [...]uint8{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// plainRule is a rule of the same days in fewer words, where there is one: many
// programs say a week's rule in the terms of a month.
func plainRule(rule *calendar.Rule, start time.Time) *calendar.Rule {
	r := *rule
	if r.Freq == calendar.Yearly && r.Interval == 1 && len(r.ByMonth) > 1 && len(r.ByYearDay) == 0 && len(r.ByWeekNo) == 0 && len(r.BySetPos) == 0 {
		if step := 12 / len(r.ByMonth); evenly(r.ByMonth, step) && slices.Contains(r.ByMonth, int(start.Month())) {
			r.Freq, r.Interval, r.ByMonth = calendar.Monthly, step, nil
		}
	}
	numbered := slices.ContainsFunc(r.ByDay, func(d calendar.WeekdayNum) bool { return d.N != 0 })
	more := len(r.ByMonth)+len(r.ByYearDay)+len(r.ByWeekNo)+len(r.BySetPos) > 0
	switch {
	case len(r.ByDay) == 0 || numbered || r.Freq != calendar.Monthly && r.Freq != calendar.Yearly:
	case !more && r.Interval == 1 && len(r.ByMonthDay) == 0: // each Monday of each month
		r.Freq = calendar.Weekly
	case len(r.ByDay) == 1 && len(r.BySetPos)+len(r.ByYearDay)+len(r.ByWeekNo) == 0 && (r.Freq == calendar.Monthly || len(r.ByMonth) > 0):
		if n := weekOf(r.ByMonthDay); n > 0 { // the Monday from the 8th to the 14th
			r.ByDay, r.ByMonthDay = []calendar.WeekdayNum{{N: n, Day: r.ByDay[0].Day}}, nil
		}
	}
	return &r
}

// evenly tells whether months are as far apart from each other all around the
// year.
func evenly(months []int, step int) bool {
	sorted := slices.Clone(months)
	slices.Sort(sorted)
	for i, m := range sorted {
		if m != sorted[0]+i*step {
			return false
		}
	}
	return step*len(sorted) == 12
}

// weekOf is which seven days of a month the numbers are, 0 for others.
func weekOf(days []int) int {
	if len(days) != 7 {
		return 0
	}
	sorted := slices.Clone(days)
	slices.Sort(sorted)
	for i, d := range sorted {
		if d != sorted[0]+i {
			return 0
		}
	}
	if sorted[0]%7 != 1 || sorted[6] > 28 {
		return 0
	}
	return sorted[0]/7 + 1
}

// lastOf is the day of the last of a counted rule's occurrences.
func lastOf(rule *calendar.Rule, start calendar.Time) (last time.Time) {
	last = wallClock(start.Time)
	for t := range rule.From(last) {
		last = t
	}
	return last
}

// lastDay is the last day on which the rule may come round: not that of its end
// if the end is earlier on the clock than the start.
func lastDay(rule *calendar.Rule, start calendar.Time, zone *time.Location) time.Time {
	u := rule.Until
	switch {
	case rule.UntilDate:
		return u
	case rule.UntilLocal:
	case start.Date:
		return wallClock(u.In(zoneOr(zone)))
	default:
		u = wallClock(u.In(start.Location()))
	}
	first := wallClock(start.Time)
	if !start.Date && time.Date(u.Year(), u.Month(), u.Day(), first.Hour(), first.Minute(), first.Second(), 0, time.UTC).After(u) {
		u = u.AddDate(0, 0, -1)
	}
	return u
}

// onDay is the point in time at which an occurrence on a day would begin: the
// end of a series to the second, so that who looks at the day alone and who
// looks at the clock, too, find the same last occurrence.
func onDay(day time.Time, start calendar.Time, zone *time.Location) time.Time {
	if start.Date {
		return midnight(day, zoneOr(zone)).UTC()
	}
	loc := start.Location()
	if start.Floating {
		loc = zoneOr(zone)
	}
	c := start.Time
	return calendar.InZone(time.Date(day.Year(), day.Month(), day.Day(), c.Hour(), c.Minute(), c.Second(), 0, time.UTC), loc).UTC()
}

func zoneOr(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

// wallClock is a time's wall clock as if it were UTC.
func wallClock(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// midnight is when a day begins in a zone: later where midnight is left out for
// the summer time.
func midnight(day time.Time, zone *time.Location) time.Time {
	t := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone)
	if t.Day() != day.Day() {
		t = t.Add(time.Hour)
	}
	return t
}
