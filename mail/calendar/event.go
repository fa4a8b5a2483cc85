package calendar

import (
	"slices"
	"strings"
	"time"
)

// Person is a calendar user (RFC 5545 3.3.3).
type Person struct {
	Name    string
	Address string // of mail, without mailto:; whatever stands there if it is no mail address
	SentBy  string // who acts for them
}

// Attendee is somebody who is invited.
type Attendee struct {
	Person
	Kind   string // CUTYPE: INDIVIDUAL, GROUP, RESOURCE, ROOM
	Role   string // CHAIR, REQ-PARTICIPANT, OPT-PARTICIPANT, NON-PARTICIPANT
	Status string // PARTSTAT: NEEDS-ACTION, ACCEPTED, DECLINED, TENTATIVE, DELEGATED
	RSVP   bool
}

// Alarm is a reminder.
type Alarm struct {
	Action  string        // DISPLAY, AUDIO, EMAIL
	Before  time.Duration // before the start; negative: behind it
	AtEnd   bool          // counted from the end
	At      time.Time     // a point in time instead
	Summary string
}

// Event is a VEVENT. What is not in a field is in its Component.
type Event struct {
	UID          string
	Summary      string
	Description  string
	HTML         string // X-ALT-DESC
	Location     string
	Organizer    *Person
	Attendees    []Attendee
	Start, End   Time
	Stamp        time.Time
	Created      time.Time
	Modified     time.Time
	Sequence     int
	Rule         *Rule
	BadRule      bool     // it recurs, but not, or not only, by what Rule can say; Series may know how
	Dates        []Time   // RDATE
	Periods      []Period // those of Dates that say how long they take
	Except       []Time   // EXDATE
	RecurrenceID *Time    // the start of the occurrence that this event stands for
	ThisAndAfter bool     // and for those behind it
	Status       string   // TENTATIVE, CONFIRMED, CANCELLED
	Class        string   // PUBLIC, PRIVATE, CONFIDENTIAL
	Transparent  bool
	Busy         string // X-MICROSOFT-CDO-INTENDEDSTATUS or -BUSYSTATUS: FREE, TENTATIVE, BUSY, OOF, WORKINGELSEWHERE
	Priority     int    // 0: none, 1: highest, 9: lowest
	NoCounter    bool   // X-MICROSOFT-DISALLOW-COUNTER
	Categories   []string
	Comment      string
	Alarms       []Alarm
	Component    *Component
}

// Zone returns the zone that the event's start is in, as the object defines it:
// nil for a date, a floating time and UTC.
func (e *Event) Zone() *time.Location {
	if e.Start.Date || e.Start.Floating || e.Start.TZID == "" {
		return nil
	}
	return e.Start.Location()
}

// AllDay tells whether the event takes whole days: by dates, or as Outlook says
// of a midnight to a midnight.
func (e *Event) AllDay() bool {
	return e.Start.Date || e.Component != nil && e.Component.Value("X-MICROSOFT-CDO-ALLDAYEVENT") == "TRUE"
}

// Recurs tells whether the event comes round.
func (e *Event) Recurs() bool { return e.Rule != nil || e.BadRule || len(e.Dates) > 0 }

func (z zones) readEvent(c *Component) *Event {
	e := z.readShared(c)
	e.Transparent, e.NoCounter = c.Value("TRANSP") == "TRANSPARENT", c.Value("X-MICROSOFT-DISALLOW-COUNTER") == "TRUE"
	if e.Busy = c.Value("X-MICROSOFT-CDO-INTENDEDSTATUS"); e.Busy == "" {
		e.Busy = c.Value("X-MICROSOFT-CDO-BUSYSTATUS")
	}
	if e.Start.IsZero() && e.RecurrenceID != nil { // cancelled, mostly
		e.Start = *e.RecurrenceID
	}
	e.End = z.readEnd(e, c)
	return e
}

// readShared reads what tasks and notes have, too.
func (z zones) readShared(c *Component) *Event {
	e := &Event{
		Component: c, UID: c.Text("UID"), Summary: c.Text("SUMMARY"), Description: c.Text("DESCRIPTION"), Location: c.Text("LOCATION"),
		Status: c.Value("STATUS"), Class: c.Value("CLASS"), Comment: c.Text("COMMENT"),
	}
	if p := c.Prop("X-ALT-DESC"); p != nil && strings.EqualFold(p.Param("FMTTYPE"), "text/html") {
		e.HTML = p.Text()
	}
	if p := c.Prop("ORGANIZER"); p != nil {
		o := readPerson(p)
		e.Organizer = &o
	}
	for p := range c.All("ATTENDEE") {
		if len(e.Attendees) < maxAttendees {
			e.Attendees = append(e.Attendees, readAttendee(p))
		}
	}
	for p := range c.All("CATEGORIES") {
		for _, v := range splitList(p.Value, maxList) {
			if v = strings.TrimSpace(UnescapeText(v)); v != "" && len(e.Categories) < maxList {
				e.Categories = append(e.Categories, v)
			}
		}
	}
	e.Sequence = c.Number("SEQUENCE")
	e.Priority = c.Number("PRIORITY")
	z.readTimes(e, c)
	for _, k := range c.Children {
		if k.Name == "VALARM" && len(e.Alarms) < maxAlarms {
			if a, ok := z.readAlarm(k); ok {
				e.Alarms = append(e.Alarms, a)
			}
		}
	}
	return e
}

func readPerson(p *Property) Person {
	return Person{Name: strings.TrimSpace(p.Param("CN")), Address: mailto(p.Value), SentBy: mailto(p.Param("SENT-BY"))}
}

// mailto is a calendar user's mail address.
func mailto(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 7 && strings.EqualFold(s[:7], "mailto:") {
		s, _, _ = strings.Cut(s[7:], "?")
	}
	return strings.TrimSpace(s)
}

func readAttendee(p *Property) Attendee {
	a := Attendee{
		Person: readPerson(p), Kind: strings.ToUpper(p.Param("CUTYPE")), Role: strings.ToUpper(p.Param("ROLE")),
		Status: strings.ToUpper(p.Param("PARTSTAT")), RSVP: strings.EqualFold(p.Param("RSVP"), "TRUE"),
	}
	if a.Role == "" {
		a.Role = "REQ-PARTICIPANT"
	}
	if a.Status == "" {
		a.Status = "NEEDS-ACTION"
	}
	if email := p.Param("EMAIL"); email != "" && !strings.Contains(a.Address, "@") { // Apple
		a.Address = email
	}
	return a
}

// point reads a point in time; zero if there is none.
func (z zones) point(c *Component, name string) time.Time {
	t, ok := z.time(c, name)
	if !ok {
		return time.Time{}
	}
	return t.Time.UTC()
}

// time reads a date or time; false if there is none that can be read.
func (z zones) time(c *Component, name string) (Time, bool) {
	p := c.Prop(name)
	if p == nil {
		return Time{}, false
	}
	t, err := z.parseTime(p, p.Value)
	return t, err == nil
}

// readTimes reads when the event is and how it recurs.
func (z zones) readTimes(e *Event, c *Component) {
	e.Stamp, e.Created, e.Modified = z.point(c, "DTSTAMP"), z.point(c, "CREATED"), z.point(c, "LAST-MODIFIED")
	e.Start, _ = z.time(c, "DTSTART")
	z.readRule(e, c)
	e.Dates, e.Periods = z.readDates(c, "RDATE")
	e.Except, _ = z.readDates(c, "EXDATE")
	if t, ok := z.time(c, "RECURRENCE-ID"); ok {
		e.RecurrenceID = &t
		e.ThisAndAfter = strings.EqualFold(c.Prop("RECURRENCE-ID").Param("RANGE"), "THISANDFUTURE")
	}
}

// readRule reads the one rule that comes round by days. Several, or exceptions
// by rule, are left to Series.
func (z zones) readRule(e *Event, c *Component) {
	n := 0
	for p := range c.All("RRULE") {
		if n++; n > 1 {
			continue
		}
		if r, err := ParseAnyRule(p.Value); err == nil {
			if r.plainAt(e.Start.Time); r.plain() {
				e.Rule = r
			}
		}
	}
	if e.BadRule = n > 0 && e.Rule == nil || n > 1 || n > 0 && c.Prop("EXRULE") != nil; e.BadRule {
		e.Rule = nil
	}
}

// readEnd is DTEND, or what DURATION says, or what holds without either (RFC
// 5545 3.6.1): a date takes its day, a point in time no time at all. Days end as
// days, after one at least.
func (z zones) readEnd(e *Event, c *Component) Time {
	end, ok := z.writtenEnd(e.Start, c)
	if !ok {
		end = e.Start
	}
	if !e.Start.Date {
		return end
	}
	day := wallOf(end.Time).Truncate(secondsADay * time.Second)
	if day.Before(wallOf(end.Time)) || !day.After(e.Start.Time) {
		day = day.AddDate(0, 0, 1)
	}
	return Time{Time: day, Date: true}
}

// writtenEnd is what DTEND says, or DURATION. A day, or a clock of no zone that
// anybody knows, is on the clock of the start.
func (z zones) writtenEnd(start Time, c *Component) (end Time, ok bool) {
	if end, ok = z.time(c, "DTEND"); ok {
		if !start.Date && !start.Floating && (end.Date || end.Floating) {
			end = Time{Time: InZone(end.Time, start.Location()), TZID: start.TZID}
		}
		if !end.Before(start.Time) {
			return end, true
		}
	}
	if p := c.Prop("DURATION"); p != nil {
		if days, rest, err := parseDuration(p.Value); err == nil && days >= 0 && rest >= 0 {
			end = start
			end.Time = end.Time.AddDate(0, 0, days).Add(rest)
			return end, true
		}
	}
	return end, false
}

// readDates reads lists of dates, and of periods.
func (z zones) readDates(c *Component, name string) (out []Time, periods []Period) {
	for p := range c.All(name) {
		for _, v := range splitList(p.Value, maxDates-len(out)) {
			v, end, _ := strings.Cut(v, "/")
			t, err := z.parseTime(p, v)
			if err != nil {
				continue
			}
			out = append(out, t)
			if to, ok := z.periodEnd(p, t, end); ok {
				periods = append(periods, Period{t, to})
			}
		}
	}
	return out, periods
}

// periodEnd reads the second part of a PERIOD (RFC 5545 3.3.9).
func (z zones) periodEnd(p *Property, start Time, s string) (end Time, ok bool) {
	if s == "" {
		return end, false
	}
	if days, rest, err := parseDuration(s); err == nil && days >= 0 && rest >= 0 {
		end = start
		end.Time = end.Time.AddDate(0, 0, days).Add(rest)
		return end, true
	}
	end, err := z.parseTime(p, s)
	return end, err == nil && !end.Before(start.Time)
}

func (z zones) readAlarm(c *Component) (a Alarm, ok bool) {
	a.Action, a.Summary = c.Value("ACTION"), c.Text("DESCRIPTION")
	p := c.Prop("TRIGGER")
	if p == nil || a.Action == "NONE" {
		return a, false
	}
	if strings.EqualFold(p.Param("VALUE"), "DATE-TIME") {
		t, err := z.parseTime(p, p.Value)
		a.At = t.Time.UTC()
		return a, err == nil
	}
	days, rest, err := parseDuration(p.Value)
	a.Before = -(time.Duration(days)*24*time.Hour + rest)
	a.AtEnd = strings.EqualFold(p.Param("RELATED"), "END")
	return a, err == nil
}

// Reminder is how long before the start the first reminder comes, if there is
// one.
func (e *Event) Reminder() (before time.Duration, ok bool) {
	for _, a := range e.Alarms {
		d := a.Before
		switch {
		case !a.At.IsZero():
			d = e.Start.Time.Sub(a.At)
		case a.AtEnd:
			d -= e.End.Sub(e.Start.Time)
		}
		if !ok || d > before {
			before, ok = d, true
		}
	}
	return max(before, 0), ok
}

// Attendee returns who is invited by one of the addresses.
func (e *Event) Attendee(addresses ...string) *Attendee {
	for i := range e.Attendees {
		if slices.ContainsFunc(addresses, func(a string) bool { return strings.EqualFold(a, e.Attendees[i].Address) }) {
			return &e.Attendees[i]
		}
	}
	return nil
}
