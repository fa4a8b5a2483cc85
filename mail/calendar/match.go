package calendar

import (
	"slices"
	"time"
)

// matcher is a rule made ready to be asked of many days: its lists may be long.
type matcher struct {
	rule      *Rule
	start     wall // of the series
	begin     date // its day
	first     day  // the period that it is in
	end       wall // when the rule ends
	months    [13]bool
	monthDays *numberSet // nil: empty, as are most of them
	yearDays  *numberSet
	weeks     *numberSet
	places    *numberSet
	weekdays  [7]*numberSet // by number; with none for each
	named     [7]bool       // the weekdays that have a number or none
	year      int           // that weekOne and weekCount are of
	weekOne   day
	weekCount int
	found     []day // of a period, used again
	seconds   []int // of clocks
}

// numberSet has numbers that count from either end, at most 366: a bit for each.
type numberSet [(2*366 + 64) / 64]uint64

func (s *numberSet) add(n int) *numberSet {
	if s == nil {
		s = new(numberSet)
	}
	if n >= -366 && n <= 366 {
		s[(n+366)/64] |= 1 << ((n + 366) % 64)
	}
	return s
}

func (s *numberSet) is(n int) bool { return s[(n+366)/64]>>((n+366)%64)&1 != 0 }

// has tells whether n of a total is in the set, counted from either end.
func (s *numberSet) has(n, total int) bool { return s.is(n) || s.is(n-total-1) }

func (r *Rule) matcher(start wall) *matcher {
	m := &matcher{rule: r, start: start, begin: start.day().date(), end: r.end()}
	m.first = r.first(m.begin.day)
	for _, n := range r.ByMonth {
		if n > 0 && n < len(m.months) {
			m.months[n] = true
		}
	}
	for _, list := range []struct {
		numbers []int
		set     **numberSet
	}{{r.ByMonthDay, &m.monthDays}, {r.ByYearDay, &m.yearDays}, {r.ByWeekNo, &m.weeks}, {r.BySetPos, &m.places}} {
		for _, n := range list.numbers {
			*list.set = (*list.set).add(n)
		}
	}
	for _, w := range r.ByDay {
		if w.N != 0 || r.Freq == Monthly || r.Freq == Yearly {
			m.weekdays[w.Day] = m.weekdays[w.Day].add(w.N)
		}
		m.named[w.Day] = true
	}
	return m
}

// matches tells whether a day of a period is one of the rule's. The period is
// of a year, which the day may lie outside of.
func (m *matcher) matches(d *date, year int) bool {
	r := m.rule
	if len(r.ByMonth) > 0 && !m.months[d.month] {
		return false
	}
	if len(r.ByWeekNo) > 0 {
		if !m.inWeek(d.day, year) {
			return false
		}
	} else if r.Freq == Yearly && d.year != year {
		return false
	}
	if len(r.ByYearDay) > 0 && !m.yearDays.has(d.inYear(), daysIn(d.year)) {
		return false
	}
	if len(r.ByMonthDay) > 0 && !m.monthDays.has(d.of, d.length) {
		return false
	}
	if len(r.ByDay) > 0 {
		return m.onDay(d)
	}
	if len(r.ByWeekNo) > 0 && len(r.ByMonthDay) == 0 && len(r.ByYearDay) == 0 {
		return d.weekday == m.begin.weekday
	}
	return true
}

// onDay tells whether the day is one of the weekdays, by number within the
// month or the year (RFC 5545 3.3.10).
func (m *matcher) onDay(d *date) bool {
	r := m.rule
	if r.Freq == Daily || r.Freq == Hourly || r.Freq == Weekly || r.Freq == Yearly && len(r.ByWeekNo) > 0 { // numbers mean nothing
		return m.named[d.weekday]
	}
	set := m.weekdays[d.weekday]
	if set == nil || set.is(0) {
		return set != nil
	}
	n, of := d.of, d.length
	if r.Freq == Yearly && len(r.ByMonth) == 0 {
		n, of = d.inYear(), daysIn(d.year)
	}
	return set.is((n-1)/7+1) || set.is(-((of-n)/7 + 1))
}

// inWeek tells whether the day lies in one of the year's weeks: the first has
// at least four of its days.
func (m *matcher) inWeek(d day, year int) bool {
	if m.year != year || m.weekCount == 0 {
		m.year, m.weekOne = year, weekOne(year, m.rule.WeekStart)
		m.weekCount = int(weekOne(year+1, m.rule.WeekStart)-m.weekOne) / 7
	}
	since := int(d - m.weekOne)
	if since < 0 || since/7 >= m.weekCount {
		return false
	}
	return m.weeks.has(since/7+1, m.weekCount)
}

func weekOne(year int, start time.Weekday) day {
	fourth := dayOf(year, time.January, 4)
	return fourth - day((int(fourth.weekday())-int(start)+7)%7)
}

// inPlace leaves of a period's days those that BYSETPOS names.
func (m *matcher) inPlace(days []day) []day {
	if len(m.rule.BySetPos) == 0 {
		return days
	}
	var out []day
	for i, d := range days {
		if m.places.has(i+1, len(days)) {
			out = append(out, d)
		}
	}
	return out
}

// clocks lists the times of day at which the rule comes round on one of its
// days, in seconds and in order.
func (m *matcher) clocks(d day) []int {
	r, second := m.rule, int(m.start-m.begin.at(0))
	if r.plain() {
		m.seconds = append(m.seconds[:0], second)
		return m.seconds
	}
	if r.Freq != Hourly && len(m.seconds) > 0 { // the same on each day
		return m.seconds
	}
	or := func(list []int, one int) []int {
		if len(list) == 0 {
			return []int{one}
		}
		return list
	}
	hours := or(r.ByHour, second/3600)
	if r.Freq == Hourly {
		hours = m.hours(d, second/3600)
	}
	m.seconds = m.seconds[:0]
	for _, h := range hours {
		for _, minute := range or(r.ByMinute, second/60%60) {
			for _, s := range or(r.BySecond, second%60) {
				m.seconds = append(m.seconds, h*3600+minute*60+s)
			}
		}
	}
	slices.Sort(m.seconds)
	m.seconds = slices.Compact(m.seconds)
	return m.seconds
}

// hours are those of a day on which an hourly rule comes round, whose first day
// begins at an hour.
func (m *matcher) hours(d day, first int) (out []int) {
	r := m.rule
	since := int(d-m.first) * 24 // hours from the midnight before start
	for h := range 24 {
		n := since + h - first
		if n >= 0 && n%r.Interval == 0 && (len(r.ByHour) == 0 || slices.Contains(r.ByHour, h)) {
			out = append(out, h)
		}
	}
	return out
}

// barren is how many days of a daily rule, this one and those behind it, lie in a
// month that is none of the rule's.
func (m *matcher) barren(period day) int {
	r := m.rule
	if r.Freq != Daily && r.Freq != Hourly || len(r.ByMonth) == 0 {
		return 0
	}
	d := period.date()
	if m.months[d.month] {
		return 0
	}
	interval := r.Interval
	if r.Freq == Hourly {
		interval = 1
	}
	return (d.length - d.of + interval) / interval
}
