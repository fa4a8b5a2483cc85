package tnef

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// Meeting is what a message says of a meeting (MS-OXOCAL 2.2.6 to 2.2.8).
type Meeting struct {
	UID               string
	Start, End        time.Time
	AllDay            bool
	Location          string
	Sequence          int
	Busy              int // 0 free, 1 tentative, 2 busy, 3 out of office
	Reminder          int // minutes; -1 for none
	ResponseRequested bool
	Recurrence        *Recurrence // nil for a single meeting
	Zone              *Zone       // in which it recurs
	Forwarded         []Recipient // whom a notice says that it was sent on to
}

// The sets of named properties (MS-OXPROPS 1.3.2).
var (
	setAppointment = [16]byte{0x02, 0x20, 0x06, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46}
	setCommon      = [16]byte{0x08, 0x20, 0x06, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46}
	setMeeting     = [16]byte{0x90, 0xda, 0xd8, 0x6e, 0x0b, 0x45, 0x1b, 0x10, 0x98, 0xda, 0, 0xaa, 0, 0x3f, 0x13, 0x05}
)

// The named properties that are read.
const (
	lidSequence      = 0x8201
	lidBusy          = 0x8205
	lidLocation      = 0x8208
	lidStart         = 0x820d
	lidEnd           = 0x820e
	lidAllDay        = 0x8215
	lidRecurrence    = 0x8216
	lidRecurring     = 0x8223
	lidIntendedBusy  = 0x8224
	lidZone          = 0x8233
	lidForwarded     = 0x8261
	lidReminderDelta = 0x8501
	lidReminderSet   = 0x8503
	lidGlobalID      = 0x0003
	lidCleanID       = 0x0023

	nameVoiceNotes = "UMAudioNotes" // PidNameAudioNotes (MS-OXOUM)
)

// meetingProps gathers what belongs to a meeting.
type meetingProps struct {
	start, end            time.Time
	wholeStart, wholeEnd  time.Time
	location              string
	sequence, busy        int
	intended              int
	allDay, hasIntended   bool
	reminder, reminderSet int64
	globalID, cleanID     []byte
	recurrence, zone      []byte
	forwarded             []byte
	noResponse            bool
}

func first(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// namedProperty takes a property that has a name.
func (p *parser) namedProperty(v *value) {
	n := &p.named
	switch {
	case v.name == nameVoiceNotes:
		p.m.Voice.Notes = p.text(v)
	case v.set == setMeeting && v.number == lidGlobalID:
		n.globalID = p.in[v.from:v.to]
	case v.set == setMeeting && v.number == lidCleanID:
		n.cleanID = p.in[v.from:v.to]
	case v.set == setCommon && v.number == lidReminderDelta:
		n.reminder = v.integer
	case v.set == setCommon && v.number == lidReminderSet:
		n.reminderSet = v.integer
	case v.set == setAppointment:
		p.appointmentProperty(v)
	}
}

func (p *parser) appointmentProperty(v *value) {
	n := &p.named
	switch v.number {
	case lidSequence:
		n.sequence = int(max(0, v.integer))
	case lidBusy:
		n.busy = int(v.integer & 7)
	case lidIntendedBusy:
		n.intended, n.hasIntended = int(v.integer&7), true
	case lidLocation:
		n.location = p.text(v)
	case lidStart:
		n.wholeStart = v.time()
	case lidEnd:
		n.wholeEnd = v.time()
	case lidAllDay:
		n.allDay = v.integer != 0
	case lidRecurrence:
		n.recurrence = p.in[v.from:v.to]
	case lidZone:
		n.zone = p.in[v.from:v.to]
	case lidForwarded:
		n.forwarded = p.in[v.from:v.to]
	}
}

// meeting puts together what the properties say; nil if that is no meeting.
func (n *meetingProps) meeting() *Meeting {
	m := &Meeting{
		Start: first(n.wholeStart, n.start), End: first(n.wholeEnd, n.end), AllDay: n.allDay, Location: n.location, Sequence: n.sequence,
		Busy: n.busy, Reminder: -1, ResponseRequested: !n.noResponse, UID: uidOf(n.cleanID, n.globalID),
	}
	if n.hasIntended {
		m.Busy = n.intended
	}
	if n.reminderSet != 0 && n.reminder >= 0 && n.reminder < 1<<20 {
		m.Reminder = int(n.reminder)
	}
	if m.Start.IsZero() || m.UID == "" {
		return nil
	}
	if m.End.Before(m.Start) {
		m.End = m.Start
	}
	m.Forwarded = parseRows(n.forwarded)
	if len(n.recurrence) > 0 {
		m.Recurrence = parseRecurrence(n.recurrence)
		m.Zone = parseZone(n.zone)
	}
	return m
}

// uidOf is the UID of a global object id: the one it carries from iCalendar,
// else itself in hexadecimal (MS-OXCICAL 2.1.3.1.1.20.26).
func uidOf(ids ...[]byte) string {
	for _, id := range ids {
		if len(id) < 40 {
			continue
		}
		const marker = "vCal-Uid\x01\x00\x00\x00"
		if data := id[40:]; strings.HasPrefix(string(data), marker) {
			if uid := cString(data[len(marker):]); uid != "" {
				return uid
			}
		}
		clean := append([]byte(nil), id...)
		clear(clean[16:20]) // the date of one occurrence
		return strings.ToUpper(hex.EncodeToString(clean))
	}
	return ""
}

// Recurrence is how a meeting recurs (MS-OXOCAL 2.2.1.44.1).
type Recurrence struct {
	Frequency string // "DAILY", "WEEKLY", "MONTHLY", "YEARLY"
	Interval  int
	Days      int // bits, Sunday the lowest
	MonthDay  int // 31 for the last
	Nth       int // 1–4, 5 for the last; 0 none
	Count     int // 0: not bounded by it
	Until     time.Time
	FirstDay  int
	Deleted   []time.Time // days, in the meeting's own time
}

const maxDeleted = 1000

// parseRecurrence reads the pattern; nil if it is none that iCalendar has.
func parseRecurrence(b []byte) *Recurrence {
	c := &cursor{in: b, end: len(b)}
	short := func() int {
		if c.at+2 > c.end {
			c.bad = true
			return 0
		}
		c.at += 2
		return int(binary.LittleEndian.Uint16(b[c.at-2:]))
	}
	r := &Recurrence{}
	short() // reader and writer version
	short()
	frequency, pattern := short(), short()
	calendar := short()
	c.uint32() // first date
	r.Interval = int(c.uint32())
	c.uint32() // sliding
	switch pattern {
	case 0:
	case 1:
		r.Days = int(c.uint32() & 127)
	case 2, 4:
		r.MonthDay = int(c.uint32())
	case 3:
		r.Days, r.Nth = int(c.uint32()&127), int(c.uint32())
	default: // of the Hijri calendar
		return nil
	}
	end := c.uint32()
	count := c.uint32()
	r.FirstDay = int(c.uint32() % 7)
	for range min(c.uint32(), maxDeleted) {
		r.Deleted = append(r.Deleted, minutes(c.uint32()))
	}
	for range min(c.uint32(), maxDeleted) {
		c.uint32()
	}
	c.uint32() // first day
	last := c.uint32()
	if c.bad || calendar > 1 || r.Interval <= 0 {
		return nil
	}
	switch frequency {
	case 0x200a:
		r.Frequency = "DAILY"
		if pattern == 1 { // every weekday
			r.Frequency = "WEEKLY"
		} else {
			r.Interval /= 24 * 60
		}
	case 0x200b:
		r.Frequency = "WEEKLY"
	case 0x200c:
		r.Frequency = "MONTHLY"
	case 0x200d:
		r.Frequency, r.Interval = "YEARLY", max(1, r.Interval/12)
	default:
		return nil
	}
	switch end {
	case 0x2021:
		r.Until = minutes(last)
	case 0x2022:
		r.Count = int(count)
	}
	if r.Interval <= 0 || r.Interval > 1000 || r.MonthDay > 31 || r.Nth > 5 {
		return nil
	}
	return r
}

// minutes reads a time counted in minutes since 1601.
func minutes(n uint32) time.Time {
	return time.Unix(int64(n)*60-filetimeEpoch, 0).UTC()
}

// Zone is a time zone with at most two rules (MS-OXOCAL 2.2.1.39).
type Zone struct {
	Bias, StandardBias, DaylightBias int // minutes, UTC less local time
	Standard, Daylight               Rule
}

// Rule is when a zone changes: in Month, on the Week-th Weekday (5: the last), at
// Hour and Minute. Month 0 is never.
type Rule struct{ Month, Weekday, Week, Hour, Minute int }

func parseZone(b []byte) *Zone {
	if len(b) < 48 {
		return nil
	}
	n := func(at int) int { return int(int32(binary.LittleEndian.Uint32(b[at:]))) }
	rule := func(at int) Rule {
		s := func(i int) int { return int(binary.LittleEndian.Uint16(b[at+2*i:])) }
		return Rule{Month: s(1), Weekday: s(2), Week: s(3), Hour: s(4), Minute: s(5)}
	}
	z := &Zone{Bias: n(0), StandardBias: n(4), DaylightBias: n(8), Standard: rule(14), Daylight: rule(32)}
	const day = 24 * 60
	for _, v := range []int{z.Bias, z.StandardBias, z.DaylightBias} {
		if v < -day || v > day {
			return nil
		}
	}
	for _, r := range []Rule{z.Standard, z.Daylight} {
		if r.Month > 12 || r.Weekday > 6 || r.Week > 5 || r.Hour > 23 || r.Minute > 59 {
			return nil
		}
	}
	return z
}
