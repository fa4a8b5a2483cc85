package calendar

import "strconv"

// Merger puts what several calendars hold into one, each time zone once. Two of
// them may mean different things by one name of a zone, or one of them nothing at
// all: then the second gets another name. The zero Merger is ready.
type Merger struct{ zones map[string]mergedZone }

// mergedZone is what a name stands for.
type mergedZone struct {
	text    string // its definition; ofTheWorld, or nothing if nobody defines it
	defined bool   // the definition is there
}

// ofTheWorld stands for the definitions of a zone whose name says more than they.
const ofTheWorld = "the world's"

// Take returns what of a calendar goes into the one: its components, without the
// zones that are there already.
func (m *Merger) Take(root *Component) (out []*Component) {
	if m.zones == nil {
		m.zones = map[string]mergedZone{}
	}
	names := map[string]string{} // in the one, by what this calendar calls them
	for _, c := range root.Children {
		if c.Name != "VTIMEZONE" {
			continue
		}
		id := c.Text("TZID")
		zone := mergedZone{string(c.Append(nil)), true}
		if worldZone(id, c) != nil {
			zone.text = ofTheWorld
		}
		name, known := m.nameFor(id, zone)
		if names[id] = name; name != id {
			c.SetText("TZID", name)
		}
		if !known {
			out = append(out, c)
		}
	}
	for _, c := range root.Children {
		if c.Name == "VTIMEZONE" {
			continue
		}
		for _, id := range c.Zones() {
			if _, ok := names[id]; !ok {
				zone := mergedZone{}
				if _, err := LoadZone(id); err == nil {
					zone.text = ofTheWorld
				}
				names[id], _ = m.nameFor(id, zone)
			}
		}
		c.renameZones(names)
		out = append(out, c)
	}
	return out
}

// nameFor returns the name under which a zone stands in the one, and whether it
// is defined there already.
func (m *Merger) nameFor(id string, zone mergedZone) (name string, known bool) {
	name = id
	for n := 2; ; n++ {
		there, taken := m.zones[name]
		if !taken || there.text == zone.text && !there.defined {
			m.zones[name] = zone
			return name, false
		}
		if there.text == zone.text {
			return name, true
		}
		name = id + " (" + strconv.Itoa(n) + ")"
	}
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
