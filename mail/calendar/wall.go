package calendar

import "time"

// wall is what a clock shows, in seconds since 1970 as if it were in UTC.
type wall int64

// noWall is before every clock.
const noWall = wall(-1 << 62)

// firstWall is where a calendar begins: with the year 0.
const firstWall = wall(-62167219200)

// wallTime is what a time's own clock shows.
func wallTime(t time.Time) wall {
	_, offset := t.Zone()
	return wall(t.Unix() + int64(offset))
}

// time is the wall clock as if it were in UTC.
func (w wall) time() time.Time { return time.Unix(int64(w), 0).UTC() }

// day is the day that the clock shows.
func (w wall) day() day {
	if w < 0 {
		w -= secondsADay - 1
	}
	return day(w / secondsADay)
}

// day is a day of the calendar, counted from the first of 1970.
type day int

func dayOf(year int, month time.Month, dayOfMonth int) day {
	return day(time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC).Unix() / secondsADay)
}

// at is a second of the day.
func (d day) at(second int) wall { return wall(d)*secondsADay + wall(second) }

func (d day) weekday() time.Weekday {
	const first = 4 // a Thursday
	return time.Weekday(((int(d)+first)%7 + 7) % 7)
}

// date is a day with its place in month and year.
type date struct {
	day
	year    int
	month   time.Month
	of      int // the month
	length  int // of the month
	weekday time.Weekday
}

func (d day) date() date {
	t := date{day: d, weekday: d.weekday()}
	t.year, t.month, t.of = d.at(0).time().Date()
	t.length = monthDays(t.year, t.month)
	return t
}

func (d *date) next() {
	d.day++
	if d.weekday++; d.weekday > time.Saturday {
		d.weekday = time.Sunday
	}
	if d.of++; d.of <= d.length {
		return
	}
	d.of = 1
	if d.month++; d.month > time.December {
		d.year, d.month = d.year+1, time.January
	}
	d.length = monthDays(d.year, d.month)
}

// inYear is which day of its year it is.
func (d *date) inYear() int { return int(d.day-dayOf(d.year, time.January, 1)) + 1 }

func monthDays(year int, month time.Month) int {
	switch month {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		return daysIn(year) - 337
	}
	return 31
}

func daysIn(year int) int {
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 366
	}
	return 365
}
