package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode"

	"martlet/internal/phone"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// objectLine is an event, a contact, a task or a note in a list.
type objectLine struct {
	Change  string   `json:"change"`
	ID      string   `json:"id"`
	Class   string   `json:"class,omitempty"`
	When    string   `json:"when,omitempty"` // of an event or a task, in the time of this machine
	Name    string   `json:"name,omitempty"`
	Details []string `json:"details,omitempty"`
}

// changeLine is what came of an item: of a message, or of something else.
func changeLine(class, change string, m *phone.Message) (any, error) {
	if m.Email != nil {
		return lineOf(change, m.ServerID, m.Email), nil
	}
	l := objectLine{Change: change, ID: m.ServerID, Class: class}
	var err error
	switch class {
	case phone.Calendar:
		var c eas.Calendar
		if err = m.Decode(&c); err == nil {
			l.showEvent(&c)
		}
	case phone.Contacts:
		var c eas.Contact
		if err = m.Decode(&c); err == nil {
			l.showContact(&c)
		}
	case phone.Tasks:
		var t eas.Task
		if err = m.Decode(&t); err == nil {
			l.showTask(&t)
		}
	case phone.Notes:
		var n eas.Note
		if err = m.Decode(&n); err == nil {
			l.showNote(&n)
		}
	}
	return l, err
}

func (l *objectLine) detail(format string, args ...any) {
	l.Details = append(l.Details, fmt.Sprintf(format, args...))
}

func (l *objectLine) showEvent(c *eas.Calendar) {
	l.Name = valueOf(c.Subject)
	if c.StartTime != nil {
		l.When = eventTimes(c)
	}
	if c.Location != nil && c.Location.DisplayName != "" {
		l.detail("at %s", c.Location.DisplayName)
	} else if c.LocationText != nil && *c.LocationText != "" {
		l.detail("at %s", *c.LocationText)
	}
	if r := c.Recurrence; r != nil {
		l.detail("recurs")
	}
	if n := len(c.Exceptions); n > 0 {
		l.detail("%d exceptions", n)
	}
	if c.MeetingStatus != nil && *c.MeetingStatus&4 != 0 { // MS-ASCAL 2.2.2.28
		l.detail("cancelled")
	}
	if c.OrganizerEmail != nil && len(c.Attendees) > 0 {
		l.detail("organizer %s", *c.OrganizerEmail)
	}
	for _, a := range c.Attendees {
		l.detail("%s%s", a.Email, answered(a.AttendeeStatus))
	}
}

// answered is what an attendee has said (MS-ASCAL 2.2.2.4).
func answered(status *uint8) string {
	if status == nil {
		return ""
	}
	switch *status {
	case 2:
		return " (tentative)"
	case 3:
		return " (accepted)"
	case 4:
		return " (declined)"
	}
	return ""
}

const (
	dayForm    = "2006-01-02"
	minuteForm = "2006-01-02 15:04"
)

// eventTimes is when an event is. Days stay days: since 16.0 they are told as
// dates, below as midnight in the event's zone (MS-ASCAL 2.2.2.1).
func eventTimes(c *eas.Calendar) string {
	start, end := *c.StartTime, *c.StartTime
	if c.EndTime != nil {
		end = *c.EndTime
	}
	if c.AllDayEvent == nil || *c.AllDayEvent == 0 {
		start, end = start.Local(), end.Local()
		if start.Format(dayForm) == end.Format(dayForm) {
			return start.Format(minuteForm) + " to " + end.Format("15:04")
		}
		return start.Format(minuteForm) + " to " + end.Format(minuteForm)
	}
	if c.Timezone != nil {
		if loc, err := zoneOf(*c.Timezone, start.Year()); err == nil {
			start, end = start.In(loc), end.In(loc)
		}
	}
	first, last := start.Format(dayForm), end.Add(-time.Nanosecond).Format(dayForm)
	if last <= first {
		return first + ", all day"
	}
	return first + " to " + last + ", all day"
}

func zoneOf(blob string, year int) (*time.Location, error) {
	b, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		return nil, err
	}
	z, err := calendar.ParseTimeZone(b)
	if err != nil {
		return nil, err
	}
	return z.Location(year)
}

func (l *objectLine) showContact(c *eas.Contact) {
	if l.Name = valueOf(c.FileAs); l.Name == "" {
		l.Name = strings.TrimSpace(valueOf(c.FirstName) + " " + valueOf(c.LastName))
	}
	for _, s := range []*string{c.CompanyName, c.Email1Address, c.Email2Address, c.Email3Address,
		c.MobilePhoneNumber, c.BusinessPhoneNumber, c.HomePhoneNumber} {
		if v := valueOf(s); v != "" && v != l.Name {
			l.Details = append(l.Details, v)
		}
	}
}

func (l *objectLine) showTask(t *eas.Task) {
	l.Name = valueOf(t.Subject)
	// A due date is a day: the element without UTC has it as it is meant.
	if t.DueDate != nil {
		l.When = "due " + t.DueDate.Format(dayForm)
	}
	if t.Complete != nil && *t.Complete == 1 {
		l.detail("done")
	}
	if t.Recurrence != nil {
		l.detail("recurs")
	}
}

func (l *objectLine) showNote(n *eas.Note) {
	l.Name = valueOf(n.Subject)
	if n.Body != nil && n.Body.Data != nil {
		if text, _, _ := strings.Cut(strings.TrimSpace(*n.Body.Data), "\n"); text != "" {
			l.detail("%s", strings.TrimSpace(text))
		}
	}
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// row is a line as a table shows it.
func (l objectLine) row() string {
	if l.Class == "" {
		return l.Change + "\t" + l.ID
	}
	return strings.Join([]string{l.Change, l.ID, l.When, printable(l.Name), printable(strings.Join(l.Details, "; "))}, "\t")
}

// printable is text of others on one line: it moves no cursor and no column.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// objectFlags say what to add to a folder.
type objectFlags struct {
	subject, text, start, end, due, place string
	email, mobile, company                string
	invite                                []string
	allDay                                bool
}

// object is what the flags describe, as the version has it.
func (o *objectFlags) object(class string, v eas.Version, uid string) (any, error) {
	if o.subject == "" {
		return nil, fmt.Errorf("give --subject")
	}
	if err := o.check(class); err != nil {
		return nil, err
	}
	switch class {
	case phone.Calendar:
		return o.event(v, uid)
	case phone.Contacts:
		return o.contact(), nil
	case phone.Tasks:
		return o.task(v)
	case phone.Notes:
		if v < eas.V140 {
			return nil, fmt.Errorf("notes came with 14.0: give another --protocol")
		}
		class := "IPM.StickyNote"
		return &eas.Note{Subject: &o.subject, Body: body(o.text), MessageClass: &class}, nil
	}
	return nil, fmt.Errorf("the folder holds messages: martlet phone send sends one")
}

// check refuses what a class does not have, rather than leave it out.
func (o *objectFlags) check(class string) error {
	for _, f := range []struct {
		name, class string
		given       bool
	}{
		{"--start", phone.Calendar, o.start != ""}, {"--end", phone.Calendar, o.end != ""},
		{"--all-day", phone.Calendar, o.allDay}, {"--place", phone.Calendar, o.place != ""},
		{"--invite", phone.Calendar, len(o.invite) > 0}, {"--due", phone.Tasks, o.due != ""},
		{"--email", phone.Contacts, o.email != ""}, {"--mobile", phone.Contacts, o.mobile != ""},
		{"--company", phone.Contacts, o.company != ""},
	} {
		if f.given && f.class != class {
			return fmt.Errorf("%s is for a folder of the class %s, not %s", f.name, f.class, class)
		}
	}
	return nil
}

func (o *objectFlags) event(v eas.Version, uid string) (*eas.Calendar, error) {
	if len(o.invite) > 0 && v < eas.V160 {
		// Below, a phone sends the invitation itself (MS-ASCAL 3.1.4.4).
		return nil, fmt.Errorf("the server sends invitations since 16.0: give another --protocol")
	}
	start, end, err := o.times()
	if err != nil {
		return nil, err
	}
	now, busy, allDay := time.Now().UTC(), uint8(2), uint8(0)
	c := &eas.Calendar{DtStamp: &now, Subject: &o.subject, BusyStatus: &busy, AllDayEvent: &allDay}
	if o.allDay {
		allDay = 1
	}
	if v < eas.V160 {
		blob := base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(time.Local, start.Year()))
		c.Timezone, c.UID = &blob, &uid
	} else {
		c.DtStamp, c.ClientUID = nil, &uid
	}
	if o.allDay && v >= eas.V160 {
		start = time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, time.UTC)
		end = time.Date(end.Year(), end.Month(), end.Day(), 0, 0, 0, 0, time.UTC)
	}
	start, end = start.UTC(), end.UTC()
	c.StartTime, c.EndTime = &start, &end
	if o.place != "" && v >= eas.V160 {
		c.Location = &eas.Location{DisplayName: o.place}
	} else if o.place != "" {
		c.LocationText = &o.place
	}
	for _, a := range o.invite {
		c.Attendees = append(c.Attendees, eas.CalendarAttendee{Email: a, Name: a})
	}
	if len(o.invite) > 0 {
		meeting := uint8(1)
		c.MeetingStatus = &meeting
	}
	if o.text != "" && v == eas.V25 {
		c.PlainBody = &o.text
	} else {
		c.Body = body(o.text)
	}
	return c, nil
}

// times are when the event is; without an end it takes an hour, or its day.
func (o *objectFlags) times() (start, end time.Time, err error) {
	if o.start == "" {
		return start, end, fmt.Errorf("when is it? give --start, as %q", time.Now().Format(minuteForm))
	}
	if start, err = parseTime("--start", o.start, o.allDay); err != nil {
		return start, end, err
	}
	switch {
	case o.end == "" && o.allDay:
		return start, start.AddDate(0, 0, 1), nil
	case o.end == "":
		return start, start.Add(time.Hour), nil
	}
	if end, err = parseTime("--end", o.end, o.allDay); err != nil {
		return start, end, err
	}
	if o.allDay {
		end = end.AddDate(0, 0, 1) // the last day is one of them
	}
	if end.Before(start) {
		return start, end, fmt.Errorf("--end %s is before --start %s", o.end, o.start)
	}
	return start, end, nil
}

func parseTime(flag, s string, day bool) (time.Time, error) {
	form := minuteForm
	if day {
		form = dayForm
	}
	t, err := time.ParseInLocation(form, s, time.Local)
	if err != nil {
		return t, fmt.Errorf("%s: %q is not as %q", flag, s, time.Now().Format(form))
	}
	return t, nil
}

func (o *objectFlags) contact() *eas.Contact {
	c := &eas.Contact{FileAs: &o.subject, LastName: &o.subject}
	if i := strings.LastIndexByte(o.subject, ' '); i > 0 {
		first, last := o.subject[:i], o.subject[i+1:]
		c.FirstName, c.LastName = &first, &last
	}
	for _, f := range []struct {
		to    **string
		value *string
	}{{&c.Email1Address, &o.email}, {&c.MobilePhoneNumber, &o.mobile}, {&c.CompanyName, &o.company}} {
		if *f.value != "" {
			*f.to = f.value
		}
	}
	c.Body = body(o.text)
	return c
}

func (o *objectFlags) task(v eas.Version) (*eas.Task, error) {
	open, normal := uint8(0), uint8(1)
	t := &eas.Task{Subject: &o.subject, Complete: &open, Importance: &normal}
	if o.due != "" {
		day, err := time.ParseInLocation(dayForm, o.due, time.Local)
		if err != nil {
			return nil, fmt.Errorf("--due: %q is not as %q", o.due, time.Now().Format(dayForm))
		}
		// The same day in both: one in UTC, one as the clock shows it (MS-ASTASK 2.2.2.10).
		local, utc := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC), day.UTC()
		t.DueDate, t.UtcDueDate = &local, &utc
	}
	if o.text != "" && v == eas.V25 {
		t.PlainBody = &o.text
	} else {
		t.Body = body(o.text)
	}
	return t, nil
}

func body(text string) *eas.Body {
	if text == "" {
		return nil
	}
	return &eas.Body{Type: eas.BodyPlain, Data: &text}
}
