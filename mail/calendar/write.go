package calendar

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// NewObject makes an object of events; method is empty for one that is stored.
// The zones that they are in are defined in it.
func NewObject(method string, events ...*Event) *Object {
	root := &Component{Name: "VCALENDAR"}
	if method != "" {
		root.Add(Property{Name: "METHOD", Value: strings.ToUpper(method)})
	}
	root.Add(Property{Name: "PRODID", Value: ProductID})
	root.Add(Property{Name: "VERSION", Value: "2.0"})
	seen := map[string]bool{}
	for _, e := range events {
		all := slices.Concat([]Time{e.Start, e.End}, e.Dates, e.Except)
		if e.RecurrenceID != nil {
			all = append(all, *e.RecurrenceID)
		}
		first := e.Start.Year()
		for _, t := range all {
			if !t.Date && !t.Floating && !t.IsZero() {
				first = min(first, t.Year())
			}
		}
		for _, t := range all {
			if t.TZID != "" && !t.Date && !t.Floating && !seen[t.TZID] && t.Location() != time.UTC {
				seen[t.TZID] = true
				root.Children = append(root.Children, DescribeZone(t.TZID, t.Location(), first))
			}
		}
	}
	for _, e := range events {
		e.Write()
		root.Children = append(root.Children, e.Component)
	}
	return newObject(root)
}

// Write writes the event's fields into its component. Properties that no field
// speaks of stay as they are.
func (e *Event) Write() {
	if e.Component == nil {
		e.Component = &Component{Name: "VEVENT"}
	}
	c := e.Component
	if c.Text("LOCATION") != e.Location { // the rest speaks of another place
		removePlace(c)
	}
	e.writeCommon(c)
	setTime(c, "DTEND", e.End)
	c.Remove("DURATION")
	transparency := "OPAQUE"
	if e.Transparent {
		transparency = "TRANSPARENT"
	}
	c.SetValue("TRANSP", transparency)
	c.SetValue("X-MICROSOFT-CDO-BUSYSTATUS", e.Busy)
	c.Remove("X-MICROSOFT-DISALLOW-COUNTER")
	if e.NoCounter {
		c.SetValue("X-MICROSOFT-DISALLOW-COUNTER", "TRUE")
	}
}

// writeCommon writes what tasks and notes may have, too.
func (e *Event) writeCommon(c *Component) {
	c.SetText("UID", e.UID)
	setPoint(c, "DTSTAMP", e.Stamp)
	setPoint(c, "CREATED", e.Created)
	setPoint(c, "LAST-MODIFIED", e.Modified)
	setTime(c, "DTSTART", e.Start)
	if !e.BadRule { // one that cannot be followed is kept as it came
		if e.Rule != nil {
			c.SetValue("RRULE", e.Rule.String())
		} else {
			c.Remove("RRULE")
		}
	}
	e.writeDates(c)
	setTimes(c, "EXDATE", e.Except)
	c.Remove("RECURRENCE-ID")
	if e.RecurrenceID != nil {
		p := e.RecurrenceID.property("RECURRENCE-ID")
		if e.ThisAndAfter {
			p.SetParam("RANGE", "THISANDFUTURE")
		}
		c.Add(p)
	}
	changeText(c, "SUMMARY", e.Summary)
	changeText(c, "DESCRIPTION", e.Description)
	changeText(c, "LOCATION", e.Location)
	changeText(c, "COMMENT", e.Comment)
	changeHTML(c, e.HTML)
	c.SetValue("SEQUENCE", strconv.Itoa(e.Sequence))
	c.SetValue("STATUS", e.Status)
	c.SetValue("CLASS", e.Class)
	c.Remove("PRIORITY")
	if e.Priority > 0 {
		c.SetValue("PRIORITY", strconv.Itoa(e.Priority))
	}
	changeCategories(c, e.Categories)
	e.writePeople(c)
	e.writeAlarms(c)
}

// changeText sets a text that has changed. One that has not keeps its
// parameters, a language or an alternative for instance, and its full length.
func changeText(c *Component, name, value string) {
	if c.Text(name) != value {
		c.SetText(name, value)
	}
}

// changeHTML sets the text in HTML, as Outlook writes it.
func changeHTML(c *Component, html string) {
	if c.Text("X-ALT-DESC") == html {
		return
	}
	if c.Remove("X-ALT-DESC"); html != "" {
		p := Property{Name: "X-ALT-DESC", Value: EscapeText(html)}
		p.SetParam("FMTTYPE", "text/html")
		c.Add(p)
	}
}

func changeCategories(c *Component, list []string) {
	var all []string
	for _, v := range list {
		all = append(all, EscapeText(v))
	}
	c.SetValue("CATEGORIES", strings.Join(all, ","))
}

func (e *Event) writePeople(c *Component) {
	c.Remove("ORGANIZER")
	if e.Organizer != nil {
		c.Add(e.Organizer.property("ORGANIZER"))
	}
	// What a field does not speak of is kept with the attendee it belongs to.
	old := map[string]Property{}
	for p := range c.All("ATTENDEE") {
		old[strings.ToLower(mailto(p.Value))] = *p
	}
	c.Remove("ATTENDEE")
	for i := range e.Attendees {
		a := &e.Attendees[i]
		p := a.property("ATTENDEE")
		p.SetParam("CUTYPE", a.Kind)
		p.SetParam("ROLE", a.Role)
		p.SetParam("PARTSTAT", a.Status)
		if a.RSVP {
			p.SetParam("RSVP", "TRUE")
		}
		known := old[strings.ToLower(a.Address)]
		for _, q := range known.Params {
			switch q.Name {
			case "CN", "SENT-BY", "CUTYPE", "ROLE", "PARTSTAT", "RSVP":
			default:
				p.Params = append(p.Params, q)
			}
		}
		c.Add(p)
	}
}

func (p *Person) property(name string) Property {
	q := Property{Name: name, Value: p.Address}
	if strings.Contains(p.Address, "@") {
		q.Value = "mailto:" + p.Address
	}
	q.SetParam("CN", p.Name)
	if p.SentBy != "" {
		q.SetParam("SENT-BY", "mailto:"+p.SentBy)
	}
	return q
}

// writeAlarms writes the reminders anew if they are not what the component has:
// what an alarm has beside its fields would be lost.
func (e *Event) writeAlarms(c *Component) {
	var had []Alarm
	var rest []*Component
	for _, k := range c.Children {
		if k.Name != "VALARM" {
			rest = append(rest, k)
		} else if a, ok := (zones{}).readAlarm(k); ok {
			had = append(had, a)
		}
	}
	if len(had) == len(e.Alarms) {
		same := true
		for i := range had {
			same = same && had[i] == e.Alarms[i]
		}
		if same {
			return
		}
	}
	c.Children = rest
	for _, a := range e.Alarms {
		k := &Component{Name: "VALARM"}
		k.SetValue("ACTION", a.Action)
		if a.Action == "" {
			k.SetValue("ACTION", "DISPLAY")
		}
		summary := a.Summary
		if summary == "" {
			summary = "Reminder"
		}
		k.SetText("DESCRIPTION", summary)
		trigger := Property{Name: "TRIGGER", Value: formatDuration(-a.Before)}
		switch {
		case !a.At.IsZero():
			trigger = UTC(a.At).property("TRIGGER")
			trigger.SetParam("VALUE", "DATE-TIME")
		case a.AtEnd:
			trigger.SetParam("RELATED", "END")
		}
		k.Add(trigger)
		c.Children = append(c.Children, k)
	}
}

func setPoint(c *Component, name string, t time.Time) {
	if t.IsZero() {
		c.Remove(name)
		return
	}
	c.Set(UTC(t).property(name))
}

func setTime(c *Component, name string, t Time) {
	if t.IsZero() {
		c.Remove(name)
		return
	}
	c.Set(t.property(name))
}

// writeDates writes RDATE, as a PERIOD where an occurrence says how long it
// takes.
func (e *Event) writeDates(c *Component) {
	c.Remove("RDATE")
	ends := e.periodEnds()
	for _, t := range e.Dates {
		p := t.property("RDATE")
		if end := ends[t.Unix()]; !end.IsZero() && !t.Date {
			p.SetParam("VALUE", "PERIOD")
			if end.Time = end.Time.In(t.Location()); t.TZID == "" && !t.Floating {
				end.Time = end.Time.UTC()
			}
			end.TZID, end.Floating = t.TZID, t.Floating
			q := end.property("")
			p.Value += "/" + q.Value
		}
		c.Add(p)
	}
}

func setTimes(c *Component, name string, list []Time) {
	c.Remove(name)
	for _, t := range list {
		c.Add(t.property(name))
	}
}
