package schedule

import (
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
