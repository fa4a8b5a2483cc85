package calendar

import (
	"iter"
	"slices"
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

// periodDays is how many days a period has at most.
var periodDays = [...]int{Daily: 1, Weekly: 7, Monthly: 31, Yearly: 366, Hourly: 1}

const secondsADay = 24 * 60 * 60

// From ranges over the wall-clock times at which the rule comes round, from
// start on, which is the first of them and gives the time of day. Until is
// compared as it stands: the caller brings it to start's clock. Each step takes
// bounded time.
func (r *Rule) From(start time.Time) iter.Seq[time.Time] {
	return r.between(start, time.Time{}, lastYear)
}

// until is From up to the end of a year.
func (r *Rule) until(start time.Time, year int) iter.Seq[time.Time] {
	return r.between(start, time.Time{}, year)
}

// between is From without what lies before a time, up to the end of a year. It
// goes to that time at once where no occurrences have to be counted.
func (r *Rule) between(start, since time.Time, year int) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		if !start.Before(since) && !yield(start) {
			return
		}
		empty, looked := 0, 0
		last := start
		m := r.matcher()
		period, count := r.jump(start, since)
		for ; ; period = r.next(period) {
			if period.Year() > year || empty > maxEmpty || looked > maxLooked || count > maxOccurrences || r.Count > 0 && count >= r.Count {
				return
			}
			if n := m.barren(period); n > 0 {
				behind := r.later(period, n-1)
				days := int(behind.Sub(period)/(24*time.Hour)) + 1
				empty, looked, period = empty+days, looked+days, behind
				continue
			}
			days := m.inPlace(m.days(period, start))
			empty += periodDays[r.Freq]
			looked += periodDays[r.Freq]
			for _, d := range days {
				for _, second := range m.clocks(d, start) {
					t := time.Date(d.Year(), d.Month(), d.Day(), 0, 0, second, 0, start.Location())
					if !t.After(last) {
						continue
					}
					if r.ended(t) || r.Count > 0 && count >= r.Count || count > maxOccurrences {
						return
					}
					empty = 0
					last = t
					count++
					if !t.Before(since) && !yield(t) {
						return
					}
				}
			}
			if r.ended(period) {
				return
			}
		}
	}
}

// jump is the period from which on times after since are found, and how many
// occurrences there are before it, as far as they have to be counted.
func (r *Rule) jump(start, since time.Time) (period time.Time, count int) {
	period = r.first(start)
	if !since.After(start) || r.Count > 0 && !r.regular() {
		return period, 1
	}
	n, interval := 0, r.Interval
	switch r.Freq {
	case Weekly:
		n = int((since.Unix() - period.Unix()) / (7 * secondsADay))
	case Monthly:
		n = 12*(since.Year()-period.Year()) + int(since.Month()) - int(period.Month())
	case Yearly:
		n = since.Year() - period.Year()
	default:
		n = int((since.Unix() - period.Unix()) / secondsADay)
	}
	if r.Freq == Hourly { // its periods are days
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

// ended tells whether a time lies behind the rule's end.
func (r *Rule) ended(t time.Time) bool {
	if r.Until.IsZero() || r.Count > 0 {
		return false
	}
	if r.UntilDate {
		return t.After(r.Until.AddDate(0, 0, 1).Add(-time.Second))
	}
	return t.After(r.Until)
}

// first is the beginning of the period that start lies in.
func (r *Rule) first(start time.Time) time.Time {
	y, m, d := start.Date()
	switch r.Freq {
	case Weekly:
		back := (int(start.Weekday()) - int(r.WeekStart) + 7) % 7
		return time.Date(y, m, d-back, 0, 0, 0, 0, time.UTC)
	case Monthly:
		return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	case Yearly:
		return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (r *Rule) next(period time.Time) time.Time { return r.later(period, 1) }

// later is the n-th period after one.
func (r *Rule) later(period time.Time, n int) time.Time {
	switch r.Freq {
	case Hourly:
		return period.AddDate(0, 0, n)
	case Weekly:
		return period.AddDate(0, 0, 7*r.Interval*n)
	case Monthly:
		return period.AddDate(0, r.Interval*n, 0)
	case Yearly:
		return period.AddDate(r.Interval*n, 0, 0)
	}
	return period.AddDate(0, 0, r.Interval*n)
}

// days lists the days of a period on which the rule comes round, in order.
func (m *matcher) days(period, start time.Time) []time.Time {
	r := m.rule
	if r.simple() {
		m.found = r.simpleDays(m.found[:0], period, start)
		return m.found
	}
	var from, to time.Time // of what is looked at, to excluded
	switch r.Freq {
	case Daily, Hourly:
		from, to = period, period.AddDate(0, 0, 1)
	case Weekly:
		from, to = period, period.AddDate(0, 0, 7)
	case Monthly:
		from, to = period, period.AddDate(0, 1, 0)
	case Yearly:
		from, to = period, period.AddDate(1, 0, 0)
		if len(r.ByWeekNo) > 0 { // its first and last weeks reach into its neighbours
			from, to = from.AddDate(0, 0, -7), to.AddDate(0, 0, 7)
		}
	}
	out := m.found[:0]
	for d := from; d.Before(to); {
		if len(r.ByMonth) > 0 && !m.months[d.Month()] {
			d = time.Date(d.Year(), d.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		}
		if m.matches(d, period, start) {
			out = append(out, d)
		}
		d = d.AddDate(0, 0, 1)
	}
	m.found = out
	return out
}

// simple tells whether the rule only repeats start's own day.
func (r *Rule) simple() bool {
	return len(r.ByDay) == 0 && len(r.ByMonthDay) == 0 && len(r.ByYearDay) == 0 && len(r.ByWeekNo) == 0
}

// simpleDays are start's day within the period, in each month that is named.
func (r *Rule) simpleDays(out []time.Time, period, start time.Time) []time.Time {
	add := func(y int, m time.Month, d int) {
		t := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		if t.Month() == m && (len(r.ByMonth) == 0 || slices.Contains(r.ByMonth, int(m))) { // there is no 31st of June
			out = append(out, t)
		}
	}
	switch r.Freq {
	case Daily, Hourly:
		add(period.Date())
	case Weekly:
		add(period.AddDate(0, 0, (int(start.Weekday())-int(period.Weekday())+7)%7).Date())
	case Monthly:
		add(period.Year(), period.Month(), start.Day())
	case Yearly:
		if len(r.ByMonth) == 0 {
			add(period.Year(), start.Month(), start.Day())
		}
		for m := time.January; m <= time.December && len(r.ByMonth) > 0; m++ {
			add(period.Year(), m, start.Day())
		}
	}
	return out
}
