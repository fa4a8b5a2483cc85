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
