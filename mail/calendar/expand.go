package calendar

import (
	"iter"
	"time"
)

const (
	// maxEmpty is how many days in a row are looked at for nothing before the rule
	// is taken to have ended: the 29th of February may be eight years away, a
	// Friday among them forty; with an interval of years a hundred are enough.
	maxEmpty = 40_000
	// maxLooked is how many days are looked at in all, some thousand years of them.
	maxLooked = 400_000
	// lastYear is where every rule ends.
	lastYear = 4500
)

// lastWall is the end of that year.
var lastWall = dayOf(lastYear+1, time.January, 1).at(0)

// periodDays is how many days a period has at most.
var periodDays = [...]int{Daily: 1, Weekly: 7, Monthly: 31, Yearly: 366, Hourly: 1}

const secondsADay = 24 * 60 * 60

// From ranges over the wall-clock times at which the rule comes round, as if in
// UTC, from start on, which is the first of them and gives the time of day. Until
// is compared as it stands: the caller brings it to start's clock. Each step takes
// bounded time.
func (r *Rule) From(start time.Time) iter.Seq[time.Time] { return r.until(start, lastYear) }

// until is From up to the end of a year.
func (r *Rule) until(start time.Time, year int) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for w := range r.between(wallTime(start), noWall, dayOf(year+1, time.January, 1).at(0)) {
			if !yield(w.time()) {
				return
			}
		}
	}
}

// between is From without what lies before a time and the periods that begin at
// another or behind it. It goes to the first at once where no occurrences have to
// be counted.
func (r *Rule) between(start, since, behind wall) iter.Seq[wall] {
	return func(yield func(wall) bool) {
		if start >= since && !yield(start) {
			return
		}
		empty, looked := 0, 0
		last := start
		m := r.matcher(start)
		period, count := m.jump(since)
		for ; ; period = r.later(period, 1) {
			if period.at(0) >= behind || empty > maxEmpty || looked > maxLooked || count > maxOccurrences || r.Count > 0 && count >= r.Count {
				return
			}
			if n := m.barren(period); n > 0 {
				last := r.later(period, n-1)
				days := int(last-period) + 1
				empty, looked, period = empty+days, looked+days, last
				continue
			}
			empty += periodDays[r.Freq]
			looked += periodDays[r.Freq]
			for _, d := range m.inPlace(m.days(period)) {
				for _, second := range m.clocks(d) {
					w := d.at(second)
					if w <= last {
						continue
					}
					if w > m.end || r.Count > 0 && count >= r.Count || count > maxOccurrences {
						return
					}
					empty = 0
					last = w
					count++
					if w >= since && !yield(w) {
						return
					}
				}
			}
			if period.at(0) > m.end {
				return
			}
		}
	}
}

// jump is the period from which on times after since are found, and how many
// occurrences there are before it, as far as they have to be counted.
func (m *matcher) jump(since wall) (period day, count int) {
	r := m.rule
	period = m.first
	if since <= m.start || r.Count > 0 && !r.regular() {
		return period, 1
	}
	n, interval := int(since.day()-period), r.Interval
	switch r.Freq {
	case Weekly:
		n /= 7
	case Monthly, Yearly:
		from, to := period.date(), since.day().date()
		if n = to.year - from.year; r.Freq == Monthly {
			n = 12*n + int(to.month) - int(from.month)
		}
	case Hourly: // its periods are days
		interval = 1
	}
	if n = n/interval - 1; n <= 0 {
		return period, 1
	}
	if count = 1; r.Count > 0 {
		count = n
	}
	return r.later(period, n), count
}

// regular tells whether the rule comes round once in each period, so that its
// occurrences need not be counted off.
func (r *Rule) regular() bool {
	return (r.Freq == Daily || r.Freq == Weekly) && r.simple() && r.plain() && len(r.ByMonth) == 0 && len(r.BySetPos) == 0
}

// end is the rule's end on start's clock.
func (r *Rule) end() wall {
	switch {
	case r.Until.IsZero() || r.Count > 0:
		return -noWall
	case r.UntilDate:
		return wall(r.Until.AddDate(0, 0, 1).Unix() - 1)
	}
	return wall(r.Until.Unix())
}

// first is the beginning of the period that start lies in.
func (r *Rule) first(start day) day {
	switch r.Freq {
	case Weekly:
		return start - day((int(start.weekday())-int(r.WeekStart)+7)%7)
	case Monthly:
		return start - day(start.date().of-1)
	case Yearly:
		return dayOf(start.date().year, time.January, 1)
	}
	return start
}

// later is the n-th period after one.
func (r *Rule) later(period day, n int) day {
	switch r.Freq {
	case Hourly:
		return period + day(n)
	case Weekly:
		return period + day(7*r.Interval*n)
	case Monthly:
		d := period.date()
		return dayOf(d.year, d.month+time.Month(r.Interval*n), 1)
	case Yearly:
		return dayOf(period.date().year+r.Interval*n, time.January, 1)
	}
	return period + day(r.Interval*n)
}

// days lists the days of a period on which the rule comes round, in order.
func (m *matcher) days(period day) []day {
	r := m.rule
	m.found = m.found[:0]
	if r.simple() {
		m.simpleDays(period)
		return m.found
	}
	from, to := period.date(), period+1 // of what is looked at, to excluded
	year := from.year
	switch r.Freq {
	case Weekly:
		to = period + 7
	case Monthly:
		to = period + day(from.length)
	case Yearly:
		to = period + day(daysIn(from.year))
		if len(r.ByWeekNo) > 0 { // its first and last weeks reach into its neighbours
			from, to = (period - 7).date(), to+7
		}
	}
	for d := from; d.day < to; d.next() {
		if len(r.ByMonth) > 0 && !m.months[d.month] {
			d.day += day(d.length - d.of)
			d.weekday = (d.weekday + time.Weekday(d.length-d.of)) % 7
			d.of = d.length
			continue
		}
		if len(r.ByDay) > 0 && !m.named[d.weekday] {
			continue
		}
		if m.matches(&d, year) {
			m.found = append(m.found, d.day)
		}
	}
	return m.found
}

// simple tells whether the rule only repeats start's own day.
func (r *Rule) simple() bool {
	return len(r.ByDay) == 0 && len(r.ByMonthDay) == 0 && len(r.ByYearDay) == 0 && len(r.ByWeekNo) == 0
}

// simpleDays are start's day within the period, in each month that is named.
func (m *matcher) simpleDays(period day) {
	r := m.rule
	add := func(year int, month time.Month, of int) {
		if of <= monthDays(year, month) && (len(r.ByMonth) == 0 || m.months[month]) { // there is no 31st of June
			m.found = append(m.found, dayOf(year, month, of))
		}
	}
	switch r.Freq {
	case Daily, Hourly, Weekly:
		if r.Freq == Weekly {
			period += day((int(m.begin.weekday) - int(period.weekday()) + 7) % 7)
		}
		if len(r.ByMonth) == 0 || m.months[period.date().month] {
			m.found = append(m.found, period)
		}
	case Monthly:
		d := period.date()
		add(d.year, d.month, m.begin.of)
	case Yearly:
		year := period.date().year
		if len(r.ByMonth) == 0 {
			add(year, m.begin.month, m.begin.of)
		}
		for month := time.January; month <= time.December && len(r.ByMonth) > 0; month++ {
			add(year, month, m.begin.of)
		}
	}
}
