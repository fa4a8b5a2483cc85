package class

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// One client makes an item at its version, another one at its own changes one
// thing in what it was shown: to the first nothing else has changed.

// pairOf is a class of items in the hands of two clients.
type pairOf[T any] struct {
	class  mail.Class
	made   func(t *rapid.T, v eas.Version) *T
	change func(t *rapid.T, view *T, v eas.Version) (fields []string) // those that may be others then
	only   bool                                                       // since 16.0 what is left out stays
}

func (p *pairOf[T]) check(t *rapid.T) {
	item := &mail.Item{Class: p.class, Folder: 7, ID: 9}
	x, y := rapid.SampledFrom(eas.Versions()).Draw(t, "the first's version"), rapid.SampledFrom(eas.Versions()).Draw(t, "the second's version")
	show := func(raw []byte, o *Options) *T {
		v, err := RenderObject(item, raw, o)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		return any(v).(*T)
	}
	write := func(old []byte, v *T, o *EditOptions) []byte {
		data, err := wbxml.MarshalRaw(v)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := EditObject(p.class, old, data, o)
		if err != nil {
			t.Fatalf("%v\n%s", err, old)
		}
		return raw
	}
	edit := func(v eas.Version) *EditOptions {
		return &EditOptions{Version: v, Now: editTime, Owner: calendar.Person{Name: "Ada", Address: "ada@example.org"}, Folder: 7, Item: 9}
	}
	options := func(v eas.Version, name string) *Options {
		o := wholeBody(v)
		o.Viewer = Viewer{Addresses: []string{"ada@example.org"}, Name: "Ada"}
		if v < eas.V120 {
			o.BodyPreferences = nil
			if rapid.Bool().Draw(t, name+" has a part of the text") {
				o.Truncation = ptr(uint(1))
			}
			return o
		}
		kind := rapid.SampledFrom([]uint{1, 2}).Draw(t, name+"'s kind of text")
		o.BodyPreferences[0].Type = &kind
		if rapid.Bool().Draw(t, name+" has a part of the text") {
			o.BodyPreferences[0].TruncationSize = ptr(uint32(4))
		}
		return o
	}
	raw := write(nil, p.made(t, x), edit(x))
	first := options(x, "the first")
	before := show(raw, first)
	view := show(raw, options(y, "the second"))
	old := reflect.ValueOf(view).Elem()
	copied := reflect.New(old.Type())
	copied.Elem().Set(old)
	fields := p.change(t, view, y)
	if p.only && y >= eas.V160 { // what is as it was is not sent
		is := reflect.ValueOf(view).Elem()
		for i := range is.NumField() {
			if cmp.Equal(is.Field(i).Interface(), copied.Elem().Field(i).Interface()) {
				is.Field(i).SetZero()
			}
		}
	}
	after := show(write(raw, view, edit(y)), first)
	changed := map[string]bool{"DtStamp": true, "LastModifiedDate": true}
	for _, f := range fields {
		changed[f] = true
	}
	a, b := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	for i := range a.NumField() {
		if d := cmp.Diff(a.Field(i).Interface(), b.Field(i).Interface()); d != "" && !changed[a.Type().Field(i).Name] {
			t.Fatalf("from %s by %s: %s is another by a change of %v: %s\n%s", x, y, a.Type().Field(i).Name, fields, d, raw)
		}
	}
}

// someText is a text in the form of a version.
func someText(t *rapid.T, v eas.Version) (body *eas.Body, plain *string) {
	text := rapid.SampledFrom([]string{"", "a", "one line\r\nand another one"}).Draw(t, "text")
	switch {
	case text == "":
		return nil, nil
	case v < eas.V120:
		return nil, &text
	case rapid.Bool().Draw(t, "html"):
		text = "<html><body><p>" + strings.ReplaceAll(text, "\r\n", "<br>") + "</p></body></html>"
		return &eas.Body{Type: 2, Data: &text}, nil
	}
	return &eas.Body{Type: 1, Data: &text}, nil
}

func coin(t *rapid.T, what string) bool { return rapid.IntRange(0, 2).Draw(t, what) == 0 }

func TestAContactChangesOnlyInWhatAnotherClientChanges(t *testing.T) {
	p := pairOf[eas.Contact]{class: mail.ClassContacts,
		made: func(t *rapid.T, v eas.Version) *eas.Contact {
			c, full := &eas.Contact{}, fullContact()
			for i := range contactElements {
				if e := &contactElements[i]; coin(t, e.tag) {
					*e.field(c) = *e.field(full)
				}
			}
			if coin(t, "birthday") {
				c.Birthday = ptr(time.Date(1980, 3, 22, rapid.SampledFrom([]int{0, 8, 11, 22}).Draw(t, "hour"), 0, 0, 0, time.UTC))
			}
			if coin(t, "children") {
				c.Children = full.Children
			}
			if coin(t, "categories") {
				c.Categories = full.Categories
			}
			if coin(t, "picture") {
				c.Picture = full.Picture
			}
			c.Body, c.PlainBody = someText(t, v)
			return c
		},
		change: func(t *rapid.T, c *eas.Contact, v eas.Version) []string {
			switch rapid.IntRange(0, 4).Draw(t, "change") {
			case 0:
				c.Birthday = nil
				return []string{"Birthday"}
			case 1:
				c.Categories = []string{"New"}
				return []string{"Categories"}
			case 2:
				c.Body, c.PlainBody = someText(t, v)
				return []string{"Body", "LegacyContactBody"}
			}
			e := &contactElements[rapid.IntRange(0, len(contactElements)-1).Draw(t, "element")]
			*e.field(c) = ptr("another@example.org")
			if coin(t, "gone") {
				*e.field(c) = nil
			}
			return []string{localName(e.tag), strings.Replace(localName(e.tag), "Id", "ID", 1), "FileAs"}
		},
	}
	rapid.Check(t, p.check)
}

func TestATaskChangesOnlyInWhatAnotherClientChanges(t *testing.T) {
	p := pairOf[eas.Task]{class: mail.ClassTasks,
		made: func(t *rapid.T, v eas.Version) *eas.Task {
			task := fullTask()
			if v < eas.V160 {
				task.Recurrence.Start = date("2026-11-22T23:00")
			}
			if coin(t, "no start") {
				task.StartDate, task.UtcStartDate = nil, nil
			}
			if coin(t, "no due") {
				task.DueDate, task.UtcDueDate = nil, nil
			}
			if coin(t, "open") {
				task.Complete, task.DateCompleted = ptr(uint8(0)), nil
			}
			if coin(t, "alone") {
				task.Recurrence = nil
			} else if coin(t, "alive") {
				task.Recurrence.DeadOccur, task.Recurrence.Regenerate = nil, nil
			}
			if coin(t, "unnoticed") {
				task.ReminderSet, task.ReminderTime = ptr(uint8(0)), nil
			}
			if v < eas.V120 {
				task.OrdinalDate, task.SubOrdinalDate = nil, nil
			}
			task.Body, task.PlainBody = someText(t, v)
			return task
		},
		change: func(t *rapid.T, task *eas.Task, v eas.Version) []string {
			// What only later versions know is not sent back.
			switch rapid.IntRange(0, 6).Draw(t, "change") {
			case 0:
				task.Subject = ptr("another")
				return []string{"Subject"}
			case 1:
				task.Importance = ptr(uint8(rapid.IntRange(0, 2).Draw(t, "importance")))
				return []string{"Importance"}
			case 2:
				task.Complete, task.DateCompleted = ptr(1-*task.Complete), nil
				return []string{"Complete", "DateCompleted"}
			case 3:
				task.DueDate, task.UtcDueDate = date("2026-12-24"), date("2026-12-23T23:00")
				return []string{"DueDate", "UtcDueDate"}
			case 4:
				task.ReminderSet, task.ReminderTime = ptr(uint8(1)), date("2026-11-20T05:00")
				return []string{"ReminderSet", "ReminderTime"}
			case 5:
				task.Body, task.PlainBody = someText(t, v)
				return []string{"Body", "LegacyTaskBody"}
			}
			task.Sensitivity = ptr(uint8(2))
			return []string{"Sensitivity"}
		},
	}
	rapid.Check(t, p.check)
}

func TestANoteChangesOnlyInWhatAnotherClientChanges(t *testing.T) {
	p := pairOf[eas.Note]{class: mail.ClassNotes,
		made: func(t *rapid.T, v eas.Version) *eas.Note {
			n := fullNote()
			n.Body, _ = someText(t, max(v, eas.V140))
			return n
		},
		change: func(t *rapid.T, n *eas.Note, v eas.Version) []string {
			switch rapid.IntRange(0, 2).Draw(t, "change") {
			case 0:
				n.Subject = ptr("another")
				return []string{"Subject"}
			case 1:
				n.Body, _ = someText(t, max(v, eas.V140))
				return []string{"Body"}
			}
			n.Categories = nil
			return []string{"Categories"}
		},
	}
	rapid.Check(t, p.check)
}

func TestAnEventChangesOnlyInWhatAnotherClientChanges(t *testing.T) {
	zones := []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "UTC", "America/Sao_Paulo"}
	p := pairOf[eas.Calendar]{class: mail.ClassCalendar, only: true, made: func(t *rapid.T, v eas.Version) *eas.Calendar {
		loc, err := calendar.LoadZone(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"), 9, 30, 0, 0, loc)
		c := &eas.Calendar{Subject: ptr("One"), StartTime: ptr(start.UTC()), EndTime: ptr(start.UTC().Add(time.Hour)), Sensitivity: ptr(uint8(0)), BusyStatus: ptr(uint8(rapid.IntRange(0, 3).Draw(t, "busy"))), AllDayEvent: ptr(uint8(0))}
		blob := base64Zone(loc, 2026)
		c.Timezone = &blob
		if coin(t, "all day") {
			day := time.Date(2026, start.Month(), start.Day(), 0, 0, 0, 0, loc)
			c.StartTime, c.EndTime, c.AllDayEvent = ptr(day.UTC()), ptr(day.AddDate(0, 0, 1).UTC()), ptr(uint8(1))
			if v >= eas.V160 {
				d := time.Date(2026, start.Month(), start.Day(), 0, 0, 0, 0, time.UTC)
				c.StartTime, c.EndTime, c.Timezone = &d, ptr(d.AddDate(0, 0, 1)), nil
			}
		}
		if coin(t, "reminder") {
			c.Reminder = ptr(rapid.SampledFrom([]string{"0", "15"}).Draw(t, "minutes"))
		}
		if coin(t, "categories") {
			c.Categories = []string{"x, y", "z"}
		}
		if coin(t, "people") {
			c.MeetingStatus = ptr(uint8(1))
			c.Attendees = []eas.CalendarAttendee{{Email: "bob@example.com", Name: "Bob"}, {Email: "eve@example.com", Name: "Eve"}}
			if v >= eas.V120 {
				for i := range c.Attendees {
					c.Attendees[i].AttendeeType = ptr(uint8(1 + i))
				}
			}
		}
		if v >= eas.V160 && coin(t, "place") {
			c.Location = &eas.Location{DisplayName: "Here", Street: "Main Street 1", Latitude: ptr(1.5), Longitude: ptr(2.5)}
		} else if v < eas.V160 && coin(t, "place") {
			c.LocationText = ptr("Here")
		}
		if coin(t, "recurs") {
			c.Recurrence = &eas.CalendarRecurrence{Type: ptr(uint8(0)), Interval: ptr(uint16(1)), Occurrences: ptr(uint16(5))}
			if coin(t, "with exceptions") {
				two, three := c.StartTime.AddDate(0, 0, 1), c.StartTime.AddDate(0, 0, 2)
				for i, at := range []time.Time{two, three} {
					x := eas.CalendarException{ExceptionStartTime: &at}
					if v >= eas.V160 {
						x = eas.CalendarException{InstanceID: &at}
					}
					if i == 0 {
						x.Deleted = ptr(uint8(1))
					} else {
						x.Subject = ptr("Three")
					}
					c.Exceptions = append(c.Exceptions, x)
				}
			}
		}
		c.Body, c.PlainBody = someText(t, v)
		return c
	}, change: func(t *rapid.T, c *eas.Calendar, v eas.Version) []string {
		c.NativeBodyType, c.ResponseType, c.AppointmentReplyTime, c.ConfLink, c.ExternalLink = 0, nil, nil, nil, nil
		if v >= eas.V160 {
			c.UID, c.OrganizerName, c.OrganizerEmail = nil, nil, nil
		}
		switch rapid.IntRange(0, 6).Draw(t, "change") {
		case 0:
			c.Subject = ptr("another")
			return []string{"Subject"}
		case 1:
			c.Reminder = ptr("5")
			return []string{"Reminder"}
		case 2:
			if c.LocationText = ptr("There"); v >= eas.V160 {
				c.LocationText, c.Location = nil, &eas.Location{DisplayName: "There"}
			}
			return []string{"LocationText", "Location"}
		case 3:
			c.Categories = []string{}
			return []string{"Categories"}
		case 4:
			c.Body, c.PlainBody = someText(t, v)
			return []string{"CalendarBody", "NativeBodyType"}
		case 5:
			c.BusyStatus = ptr(uint8(3))
			return []string{"BusyStatus"}
		}
		return nil
	}}
	rapid.Check(t, p.check)
}

func base64Zone(loc *time.Location, year int) string {
	r := &eventReader{zone: loc, obj: calendar.NewObject("")}
	return r.timezone(&calendar.Event{Start: calendar.Time{Time: time.Date(year, 1, 1, 0, 0, 0, 0, loc)}})
}
