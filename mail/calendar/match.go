package calendar

import (
	"slices"
	"time"
)

// matcher is a rule made ready to be asked of many days: its lists may be long.
type matcher struct {
	rule      *Rule
	months    [13]bool
	monthDays *numberSet // nil: empty, as are most of them
	yearDays  *numberSet
	weeks     *numberSet
	places    *numberSet
	weekdays  [7]*numberSet // by number; with none for each
	named     [7]bool       // the weekdays that have a number or none
	year      int           // that weekOne and weekCount are of
	weekOne   time.Time
	weekCount int
	found     []time.Time // of a period, used again
	seconds   []int       // of clocks
}

// numberSet has numbers that count from either end, at most 366.
type numberSet [2*366 + 1]bool

func (s *numberSet) add(n int) *numberSet {
	if s == nil {
		s = new(numberSet)
	}
	if n >= -366 && n <= 366 {
		s[n+366] = true
	}
	return s
}

// has tells whether n of a total is in the set, counted from either end.
func (s *numberSet) has(n, total int) bool { return s[n+366] || s[n-total-1+366] }

func (r *Rule) matcher() *matcher {
	m := &matcher{rule: r}
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

// matches tells whether a day of a period is one of the rule's.
func (m *matcher) matches(d, period, start time.Time) bool {
	r := m.rule
	if len(r.ByMonth) > 0 && !m.months[d.Month()] {
		return false
	}
	if len(r.ByWeekNo) > 0 {
		if !m.inWeek(d, period.Year()) {
			return false
		}
	} else if r.Freq == Yearly && d.Year() != period.Year() {
		return false
	}
	if len(r.ByYearDay) > 0 && !m.yearDays.has(d.YearDay(), daysIn(d.Year())) {
		return false
	}
	if len(r.ByMonthDay) > 0 && !m.monthDays.has(d.Day(), monthDays(d)) {
		return false
	}
	if len(r.ByDay) > 0 {
		return m.onDay(d)
	}
	if len(r.ByWeekNo) > 0 && len(r.ByMonthDay) == 0 && len(r.ByYearDay) == 0 {
		return d.Weekday() == start.Weekday()
	}
	return true
}

// onDay tells whether the day is one of the weekdays, by number within the
// month or the year (RFC 5545 3.3.10).
func (m *matcher) onDay(d time.Time) bool {
	r, set := m.rule, m.weekdays[d.Weekday()]
	if r.Freq == Daily || r.Freq == Hourly || r.Freq == Weekly || r.Freq == Yearly && len(r.ByWeekNo) > 0 { // numbers mean nothing
		return m.named[d.Weekday()]
	}
	if set == nil || set[366] {
		return set != nil
	}
	day, of := d.Day(), 0
	if r.Freq == Yearly && len(r.ByMonth) == 0 {
		day, of = d.YearDay(), daysIn(d.Year())
	} else {
		of = monthDays(d)
	}
	return set[(day-1)/7+1+366] || set[366-((of-day)/7+1)]
}

// inWeek tells whether the day lies in one of the year's weeks: the first has
// at least four of its days.
func (m *matcher) inWeek(d time.Time, year int) bool {
	if m.year != year || m.weekCount == 0 {
		m.year, m.weekOne = year, weekOne(year, m.rule.WeekStart)
		m.weekCount = int(weekOne(year+1, m.rule.WeekStart).Sub(m.weekOne)/(24*time.Hour)) / 7
	}
	since := int(d.Sub(m.weekOne) / (24 * time.Hour))
	if since < 0 || since/7 >= m.weekCount {
		return false
	}
	return m.weeks.has(since/7+1, m.weekCount)
}

func weekOne(year int, start time.Weekday) time.Time {
	fourth := time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC)
	return fourth.AddDate(0, 0, -((int(fourth.Weekday()) - int(start) + 7) % 7))
}

func monthDays(d time.Time) int {
	return time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func daysIn(year int) int { return time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC).YearDay() }

// inPlace leaves of a period's days those that BYSETPOS names.
func (m *matcher) inPlace(days []time.Time) []time.Time {
	if len(m.rule.BySetPos) == 0 {
		return days
	}
	var out []time.Time
	for i, d := range days {
		if m.places.has(i+1, len(days)) {
			out = append(out, d)
		}
	}
	return out
}

// clocks lists the times of day at which the rule comes round on one of its
// days, in seconds and in order.
func (m *matcher) clocks(d, start time.Time) []int {
	r := m.rule
	if r.plain() {
		m.seconds = append(m.seconds[:0], start.Hour()*3600+start.Minute()*60+start.Second())
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
	hours := or(r.ByHour, start.Hour())
	if r.Freq == Hourly {
		hours = m.hours(d, start)
	}
	m.seconds = m.seconds[:0]
	for _, h := range hours {
		for _, minute := range or(r.ByMinute, start.Minute()) {
			for _, second := range or(r.BySecond, start.Second()) {
				m.seconds = append(m.seconds, h*3600+minute*60+second)
			}
		}
	}
	slices.Sort(m.seconds)
	m.seconds = slices.Compact(m.seconds)
	return m.seconds
}

// hours are those of a day on which an hourly rule comes round.
func (m *matcher) hours(d, start time.Time) (out []int) {
	r := m.rule
	since := int((d.Unix()-r.first(start).Unix())/secondsADay) * 24 // hours from the midnight before start
	for h := range 24 {
		n := since + h - start.Hour()
		if n >= 0 && n%r.Interval == 0 && (len(r.ByHour) == 0 || slices.Contains(r.ByHour, h)) {
			out = append(out, h)
		}
	}
	return out
}

// barren is how many days of a daily rule, this one and those behind it, lie in a
// month that is none of the rule's.
func (m *matcher) barren(period time.Time) int {
	r := m.rule
	if r.Freq != Daily && r.Freq != Hourly || len(r.ByMonth) == 0 || m.months[period.Month()] {
		return 0
	}
	interval := r.Interval
	if r.Freq == Hourly {
		interval = 1
	}
	return (monthDays(period) - period.Day() + interval) / interval
}
