package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/mail/queue"
	"martlet/store"
	"martlet/sync/class"
)

// peer is somebody elsewhere whose program speaks iTIP by mail. The network
// between delays messages, changes their order and repeats some.
type peer struct {
	o        *office
	made     int
	stamp    time.Time // of the last message: no two have the same
	under    []parcel  // way
	meetings map[string]*calendar.Event
	answers  map[string]string // what was answered last, by UID, to the latest time of it
	heard    map[string]int    // the SEQUENCE that was answered
}

// parcel is a message on its way to the office.
type parcel struct {
	to  string
	raw []byte
}

func newPeer(o *office) *peer {
	return &peer{o: o, stamp: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), meetings: map[string]*calendar.Event{}, answers: map[string]string{}, heard: map[string]int{}}
}

func (g *peer) tick() time.Time {
	g.stamp = g.stamp.Add(time.Second)
	return g.stamp
}

// send puts a scheduling message on its way, now and then twice.
func (g *peer) send(to string, o *calendar.Object) {
	raw := fmt.Sprintf("From: Guest <%s>\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%d@example.net>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/calendar; charset=utf-8; method=%s\r\n\r\n%s", guest, to, o.Master().Summary, g.tick().Unix(), o.Method, o.Encode())
	g.under = append(g.under, parcel{to, []byte(raw)})
	if g.o.rng.IntN(5) == 0 {
		g.under = append(g.under, parcel{to, []byte(raw)})
	}
}

// arrive delivers some of what is on its way, in any order.
func (g *peer) arrive(all bool) {
	for n := len(g.under); n > 0 && (all || g.o.rng.IntN(3) > 0); n-- {
		i := g.o.rng.IntN(len(g.under))
		p := g.under[i]
		g.under = slices.Delete(g.under, i, i+1)
		at := slices.IndexFunc(g.o.people, func(q *person) bool { return q.login == p.to })
		g.o.must(g.o.router.Deliver(context.Background(), mail.Envelope{
			From: guest, To: []mail.Recipient{{Address: p.to, Local: true, Accounts: []directory.AccountID{g.o.people[at].account.ID}}},
			Trace: mail.Trace{Results: "dmarc=pass header.from=example.net"},
		}, p.raw))
	}
}

// act makes, moves or cancels a meeting of the guest's own.
func (g *peer) act() {
	if uids := g.uids(); len(uids) > 0 && g.o.rng.IntN(2) == 0 {
		e := g.meetings[uids[g.o.rng.IntN(len(uids))]]
		if e.Status == "CANCELLED" {
			return
		}
		method := "REQUEST"
		e.Sequence++
		if g.o.rng.IntN(4) == 0 {
			method, e.Status = "CANCEL", "CANCELLED"
		} else {
			at := g.o.hour()
			e.Start, e.End = calendar.UTC(at), calendar.UTC(at.Add(time.Hour))
			for i := range e.Attendees {
				e.Attendees[i].Status = "NEEDS-ACTION"
			}
		}
		g.tell(method, e)
		return
	}
	g.made++
	e := &calendar.Event{UID: fmt.Sprintf("guest-%d@example.net", g.made), Summary: fmt.Sprint("Guest ", g.made), Organizer: &calendar.Person{Address: guest}}
	at := g.o.hour()
	e.Start, e.End = calendar.UTC(at), calendar.UTC(at.Add(time.Hour))
	for _, p := range g.o.people {
		if g.o.rng.IntN(2) == 0 || p == g.o.people[0] {
			e.Attendees = append(e.Attendees, calendar.Attendee{Person: calendar.Person{Address: p.login}, Role: "REQ-PARTICIPANT", Status: "NEEDS-ACTION", RSVP: true})
		}
	}
	g.meetings[e.UID] = e
	g.tell("REQUEST", e)
}

func (g *peer) uids() []string {
	var all []string
	for uid := range g.meetings {
		all = append(all, uid)
	}
	slices.Sort(all)
	return all
}

// tell sends the meeting as it is to all who are invited.
func (g *peer) tell(method string, e *calendar.Event) {
	e.Stamp = g.tick()
	copied := *e
	copied.Component = nil
	o := calendar.NewObject(method, &copied)
	for _, a := range e.Attendees {
		g.send(a.Address, o)
	}
}

// read takes what the office has sent to the guest, and answers invitations.
func (g *peer) read() {
	ctx := context.Background()
	var all []queue.Entry
	for e, err := range g.o.queue.List(ctx) {
		g.o.must(err)
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b queue.Entry) int { return int(a.ID) - int(b.ID) })
	for _, e := range all {
		raw, err := g.o.blobs.Read(ctx, e.Blob)
		g.o.must(err)
		ix := message.Parse(raw)
		if cal := class.ReadMeeting(ix, strings.NewReader(string(raw))); cal != nil && cal.Master() != nil {
			g.hear(cal)
		}
		g.o.must(g.o.store.Update(ctx, func(tx *store.Tx) error { return g.o.queue.Remove(tx, e.ID) }))
	}
}

func (g *peer) hear(o *calendar.Object) {
	e := o.Master()
	switch o.Method {
	case "REQUEST":
		if last, again := g.heard[e.UID]; again && last >= e.Sequence && g.answers[e.UID] != "" {
			g.o.t.Errorf("the guest is invited to %s, sequence %d, again", e.Summary, e.Sequence)
		}
		answer := []string{"ACCEPTED", "DECLINED", "TENTATIVE"}[g.o.rng.IntN(3)]
		g.answers[e.UID], g.heard[e.UID] = answer, e.Sequence
		r := o.Reply(&calendar.Answer{From: calendar.Person{Address: guest}, Status: answer, Now: g.tick()})
		g.send(e.Organizer.Address, r)
	case "CANCEL":
		delete(g.answers, e.UID)
	case "REPLY":
		mine := g.meetings[e.UID]
		if mine == nil {
			g.o.t.Errorf("the guest gets an answer to %s, which is not theirs", e.UID)
			return
		}
		for i := range e.Attendees {
			if a := mine.Attendee(e.Attendees[i].Address); a != nil && e.Sequence >= mine.Sequence {
				a.Status = e.Attendees[i].Status
			}
		}
	}
}

// compare holds the office's calendars against what the guest knows.
func (g *peer) compare() {
	t := g.o.t
	t.Helper()
	for _, p := range g.o.people {
		for _, text := range p.entries {
			cal, err := calendar.Parse([]byte(text))
			g.o.must(err)
			e := cal.Master()
			if mine := g.meetings[e.UID]; mine != nil {
				if (e.Status == "CANCELLED") != (mine.Status == "CANCELLED") || e.Status != "CANCELLED" && !e.Start.Same(mine.Start) {
					t.Errorf("%s has %s %s at %v, the guest %s at %v", p.login, e.Summary, e.Status, e.Start, mine.Status, mine.Start)
				}
				if me, there := e.Attendee(p.login), mine.Attendee(p.login); mine.Status != "CANCELLED" && me != nil && there != nil && me.Status != there.Status {
					t.Errorf("%s has answered %s with %s, the guest has %s", p.login, e.Summary, me.Status, there.Status)
				}
			}
			if answer := g.answers[e.UID]; answer != "" && e.Organizer != nil && e.Organizer.Address == p.login && e.Status != "CANCELLED" {
				if a := e.Attendee(guest); a != nil && a.Status != answer {
					t.Errorf("%s: %s: the guest has answered %s, the organizer has %s", p.login, e.Summary, answer, a.Status)
				}
			}
		}
	}
}
