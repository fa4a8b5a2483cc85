package sieve

import (
	"fmt"
	"strings"
	"time"

	"martlet/mail/message"
)

// dateTest is date (RFC 5260 4).
func dateTest(a *arguments) (test, error) {
	index, last, err := a.indexOf()
	if err != nil {
		return nil, err
	}
	if _, err := a.only("zone", "originalzone"); err != nil {
		return nil, err
	}
	if _, err := a.fieldNames(0); err != nil {
		return nil, err
	}
	name, err := a.text(0)
	if err != nil {
		return nil, err
	}
	compare, err := a.dateParts(1)
	if err != nil {
		return nil, err
	}
	original := a.has("originalzone")
	return func(m *machine) (bool, error) {
		n, err := m.text(&name)
		if err != nil {
			return false, err
		}
		var dates []time.Time
		for _, f := range pick(m.header.named(n), max(index, 1), last) {
			v := f.text()
			if i := strings.LastIndexByte(v, ';'); i >= 0 { // as in Received (RFC 5322 3.6.7)
				v = v[i+1:]
			}
			if t, ok := message.ParseDate(strings.TrimSpace(v)); ok {
				dates = append(dates, t.In(writtenZone(v)))
			}
		}
		return compare(m, dates, original)
	}, nil
}

// currentDateTest is currentdate (RFC 5260 5).
func currentDateTest(a *arguments) (test, error) {
	compare, err := a.dateParts(0)
	if err != nil {
		return nil, err
	}
	return func(m *machine) (bool, error) { return compare(m, []time.Time{m.s.Now}, false) }, nil
}

// dateParts compares a part of dates; the part is in slot i, keys are behind it.
func (a *arguments) dateParts(i int) (func(*machine, []time.Time, bool) (bool, error), error) {
	l := a.slots[i].strings[0]
	part := strings.ToLower(l.text)
	if _, ok := datePart(time.Time{}, part); !ok {
		return nil, l.at.errorf("%q is no part of a date", l.text)
	}
	keys, err := a.keys(i + 1)
	if err != nil {
		return nil, err
	}
	zone, fixed, err := a.tagText("zone")
	if err != nil {
		return nil, err
	}
	match := a.match
	return func(m *machine, dates []time.Time, original bool) (bool, error) {
		where := m.s.Zone
		if fixed {
			z, err := m.text(&zone)
			if err != nil {
				return false, err
			}
			if where, err = parseZone(z); err != nil {
				return false, err
			}
		}
		var values []string
		for _, t := range dates {
			if !original && where != nil {
				t = t.In(where)
			}
			v, _ := datePart(t, part)
			values = append(values, v)
		}
		return m.any(&match, values, keys)
	}, nil
}

// writtenZone is the offset that a date is written with, UTC if it has none.
func writtenZone(date string) *time.Location {
	for w := range strings.FieldsSeq(date) {
		if len(w) == len("+0100") && (w[0] == '+' || w[0] == '-') {
			if z, err := parseZone(w); err == nil {
				return z
			}
		}
	}
	return time.UTC
}

// parseZone reads an offset such as "+0100" (RFC 5260 4.1).
func parseZone(s string) (*time.Location, error) {
	t, err := time.Parse("-0700", s)
	if err != nil {
		return nil, fmt.Errorf("%q is not an offset as +0100", s)
	}
	_, offset := t.Zone()
	return time.FixedZone("", offset), nil
}

// datePart is a part of a date (RFC 5260 4.2).
func datePart(t time.Time, part string) (string, bool) {
	layouts := map[string]string{
		"year": "2006", "month": "01", "day": "02", "date": "2006-01-02", "hour": "15", "minute": "04", "second": "05", "time": "15:04:05",
		"iso8601": "2006-01-02T15:04:05-07:00", "std11": "Mon, 02 Jan 2006 15:04:05 -0700", "zone": "-0700",
	}
	switch part {
	case "weekday":
		return fmt.Sprint(int(t.Weekday())), true
	case "julian": // days since 17 November 1858, in the date's own zone
		day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		const unixEpoch = 40587
		return fmt.Sprint(floorDiv(day.Unix(), 86400) + unixEpoch), true
	}
	layout, ok := layouts[part]
	return t.Format(layout), ok
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
