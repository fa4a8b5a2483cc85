package calendar

import (
	"iter"
	"slices"
	"time"
)

const (
	// maxEmpty is how many days in a row are looked at for nothing before the rule
	// is taken to have ended: the 29th of February may be eight years away, a
	// Friday among them forty.
	maxEmpty = 150_000
	// maxLooked is how many days are looked at in all, some thousand years of them.
	maxLooked = 400_000
	// lastYear is where every rule ends.
	lastYear = 4500
)

// periodDays is how many days a period has at most.
var periodDays = [...]int{Daily: 1, Weekly: 7, Monthly: 31, Yearly: 366}

// From ranges over the wall-clock times at which the rule comes round, from
// start on, which is the first of them and gives the time of day. Until is
// compared as it stands: the caller brings it to start's clock. Each step takes
// bounded time.
func (r *Rule) From(start time.Time) iter.Seq[time.Time] { return r.until(start, lastYear) }

// until is From up to the end of a year.
func (r *Rule) until(start time.Time, year int) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		if !yield(start) {
			return
		}
		count, empty, looked := 1, 0, 0
		last := start
		m := r.matcher()
		for period := r.first(start); ; period = r.next(period) {
			if period.Year() > year || empty > maxEmpty || looked > maxLooked || r.Count > 0 && count >= r.Count {
				return
			}
			days := m.days(period, start)
			days = m.inPlace(days)
			empty += periodDays[r.Freq]
			looked += periodDays[r.Freq]
			for _, day := range days {
				t := time.Date(day.Year(), day.Month(), day.Day(), start.Hour(), start.Minute(), start.Second(), 0, start.Location())
				if !t.After(last) {
					continue
				}
				if r.ended(t) || r.Count > 0 && count >= r.Count {
					return
				}
				empty = 0
				last = t
				count++
				if !yield(t) {
					return
				}
			}
			if r.ended(period) {
				return
			}
		}
	}
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

func (r *Rule) next(period time.Time) time.Time {
	switch r.Freq {
	case Weekly:
		return period.AddDate(0, 0, 7*r.Interval)
	case Monthly:
		return period.AddDate(0, r.Interval, 0)
	case Yearly:
		return period.AddDate(r.Interval, 0, 0)
	}
	return period.AddDate(0, 0, r.Interval)
}

// days lists the days of a period on which the rule comes round, in order.
func (m *matcher) days(period, start time.Time) []time.Time {
	r := m.rule
	if r.simple() {
		return r.simpleDays(period, start)
	}
	var from, to time.Time // of what is looked at, to excluded
	switch r.Freq {
	case Daily:
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
	var out []time.Time
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
	return out
}

// simple tells whether the rule only repeats start's own day.
func (r *Rule) simple() bool {
	return len(r.ByDay) == 0 && len(r.ByMonthDay) == 0 && len(r.ByYearDay) == 0 && len(r.ByWeekNo) == 0
}

// simpleDays are start's day within the period, in each month that is named.
func (r *Rule) simpleDays(period, start time.Time) (out []time.Time) {
	add := func(y int, m time.Month, d int) {
		t := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		if t.Month() == m && (len(r.ByMonth) == 0 || slices.Contains(r.ByMonth, int(m))) { // there is no 31st of June
			out = append(out, t)
		}
	}
	switch r.Freq {
	case Daily:
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
