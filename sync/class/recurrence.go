package class

import (
	"math"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// The types of recurrences (MS-ASEMAIL 2.2.2.80).
const (
	recursDaily      uint8 = 0
	recursWeekly     uint8 = 1
	recursMonthly    uint8 = 2 // on a day of the month
	recursMonthlyNth uint8 = 3 // on a weekday
	recursYearly     uint8 = 5
	recursYearlyNth  uint8 = 6
)

// lastWeek is the last week of a month, or the last of its days with everyDay.
const (
	lastWeek uint8 = 5
	everyDay uint8 = 127
)

// recurrence tells when a meeting recurs (MS-ASEMAIL 2.2.2.60). Not every rule
// can be told.
func recurrence(e *calendar.Event, v eas.Version) (r eas.MeetingRecurrence, ok bool) {
	rule := plainRule(e.Rule, e.Start.Time)
	if len(rule.ByYearDay) > 0 || len(rule.ByWeekNo) > 0 || rule.Interval > 999 {
		return r, false
	}
	r.Interval = uint16(rule.Interval)
	switch {
	case rule.Count > 0:
		r.Occurrences = pointer(uint16(min(rule.Count, math.MaxUint16)))
	case !rule.Until.IsZero():
		r.Until = until(e)
	}
	switch rule.Freq {
	case calendar.Daily:
		ok = daily(&r, rule)
	case calendar.Weekly:
		ok = weekly(&r, rule, e.Start.Weekday())
	case calendar.Monthly:
		ok = len(rule.ByMonth) == 0 && monthly(&r, rule, e.Start.Time, recursMonthly, recursMonthlyNth)
	case calendar.Yearly:
		ok = yearly(&r, rule, e.Start.Time)
	}
	if v >= eas.V140 {
		switch r.Type {
		case recursMonthly, recursMonthlyNth, recursYearly, recursYearlyNth: // MS-ASEMAIL_R291
			r.CalendarType = pointer(uint8(0))
		}
		r.IsLeapMonth = pointer(uint8(0)) // MS-ASEMAIL_R508
	}
	if v >= eas.V141 {
		r.FirstDayOfWeek = pointer(uint8(rule.WeekStart))
	}
	return r, ok
}

// until is the rule's end in UTC; of one that ends with a day, the day's end on
// the meeting's clock.
func until(e *calendar.Event) time.Time {
	u := e.Rule.Until
	switch {
	case e.Rule.UntilDate && e.Start.Date:
		return u
	case e.Rule.UntilDate:
		u = time.Date(u.Year(), u.Month(), u.Day(), 23, 59, 59, 0, e.Start.Location())
	case e.Rule.UntilLocal:
		u = time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), 0, e.Start.Location())
	}
	return u.UTC()
}

// daily is each day, or each of some weekdays, which is a week's rule.
func daily(r *eas.MeetingRecurrence, rule *calendar.Rule) bool {
	if len(rule.ByMonth) > 0 || len(rule.ByMonthDay) > 0 || len(rule.BySetPos) > 0 {
		return false
	}
	r.Type = recursDaily
	if len(rule.ByDay) == 0 {
		return true
	}
	days, ok := weekdays(rule)
	r.Type, r.DayOfWeek = recursWeekly, &days
	return ok && rule.Interval == 1
}

func weekly(r *eas.MeetingRecurrence, rule *calendar.Rule, start time.Weekday) bool {
	days, ok := weekdays(rule)
	if len(rule.ByDay) == 0 {
		days = 1 << start
	}
	r.Type, r.DayOfWeek = recursWeekly, &days // MS-ASEMAIL_R375
	return ok && len(rule.ByMonth) == 0 && len(rule.ByMonthDay) == 0 && len(rule.BySetPos) == 0
}

// weekdays is the sum of the rule's weekdays (MS-ASEMAIL 2.2.2.26).
func weekdays(rule *calendar.Rule) (sum uint8, ok bool) {
	for _, d := range rule.ByDay {
		if d.N != 0 {
			return 0, false
		}
		sum |= 1 << d.Day
	}
	return sum, true
}

// monthly is a day of a month, by number or as the nth of some weekdays.
func monthly(r *eas.MeetingRecurrence, rule *calendar.Rule, start time.Time, byDay, byWeekday uint8) bool {
	switch {
	case len(rule.ByDay) == 0 && len(rule.BySetPos) > 0 || len(rule.ByDay) > 0 && len(rule.ByMonthDay) > 0:
		return false
	case len(rule.ByDay) > 0:
		r.Type = byWeekday
		return nth(r, rule)
	case len(rule.ByMonthDay) == 0:
		r.Type, r.DayOfMonth = byDay, pointer(uint8(start.Day()))
		return true
	case len(rule.ByMonthDay) == 1 && rule.ByMonthDay[0] > 0:
		r.Type, r.DayOfMonth = byDay, pointer(uint8(rule.ByMonthDay[0]))
		return true
	case len(rule.ByMonthDay) == 1 && rule.ByMonthDay[0] == -1:
		r.Type, r.WeekOfMonth, r.DayOfWeek = byWeekday, pointer(lastWeek), pointer(everyDay)
		return true
	}
	return false
}

// nth is one weekday with a number, or some with a position.
func nth(r *eas.MeetingRecurrence, rule *calendar.Rule) bool {
	n := rule.ByDay[0].N
	days, plain := weekdays(rule)
	switch {
	case len(rule.ByDay) == 1 && n != 0 && len(rule.BySetPos) == 0:
		days = 1 << rule.ByDay[0].Day
	case plain && len(rule.BySetPos) == 1:
		n = rule.BySetPos[0]
	default:
		return false
	}
	if n == -1 {
		n = int(lastWeek)
	}
	r.WeekOfMonth, r.DayOfWeek = pointer(uint8(n)), &days
	return n >= 1 && n <= int(lastWeek)
}

func yearly(r *eas.MeetingRecurrence, rule *calendar.Rule, start time.Time) bool {
	month := uint8(start.Month())
	switch {
	case len(rule.ByMonth) > 1 || len(rule.ByMonth) == 0 && (len(rule.ByDay) > 0 || len(rule.ByMonthDay) > 0):
		return false
	case len(rule.ByMonth) == 1:
		month = uint8(rule.ByMonth[0])
	}
	r.MonthOfYear = &month
	return monthly(r, rule, start, recursYearly, recursYearlyNth)
}
