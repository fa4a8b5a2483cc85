package calendar

import (
	"slices"
	"time"
)

// definedYears is how many years from its first one a definition of a zone tells
// what is not regular: a month of fasting moves through the seasons in 33.
const definedYears = 40

// DescribeZone writes the definition of a zone from a year on, for events that
// refer to it by a name: with rules that hold for ever where the zone has such,
// and those before them.
func DescribeZone(name string, loc *time.Location, year int) *Component {
	if loc == nil {
		loc = time.UTC
	}
	year = min(max(year, 1900), 2200)
	c := &Component{Name: "VTIMEZONE"}
	c.SetText("TZID", name)
	begin, behind := time.Date(year, 1, 1, 0, 0, 0, 0, loc), time.Date(year+definedYears, 1, 1, 0, 0, 0, 0, loc)
	from := time.Date(year-1, 1, 1, 0, 0, 0, 0, loc)
	var runs []*run
	for ch := range changes(loc, from) {
		if !ch.at.Before(behind) {
			break
		}
		if !slices.ContainsFunc(runs, func(r *run) bool { return r.add(ch) }) {
			runs = append(runs, newRun(ch))
		}
	}
	if len(runs) == 0 || runs[0].changes[0].at.After(begin) { // what holds before the first change
		_, offset := from.Zone()
		first := change{at: time.Date(min(year, 1970), 1, 1, 0, 0, -offset, 0, time.UTC), from: offset, to: offset}
		c.Children = append(c.Children, newRun(first).observance(loc, behind, nil))
	}
	// What no rule tells is listed, those alike together.
	var single []*run
	for _, r := range runs {
		if len(r.changes) > 1 {
			c.Children = append(c.Children, r.observance(loc, behind, nil))
			continue
		}
		i := slices.IndexFunc(single, func(s *run) bool { return s.changes[0].from == r.from() && s.changes[0].to == r.to() })
		if i < 0 {
			single = append(single, r)
		} else {
			single[i].changes = append(single[i].changes, r.changes[0])
		}
	}
	for _, r := range single {
		c.Children = append(c.Children, r.observance(loc, behind, r.changes[1:]))
	}
	return c
}

// run is changes of a zone that follow one rule, a year apart.
type run struct {
	changes          []change
	wall             time.Time // of the last
	earliest, latest int       // days of the month
}

func newRun(c change) *run {
	w := c.wall()
	return &run{changes: []change{c}, wall: w, earliest: w.Day(), latest: w.Day()}
}

func (r *run) from() int { return r.changes[0].from }
func (r *run) to() int   { return r.changes[0].to }

// add takes a change into the run if it follows its rule: in the year behind its
// last, on the same weekday of the same week, at the same time.
func (r *run) add(c change) bool {
	w := c.wall()
	if c.from != r.from() || c.to != r.to() || w.Year() != r.wall.Year()+1 || w.Month() != r.wall.Month() || w.Weekday() != r.wall.Weekday() ||
		w.Sub(time.Date(w.Year(), w.Month(), w.Day(), 0, 0, 0, 0, time.UTC)) != r.wall.Sub(time.Date(r.wall.Year(), r.wall.Month(), r.wall.Day(), 0, 0, 0, 0, time.UTC)) {
		return false
	}
	earliest, latest := min(r.earliest, w.Day()), max(r.latest, w.Day())
	if latest-earliest > 6 {
		return false
	}
	r.changes, r.wall, r.earliest, r.latest = append(r.changes, c), w, earliest, latest
	return true
}

// observance writes the run, and the changes beside its rule. What still holds at
// the end of what is looked at holds for ever.
func (r *run) observance(loc *time.Location, behind time.Time, others []change) *Component {
	c := &Component{Name: "STANDARD"}
	first, last := r.changes[0], r.changes[len(r.changes)-1]
	if first.to > first.from && !first.at.IsZero() {
		c.Name = "DAYLIGHT"
	}
	c.SetValue("DTSTART", first.wall().Format("20060102T150405"))
	c.SetValue("TZOFFSETFROM", formatOffset(first.from))
	c.SetValue("TZOFFSETTO", formatOffset(first.to))
	if name, _ := first.at.In(loc).Zone(); name != "" && first.from != first.to {
		c.SetText("TZNAME", name)
	}
	for _, o := range others {
		c.Add(Property{Name: "RDATE", Value: o.wall().Format("20060102T150405")})
	}
	if len(others) > 0 || len(r.changes) < 2 {
		return c
	}
	rule := r.rule()
	if last.at.Before(behind.AddDate(-1, 0, -7)) {
		rule.Until = last.at.UTC()
	}
	c.SetValue("RRULE", rule.String())
	return c
}

// rule is what the run's changes have in common: the nth weekday of a month, the
// last one, or the one on or after a day.
func (r *run) rule() *Rule {
	rule := &Rule{Freq: Yearly, Interval: 1, ByMonth: []int{int(r.wall.Month())}, WeekStart: time.Monday}
	length := 31
	for _, c := range r.changes {
		w := c.wall()
		length = min(length, monthDays(w.Year(), w.Month()))
	}
	if n := (r.earliest - 1) / 7; n == (r.latest-1)/7 && n < 4 && (r.latest-r.earliest > 3 || r.latest <= length-7) {
		rule.ByDay = []WeekdayNum{{n + 1, r.wall.Weekday()}}
		return rule
	}
	last := true
	for _, c := range r.changes {
		w := c.wall()
		last = last && w.Day()+7 > monthDays(w.Year(), w.Month())
	}
	if last {
		rule.ByDay = []WeekdayNum{{-1, r.wall.Weekday()}}
		return rule
	}
	rule.ByDay = []WeekdayNum{{0, r.wall.Weekday()}}
	for d := r.earliest; d <= r.earliest+6 && d <= 31; d++ {
		rule.ByMonthDay = append(rule.ByMonthDay, d)
	}
	return rule
}

// formatOffset writes seconds east of UTC.
func formatOffset(seconds int) string {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	two := func(dst []byte, n int) []byte { return append(dst, byte('0'+n/10%10), byte('0'+n%10)) }
	b := two(two([]byte{sign}, seconds/3600), seconds/60%60)
	if seconds%60 != 0 {
		b = two(b, seconds%60)
	}
	return string(b)
}
