package calendar

import (
	"encoding/binary"
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

// ZoneOf describes a zone as it is in a year.
func ZoneOf(loc *time.Location, year int) TimeZone {
	if loc == nil {
		loc = time.UTC
	}
	year = min(max(year, 1970), 2200)
	std, dst := seasons(loc, year)
	_, offset := time.Date(year, 1, 1, 12, 0, 0, 0, loc).Zone()
	if !std.IsZero() {
		_, offset = std.Zone()
	}
	z := TimeZone{Bias: -offset / 60}
	name := WindowsName(loc.String())
	if name == "" {
		name = loc.String()
	}
	z.Standard.Name, z.Daylight.Name = name, strings.Replace(name, "Standard", "Daylight", 1)
	if std.IsZero() {
		return z
	}
	_, summer := dst.Zone()
	z.Daylight.Bias = (offset - summer) / 60
	z.Standard.Start = switchDate(loc, std, summer)
	z.Daylight.Start = switchDate(loc, dst, offset)
	return z
}

// seasons finds when a zone changes in a year, if it does so twice: to standard
// time and to summer time. A zone that changes more often, around a month of
// fasting, is taken for the whole year by what is furthest apart.
func seasons(loc *time.Location, year int) (std, dst time.Time) {
	from, to := time.Date(year, 1, 1, 0, 0, 0, 0, loc), time.Date(year+1, 1, 1, 0, 0, 0, 0, loc)
	for t := from; ; {
		_, end := t.ZoneBounds()
		if end.IsZero() || !end.Before(to) {
			break
		}
		if !end.After(t) {
			break
		}
		if end.IsDST() {
			dst = end
		} else {
			std = end
		}
		t = end
	}
	if std.IsZero() || dst.IsZero() {
		return time.Time{}, time.Time{}
	}
	return std, dst
}

// switchDate is the rule that a change follows: t is when, before is the offset
// in seconds that held until then, by whose clock it is told.
func switchDate(loc *time.Location, t time.Time, before int) SystemTime {
	wall := t.UTC().Add(time.Duration(before) * time.Second)
	n := (wall.Day()-1)/7 + 1
	last := wall.Day()+7 > monthDays(wall)
	if last && n == 4 { // the fourth or the last: other years tell
		n = 5
		for y := wall.Year() - 6; y <= wall.Year()+6; y++ {
			std, dst := seasons(loc, y)
			for _, o := range []time.Time{std, dst} {
				w := o.UTC().Add(time.Duration(before) * time.Second)
				if o.IsZero() || w.Month() != wall.Month() || w.Weekday() != wall.Weekday() {
					continue
				}
				if w.Day()+7 <= monthDays(w) {
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
	for _, row := range preferred {
		if loc, err := world(row); err == nil && z.near(loc, year) && z.same(ZoneOf(loc, year)) {
			return loc, nil
		}
	}
	for i := range windowsZones {
		if loc, err := world(windowsZones[i][1]); err == nil && z.near(loc, year) && z.same(ZoneOf(loc, year)) {
			return loc, nil
		}
	}
	return z.define()
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

// constant tells whether the zone has one season.
func (z TimeZone) constant() bool { return z.Standard.Start.Month == 0 || z.Daylight.Start.Month == 0 }

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

// define makes a zone of the structure alone.
func (z TimeZone) define() (*time.Location, error) {
	name := z.Standard.Name
	if name == "" {
		name = "custom"
	}
	standard := -60 * (z.Bias + z.Standard.Bias)
	if z.constant() || z.Standard.Start.Year != 0 {
		return time.FixedZone(name, standard), nil
	}
	std := z.Standard.Start.observance(standard, false)
	dst := z.Daylight.Start.observance(-60*(z.Bias+z.Daylight.Bias), true)
	return buildZone(name, []onset{{at: 0, offset: standard}}, posix(std, dst))
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

// DescribeZone writes the definition of a zone as it is in a year, for events
// that refer to it by a name.
func DescribeZone(name string, loc *time.Location, year int) *Component {
	z := ZoneOf(loc, year)
	c := &Component{Name: "VTIMEZONE"}
	c.SetText("TZID", name)
	standard, daylight := -(z.Bias + z.Standard.Bias), -(z.Bias + z.Daylight.Bias)
	if z.constant() {
		c.Children = []*Component{observanceOf("STANDARD", standard, standard, SystemTime{})}
		return c
	}
	c.Children = []*Component{
		observanceOf("STANDARD", daylight, standard, z.Standard.Start),
		observanceOf("DAYLIGHT", standard, daylight, z.Daylight.Start),
	}
	return c
}

// observanceOf writes one season; offsets are in minutes east.
func observanceOf(name string, from, to int, at SystemTime) *Component {
	c := &Component{Name: name}
	start := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	var rule *Rule
	if at.Month != 0 {
		rule = at.observance(to, false).rule
		first := time.Date(1970, time.Month(at.Month), 1, 0, 0, 0, 0, time.UTC)
		m := rule.matcher()
		for d := first; d.Month() == first.Month(); d = d.AddDate(0, 0, 1) {
			if m.onDay(d) {
				start = time.Date(d.Year(), d.Month(), d.Day(), at.Hour, at.Minute, at.Second, 0, time.UTC)
			}
		}
	}
	c.SetValue("DTSTART", start.Format("20060102T150405"))
	c.SetValue("TZOFFSETFROM", formatOffset(from))
	c.SetValue("TZOFFSETTO", formatOffset(to))
	if rule != nil {
		c.SetValue("RRULE", rule.String())
	}
	return c
}

func formatOffset(minutes int) string {
	sign := "+"
	if minutes < 0 {
		sign, minutes = "-", -minutes
	}
	return sign + string([]byte{
		byte('0' + minutes/600%10), byte('0' + minutes/60%10), byte('0' + minutes%60/10), byte('0' + minutes%10),
	})
}
