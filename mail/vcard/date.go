package vcard

import (
	"fmt"
	"strconv"
	"strings"
)

// Date is a day, or as much of one as is known. What is not said is zero: the
// year of a birthday, most of all.
type Date struct {
	Year, Month, Day int
}

// IsDay tells whether month and day are known.
func (d Date) IsDay() bool { return d.Month > 0 && d.Day > 0 }

// omittedYear is the year that Apple writes where there is none. It has a 29th
// of February.
const omittedYear = 1604

// paramOmitYear tells which year of a date stands for none.
const paramOmitYear = "X-APPLE-OMIT-YEAR"

// ParseDate reads a date in the basic and the extended form, truncated or not,
// with or without a time, which it passes over (RFC 6350 4.3.1, 4.3.4; RFC 2426
// 3.1.5).
func ParseDate(s string) (d Date, ok bool) {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, "Tt "); i >= 0 {
		s = s[:i]
	}
	switch {
	case strings.HasPrefix(s, "---"): // a day
		ok = digits(s[3:], &d.Day, 2)
	case strings.HasPrefix(s, "--"): // a month, and a day
		s = strings.ReplaceAll(s[2:], "-", "")
		ok = len(s) == 2 && digits(s, &d.Month, 2) || len(s) == 4 && digits(s[:2], &d.Month, 2) && digits(s[2:], &d.Day, 2)
	case strings.Contains(s, "-"):
		parts := strings.Split(s, "-")
		ok = len(parts) <= 3 && digits(parts[0], &d.Year, 4)
		if ok && len(parts) > 1 {
			ok = digits(parts[1], &d.Month, 2)
		}
		if ok && len(parts) > 2 {
			ok = digits(parts[2], &d.Day, 2)
		}
	case len(s) == 8:
		ok = digits(s[:4], &d.Year, 4) && digits(s[4:6], &d.Month, 2) && digits(s[6:], &d.Day, 2)
	case len(s) == 4:
		ok = digits(s, &d.Year, 4)
	}
	if !ok || d.Month > 12 || d.Day > daysIn(d.Year, d.Month) {
		return Date{}, false
	}
	return d, true
}

// digits reads a number of at most n digits.
func digits(s string, to *int, n int) bool {
	if len(s) == 0 || len(s) > n {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	*to, _ = strconv.Atoi(s)
	return true
}

// daysIn is how many days a month has; of a year or a month that is not known,
// how many it may have.
func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year == 0 || year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// Date reads the value as a date. The year that Apple writes where there is none
// is none.
func (p *Property) Date() (Date, bool) {
	d, ok := ParseDate(p.Text())
	if !ok {
		return d, false
	}
	for _, v := range p.Param(paramOmitYear) {
		if n, err := strconv.Atoi(v); err == nil && n == d.Year {
			d.Year = 0
		}
	}
	return d, true
}

// SetDate writes a day into a property of a card of the version. Its parameters
// stay, but for those that speak of the value.
func (p *Property) SetDate(d Date, version string) {
	p.SetParam("VALUE")
	p.SetParam("CALSCALE")
	p.SetParam(paramOmitYear)
	switch {
	case d.Year == 0 && version == Version40:
		p.Value = fmt.Sprintf("--%02d%02d", d.Month, d.Day)
	case d.Year == 0:
		p.SetParam(paramOmitYear, strconv.Itoa(omittedYear))
		p.Value = fmt.Sprintf("%04d-%02d-%02d", omittedYear, d.Month, d.Day)
	case version == Version40:
		p.Value = fmt.Sprintf("%04d%02d%02d", d.Year, d.Month, d.Day)
	default:
		p.Value = fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	}
}
