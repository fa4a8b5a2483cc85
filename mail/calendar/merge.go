package calendar

import (
	"slices"
	"strconv"
	"time"
)

// Merger puts what several calendars hold into one, each time zone once. Two of
// them may mean different things by one name of a zone, or one of them nothing at
// all: then the second gets another name. The zero Merger is ready.
type Merger struct {
	names   map[meaning]string
	taken   map[string]int // how many other names were tried for one
	defined map[string]bool
	world   map[string]*time.Location // what the world has by a name; nil: nothing
}

// meaning is what a calendar means by the name of a zone: its definition,
// ofTheWorld, or nothing if nobody defines it.
type meaning struct{ id, text string }

// ofTheWorld stands for the definitions of a zone whose name says more than they.
const ofTheWorld = "the world's"

// maxLookedFor is how many names a Merger looks for in the world.
const maxLookedFor = 1000

// Take returns what of a calendar goes into the one: its components, without the
// zones that are there already.
func (m *Merger) Take(root *Component) (out []*Component) {
	if m.names == nil {
		m.names, m.taken, m.defined, m.world = map[meaning]string{}, map[string]int{}, map[string]bool{}, map[string]*time.Location{}
	}
	names := map[string]string{} // in the one, by what this calendar calls them
	definitions := map[string][]*Component{}
	var ids []string
	for _, c := range root.Children {
		if c.Name != "VTIMEZONE" {
			continue
		}
		id := c.TZID()
		if definitions[id] == nil {
			ids = append(ids, id)
		}
		definitions[id] = append(definitions[id], c) // the first that says something holds
	}
	for _, id := range ids {
		names[id], out = m.take(out, id, definitions[id])
	}
	for _, c := range root.Children {
		if c.Name == "VTIMEZONE" {
			continue
		}
		for _, id := range c.Zones() {
			if _, ok := names[id]; !ok {
				zone, loc := meaning{id: id}, m.find(id)
				if loc != nil {
					zone.text = ofTheWorld
				}
				name := m.nameFor(zone)
				if names[id] = name; name != id && loc != nil {
					out = m.define(out, name, DescribeZone(name, loc, firstDescribed))
				}
			}
		}
		c.renameZones(names)
		out = append(out, c)
	}
	return out
}

// take adds what a calendar has by one name of a zone, and returns its name in the
// one.
func (m *Merger) take(out []*Component, id string, definitions []*Component) (string, []*Component) {
	loc := m.find(id)
	zone := meaning{id, ofTheWorld}
	if loc == nil || isFixed(loc) && slices.ContainsFunc(definitions, hasSummer) {
		zone.text = ""
		for _, c := range definitions {
			zone.text += string(c.Append(nil))
		}
	}
	name := m.nameFor(zone)
	switch {
	case name == id:
	case zone.text == ofTheWorld: // its other name says nothing
		definitions = []*Component{DescribeZone(name, loc, firstDescribed)}
	default:
		for _, c := range definitions {
			c.SetText("TZID", name)
		}
	}
	return name, m.define(out, name, definitions...)
}

// firstDescribed is the year from which on a zone is described.
const firstDescribed = 1970

// define adds the definition of a zone that is not there yet.
func (m *Merger) define(out []*Component, name string, definitions ...*Component) []*Component {
	if m.defined[name] {
		return out
	}
	m.defined[name] = true
	return append(out, definitions...)
}

// find looks for a zone of the world.
func (m *Merger) find(id string) *time.Location {
	loc, known := m.world[id]
	if !known && len(m.world) < maxLookedFor {
		loc, _ = LoadZone(id)
		m.world[id] = loc
	}
	return loc
}

// nameFor returns the name under which a zone stands in the one.
func (m *Merger) nameFor(zone meaning) string {
	if name, ok := m.names[zone]; ok {
		return name
	}
	name := zone.id
	for {
		if _, taken := m.taken[name]; !taken {
			break
		}
		m.taken[zone.id]++
		name = zone.id + " (" + strconv.Itoa(m.taken[zone.id]+1) + ")"
	}
	m.taken[name], m.names[zone] = 0, name
	return name
}

// renameZones has a component refer to its zones by other names.
func (c *Component) renameZones(names map[string]string) {
	for i := range c.Props {
		for _, q := range c.Props[i].Params {
			if q.Name == "TZID" && len(q.Values) > 0 && names[q.Values[0]] != "" {
				q.Values[0] = names[q.Values[0]]
			}
		}
	}
	for _, k := range c.Children {
		k.renameZones(names)
	}
}
