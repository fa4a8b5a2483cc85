package schedule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"martlet/mail/calendar"
)

// guest is what a meeting has of somebody who is invited.
type guest struct {
	person calendar.Person
	status string
	master bool           // invited to all of it
	over   map[int64]bool // for each event that stands for one occurrence: whether invited to that
	forced string         // SCHEDULE-FORCE-SEND (RFC 6638 7.2)
}

// at tells whether they are invited to the occurrence at a key.
func (g *guest) at(key int64) bool {
	if g == nil {
		return false
	}
	if in, ok := g.over[key]; ok {
		return in
	}
	return g.master
}

// anywhere tells whether they are invited to anything.
func (g *guest) anywhere() bool {
	if g == nil {
		return false
	}
	return g.master || slices.Contains(slices.Collect(maps.Values(g.over)), true)
}

// guests are those to whom the server sends messages, by address in lower case:
// without the organizer, whose messages the client sends itself (RFC 6638 7.1),
// and whom no mail can reach.
func (s *series) guests(own func(address string) bool) map[string]*guest {
	all := map[string]*guest{}
	if s == nil {
		return all
	}
	add := func(e *calendar.Event, key int64, isMaster bool) {
		if e.Status == "CANCELLED" {
			return
		}
		for address, a := range s.people(e) {
			if own(address) || !isAddress(address) {
				continue
			}
			g := all[address]
			if g == nil {
				g = &guest{person: a.Person, status: a.Status, over: map[int64]bool{}}
				all[address] = g
			}
			if isMaster {
				g.master = true
			} else {
				g.over[key] = true
			}
		}
	}
	if s.master != nil {
		add(s.master, 0, true)
	}
	for k, e := range s.over {
		add(e, k, false)
	}
	for k := range s.over {
		for _, g := range all {
			if !g.over[k] {
				g.over[k] = false
			}
		}
	}
	for _, e := range s.events() {
		for p := range e.Component.All("ATTENDEE") {
			g := all[addressOf(p)]
			if g == nil {
				continue
			}
			if agent := p.Param("SCHEDULE-AGENT"); agent != "" && !strings.EqualFold(agent, "SERVER") {
				delete(all, addressOf(p))
				continue
			}
			if f := p.Param("SCHEDULE-FORCE-SEND"); f != "" {
				g.forced = strings.ToUpper(f)
			}
		}
	}
	return all
}

// maxWritten bounds all messages about one change together, in properties.
const maxWritten = 1_000_000

// tooMany tells whether a meeting invites more people than may be, or to more
// apart than anybody takes in, or each to other occurrences, so that each would get
// a message of their own that is as large as the meeting.
func (s *series) tooMany(own func(address string) bool) bool {
	if s == nil {
		return false
	}
	if len(s.over) >= maxEvents {
		return true
	}
	known, parts := map[string]bool{}, 0
	for _, e := range s.events() {
		for p := range e.Component.All("ATTENDEE") {
			if known[addressOf(p)] = true; len(known) > MaxAttendees {
				return true
			}
		}
		parts += len(e.Component.Props)
	}
	if len(known)*parts <= maxWritten {
		return false
	}
	apart := map[string]bool{}
	for _, g := range s.guests(own) {
		var id strings.Builder
		for _, k := range sortedKeys(g.over) {
			fmt.Fprint(&id, g.over[k])
		}
		apart[digest(id.String())] = true
	}
	return len(apart)*parts > maxWritten
}
