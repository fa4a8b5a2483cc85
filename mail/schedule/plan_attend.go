package schedule

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/mail/route"
)

// attend plans for an attendee.
func (p *Plan) attend(ctx context.Context, c *Change, o *owner, old, wanted *calendar.Object, organizer *calendar.Person, sentBy string) error {
	next, reply := respond(old, wanted, o.owns, p.s.now(), sentBy, c.Comment)
	if next == nil {
		p.marks = append(p.marks, p.s.leaving(p.box, readSeries(old), true))
	} else {
		p.keep(next)
	}
	to := addresses([]calendar.Person{*organizer})
	if reply == nil || c.Invites != ByServer || len(to) == 0 || agentOf(old, wanted) {
		return nil
	}
	plan, err := p.s.prepareReply(ctx, o, reply, to, &words{comment: c.Comment}, route.Key{})
	if errors.Is(err, mail.ErrNoRecipients) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("schedule: plan: %w", err)
	}
	p.sends, p.Messages = append(p.sends, plan), 1
	if next == nil {
		return nil
	}
	outcome, err := p.s.outcomeOf(ctx, to[0].Address)
	if err != nil {
		return err
	}
	for _, e := range next.Events { // RFC 6638 3.2.2.2, 3.2.2.3
		if q := e.Component.Prop("ORGANIZER"); q != nil {
			q.SetParam("SCHEDULE-STATUS", outcome)
		}
	}
	p.keep(next)
	return nil
}

// agentOf tells whether the client answers the organizer itself, or nobody does
// (RFC 6638 7.1).
func agentOf(objects ...*calendar.Object) bool {
	for _, o := range objects {
		if o == nil {
			continue
		}
		for _, e := range o.Events {
			if p := e.Component.Prop("ORGANIZER"); p != nil {
				if agent := p.Param("SCHEDULE-AGENT"); agent != "" && !strings.EqualFold(agent, "SERVER") {
					return true
				}
			}
		}
	}
	return false
}

// words are what an attendee writes to the organizer.
type words struct {
	comment, html string
	answers       *message.Index
	bare          bool // nothing is said where the attendee says nothing
	auto          bool // nobody wrote it
}

// answerWords are what an answer is called in a subject.
var answerWords = map[string]string{accepted: "Accepted: ", tentative: "Tentative: ", declined: "Declined: "}

// prepareReply plans the sending of an attendee's answer.
func (s *Scheduler) prepareReply(ctx context.Context, o *owner, reply *calendar.Object, to []message.Address, w *words, once route.Key) (*route.Plan, error) {
	e := reply.Master()
	l := letter{account: o.account.ID, by: o.by, from: o.as(nil), to: to, method: reply.Method, object: reply, answers: w.answers, once: once, text: w.comment, html: w.html, auto: w.auto}
	if a := attendeeOf(e.Component, o.owns); a != nil {
		l.from = o.as(&calendar.Person{Name: a.Param("CN"), Address: writtenAddress(a)})
	}
	prefix := "Answered: "
	if len(e.Attendees) > 0 && answerWords[e.Attendees[0].Status] != "" {
		prefix = answerWords[e.Attendees[0].Status]
	}
	if reply.Method == methodCounter {
		prefix = "New Time Proposed: "
	}
	l.subject = subject(prefix, e)
	if strings.TrimSpace(l.text) == "" && !w.bare {
		l.text = facts(e)
	}
	return s.prepare(ctx, &l)
}
