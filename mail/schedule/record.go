package schedule

import (
	"slices"
	"time"

	"martlet/mail/calendar"
)

// answer is what an attendee's message says of their coming.
type answer struct {
	address  string // under which the attendee was invited, in lower case
	as       string // under which they answer
	name     string
	verified bool
	counter  bool // it proposes another time
}

// record notes a REPLY or COUNTER in the organizer's meeting; nil when it changes
// nothing. Who was not invited is noted only if it is known that they wrote it:
// they got it from somebody who was, or as one of a group.
func record(existing *calendar.Object, r *receipt, a *answer) *calendar.Object {
	was := readSeries(existing)
	if was == nil {
		return nil
	}
	if slices.Contains(was.removed(), a.address) {
		return nil
	}
	next := calendar.Of(existing.Root.Clone())
	now := readSeries(next)
	changed, apart := false, 0
	for _, m := range r.message.events() {
		p := attendeeOf(m.Component, func(s string) bool { return s == a.as })
		if p == nil {
			continue
		}
		answered := tentative
		if !a.counter {
			answered = status(p)
		}
		if answered == needsAction || answered == "DELEGATED" && !a.verified {
			continue
		}
		if m.RecurrenceID == nil {
			if now.master == nil {
				continue
			}
			before := a.statusIn(now.master)
			if a.note(now.master, m, answered) {
				changed = true
				for _, e := range now.over { // it speaks for each that is where the whole has it
					if had := a.statusIn(e); sameLength(now.master, e) && (had == before || had == needsAction) {
						a.note(e, nil, answered)
					}
				}
			}
			continue
		}
		key := now.key(*m.RecurrenceID)
		e := now.over[key]
		if e == nil {
			if e = now.derived(key); e == nil || apart == maxSought || len(now.over) >= maxEvents || !a.note(e, m, answered) {
				continue
			}
			apart++
			next.Root.Children = append(next.Root.Children, e.Component)
			now.over[key], changed = e, true
			continue
		}
		changed = a.note(e, m, answered) || changed
	}
	if !changed {
		return nil
	}
	return calendar.Of(next.Root)
}

// statusIn is how the attendee has answered an event so far; nothing if they are
// not invited to it.
func (a *answer) statusIn(e *calendar.Event) string {
	if p := attendeeOf(e.Component, func(s string) bool { return s == a.address }); p != nil {
		return status(p)
	}
	return ""
}

// note writes an answer into an event of the organizer's. m is what it answers
// with, nil where the whole was answered.
func (a *answer) note(e, m *calendar.Event, answered string) bool {
	p := attendeeOf(e.Component, func(s string) bool { return s == a.address })
	if p == nil {
		if m == nil || !a.verified || len(e.Attendees) >= MaxAttendees {
			return false
		}
		q := calendar.Property{Name: "ATTENDEE", Value: "mailto:" + a.address}
		q.SetParam("CN", a.name)
		q.SetParam("ROLE", "OPT-PARTICIPANT")
		e.Component.Add(q)
		p = attendeeOf(e.Component, func(s string) bool { return s == a.address })
	}
	if m == nil {
		p.SetParam("PARTSTAT", answered)
		return true
	}
	if outdated(e, m, a.counter) {
		return false
	}
	stamp := versionOf(m).stamp
	if last, err := time.Parse(stampForm, p.Param(paramReplied)); err == nil && stamp <= last.Unix() {
		return false
	}
	if !a.verified && p.Param(paramVerified) != "" { // what is less certain does not take its place
		return false
	}
	p.SetParam("PARTSTAT", answered)
	p.SetParam("RSVP", "")
	p.SetParam("SCHEDULE-STATUS", "2.0") // RFC 6638 3.2.9, RFC 5546 3.6
	if stamp != 0 {
		p.SetParam(paramReplied, time.Unix(stamp, 0).UTC().Format(stampForm))
	}
	p.SetParam(paramProposedStart, "")
	p.SetParam(paramProposedEnd, "")
	if a.counter && !m.Start.IsZero() {
		p.SetParam(paramProposedStart, m.Start.UTC().Format(stampForm))
		p.SetParam(paramProposedEnd, m.End.UTC().Format(stampForm))
	}
	p.SetParam(paramVerified, "")
	if a.verified {
		p.SetParam(paramVerified, "TRUE")
	}
	return true
}

// outdated tells whether a reply is to another time than the meeting's. Many
// programs answer without the SEQUENCE; then it is the time that tells, of a reply
// that was written after the last request was.
func outdated(e, m *calendar.Event, counter bool) bool {
	if m.Sequence > e.Sequence || m.Sequence > 0 && m.Sequence < e.Sequence {
		return m.Sequence < e.Sequence
	}
	elsewhere := !m.Start.IsZero() && !m.Start.Same(e.Start) && !counter
	return elsewhere || m.Sequence < e.Sequence && (m.Start.IsZero() || versionOf(m).stamp < versionOf(e).stamp)
}
