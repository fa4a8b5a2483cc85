package message

import (
	"strings"
	"time"
)

// ParseDate reads a date as RFC 5322 3.3 writes it and as it has been written
// over the years: without weekday, seconds or zone, with two-digit years, zone
// names, as asctime or ISO 8601. The zone is UTC if there is none.
func ParseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if len(s) >= 10 && s[4] == '-' && s[7] == '-' {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02"} {
			if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 {
				return t.UTC(), true
			}
		}
	}
	d := date{day: -1, month: -1, year: -1, hour: -1}
	for len(s) > 0 {
		var tok string
		tok, s = dateToken(s)
		if tok != "" {
			d.take(tok)
		}
	}
	return d.time()
}

type date struct {
	day, month, year  int
	hour, minute, sec int
	offset            int // seconds east of UTC
	pm, am            bool
}

// dateToken cuts the next word off, without comments.
func dateToken(s string) (tok, rest string) {
	for s != "" && strings.IndexByte(" \t\r\n,;", s[0]) >= 0 {
		s = s[1:]
	}
	if s == "" {
		return "", ""
	}
	if s[0] == '(' {
		if i := strings.IndexByte(s, ')'); i >= 0 {
			return "", s[i+1:]
		}
		return "", ""
	}
	i := strings.IndexAny(s, " \t\r\n,;(")
	if i < 0 {
		i = len(s)
	}
	return s[:i], s[i:]
}

func (d *date) take(tok string) {
	first := tok[0]
	switch {
	case strings.IndexByte(tok, ':') > 0 && first >= '0' && first <= '9':
		d.clock(tok)
	case (first == '+' || first == '-') && d.hour >= 0:
		d.zone(tok)
	case strings.ContainsAny(tok[1:], "-/"): // 27-Feb-2016
		for _, t := range strings.FieldsFunc(tok, func(r rune) bool { return r == '-' || r == '/' }) {
			d.take(t)
		}
	case first >= '0' && first <= '9':
		d.number(tok)
	default:
		d.name(tok)
	}
}

func (d *date) number(tok string) {
	n, rest := leadingNumber(tok)
	if rest != "" && len(rest) > 2 { // "1st" is fine, "2nd" too
		return
	}
	switch digits := len(tok) - len(rest); {
	case d.day < 0 && digits <= 2 && n >= 1 && n <= 31:
		d.day = n
	case d.year < 0 && digits == 4:
		d.year = n
	case d.year < 0 && digits == 2 && n < 50: // RFC 5322 4.3
		d.year = 2000 + n
	case d.year < 0 && (digits == 2 || digits == 3):
		d.year = 1900 + n
	}
}

// clock reads 17:11[:45[.678]] with a zone or AM/PM stuck to it at times.
func (d *date) clock(tok string) {
	if d.hour >= 0 {
		return
	}
	d.hour, tok = leadingNumber(tok)
	if strings.HasPrefix(tok, ":") {
		d.minute, tok = leadingNumber(tok[1:])
	}
	if strings.HasPrefix(tok, ":") {
		d.sec, tok = leadingNumber(tok[1:])
	}
	if strings.HasPrefix(tok, ".") {
		_, tok = leadingNumber(tok[1:])
	}
	if tok != "" {
		if tok[0] == '+' || tok[0] == '-' {
			d.zone(tok)
		} else {
			d.name(tok)
		}
	}
}

// zone reads +0100, +01:00, +1.
func (d *date) zone(tok string) {
	n, rest := leadingNumber(tok[1:])
	digits := len(tok) - 1 - len(rest)
	var h, m int
	switch {
	case digits <= 2:
		h = n
		if strings.HasPrefix(rest, ":") {
			m, _ = leadingNumber(rest[1:])
		}
	case digits <= 4:
		h, m = n/100, n%100
	}
	if h > 15 || m > 59 {
		return
	}
	d.offset = h*3600 + m*60
	if tok[0] == '-' {
		d.offset = -d.offset
	}
}

const months = "janfebmaraprmayjunjulaugsepoctnovdec"

func (d *date) name(tok string) {
	t := strings.ToLower(strings.TrimRight(tok, "."))
	if len(t) >= 3 && d.month < 0 {
		if i := strings.Index(months, t[:3]); i >= 0 && i%3 == 0 {
			d.month = i/3 + 1
			return
		}
	}
	switch t {
	case "am":
		d.am = true
	case "pm":
		d.pm = true
	}
	if d.hour < 0 {
		return
	}
	switch t { // RFC 5322 4.3 and what is seen besides
	case "edt":
		d.offset = -4 * 3600
	case "est", "cdt":
		d.offset = -5 * 3600
	case "cst", "mdt":
		d.offset = -6 * 3600
	case "mst", "pdt":
		d.offset = -7 * 3600
	case "pst":
		d.offset = -8 * 3600
	case "cet", "bst", "met":
		d.offset = 3600
	case "cest", "eet", "mest":
		d.offset = 2 * 3600
	case "eest", "msk":
		d.offset = 3 * 3600
	case "jst", "kst":
		d.offset = 9 * 3600
	}
}

func leadingNumber(s string) (n int, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		if i < 9 {
			n = n*10 + int(s[i]-'0')
		}
		i++
	}
	return n, s[i:]
}

func (d *date) time() (time.Time, bool) {
	if d.day < 1 || d.month < 1 || d.year < 1900 || d.year > 9999 {
		return time.Time{}, false
	}
	if d.hour < 0 {
		d.hour = 0
	}
	if d.pm && d.hour < 12 {
		d.hour += 12
	} else if d.am && d.hour == 12 {
		d.hour = 0
	}
	if d.hour > 24 || d.minute > 59 || d.sec > 60 {
		return time.Time{}, false
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.sec, 0, time.UTC)
	return t.Add(-time.Duration(d.offset) * time.Second), true
}
