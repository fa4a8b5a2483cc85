package calendar

import (
	"slices"
	"strings"
	"time"
)

// FreeBusy is a VFREEBUSY (RFC 5545 3.6.4): when somebody is busy between two
// points in time, or who wants to know.
type FreeBusy struct {
	UID       string
	Stamp     time.Time
	From, To  time.Time
	Organizer *Person    // who asks
	Attendees []Attendee // who is asked, or answers
	Busy      []BusyTime // in order
	Component *Component
}

// BusyTime is a time and what somebody is in it.
type BusyTime struct {
	Start, End time.Time
	Type       string // FBTYPE: FREE, BUSY, BUSY-UNAVAILABLE, BUSY-TENTATIVE, or another's own
}

// FreeBusy reads the object's VFREEBUSYs.
func (o *Object) FreeBusy() (all []*FreeBusy) {
	for _, c := range o.Root.Children {
		if c.Name == "VFREEBUSY" {
			all = append(all, o.zones.readFreeBusy(c))
		}
	}
	return all
}

func (z zones) readFreeBusy(c *Component) *FreeBusy {
	f := &FreeBusy{
		UID: c.Text("UID"), Stamp: z.point(c, "DTSTAMP"), From: z.point(c, "DTSTART"), To: z.point(c, "DTEND"), Component: c,
	}
	if p := c.Prop("ORGANIZER"); p != nil {
		who := readPerson(p)
		f.Organizer = &who
	}
	for p := range c.All("ATTENDEE") {
		if len(f.Attendees) < maxAttendees {
			f.Attendees = append(f.Attendees, readAttendee(p))
		}
	}
	for p := range c.All("FREEBUSY") {
		kind := strings.ToUpper(p.Param("FBTYPE"))
		if kind == "" {
			kind = "BUSY"
		}
		for _, v := range splitList(p.Value, maxDates-len(f.Busy)) {
			from, to, _ := strings.Cut(v, "/")
			start, err := z.parseTime(p, from)
			if err != nil {
				continue
			}
			if end, ok := z.periodEnd(p, start, to); ok && end.After(start.Time) {
				f.Busy = append(f.Busy, BusyTime{start.Time.UTC(), end.Time.UTC(), kind})
			}
		}
	}
	slices.SortStableFunc(f.Busy, func(a, b BusyTime) int { return a.Start.Compare(b.Start) })
	return f
}

// Write writes the fields into the component. Properties that no field speaks of
// stay as they are.
func (f *FreeBusy) Write() {
	if f.Component == nil {
		f.Component = &Component{Name: "VFREEBUSY"}
	}
	c := f.Component
	c.SetText("UID", f.UID)
	setPoint(c, "DTSTAMP", f.Stamp)
	setPoint(c, "DTSTART", f.From)
	setPoint(c, "DTEND", f.To)
	(&Event{Organizer: f.Organizer, Attendees: f.Attendees}).writePeople(c)
	c.Remove("FREEBUSY")
	for _, b := range f.Busy {
		from, to := UTC(b.Start).property("FREEBUSY"), UTC(b.End).property("")
		from.Value += "/" + to.Value
		from.SetParam("FBTYPE", b.Type)
		c.Add(from)
	}
}
