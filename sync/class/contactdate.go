package class

import (
	"time"

	"martlet/mail/vcard"
)

// noYear is the year of a birthday without one, as iOS writes it.
const noYear = 1604

// The time of a day that clients are shown. Who reads only the date and who
// reads a point in time, anywhere from twelve hours west to twelve hours east,
// finds the same day (MS-ASCNTC 2.2.2.6).
const (
	contactHour   = 11
	contactMinute = 59
)

// contactTime is the time of a day as it is shown.
func contactTime(d vcard.Date) time.Time {
	if d.Year == 0 {
		d.Year = noYear
	}
	return time.Date(d.Year, time.Month(d.Month), d.Day, contactHour, contactMinute, 0, 0, time.UTC)
}

// contactDay is the day that a client means. Most write a morning of it in UTC: iOS,
// Samsung, Gmail and Nine midnight, Android itself 08:00, BlackBerry 11:00. What
// is later than noon is midnight on a clock east of Greenwich, of the next day.
func contactDay(t time.Time) vcard.Date {
	t = t.UTC()
	if t.Hour()*60+t.Minute() > 12*60 {
		t = t.AddDate(0, 0, 1)
	}
	d := vcard.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}
	if d.Year == noYear {
		d.Year = 0
	}
	return d
}

// day is the date that a slot shows.
func (c *contactCard) day(s slot) (d vcard.Date, ok bool) {
	if c.at[s] == nowhere {
		return d, false
	}
	return dateOf(&c.card.Properties[c.at[s]])
}
