package schedule

import (
	"slices"
	"time"

	"martlet/mail/calendar"
)

// attending is a change by somebody who is invited, in their own copy. Only what
// they answer is told to the organizer; the rest is theirs (RFC 6638 3.2.2).
type attending struct {
	old, now *series
	own      func(address string) bool
	at       time.Time
	sentBy   string // who does it for them, or nothing

	events []*calendar.Component // of the reply
}

// respond works out what an attendee's change answers, and what is to be kept
// with it; reply is nil when that is nothing. A meeting that is taken out of the
// calendar is declined, and so is an occurrence.
func respond(old, wanted *calendar.Object, own func(address string) bool, at time.Time, sentBy, comment string) (next, reply *calendar.Object) {
	a := &attending{old: readSeries(old), own: own, at: at, sentBy: sentBy}
	if wanted != nil {
		next = calendar.Of(wanted.Root.Clone())
	}
	a.now = readSeries(next)
	switch {
	case a.now == nil:
		a.leave()
	case a.old == nil && a.now.ended(at): // a calendar that is brought here tells nobody what was
	default:
		a.restore()
		a.answer()
		a.skip()
	}
	if next != nil {
		next = calendar.Of(next.Root)
	}
	if len(a.events) == 0 {
		return next, nil
	}
	for _, c := range a.events {
		c.SetText("COMMENT", comment)
	}
	zones := zonesOf(wanted, old)
	return next, objectOf(methodReply, usedZones(zones, a.events...), a.events...)
}

// leave declines what is deleted, unless that was done before, or nobody wants
// to know any more.
func (a *attending) leave() {
	if a.old.ended(a.at) {
		return
	}
	for _, e := range a.old.events() {
		p := attendeeOf(e.Component, a.own)
		if p == nil || status(p) == declined || e.Status == "CANCELLED" {
			continue
		}
		a.reply(e, p, declined)
		if e.RecurrenceID == nil { // it speaks for all
			return
		}
	}
}

// answer finds the events whose status the attendee has changed.
func (a *attending) answer() {
	for _, e := range a.now.events() {
		p := attendeeOf(e.Component, a.own)
		if p == nil {
			continue
		}
		before := needsAction
		if was := a.old.counterpart(e); was != nil {
			if q := attendeeOf(was.Component, a.own); q != nil {
				before = status(q)
			}
		}
		if e.RecurrenceID != nil && a.old.counterpart(e) == nil && a.now.master != nil {
			if q := attendeeOf(a.now.master.Component, a.own); q != nil {
				before = status(q)
			}
		}
		now := status(p)
		if now == before || now == needsAction {
			continue
		}
		a.reply(e, p, now)
		setAnswer(e.Component, p, now, replyTime(e.Component, a.at))
	}
}

// skip declines the occurrences that the attendee has taken out.
func (a *attending) skip() {
	if a.old == nil || a.old.master == nil || a.now.master == nil {
		return
	}
	p := attendeeOf(a.old.master.Component, a.own)
	if p == nil || status(p) == declined || a.old.master.Status == "CANCELLED" {
		return
	}
	was, told := a.old.excluded(), 0
	for k := range a.now.excluded() {
		if _, ok := was[k]; ok || told == maxApart {
			continue
		}
		e := a.old.occurrence(k)
		if e == nil || e.Status == "CANCELLED" || e.End.Before(a.at) {
			continue
		}
		q := attendeeOf(e.Component, a.own)
		if q == nil {
			q = p
		}
		if status(q) != declined {
			told++
			a.reply(e, q, declined)
		}
	}
}

// reply adds what is answered for one event.
func (a *attending) reply(e *calendar.Event, p *calendar.Property, answer string) {
	one := objectOf("", nil, e.Component.Clone())
	r := one.Reply(&calendar.Answer{From: calendar.Person{Name: p.Param("CN"), Address: writtenAddress(p)}, Status: answer, Now: replyTime(e.Component, a.at)})
	for _, e := range r.Events {
		finishReply(e.Component, a.sentBy)
		a.events = append(a.events, e.Component)
	}
}

// replyTime is the time of an answer: later than that of the one before, to the
// second, so that the organizer knows which came last.
func replyTime(c *calendar.Component, now time.Time) time.Time {
	if last, err := time.Parse(stampForm, c.Value(propReplyTime)); err == nil && !now.After(last.Add(time.Second)) && last.Sub(now) < time.Minute {
		return last.Add(time.Second)
	}
	return now
}

// finishReply names who answers for the attendee, and takes out what is the
// server's own.
func finishReply(c *calendar.Component, sentBy string) {
	if sentBy != "" {
		for p := range c.All("ATTENDEE") {
			p.SetParam("SENT-BY", "mailto:"+sentBy)
		}
	}
	publish(c, methodReply)
}

// setAnswer notes in an event what its owner has answered.
func setAnswer(c *calendar.Component, p *calendar.Property, answer string, at time.Time) {
	p.SetParam("PARTSTAT", answer)
	p.SetParam("RSVP", "")
	c.SetValue(propReplyTime, at.UTC().Format(stampForm))
	setBusy(c, answer)
}

// setBusy makes an event take somebody's time as they have answered: as the
// organizer wants it when they come, not at all when they do not.
func setBusy(c *calendar.Component, answer string) {
	intended := c.Value(propIntended)
	switch answer {
	case accepted:
		if intended == "" {
			if c.Value(propBusy) != "TENTATIVE" { // as the user wants it
				return
			}
			intended = "BUSY"
		}
		c.SetValue(propBusy, intended)
		transparency := "OPAQUE"
		if intended == "FREE" {
			transparency = "TRANSPARENT"
		}
		c.SetValue("TRANSP", transparency)
	case declined:
		c.SetValue(propBusy, "FREE")
		c.SetValue("TRANSP", "TRANSPARENT")
	default:
		c.SetValue(propBusy, "TENTATIVE")
		c.SetValue("TRANSP", "OPAQUE")
	}
	c.Props = slices.Clip(c.Props)
}
