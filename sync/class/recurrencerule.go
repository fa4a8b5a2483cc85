package class

import (
	"math/bits"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// The sums of weekdays that mean more than themselves (MS-ASCAL 2.2.2.15).
const allDays = 127

// ruleOf reads a recurrence as a client writes it (MS-ASCAL 2.2.2.37.1): the way
// back from pattern. What is no recurrence, or one of a calendar that is not
// Gregorian, is ErrBadValue.
func ruleOf(r *eas.CalendarRecurrence, start calendar.Time, zone *time.Location) (*calendar.Rule, error) {
	if err := checkPattern(r); err != nil {
		return nil, err
	}
	rule := &calendar.Rule{Interval: 1, WeekStart: time.Monday}
	if r.Interval != nil && *r.Interval > 0 { // 0 is 1 (MS-ASCAL_R5)
		rule.Interval = int(*r.Interval)
	}
	switch {
	case r.FirstDayOfWeek != nil:
		rule.WeekStart = time.Weekday(*r.FirstDayOfWeek)
	case rule.Interval > 1: // where it matters, as Exchange has it for who says nothing
		rule.WeekStart = time.Sunday
	}
	day := start.Time // where an element is left out, the start tells
	switch *r.Type {
	case recursDaily:
		rule.Freq = calendar.Daily
		if days := valueOf(r.DayOfWeek); days != 0 && (days != allDays || rule.Interval > 1) { // MS-ASCAL_R3892312
			rule.Freq, rule.ByDay = calendar.Weekly, weekdaysOf(days)
		}
	case recursWeekly:
		rule.Freq, rule.ByDay = calendar.Weekly, weekdaysOf(valueOf(r.DayOfWeek))
		if len(rule.ByDay) == 0 {
			rule.ByDay = []calendar.WeekdayNum{{Day: day.Weekday()}}
		}
	case recursMonthly, recursYearly:
		rule.Freq, rule.ByMonthDay = calendar.Monthly, []int{day.Day()}
		if r.DayOfMonth != nil {
			rule.ByMonthDay[0] = int(*r.DayOfMonth)
		}
	case recursMonthlyNth, recursYearlyNth:
		rule.Freq = calendar.Monthly
		setNth(rule, valueOf(r.WeekOfMonth), valueOf(r.DayOfWeek))
	}
	if *r.Type == recursYearly || *r.Type == recursYearlyNth {
		rule.Freq, rule.ByMonth = calendar.Yearly, []int{int(day.Month())}
		if r.MonthOfYear != nil {
			rule.ByMonth[0] = int(*r.MonthOfYear)
		}
	}
	setEnd(rule, r, start, zone)
	return rule, nil
}

// setNth sets the nth of some weekdays of a month.
func setNth(rule *calendar.Rule, week, days int) {
	n := week
	if week == int(lastWeek) {
		n = -1
	}
	switch {
	case days == allDays && n < 0: // the last day (MS-ASCAL_R3893714)
		rule.ByMonthDay = []int{n}
	case bits.OnesCount(uint(days)) == 1:
		rule.ByDay = []calendar.WeekdayNum{{N: n, Day: time.Weekday(bits.TrailingZeros(uint(days)))}}
	default:
		rule.ByDay, rule.BySetPos = weekdaysOf(days), []int{n}
	}
}

// setEnd sets where the series ends. Occurrences count before Until
// (MS-ASCAL_R53911); Until means its whole day on the clock of the series.
func setEnd(rule *calendar.Rule, r *eas.CalendarRecurrence, start calendar.Time, zone *time.Location) {
	switch {
	case r.Occurrences != nil && *r.Occurrences > 0:
		rule.Count = int(*r.Occurrences)
	case r.Until == nil || r.Until.IsZero():
	case start.Date:
		rule.Until, rule.UntilDate = nearestDay(*r.Until, zoneOr(zone)), true
	case start.Floating:
		c, day := start.Time, r.Until.In(zoneOr(zone))
		rule.Until = time.Date(day.Year(), day.Month(), day.Day(), c.Hour(), c.Minute(), c.Second(), 0, time.UTC)
		rule.UntilLocal = true
	default:
		rule.Until = onDay(r.Until.In(start.Location()), start, nil)
	}
}

// checkPattern holds a recurrence to the values that there are (MS-ASCAL_R53913
// to R53919).
func checkPattern(r *eas.CalendarRecurrence) error {
	if r.Type == nil {
		return ErrBadValue
	}
	kind := *r.Type
	byDay := kind == recursMonthly || kind == recursYearly
	byWeekday := kind == recursMonthlyNth || kind == recursYearlyNth
	yearly := kind == recursYearly || kind == recursYearlyNth
	switch {
	case kind > recursYearlyNth || kind == 4:
	case r.Interval != nil && *r.Interval > maxInterval:
	case r.DayOfMonth != nil && (!byDay || *r.DayOfMonth < 1 || *r.DayOfMonth > 31):
	case r.DayOfWeek != nil && (byDay || *r.DayOfWeek < 1 || *r.DayOfWeek > allDays):
	case r.WeekOfMonth != nil && (!byWeekday || *r.WeekOfMonth < 1 || *r.WeekOfMonth > lastWeek):
	case r.MonthOfYear != nil && (!yearly || *r.MonthOfYear < 1 || *r.MonthOfYear > 12):
	case r.MonthOfYear != nil && r.DayOfMonth != nil && *r.DayOfMonth > longest[*r.MonthOfYear]:
	case byWeekday && (r.WeekOfMonth == nil || r.DayOfWeek == nil):
	case r.FirstDayOfWeek != nil && *r.FirstDayOfWeek > 6:
	case r.IsLeapMonth != nil && *r.IsLeapMonth > 1:
	case r.CalendarType != nil && !gregorian(*r.CalendarType):
	default:
		return nil
	}
	return ErrBadValue
}

// gregorian tells whether a calendar has the Gregorian one's months and days
// (MS-ASCAL 2.2.2.10): some only count other years.
func gregorian(kind uint8) bool {
	switch kind {
	case 0, 1, 2, 9, 10, 11, 12: // Gregorian in various languages
		return true
	case 3, 4, 5, 7: // the eras of Japan, Taiwan and Korea, the years of Buddha
		return true
	}
	return false
}

// samePattern tells whether two recurrences of one start are the same.
func samePattern(a, b *eas.CalendarRecurrence, start calendar.Time, zone *time.Location) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	x, err := ruleOf(a, start, zone)
	if err != nil {
		return false
	}
	y, err := ruleOf(b, start, zone)
	if err != nil {
		return false
	}
	if x.Freq == y.Freq && (x.Freq != calendar.Weekly || x.Interval == 1 || a.FirstDayOfWeek == nil || b.FirstDayOfWeek == nil) {
		x.WeekStart = y.WeekStart // it makes no difference, or was not said
	}
	return x.String() == y.String()
}

// overlayPattern is a recurrence of which a client names only what it changes, as
// it may since 16.0 (MS-ASCAL_R448001).
func overlayPattern(old, r *eas.CalendarRecurrence) *eas.CalendarRecurrence {
	if old == nil || r.Type != nil {
		return r
	}
	out := *old
	if r.Occurrences != nil || r.Until != nil { // one end takes the other's place
		out.Occurrences, out.Until = r.Occurrences, r.Until
	}
	set(&out.Interval, r.Interval)
	set(&out.WeekOfMonth, r.WeekOfMonth)
	set(&out.DayOfWeek, r.DayOfWeek)
	set(&out.DayOfMonth, r.DayOfMonth)
	set(&out.MonthOfYear, r.MonthOfYear)
	set(&out.CalendarType, r.CalendarType)
	set(&out.IsLeapMonth, r.IsLeapMonth)
	set(&out.FirstDayOfWeek, r.FirstDayOfWeek)
	return &out
}

func set[T any](dst **T, v *T) {
	if v != nil {
		*dst = v
	}
}

// valueOf is an optional element's value, 0 for none.
func valueOf[T uint8 | uint16](v *T) int {
	if v == nil {
		return 0
	}
	return int(*v)
}

// weekdaysOf takes a sum of weekdays apart.
func weekdaysOf(sum int) (out []calendar.WeekdayNum) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if sum&(1<<d) != 0 {
			out = append(out, calendar.WeekdayNum{Day: d})
		}
	}
	return out
}

// nearestDay is the day whose midnight in a zone is nearest to a point in time:
// clients are some hours off where they have another zone in mind.
func nearestDay(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	if t.Hour() >= 12 {
		t = t.AddDate(0, 0, 1)
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}
