package dav

import (
	"net/http"
	"slices"
	"time"

	"martlet/mail/calendar"
)

// maxExpanded bounds what one resource is expanded to, in bytes.
const maxExpanded = 32 << 20

// errTooMuch says that a resource has more occurrences than are told. Some of
// them would be taken for all.
var errTooMuch = &failure{status: http.StatusInsufficientStorage, condition: dav("number-of-matches-within-limits")}

// expand makes an object of an event's occurrences in a span, each on its own and
// in UTC (RFC 4791 9.6.5). Dates and a wall clock that is of no zone are in zone,
// and stay what they are.
func expand(o *calendar.Object, s span, zone *time.Location) (*calendar.Component, error) {
	root := &calendar.Component{Name: o.Root.Name, Props: slices.Clone(o.Root.Props)}
	kind, work, whenDue := "VEVENT", o, false
	for _, c := range o.Root.Children {
		if c.Name == "VTODO" || c.Name == "VJOURNAL" {
			kind, whenDue = c.Name, dueOnly(c)
			work, _ = events(o.Root, c)
			break
		}
	}
	master := work.Master()
	if master == nil || kind != "VEVENT" && !master.Recurs() {
		return withoutZones(o.Root), nil
	}
	recurs := master.Recurs() || master.RecurrenceID != nil
	n, size, sizes := 0, 0, map[*calendar.Component]int{}
	for at := range work.Occurrences(s.start, s.end, zone) {
		if sizes[at.Event.Component] == 0 {
			sizes[at.Event.Component] = len(at.Event.Component.Append(nil))
		}
		n++
		if size += sizes[at.Event.Component]; n > maxInstances || size > maxExpanded {
			return nil, errTooMuch
		}
		c := at.Event.Component.Clone()
		c.Name = kind
		end := "DTEND"
		if kind == "VTODO" {
			end = "DUE"
			for i := range c.Props {
				if c.Props[i].Name == "DTEND" {
					c.Props[i].Name = end
				}
			}
		}
		hasEnd := c.Prop("DTEND") != nil || c.Prop("DUE") != nil || c.Prop("DURATION") != nil
		for _, name := range []string{"RRULE", "RDATE", "EXDATE", "EXRULE", "DURATION"} {
			c.Remove(name)
		}
		c.Set(timeProperty("DTSTART", at.Start, at.Event.Start))
		if c.Remove("DTEND"); hasEnd && kind != "VJOURNAL" {
			c.Set(timeProperty(end, at.End, at.Event.End))
		}
		if whenDue {
			c.Prop("DTSTART").Name = "DUE"
		}
		c.Remove("RECURRENCE-ID")
		if recurs {
			c.Add(timeProperty("RECURRENCE-ID", at.ID.Time, at.ID))
		}
		root.Children = append(root.Children, c)
	}
	return root, nil
}

// withoutZones is an object whose times are all in UTC as far as they are simple.
func withoutZones(root *calendar.Component) *calendar.Component {
	o := calendar.Of(root)
	out := &calendar.Component{Name: root.Name, Props: slices.Clone(root.Props)}
	for _, c := range root.Children {
		if c.Name == "VTIMEZONE" {
			continue
		}
		c = c.Clone()
		for _, name := range []string{"DTSTART", "DTEND", "DUE"} {
			if t, ok := o.Time(c, name); ok {
				c.Set(timeProperty(name, t.Time, t))
			}
		}
		out.Children = append(out.Children, c)
	}
	return out
}

// timeProperty writes a time of the kind that like is of.
func timeProperty(name string, t time.Time, like calendar.Time) calendar.Property {
	p := calendar.Property{Name: name}
	switch {
	case like.Date:
		p.SetParam("VALUE", "DATE")
		p.Value = t.Format("20060102")
	case like.Floating:
		p.Value = t.Format("20060102T150405")
	default:
		p.Value = t.UTC().Format("20060102T150405Z")
	}
	return p
}

// limited leaves out the overrides that matter to no occurrence in a span (RFC
// 4791 9.6.6). Tasks and notes have few: they stay.
func limited(o *calendar.Object, s span, zone *time.Location) *calendar.Component {
	if len(o.Events) == 0 {
		return o.Root
	}
	matters := map[*calendar.Component]bool{}
	for at := range o.Occurrences(s.start, s.end, zone) {
		matters[at.Event.Component] = true
	}
	for _, e := range o.Events { // what would be there, and is elsewhere
		if e.RecurrenceID != nil {
			would := e.RecurrenceID.In(zone)
			if s.overlaps(would, would.Add(e.End.Sub(e.Start.Time))) {
				matters[e.Component] = true
			}
		}
	}
	root := &calendar.Component{Name: o.Root.Name, Props: o.Root.Props}
	for _, c := range o.Root.Children {
		if c.Prop("RECURRENCE-ID") == nil || matters[c] {
			root.Children = append(root.Children, c)
		}
	}
	return root
}
