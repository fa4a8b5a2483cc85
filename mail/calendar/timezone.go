package calendar

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// TimeZone is a time zone as Windows describes it: an offset, and two dates on
// which it changes each year (MS-ASDTYPE 2.7.6).
type TimeZone struct {
	Bias               int // minutes; UTC is the local time and this
	Standard, Daylight Season
}

// Season is one half of a time zone's year.
type Season struct {
	Name  string
	Bias  int // minutes beside the zone's
	Start SystemTime
}

// SystemTime is a date on which a season begins (MS-ASDTYPE 2.7.4): without a
// year the Day-th Weekday of the month, 5 being the last. A zero Month is no
// date: the zone has one season.
type SystemTime struct {
	Year, Month, Weekday, Day         int
	Hour, Minute, Second, Millisecond int
}

// blobSize is how long a TimeZone structure is.
const blobSize = 172

// nameUnits is how many UTF-16 units a season's name takes at most.
const nameUnits = 32

// ZoneOf describes a zone as it is in a year. Standard time is the one with the
// lesser offset, whatever its people call it. A zone that changes once in the
// year changes back as the year begins, as Windows tells of such years; one that
// changes more often, around a month of fasting, is told by its first changes to
// and fro.
func ZoneOf(loc *time.Location, year int) TimeZone {
	if loc == nil {
		loc = time.UTC
	}
	year = min(max(year, 1970), 2200)
	changes := changesIn(loc, year)
	_, offset := time.Date(year, 1, 1, 0, 0, 0, 0, loc).Zone()
	if len(changes) == 1 {
		changes = append(changes, change{at: time.Date(year, 1, 1, 0, 0, 0, 0, loc), from: changes[0].to, to: changes[0].from, newYear: true})
	}
	std, dst := change{to: offset}, change{}
	for _, c := range changes {
		switch {
		case c.to < c.from && std.at.IsZero():
			std = c
		case c.to > c.from && dst.at.IsZero():
			dst = c
		}
	}
	z := TimeZone{Bias: -std.to / 60}
	name := WindowsName(loc.String())
	if name == "" {
		name = loc.String()
	}
	z.Standard.Name, z.Daylight.Name = name, strings.Replace(name, "Standard", "Daylight", 1)
	if std.at.IsZero() || dst.at.IsZero() {
		z.Bias = -offset / 60
		return z
	}
	z.Daylight.Bias = (std.to - dst.to) / 60
	z.Standard.Start, z.Daylight.Start = std.date(loc), dst.date(loc)
	return z
}

// change is one of a zone's offset, in seconds east.
type change struct {
	at       time.Time
	from, to int
	newYear  bool // it is told of only as the year begins
}

// changesIn lists the changes of a zone's offset in a year of its own clock.
func changesIn(loc *time.Location, year int) (out []change) {
	from, to := time.Date(year, 1, 1, 0, 0, 0, 0, loc), time.Date(year+1, 1, 1, 0, 0, 0, 0, loc)
	for c := range changes(loc, from) {
		if !c.at.Before(to) {
			break
		}
		out = append(out, c)
	}
	return out
}

// changes ranges over the changes of a zone's offset after a point in time.
// Where only the name of the time changes there is none; a zone that has had none
// for a while has no more.
func changes(loc *time.Location, after time.Time) iter.Seq[change] {
	const while = 200 // years
	return func(yield func(change) bool) {
		t := after.In(loc)
		_, offset := t.Zone()
		for last := t; t.Year() <= last.Year()+while; {
			_, end := t.ZoneBounds()
			if end.IsZero() {
				return
			}
			if !end.After(t) { // of a leap year the standard library loses the last day
				end = t.Add(secondsADay * time.Second)
			}
			t = end
			if _, now := t.Zone(); now != offset {
				if !yield(change{at: t, from: offset, to: now}) {
					return
				}
				offset, last = now, t
			}
		}
	}
}

// wall is what the clocks show when they are changed.
func (c change) wall() time.Time { return c.at.UTC().Add(time.Duration(c.from) * time.Second) }

// date is the change as a structure has it.
func (c change) date(loc *time.Location) SystemTime {
	if c.newYear {
		return SystemTime{Month: 1, Weekday: int(c.at.Weekday()), Day: 1}
	}
	return switchDate(loc, c)
}

// switchDate is the rule that a change follows.
func switchDate(loc *time.Location, c change) SystemTime {
	wall := c.wall()
	n := (wall.Day()-1)/7 + 1
	if last := wall.Day()+7 > monthDays(wall.Year(), wall.Month()); last && n == 4 { // the fourth or the last: other years tell
		n = 5
		for y := wall.Year() - 6; y <= wall.Year()+6; y++ {
			for _, o := range changesIn(loc, y) {
				w := o.wall()
				if w.Month() == wall.Month() && w.Weekday() == wall.Weekday() && w.Day()+7 <= monthDays(w.Year(), w.Month()) {
					n = 4
				}
			}
		}
	}
	return SystemTime{Month: int(wall.Month()), Weekday: int(wall.Weekday()), Day: n, Hour: wall.Hour(), Minute: wall.Minute(), Second: wall.Second()}
}

// Append writes the structure.
func (z TimeZone) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(z.Bias)))
	for _, s := range []Season{z.Standard, z.Daylight} {
		units := utf16.Encode([]rune(s.Name))
		units = units[:min(len(units), nameUnits-1)]
		for i := range nameUnits {
			var u uint16
			if i < len(units) {
				u = units[i]
			}
			dst = binary.LittleEndian.AppendUint16(dst, u)
		}
		t := &s.Start
		for _, n := range []int{t.Year, t.Month, t.Weekday, t.Day, t.Hour, t.Minute, t.Second, t.Millisecond} {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(s.Bias)))
	}
	return dst
}

// ParseTimeZone reads the structure. The error is ErrBadZone.
func ParseTimeZone(b []byte) (z TimeZone, err error) {
	if len(b) != blobSize {
		return z, ErrBadZone
	}
	long := func() int {
		n := int32(binary.LittleEndian.Uint32(b))
		b = b[4:]
		return int(n)
	}
	word := func() int {
		n := binary.LittleEndian.Uint16(b)
		b = b[2:]
		return int(n)
	}
	z.Bias = long()
	for _, s := range []*Season{&z.Standard, &z.Daylight} {
		units := make([]uint16, 0, nameUnits)
		ended := false
		for range nameUnits {
			u := uint16(word())
			ended = ended || u == 0
			if !ended {
				units = append(units, u)
			}
		}
		s.Name = strings.Map(noControl, string(utf16.Decode(units)))
		for _, n := range []*int{&s.Start.Year, &s.Start.Month, &s.Start.Weekday, &s.Start.Day, &s.Start.Hour, &s.Start.Minute, &s.Start.Second, &s.Start.Millisecond} {
			*n = word()
		}
		s.Bias = long()
		if !s.Start.valid() {
			return z, ErrBadZone
		}
	}
	const day = 24 * 60
	if z.Bias < -day || z.Bias > day || z.Standard.Bias < -day || z.Standard.Bias > day || z.Daylight.Bias < -day || z.Daylight.Bias > day {
		return z, ErrBadZone
	}
	return z, nil
}

func (t *SystemTime) valid() bool {
	return t.Month <= 12 && t.Weekday <= 6 && t.Day <= 31 && (t.Year != 0 || t.Day <= 5) && (t.Month == 0 || t.Day > 0) &&
		t.Hour <= 24 && t.Minute <= 59 && t.Second <= 59
}

// TimeZoneBlob is the structure of a zone in a year (MS-ASDTYPE 2.7.6): what
// the TimeZone elements have in base64.
func TimeZoneBlob(loc *time.Location, year int) []byte {
	return ZoneOf(loc, year).Append(make([]byte, 0, blobSize))
}

// Location is the zone of the world that the structure describes in a year: by
// its name, else by its dates, else one made of them. Clients send a structure
// without names, and names in their own language.
func (z TimeZone) Location(year int) (*time.Location, error) {
	year = min(max(year, 1970), 2200)
	if loc, err := LoadZone(z.Standard.Name); err == nil && z.same(ZoneOf(loc, year)) {
		return loc, nil
	}
	if z.constant() && z.Bias == 0 {
		return time.UTC, nil
	}
	for name := range zoneNames() {
		if loc, err := world(name); err == nil && z.near(loc, year) && z.same(ZoneOf(loc, year)) && len(changesIn(loc, year)) <= 2 {
			return loc, nil
		}
	}
	return z.define(year)
}

// near tells whether a zone begins the year with one of the structure's
// offsets: what is not near need not be described to be compared.
func (z TimeZone) near(loc *time.Location, year int) bool {
	_, offset := time.Date(year, 1, 1, 12, 0, 0, 0, loc).Zone()
	return -offset/60 == z.Bias+z.Standard.Bias || -offset/60 == z.Bias+z.Daylight.Bias
}

// preferred are the zones that are taken first where several have the same
// dates: those of most people.
var preferred = [...]string{
	"America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
	"Europe/London", "Europe/Berlin", "Europe/Kiev", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney",
}

// constant tells whether the zone has one season, or two that do not differ.
func (z TimeZone) constant() bool {
	return z.Standard.Start.Month == 0 || z.Daylight.Start.Month == 0 || z.Standard.Bias == z.Daylight.Bias
}

// same tells whether two structures describe the same offsets.
func (z TimeZone) same(o TimeZone) bool {
	if z.constant() || o.constant() {
		return z.constant() && o.constant() && z.Bias+z.Standard.Bias == o.Bias+o.Standard.Bias
	}
	return z.Bias+z.Standard.Bias == o.Bias+o.Standard.Bias && z.Bias+z.Daylight.Bias == o.Bias+o.Daylight.Bias &&
		z.Standard.Start.rule() == o.Standard.Start.rule() && z.Daylight.Start.rule() == o.Daylight.Start.rule()
}

// rule is the date without what nobody compares.
func (t SystemTime) rule() SystemTime {
	t.Year, t.Second, t.Millisecond = 0, 0, 0
	if t.Hour == 23 && t.Minute == 59 { // how Windows writes the end of a day
		t.Hour, t.Minute, t.Weekday = 0, 0, (t.Weekday+1)%7
	}
	return t
}

// define makes a zone of the structure alone. One with dates of one year, or
// with a season that only begins with the year, changes once and no more.
func (z TimeZone) define(year int) (*time.Location, error) {
	name := z.Standard.Name
	if name == "" {
		name = "custom"
	}
	standard, daylight := -60*(z.Bias+z.Standard.Bias), -60*(z.Bias+z.Daylight.Bias)
	if z.constant() {
		return time.FixedZone(name, standard), nil
	}
	winter := onset{z.Standard.Start.in(year) - int64(daylight), standard, false, ""}
	summer := onset{z.Daylight.Start.in(year) - int64(standard), daylight, true, ""}
	switch {
	case z.Standard.Start.isNewYear(year):
		winter.at = math.MinInt32
		return buildZone(name, []onset{winter, summer}, "")
	case z.Daylight.Start.isNewYear(year):
		summer.at = math.MinInt32
		return buildZone(name, []onset{summer, winter}, "")
	case z.Standard.Start.Year != 0 || z.Daylight.Start.Year != 0:
		list := []onset{winter, summer}
		slices.SortFunc(list, func(a, b onset) int { return cmp.Compare(a.at, b.at) })
		first := list[1]
		first.at = math.MinInt32
		return buildZone(name, append([]onset{first}, list...), "")
	}
	std, dst := z.Standard.Start.observance(standard, false), z.Daylight.Start.observance(daylight, true)
	return buildZone(name, []onset{{at: 0, offset: standard}}, posix(std, dst))
}

// isNewYear tells whether the date is the beginning of a year: of a season that
// does not begin then, but before.
func (t SystemTime) isNewYear(year int) bool {
	if t.Year != 0 {
		year = t.Year
	}
	return t.in(year) == time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
}

// in is the date in a year, or in its own, in seconds since 1970 on its own
// clock.
func (t SystemTime) in(year int) int64 {
	if t.Year != 0 {
		return time.Date(t.Year, time.Month(t.Month), t.Day, t.Hour, t.Minute, t.Second, 0, time.UTC).Unix()
	}
	day := time.Date(year, time.Month(t.Month), 1, t.Hour, t.Minute, t.Second, 0, time.UTC)
	day = day.AddDate(0, 0, (t.Weekday-int(day.Weekday())+7)%7)
	for n := 1; n < t.Day && day.AddDate(0, 0, 7).Month() == day.Month(); n++ {
		day = day.AddDate(0, 0, 7)
	}
	return day.Unix()
}

func (t SystemTime) observance(offset int, dst bool) *observance {
	n := t.Day
	if n == 5 {
		n = -1
	}
	return &observance{
		start: time.Date(1970, 1, 1, t.Hour, t.Minute, t.Second, 0, time.UTC), to: offset, dst: dst,
		rule: &Rule{Freq: Yearly, Interval: 1, ByMonth: []int{t.Month}, ByDay: []WeekdayNum{{n, time.Weekday(t.Weekday)}}},
	}
}
