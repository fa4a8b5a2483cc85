package schedule

import (
	"slices"
	"strings"

	"martlet/mail/calendar"
)

// An attendee's program writes the meeting anew for whatever the attendee changes
// in it, and may leave out what it does not know, and number and date it on its
// own. What is the organizer's or the server's is put back then: by it the next
// message is judged.

// restore puts it back.
func (a *attending) restore() {
	if a.old == nil {
		return
	}
	for _, e := range a.now.events() {
		before := a.old.counterpart(e)
		if before == nil {
			continue
		}
		c, was := e.Component, before.Component
		for _, name := range [...]string{"SEQUENCE", "DTSTAMP"} {
			c.Remove(name)
			if p := was.Prop(name); p != nil {
				c.Add(*p)
			}
		}
		if p := was.Prop("ORGANIZER"); p != nil && (e.Organizer == nil || e.Organizer.Address == "") {
			c.Set(*p)
		}
		if p := attendeeOf(was, a.own); p != nil && attendeeOf(c, a.own) == nil && (e.RecurrenceID == nil || c.Prop("ATTENDEE") != nil) {
			c.Add(*p)
		}
		for _, p := range was.Props {
			if (strings.HasPrefix(p.Name, ownPrefix) || p.Name == propReplyTime) && c.Prop(p.Name) == nil {
				c.Add(p)
			}
		}
	}
	if a.old.master != nil && a.now.master != nil {
		a.markSkipped()
	}
	a.now = readSeries(calendar.Of(a.now.object.Root))
}

// markSkipped marks the occurrences that the attendee has taken out, so that an
// update does not bring them back as one does that the organizer has taken out.
func (a *attending) markSkipped() {
	was, skipped := a.old.excluded(), a.old.skipped()
	c := a.now.master.Component
	var dates []calendar.Property
	for p := range c.All("EXDATE") {
		for v := range strings.SplitSeq(p.Value, ",") {
			one := calendar.Property{Name: p.Name, Params: slices.Clone(p.Params), Value: v}
			one.SetParam(paramDeclined, "")
			for k := range excludedBy(a.now, &one) {
				if _, ok := was[k]; !ok || skipped[k] {
					one.SetParam(paramDeclined, "TRUE")
				}
			}
			dates = append(dates, one)
		}
	}
	c.Remove("EXDATE")
	for _, p := range dates {
		c.Add(p)
	}
}

// skipped are the occurrences that the user has declined.
func (s *series) skipped() map[int64]bool {
	all := map[int64]bool{}
	if s == nil || s.master == nil {
		return all
	}
	for p := range s.master.Component.All("EXDATE") {
		if p.Param(paramDeclined) != "" {
			for k := range excludedBy(s, p) {
				all[k] = true
			}
		}
	}
	return all
}

// excludedBy are the occurrences that one EXDATE takes out.
func excludedBy(s *series, p *calendar.Property) map[int64]calendar.Time {
	c := &calendar.Component{Name: "VEVENT"}
	if start := s.master.Component.Prop("DTSTART"); start != nil {
		c.Add(*start)
	}
	c.Add(*p)
	one := readSeries(objectOf("", zonesOf(s.object), c))
	return one.excluded()
}
