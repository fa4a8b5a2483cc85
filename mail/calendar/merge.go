package calendar

import (
	"bytes"
	"strconv"
)

// Merger puts what several calendars hold into one, each time zone once. Two of
// them may mean different things by one name of a zone: then the second gets
// another name. The zero Merger is ready.
type Merger struct {
	zones map[string][]byte // as they are written, by name
}

// Take returns what of a calendar goes into the one: its components, without the
// zones that are there already.
func (m *Merger) Take(root *Component) (out []*Component) {
	if m.zones == nil {
		m.zones = map[string][]byte{}
	}
	renamed := map[string]string{}
	for _, c := range root.Children {
		if c.Name != "VTIMEZONE" {
			continue
		}
		id := c.Text("TZID")
		name, known := m.nameFor(id, c)
		if name != id {
			renamed[id] = name
			c.SetText("TZID", name)
		}
		if !known {
			out = append(out, c)
		}
	}
	for _, c := range root.Children {
		if c.Name != "VTIMEZONE" {
			c.renameZones(renamed)
			out = append(out, c)
		}
	}
	return out
}

// nameFor returns the name under which a zone stands in the one, and whether it
// is there already. What the world knows means the same however it is defined.
func (m *Merger) nameFor(id string, zone *Component) (name string, known bool) {
	text := zone.Append(nil)
	name = id
	for n := 2; ; n++ {
		there, taken := m.zones[name]
		if !taken {
			m.zones[name] = text
			return name, false
		}
		if bytes.Equal(there, text) || zone.isOfTheWorld() {
			return name, true
		}
		name = id + " (" + strconv.Itoa(n) + ")"
	}
}

// renameZones has a component refer to its zones by other names.
func (c *Component) renameZones(names map[string]string) {
	if len(names) == 0 {
		return
	}
	for i := range c.Props {
		if name, ok := names[c.Props[i].Param("TZID")]; ok {
			c.Props[i].SetParam("TZID", name)
		}
	}
	for _, k := range c.Children {
		k.renameZones(names)
	}
}
