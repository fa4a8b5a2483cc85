package calendar

import (
	"strconv"
	"time"
)

// ProductID is how we name ourselves in what we write.
const ProductID = "-//martlet//martlet//EN"

// Answer is what an attendee answers (RFC 5546 3.2.3, 3.2.7).
type Answer struct {
	From    Person
	Status  string    // ACCEPTED, TENTATIVE, DECLINED
	Comment string    // for the organizer
	Now     time.Time // when it is given

	// A counter proposal has another time.
	ProposedStart, ProposedEnd time.Time
}

// Reply writes the answer to a request: a REPLY, or a COUNTER if it proposes
// another time. It answers all of the request's events, each occurrence that is
// invited on its own among them.
func (o *Object) Reply(a *Answer) *Object {
	method := "REPLY"
	if !a.ProposedStart.IsZero() {
		method = "COUNTER"
	}
	root := &Component{Name: "VCALENDAR", Props: []Property{
		{Name: "METHOD", Value: method}, {Name: "PRODID", Value: ProductID}, {Name: "VERSION", Value: "2.0"},
	}}
	for _, c := range o.Root.Children {
		if c.Name == "VTIMEZONE" {
			root.Children = append(root.Children, c.Clone())
		}
	}
	for _, e := range o.Events {
		root.Children = append(root.Children, e.reply(a, method))
	}
	return newObject(root)
}

// replied are the properties of a request that its answer repeats.
var replied = [...]string{"UID", "SEQUENCE", "RECURRENCE-ID", "ORGANIZER", "SUMMARY", "LOCATION", "DTSTART", "DTEND", "DURATION"}

func (e *Event) reply(a *Answer, method string) *Component {
	c := &Component{Name: "VEVENT"}
	for _, name := range replied {
		if p := e.Component.Prop(name); p != nil {
			c.Add(*p)
		}
	}
	copyPlace(c, e.Component)
	if method == "COUNTER" {
		c.Remove("DURATION")
		start, end := e.Start, e.End
		if start.Date || start.Floating {
			start, end = Time{}, Time{}
		}
		start.Time, end.Time = a.ProposedStart.In(e.Start.Location()), a.ProposedEnd.In(e.Start.Location())
		if start.TZID == "" {
			start.Time, end.Time = start.UTC(), end.UTC()
		}
		end.TZID = start.TZID
		c.Set(start.property("DTSTART"))
		c.Set(end.property("DTEND"))
		c.Add(e.Start.property("X-MS-OLK-ORIGINALSTART"))
		c.Add(e.End.property("X-MS-OLK-ORIGINALEND"))
	} else if p := e.Component.Prop("RRULE"); p != nil {
		c.Add(*p)
	}
	c.Set(UTC(a.Now).property("DTSTAMP"))
	who := Property{Name: "ATTENDEE", Value: "mailto:" + a.From.Address}
	who.SetParam("PARTSTAT", a.Status)
	who.SetParam("CN", a.From.Name)
	c.Add(who)
	c.SetText("COMMENT", a.Comment)
	if c.Prop("SEQUENCE") == nil {
		c.SetValue("SEQUENCE", strconv.Itoa(e.Sequence))
	}
	return c
}

// Original is the time that a counter proposal would change, if it tells:
// Outlook's do.
func (e *Event) Original() (start, end Time) {
	read := func(name string) (t Time) {
		if p := e.Component.Prop(name); p != nil {
			t, _ = (zones{}).parseTime(p, p.Value)
		}
		return t
	}
	return read("X-MS-OLK-ORIGINALSTART"), read("X-MS-OLK-ORIGINALEND")
}
