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

// The frequencies. Others of RFC 5545, below a day, no calendar needs, and they
// cost too much.
const (
	Daily Freq = iota + 1
	Weekly
	Monthly
	Yearly
)

var freqNames = [...]string{Daily: "DAILY", Weekly: "WEEKLY", Monthly: "MONTHLY", Yearly: "YEARLY"}

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
	WeekStart  time.Weekday
}

var dayNames = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// ParseRule reads a rule. What it cannot follow is ErrBadRule: frequencies
// below a day, rules by hour, minute and second.
func ParseRule(s string) (*Rule, error) {
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
	if r.Freq == 0 {
		return nil, ErrBadRule
	}
	return r, nil
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
		if r.Count, err = strconv.Atoi(value); err != nil || r.Count < 0 {
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
	case "BYHOUR", "BYMINUTE", "BYSECOND", "RSCALE", "SKIP":
		return ErrBadRule
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
	list("BYSETPOS", r.BySetPos)
	if r.WeekStart != time.Monday {
		b.WriteString(";WKST=" + dayNames[r.WeekStart])
	}
	return b.String()
}
