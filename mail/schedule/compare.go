package schedule

import (
	"slices"
	"strings"

	"martlet/mail/calendar"
)

// What an organizer changes concerns those who are invited only where it is
// theirs, too: a client writes an event anew for a reminder, a category or a
// colour, with its times in another zone of the same rules, its rule in other
// words and its lines broken elsewhere. So events are compared by what they
// mean.

// maxCompared bounds how many occurrences of two rules are compared one by one.
const maxCompared = 1000

// sameTime tells whether two events take place at the same times. What EXDATE
// takes out is left to the caller.
func sameTime(a, b *calendar.Event) bool {
	if a.Start.Date != b.Start.Date || a.Start.Floating != b.Start.Floating || !a.Start.Same(b.Start) || !a.End.Same(b.End) {
		return false
	}
	if a.Recurs() != b.Recurs() {
		return false
	}
	if !a.Recurs() {
		return true
	}
	if a.BadRule || b.BadRule {
		return a.Component.Value("RRULE") == b.Component.Value("RRULE")
	}
	return sameOccurrences(a, b)
}

// sameOccurrences compares what two rules make.
func sameOccurrences(a, b *calendar.Event) bool {
	x, y := *a, *b
	x.Except, y.Except = nil, nil
	if endless(&x) != endless(&y) {
		return false
	}
	var first []int64
	for t := range x.Occurrences() {
		if first = append(first, t.Unix()); len(first) == maxCompared {
			break
		}
	}
	n := 0
	for t := range y.Occurrences() {
		if n == maxCompared {
			break
		}
		if n >= len(first) || first[n] != t.Unix() {
			return false
		}
		n++
	}
	if n != len(first) {
		return false
	}
	if n < maxCompared || endless(&x) {
		return true
	}
	lastX, _ := x.Last()
	lastY, _ := y.Last()
	return lastX.Equal(lastY.Time)
}

func endless(e *calendar.Event) bool {
	return e.Rule != nil && e.Rule.Count == 0 && e.Rule.Until.IsZero()
}

// shared are the properties, beside the times, that belong to the organizer and
// to everybody who is invited.
var shared = [...]string{
	"SUMMARY", "LOCATION", "STATUS", "PRIORITY", "CLASS", "URL", "GEO", "CONTACT", "RESOURCES", "CONFERENCE", "ATTACH",
	"X-MICROSOFT-DISALLOW-COUNTER", "X-GOOGLE-CONFERENCE",
}

// sameContent tells whether two events say the same to those who are invited.
func sameContent(a, b *calendar.Event) bool {
	for _, name := range shared {
		if !slices.Equal(values(a.Component, name), values(b.Component, name)) {
			return false
		}
	}
	return sameText(a.Description, b.Description) && (a.Description != "" || sameText(a.HTML, b.HTML)) && a.Place().Name == b.Place().Name
}

// values are what the properties of a name say, defaults left out.
func values(c *calendar.Component, name string) (all []string) {
	for p := range c.All(name) {
		v := plain(calendar.UnescapeText(p.Value))
		switch {
		case v == "", name == "STATUS" && strings.EqualFold(v, "CONFIRMED"), name == "PRIORITY" && v == "0",
			name == "CLASS" && strings.EqualFold(v, "PUBLIC"), name == "X-MICROSOFT-DISALLOW-COUNTER" && strings.EqualFold(v, "FALSE"):
			continue
		}
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

func sameText(a, b string) bool { return a == b || plain(a) == plain(b) }

// plain is a text without what clients do to its blanks and line ends.
func plain(s string) string { return strings.Join(strings.Fields(s), " ") }

// same tells whether nothing has changed that concerns those who are invited.
func same(a, b *calendar.Event) bool { return sameTime(a, b) && sameContent(a, b) }

// excluded are the starts that EXDATE takes out, of those that the master would
// have.
func (s *series) excluded() map[int64]calendar.Time {
	all := map[int64]calendar.Time{}
	if s == nil || s.master == nil {
		return all
	}
	for _, t := range s.master.Except {
		all[s.key(t)] = t
	}
	return all
}

// changes are what differs between two states of a meeting for those who are
// invited to all of it.
type changes struct {
	all   bool           // the master itself, or so much that it is told as a whole
	moved bool           // and its times
	at    map[int64]bool // occurrences that are told one by one
}

const (
	// maxApart is how many occurrences are told of one by one.
	maxApart = 10
	// maxSought is how many occurrences are looked for in the rule one by one.
	maxSought = 300
)

// compare finds the changes from s to n; both have a master.
func (s *series) compare(n *series) changes {
	c := changes{at: map[int64]bool{}}
	c.moved = !sameTime(s.master, n.master) || !slices.EqualFunc(s.later, n.later, same)
	if c.moved || !sameContent(s.master, n.master) {
		c.all = true
		return c
	}
	was, is := s.excluded(), n.excluded()
	for k := range was { // it takes place again
		if _, ok := is[k]; !ok && n.occurrence(k) != nil {
			c.all, c.moved = true, true
			return c
		}
	}
	keys := map[int64]bool{}
	for k := range is {
		if _, ok := was[k]; !ok {
			keys[k] = true
		}
	}
	apart := 0 // how many stand in one of them alone: each is looked for
	for k := range s.over {
		keys[k] = true
		if n.over[k] == nil {
			apart++
		}
	}
	for k := range n.over {
		keys[k] = true
		if s.over[k] == nil {
			apart++
		}
	}
	if apart+len(is) > maxSought {
		c.all, c.moved = true, true
		return c
	}
	for k := range keys {
		before, after := s.occurrence(k), n.occurrence(k)
		if before == nil && after == nil || before != nil && after != nil && same(before, after) {
			continue
		}
		if after != nil && (n.over[k] == nil || before == nil) { // as the master has it, again, or one more
			c.all, c.moved = true, true
			return c
		}
		c.at[k] = true
	}
	if len(c.at) > maxApart {
		c.all, c.moved = true, true
	}
	return c
}
