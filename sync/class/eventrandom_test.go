package class_test

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"testing"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/sync/class"
)

// dice makes what a client might send.
type dice struct{ *rand.Rand }

func (d dice) one(n int) bool { return d.IntN(n) == 0 }

func maybe[T any](d dice, n int, v T) *T {
	if !d.one(n) {
		return nil
	}
	return &v
}

func (d dice) time() time.Time {
	return time.Date(2026, time.Month(9+d.IntN(4)), 1+d.IntN(28), d.IntN(24), 15*d.IntN(4), 0, 0, time.UTC)
}

func (d dice) text() string {
	return []string{"", "a", "b, c; d", "Stand-up", "line\r\ntwo", "ü\\n", " x "}[d.IntN(7)]
}

func (d dice) recurrence() *eas.CalendarRecurrence {
	r := &eas.CalendarRecurrence{Type: maybe(d, 1, uint8(d.IntN(7))), Interval: maybe(d, 2, uint16(d.IntN(4))), FirstDayOfWeek: maybe(d, 3, uint8(d.IntN(7)))}
	r.Occurrences, r.Until = maybe(d, 3, uint16(1+d.IntN(20))), maybe(d, 3, d.time().AddDate(0, 2, 0))
	switch *r.Type {
	case 1, 3, 6:
		r.DayOfWeek = ptr(uint16(1 + d.IntN(127)))
	case 2, 5:
		r.DayOfMonth = ptr(uint8(1 + d.IntN(31)))
	}
	if *r.Type == 3 || *r.Type == 6 {
		r.WeekOfMonth = ptr(uint8(1 + d.IntN(5)))
	}
	if *r.Type >= 5 {
		r.MonthOfYear = ptr(uint8(1 + d.IntN(12)))
	}
	return r
}

func (d dice) event(v eas.Version) *eas.Calendar {
	c := &eas.Calendar{
		Subject: maybe(d, 3, d.text()), Sensitivity: maybe(d, 4, uint8(d.IntN(4))), BusyStatus: maybe(d, 4, uint8(d.IntN(4))), AllDayEvent: maybe(d, 4, uint8(d.IntN(2))),
		Reminder: maybe(d, 4, []string{"", "0", "15", "1440"}[d.IntN(4)]), MeetingStatus: maybe(d, 4, uint8(2*d.IntN(4)+1)),
		DisallowNewTimeProposal: maybe(d, 5, d.one(2)), ResponseRequested: maybe(d, 5, d.one(2)),
	}
	if d.one(3) {
		start := d.time()
		c.StartTime, c.EndTime = &start, ptr(start.Add(time.Duration(d.IntN(100))*time.Hour/2))
	}
	if d.one(3) {
		loc, err := time.LoadLocation(eventZones[d.IntN(len(eventZones))])
		if err == nil {
			c.Timezone = ptr(base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(loc, 2026)))
		}
	}
	if d.one(4) {
		c.Recurrence = d.recurrence()
	} else if d.one(6) {
		c.Recurrence = &eas.CalendarRecurrence{}
	}
	if d.one(4) {
		c.Body = &eas.Body{Type: uint8(1 + d.IntN(2)), Data: ptr(d.text())}
	}
	if d.one(4) {
		c.Categories = []string{"x", "y, z"}[:d.IntN(3)]
	}
	if d.one(4) {
		c.Attendees = []eas.CalendarAttendee{{Email: "new@example.com", Name: "New"}, {Email: "bob@example.com", Name: "B", AttendeeType: ptr(uint8(1 + d.IntN(3)))}}[:d.IntN(3)]
	}
	if v >= eas.V160 {
		c.Location = maybe(d, 3, eas.Location{DisplayName: "L", Street: d.text(), Latitude: ptr(1.5), Longitude: ptr(2.25)})
	} else {
		c.LocationText = maybe(d, 3, d.text())
		for range d.IntN(3) {
			x := eas.CalendarException{ExceptionStartTime: ptr(d.time()), Deleted: maybe(d, 3, uint8(1)), Subject: maybe(d, 2, d.text()), Reminder: maybe(d, 3, "3")}
			c.Exceptions = append(c.Exceptions, x)
		}
	}
	return c
}

// Whatever a client says of an event: nothing that it cannot know is lost, what it
// says can be read, and saying it twice changes nothing more.
func TestRandomChangesOfEvents(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(5, 23))}
	names := eventNames(t)
	refused := 0
	const rounds = 800
	for n := range rounds {
		name := names[d.IntN(len(names))]
		raw := eventFile(t, name)
		v := eas.Versions()[d.IntN(7)]
		for range 1 + d.IntN(3) {
			in := d.event(v)
			if d.one(3) && v < eas.V160 { // the whole of it, with some things changed
				whole := clientData(showEvent(t, raw, v, ada), v)
				whole.Subject, whole.Recurrence, whole.Exceptions = in.Subject, in.Recurrence, in.Exceptions
				if in.StartTime != nil {
					whole.StartTime, whole.EndTime = in.StartTime, in.EndTime
				}
				in = whole
			}
			o := editOptions(v, ada)
			if d.one(2) {
				o.Supported = []wbxml.Tag{}
			}
			got, err := class.EditObject(eventItem.Class, raw, eventRaw(t, in), o)
			if err != nil {
				refused++
				break
			}
			for _, keep := range []string{"X-EXAMPLE-COLOR", "X-KEEP", "UID:"} {
				if bytes.Contains(raw, []byte(keep)) && !bytes.Contains(got, []byte(keep)) && (keep != "X-KEEP" || in.Attendees == nil) {
					t.Fatalf("%d: %s at %s: %s is lost by %s", n, name, v, keep, dump(t, in))
				}
			}
			c := showEvent(t, got, v, ada)
			if was := showEvent(t, raw, v, ada); (in.Recurrence == nil || in.Recurrence.Type == nil) && describe(was.Recurrence) != describe(c.Recurrence) {
				break // by another start it can be shown now, or no longer
			}
			if again, err := class.EditObject(eventItem.Class, got, eventRaw(t, in), o); err != nil || !bytes.Equal(again, got) {
				t.Fatalf("%d: %s at %s: twice, %s changes %q (%v)\nin\n%s", n, name, v, dump(t, in), changes(got, again), err, got)
			}
			if back := changeEvent(t, got, clientData(c, v), o); !bytes.Equal(back, got) {
				t.Fatalf("%d: %s at %s: sent back after %s it changes %q\nin\n%s", n, name, v, dump(t, in), changes(got, back), got)
			}
			// A series is at one of two hours where summer time ends.
			if in.StartTime != nil && in.EndTime.After(*in.StartTime) && *c.AllDayEvent == 0 && (c.Recurrence == nil || c.StartTime.Sub(*in.StartTime) != -time.Hour) && (!c.StartTime.Equal(*in.StartTime) || !c.EndTime.Equal(*in.EndTime)) {
				t.Fatalf("%d: %s at %s: %s is shown as %s", n, name, v, dump(t, in), dump(t, c))
			}
			raw = got
		}
	}
	if refused > rounds {
		t.Errorf("%d of %d refused", refused, rounds)
	}
}
