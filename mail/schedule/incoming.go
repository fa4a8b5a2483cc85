package schedule

import (
	"slices"
	"strings"

	"martlet/mail/calendar"
)

// receipt is a scheduling message that came to somebody. What it does to the
// calendar follows from it and from what is there alone; the order in which
// messages come, and how often, makes no difference in the end.
type receipt struct {
	message  *series
	own      func(address string) bool
	me       calendar.Person
	verified bool // the organizer sent it, for all that can be known
}

// maxEvents bounds the events of one meeting that messages have made.
const maxEvents = 2000

// take enters a REQUEST into what the calendar has of the meeting, nil for
// nothing. The result is nil when it changes nothing: it is older than what is
// there, or the same.
func take(existing *calendar.Object, r *receipt) *calendar.Object {
	was := readSeries(existing)
	var kept []*calendar.Component
	taken := map[*calendar.Event]bool{} // events of was that are replaced
	changed := false
	base := version{-1, 0} // of the master that is there in the end
	if was != nil && was.master != nil {
		base = versionOf(was.master)
	}
	if m := r.message.master; m != nil {
		var before *calendar.Event
		if was != nil {
			before = was.master
		}
		if before == nil || versionOf(m).compare(base) > 0 {
			kept, changed = append(kept, r.entered(before, m)), true
			taken[before] = true
			base = versionOf(m)
			for _, e := range r.message.later {
				kept = append(kept, r.entered(before, e))
			}
			if was != nil {
				for _, e := range was.later {
					taken[e] = true
				}
				for _, e := range was.over { // what the newer whole does not have is as the whole has it
					if versionOf(e).compare(base) < 0 {
						taken[e] = true
					}
				}
			}
		}
	}
	skipped := was.skipped()
	for _, k := range sortedKeys(r.message.over) {
		m := r.message.over[k]
		var before *calendar.Event
		if was != nil {
			if before = was.over[was.key(*m.RecurrenceID)]; before != nil && !taken[before] && versionOf(m).compare(versionOf(before)) <= 0 {
				continue
			}
		}
		whole := r.message.master != nil && versionOf(r.message.master) == base
		if !whole && versionOf(m).compare(base) < 0 { // a newer whole came without it
			continue
		}
		if !whole && was != nil && was.master != nil && was.master.Status == "CANCELLED" && !taken[was.master] && versionOf(m).stamp < base.stamp {
			continue // the whole was cancelled since
		}
		if before != nil {
			taken[before] = true
		} else if was != nil {
			if before = was.master; before != nil && skipped[k] && sameLength(before, m) {
				continue
			}
		}
		kept, changed = append(kept, r.entered(before, m)), true
	}
	if !changed {
		return nil
	}
	return r.assemble(existing, was, taken, kept)
}

// assemble puts what is new beside what stays.
func (r *receipt) assemble(existing *calendar.Object, was *series, taken map[*calendar.Event]bool, kept []*calendar.Component) *calendar.Object {
	var events []*calendar.Component
	if was != nil {
		for _, e := range existing.Events {
			if !taken[e] {
				events = append(events, e.Component)
			}
		}
	}
	for _, c := range kept { // the whole stands first
		if c.Prop("RECURRENCE-ID") == nil {
			events = slices.Insert(events, 0, c)
		} else {
			events = append(events, c)
		}
	}
	if len(events) > maxEvents {
		events = events[:maxEvents]
	}
	return objectOf("", usedZones(zonesOf(r.message.object, existing), events...), events...)
}

// entered is an event of a message as it is kept: the organizer's, but what is
// the user's own stays as it was. before is what was there, nil for nothing.
func (r *receipt) entered(before *calendar.Event, m *calendar.Event) *calendar.Component {
	c := m.Component.Clone()
	intended := m.Busy
	switch {
	case intended == "" && m.Transparent:
		intended = "FREE"
	case intended == "":
		intended = "BUSY"
	}
	c.Props = slices.DeleteFunc(c.Props, func(p calendar.Property) bool { return isPrivate(p.Name) || p.Name == "METHOD" })
	for i := range c.Props {
		p := &c.Props[i]
		p.Params = slices.DeleteFunc(p.Params, func(q calendar.Param) bool {
			return strings.HasPrefix(q.Name, ownPrefix) || strings.HasPrefix(q.Name, "SCHEDULE-")
		})
	}
	mine := attendeeOf(c, r.own)
	if mine == nil { // through a group, or sent on by somebody
		p := calendar.Property{Name: "ATTENDEE", Value: "mailto:" + r.me.Address}
		p.SetParam("CN", r.me.Name)
		p.SetParam("PARTSTAT", needsAction)
		p.SetParam("RSVP", "TRUE")
		c.Add(p)
		mine = attendeeOf(c, r.own)
	}
	answer := needsAction
	switch {
	case before == nil:
		if r.verified {
			answer = status(mine)
		}
	case m.Sequence > before.Sequence && r.verified: // the organizer asks anew, or knows the answer
		answer = status(mine)
	case sameTime(before, m) || before.Recurs() && m.RecurrenceID != nil && sameLength(before, m):
		if p := attendeeOf(before.Component, r.own); p != nil {
			answer = status(p)
		}
	}
	if before != nil && before.Status == "CANCELLED" { // it takes place after all
		answer = needsAction
	}
	mine.SetParam("PARTSTAT", answer)
	if before != nil && m.RecurrenceID == nil && sameTime(before, m) {
		keepSkipped(c, before.Component)
	}
	c.SetValue(propIntended, intended)
	setBusy(c, answer)
	if before == nil || before.Status == "CANCELLED" {
		c.Children = reminder(c)
	} else {
		keepOwn(c, before.Component, answer)
	}
	if !r.verified {
		r.warn(c)
	}
	return c
}

// keepSkipped brings over the occurrences that the user has declined and that are
// not in the calendar for that reason.
func keepSkipped(c, before *calendar.Component) {
	for p := range before.All("EXDATE") {
		if p.Param(paramDeclined) != "" {
			c.Add(*p)
		}
	}
}

// sameLength tells whether an occurrence is where the whole has it.
func sameLength(whole, one *calendar.Event) bool {
	return one.RecurrenceID.Same(one.Start) && whole.End.Sub(whole.Start.Time) == one.End.Sub(one.Start.Time)
}

// keepOwn brings over what the user has made of a meeting: reminders, where it is
// filed, how busy it makes them if they have said so.
func keepOwn(c, before *calendar.Component, answer string) {
	for _, p := range before.Props {
		switch {
		case p.Name == propUnverified, p.Name == propIntended, p.Name == "CREATED", p.Name == "LAST-MODIFIED":
		case p.Name == propBusy || p.Name == "TRANSP":
			if mine := before.Prop(propReplyTime); mine != nil && answer != needsAction {
				c.Set(p)
			}
		case p.Name == propReplyTime || p.Name == propAnswer:
			if answer != needsAction {
				c.Set(p)
			}
		case isPrivate(p.Name):
			c.Add(p)
		}
	}
	c.Children = slices.DeleteFunc(c.Children, func(k *calendar.Component) bool { return k.Name == "VALARM" })
	for _, k := range before.Children {
		if k.Name == "VALARM" {
			c.Children = append(c.Children, k.Clone())
		}
	}
}

// warning is what stands in the description of a meeting whose organizer is not
// proven.
const warning = "[Not verified: nothing proves that this comes from "

// warn marks a meeting whose organizer is not proven, for programs and for people.
func (r *receipt) warn(c *calendar.Component) {
	c.SetValue(propUnverified, "TRUE")
	who := "the organizer"
	if p := c.Prop("ORGANIZER"); p != nil && addressOf(p) != "" {
		who = addressOf(p)
	}
	head := warning + who + ".]"
	if d := c.Text("DESCRIPTION"); d != "" {
		head += "\n\n" + d
	}
	c.SetText("DESCRIPTION", head)
	c.Remove("X-ALT-DESC")
}

// isVerified tells whether it was proven who has sent what the calendar has of a
// meeting.
func (s *series) isVerified() bool {
	for _, e := range s.events() {
		if e.Component.Prop(propUnverified) != nil {
			return false
		}
	}
	return true
}

// cancel marks what a CANCEL says does not take place; nil when that changes
// nothing. Of a meeting that is not there yet it makes what is left of it.
func cancel(existing *calendar.Object, r *receipt) *calendar.Object {
	was := readSeries(existing)
	if was == nil {
		var kept []*calendar.Component
		for _, m := range r.message.events() {
			kept = append(kept, cancelled(r.entered(nil, m), m))
		}
		return r.assemble(nil, nil, nil, kept)
	}
	var kept []*calendar.Component
	taken := map[*calendar.Event]bool{}
	strike := func(e *calendar.Event, m *calendar.Event) {
		v, w := versionOf(m), versionOf(e)
		// The whole ends each occurrence, whose number may be higher.
		if (v.compare(w) >= 0 || m.RecurrenceID == nil && v.stamp > w.stamp) && e.Status != "CANCELLED" {
			taken[e] = true
			kept = append(kept, cancelled(e.Component, m))
		}
	}
	if m := r.message.master; m != nil {
		for _, e := range was.events() {
			strike(e, m)
		}
	}
	for _, k := range sortedKeys(r.message.over) {
		m := r.message.over[k]
		key := was.key(*m.RecurrenceID)
		if e := was.over[key]; e != nil {
			if !taken[e] {
				strike(e, m)
			}
			continue
		}
		if was.master == nil && r.message.master == nil && attendeeOf(m.Component, r.own) != nil { // the whole is still to come
			kept = append(kept, cancelled(r.entered(nil, m), m))
		}
		if was.master == nil || taken[was.master] || was.master.Status == "CANCELLED" || versionOf(m).compare(versionOf(was.master)) < 0 {
			continue
		}
		switch e := was.derived(key); {
		case e != nil:
			kept = append(kept, cancelled(e.Component, m))
		case m.Sequence > was.master.Sequence && attendeeOf(m.Component, r.own) != nil: // a change in between is still to come
			kept = append(kept, cancelled(r.entered(nil, m), m))
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return r.assemble(existing, was, taken, kept)
}

// canceledPrefix stands before the subject of what does not take place, so that
// it is seen in programs that know no STATUS.
const canceledPrefix = "Canceled: "

// cancelled is an event that does not take place: it takes nobody's time and
// reminds of nothing. It stays until the user takes it away.
func cancelled(c *calendar.Component, m *calendar.Event) *calendar.Component {
	c = c.Clone()
	c.SetValue("STATUS", "CANCELLED")
	if s := c.Text("SUMMARY"); !strings.HasPrefix(s, canceledPrefix) {
		c.SetText("SUMMARY", canceledPrefix+s)
	}
	v := versionOf(m)
	setSequence(c, v.sequence)
	if v.stamp != 0 {
		setStamp(c, v.stamp)
	}
	c.SetValue(propBusy, "FREE")
	c.SetValue("TRANSP", "TRANSPARENT")
	c.Children = slices.DeleteFunc(c.Children, func(k *calendar.Component) bool { return k.Name == "VALARM" })
	return c
}

// add enters the instances of an ADD (RFC 5546 3.2.4): each becomes an
// occurrence of its own.
func add(existing *calendar.Object, r *receipt) *calendar.Object {
	was := readSeries(existing)
	if was == nil || was.master == nil {
		return nil
	}
	master := was.master.Component.Clone()
	var kept []*calendar.Component
	for _, m := range r.message.object.Events {
		if m.Component.Prop("DTSTART") == nil || m.Start.IsZero() || versionOf(m).compare(versionOf(was.master)) <= 0 || len(kept) == maxApart {
			continue
		}
		key := was.key(m.Start)
		if was.over[key] != nil || was.derived(key) != nil || !was.master.Recurs() && was.master.Start.Same(m.Start) {
			continue
		}
		date := *m.Component.Prop("DTSTART")
		date.Name = "RDATE"
		master.Add(date)
		c := r.entered(was.master, m)
		c.Remove("RRULE")
		id := date
		id.Name = "RECURRENCE-ID"
		c.Set(id)
		kept = append(kept, c)
		setSequence(master, max(was.master.Sequence, m.Sequence))
		setStamp(master, max(versionOf(was.master).stamp, versionOf(m).stamp))
	}
	if len(kept) == 0 {
		return nil
	}
	return r.assemble(existing, was, map[*calendar.Event]bool{was.master: true}, append([]*calendar.Component{master}, kept...))
}
