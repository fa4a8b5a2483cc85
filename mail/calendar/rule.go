package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Freq is how often a rule comes round.
type Freq uint8

// The frequencies. Those below an hour no calendar needs, and they cost too
// much.
const (
	Daily Freq = iota + 1
	Weekly
	Monthly
	Yearly
	Hourly
)

var freqNames = [...]string{Daily: "DAILY", Weekly: "WEEKLY", Monthly: "MONTHLY", Yearly: "YEARLY", Hourly: "HOURLY"}

// maxClocks is how often a rule may come round on a day: each minute.
const maxClocks = 24 * 60

// WeekdayNum is a weekday, or the Nth of them in a month or year: the last one
// is -1.
type WeekdayNum struct {
	N   int // 0: each
	Day time.Weekday
}

// Rule is a recurrence rule (RFC 5545 3.3.10).
type Rule struct {
	Freq       Freq
	Interval   int // at least 1
	Count      int // 0: without end, or until Until
	Until      time.Time
	UntilDate  bool // Until is a date
	UntilLocal bool // Until is on the clock of the event's start
	ByDay      []WeekdayNum
	ByMonthDay []int
	ByYearDay  []int
	ByWeekNo   []int
	ByMonth    []int
	BySetPos   []int
	ByHour     []int
	ByMinute   []int
	BySecond   []int
	WeekStart  time.Weekday
}

var dayNames = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// ParseRule reads a rule that comes round at most once a day, as calendars show
// it. Others are ErrBadRule: frequencies below a day, rules by hour, minute and
// second. Event.Series follows hourly ones.
func ParseRule(s string) (*Rule, error) {
	r, err := ParseAnyRule(s)
	if err != nil || !r.plain() {
		return nil, ErrBadRule
	}
	return r, nil
}

// plain tells whether the rule comes round at one time of the day.
func (r *Rule) plain() bool {
	return r.Freq != Hourly && len(r.ByHour) == 0 && len(r.ByMinute) == 0 && len(r.BySecond) == 0
}

// ParseAnyRule reads every rule that can be followed: hourly ones too, and those
// of several times a day.
func ParseAnyRule(s string) (*Rule, error) {
	r := &Rule{Interval: 1, WeekStart: time.Monday}
	for part := range strings.SplitSeq(strings.ToUpper(strings.TrimSpace(s)), ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, ErrBadRule
		}
		if err := r.set(name, value); err != nil {
			return nil, err
		}
	}
	if r.Freq == 0 || !r.plain() && (len(r.BySetPos) > 0 || r.clocksInADay() > maxClocks) {
		return nil, ErrBadRule
	}
	return r, nil
}

func (r *Rule) clocksInADay() int {
	n := max(len(r.ByHour), 1)
	if r.Freq == Hourly {
		n = 24
	}
	return n * max(len(r.ByMinute), 1) * max(len(r.BySecond), 1)
}

// plainAt takes lists of hours, minutes and seconds away that only say what the
// event's start does.
func (r *Rule) plainAt(start time.Time) {
	only := func(list []int, n int) bool { return len(list) == 0 || len(list) == 1 && list[0] == n }
	if r.Freq != Hourly && only(r.ByHour, start.Hour()) && only(r.ByMinute, start.Minute()) && only(r.BySecond, start.Second()) {
		r.ByHour, r.ByMinute, r.BySecond = nil, nil, nil
	}
}

func (r *Rule) set(name, value string) (err error) {
	switch name {
	case "FREQ":
		i := slices.Index(freqNames[:], value)
		if i < 1 {
			return ErrBadRule
		}
		r.Freq = Freq(i)
	case "INTERVAL":
		if r.Interval, err = strconv.Atoi(value); err != nil || r.Interval > 10_000 {
			return ErrBadRule
		}
		r.Interval = max(r.Interval, 1)
	case "COUNT":
		if r.Count, err = strconv.Atoi(value); err != nil || r.Count < 1 {
			return ErrBadRule
		}
	case "UNTIL":
		if r.Until, r.UntilDate, err = parseWall(value); err != nil {
			return ErrBadRule
		}
		r.UntilLocal = !r.UntilDate && !strings.HasSuffix(value, "Z")
	case "WKST":
		i := slices.Index(dayNames[:], value)
		if i < 0 {
			return ErrBadRule
		}
		r.WeekStart = time.Weekday(i)
	case "BYDAY":
		return r.setDays(value)
	case "BYMONTHDAY":
		r.ByMonthDay, err = numbers(value, 31, true)
	case "BYYEARDAY":
		r.ByYearDay, err = numbers(value, 366, true)
	case "BYWEEKNO":
		r.ByWeekNo, err = numbers(value, 53, true)
	case "BYMONTH":
		r.ByMonth, err = numbers(value, 12, false)
	case "BYSETPOS":
		r.BySetPos, err = numbers(value, 366, true)
	case "BYHOUR":
		r.ByHour, err = clockNumbers(value, 23)
	case "BYMINUTE":
		r.ByMinute, err = clockNumbers(value, 59)
	case "BYSECOND":
		r.BySecond, err = clockNumbers(value, 59)
	case "RSCALE": // RFC 7529: the calendar of the world is none of the others
		if value != "GREGORIAN" {
			return ErrBadRule
		}
	case "SKIP":
		if value != "OMIT" {
			return ErrBadRule
		}
	default:
		if !strings.HasPrefix(name, "X-") {
			return ErrBadRule
		}
	}
	return err
}

func (r *Rule) setDays(value string) error {
	for v := range strings.SplitSeq(value, ",") {
		v = strings.TrimSpace(v)
		if len(v) < 2 || len(r.ByDay) >= maxList {
			return ErrBadRule
		}
		day := slices.Index(dayNames[:], v[len(v)-2:])
		n := 0
		if num := strings.TrimPrefix(v[:len(v)-2], "+"); num != "" {
			var err error
			if n, err = strconv.Atoi(num); err != nil || n == 0 || n < -53 || n > 53 {
				return ErrBadRule
			}
		}
		if day < 0 {
			return ErrBadRule
		}
		r.ByDay = append(r.ByDay, WeekdayNum{n, time.Weekday(day)})
	}
	return nil
}

// numbers reads a list of numbers from 1 to limit, or from the end if negative
// ones may be.
func numbers(s string, limit int, negative bool) (out []int, err error) {
	for v := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil || n == 0 || n > limit || n < -limit || n < 0 && !negative || len(out) >= maxList {
			return nil, ErrBadRule
		}
		out = append(out, n)
	}
	return out, nil
}

// clockNumbers reads a list of numbers from 0 to limit.
func clockNumbers(s string, limit int) (out []int, err error) {
	for v := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil || n < 0 || n > limit || len(out) >= maxList {
			return nil, ErrBadRule
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// String writes the rule as RRULE has it.
func (r *Rule) String() string {
	var b strings.Builder
	b.WriteString("FREQ=" + freqNames[r.Freq])
	if r.Interval > 1 {
		fmt.Fprintf(&b, ";INTERVAL=%d", r.Interval)
	}
	switch {
	case r.Count > 0:
		fmt.Fprintf(&b, ";COUNT=%d", r.Count)
	case r.Until.IsZero():
	case r.UntilDate:
		b.WriteString(";UNTIL=" + r.Until.Format("20060102"))
	case r.UntilLocal:
		b.WriteString(";UNTIL=" + r.Until.Format("20060102T150405"))
	default:
		b.WriteString(";UNTIL=" + r.Until.UTC().Format("20060102T150405Z"))
	}
	list := func(name string, ns []int) {
		for i, n := range ns {
			if i == 0 {
				b.WriteString(";" + name + "=")
			} else {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Itoa(n))
		}
	}
	list("BYMONTH", r.ByMonth)
	list("BYWEEKNO", r.ByWeekNo)
	list("BYYEARDAY", r.ByYearDay)
	list("BYMONTHDAY", r.ByMonthDay)
	for i, d := range r.ByDay {
		if i == 0 {
			b.WriteString(";BYDAY=")
		} else {
			b.WriteByte(',')
		}
		if d.N != 0 {
			b.WriteString(strconv.Itoa(d.N))
		}
		b.WriteString(dayNames[d.Day])
	}
	list("BYHOUR", r.ByHour)
	list("BYMINUTE", r.ByMinute)
	list("BYSECOND", r.BySecond)
	list("BYSETPOS", r.BySetPos)
	if r.WeekStart != time.Monday {
		b.WriteString(";WKST=" + dayNames[r.WeekStart])
	}
	return b.String()
}
