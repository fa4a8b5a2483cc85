package search

import (
	"strconv"
	"strings"
	"time"
)

// dates reads a restriction of time, nil if the value is no time.
func (p *parser) dates(name, comparison, value string) Query {
	for _, c := range []string{">=", "<=", ">", "<", "="} { // received:>=2026
		if comparison == "" && strings.HasPrefix(value, c) {
			comparison, value = c, value[len(c):]
		}
	}
	if first, last, ok := strings.Cut(value, ".."); ok && comparison == "" {
		from, _, ok1 := p.span(first)
		_, to, ok2 := p.span(last)
		if !ok1 && first != "" || !ok2 && last != "" || !ok1 && !ok2 {
			return nil
		}
		return Received{Since: from, Before: to}
	}
	from, to, ok := p.span(value)
	if !ok {
		return nil
	}
	switch {
	case name == "before" && comparison == "":
		comparison = "<"
	case name == "after" && comparison == "":
		comparison = ">"
	}
	switch comparison {
	case "", "=", "==":
		return Received{Since: from, Before: to}
	case "<":
		return Received{Before: from}
	case "<=":
		return Received{Before: to}
	case ">":
		return Received{Since: to}
	case ">=":
		return Received{Since: from}
	case "<>":
		return Not{Received{Since: from, Before: to}}
	}
	return nil
}

// span returns when a day, a month, a year or a time that has a name begins and
// when the next one does.
func (p *parser) span(value string) (from, to time.Time, ok bool) {
	value = strings.ToLower(strings.Join(strings.Fields(value), " "))
	day := time.Date(p.now.Year(), p.now.Month(), p.now.Day(), 0, 0, 0, 0, p.now.Location())
	week := day.AddDate(0, 0, -(int(day.Weekday())+6)%7) // begins on Monday (ISO 8601)
	month := day.AddDate(0, 0, 1-day.Day())
	year := month.AddDate(0, 1-int(month.Month()), 0)
	switch strings.ReplaceAll(value, " ", "") {
	case "today":
		return day, day.AddDate(0, 0, 1), true
	case "yesterday":
		return day.AddDate(0, 0, -1), day, true
	case "thisweek":
		return week, week.AddDate(0, 0, 7), true
	case "lastweek":
		return week.AddDate(0, 0, -7), week, true
	case "thismonth":
		return month, month.AddDate(0, 1, 0), true
	case "lastmonth":
		return month.AddDate(0, -1, 0), month, true
	case "thisyear":
		return year, year.AddDate(1, 0, 0), true
	case "lastyear":
		return year.AddDate(-1, 0, 0), year, true
	}
	return p.calendar(value)
}

// calendar reads a date in numbers: the year first (ISO 8601), or last, with
// the day in front when dots part them and the month when slashes do, as their
// users write them.
func (p *parser) calendar(value string) (from, to time.Time, ok bool) {
	value, _, _ = strings.Cut(value, "t") // a time of day is not looked at
	parts := strings.FieldsFunc(value, func(r rune) bool { return r == '-' || r == '/' || r == '.' })
	var n [3]int
	if len(parts) == 0 || len(parts) > len(n) {
		return from, to, false
	}
	for i, s := range parts {
		v, err := strconv.Atoi(s)
		if err != nil || v < 0 || v > 9999 {
			return from, to, false
		}
		n[i] = v
	}
	year, month, day := n[0], n[1], n[2]
	if len(parts) == 3 && len(parts[2]) == 4 {
		year, month, day = n[2], n[1], n[0]
		if strings.Contains(value, "/") && n[0] <= 12 {
			month, day = n[0], n[1]
		}
	}
	if year < 1970 || len(parts) > 1 && (month < 1 || month > 12) || len(parts) > 2 && (day < 1 || day > 31) {
		return from, to, false
	}
	zone := p.now.Location()
	switch len(parts) {
	case 1:
		return time.Date(year, 1, 1, 0, 0, 0, 0, zone), time.Date(year+1, 1, 1, 0, 0, 0, 0, zone), true
	case 2:
		return time.Date(year, time.Month(month), 1, 0, 0, 0, 0, zone), time.Date(year, time.Month(month)+1, 1, 0, 0, 0, 0, zone), true
	}
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, zone), time.Date(year, time.Month(month), day+1, 0, 0, 0, 0, zone), true
}
