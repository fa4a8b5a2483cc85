package schedule

import (
	"slices"
	"strconv"

	"martlet/mail/calendar"
)

func (o *organizing) request(g *guest, update, whole bool, keys []int64) {
	o.add(methodRequest, g, update, whole, keys)
}

func (o *organizing) cancel(g *guest, whole bool, keys []int64) {
	o.add(methodCancel, g, true, whole, keys)
}

// add has a guest told; those who are told the same get one message.
func (o *organizing) add(method string, g *guest, update, whole bool, keys []int64) {
	var hidden []int64 // occurrences of the whole that they are not invited to
	if whole && method == methodRequest {
		for _, k := range sortedKeys(g.over) {
			if !g.over[k] {
				hidden = append(hidden, k)
			}
		}
	}
	if !whole && len(keys) == 0 {
		return
	}
	id := method + strconv.FormatBool(update) + strconv.FormatBool(whole)
	for _, k := range keys {
		id += "+" + strconv.FormatInt(k, 10)
	}
	for _, k := range hidden {
		id += "-" + strconv.FormatInt(k, 10)
	}
	i, ok := o.groups[id]
	if !ok {
		i = len(o.out)
		o.groups[id] = i
		o.out = append(o.out, outgoing{method: method, update: update, object: objectOf(method, nil, o.chosen(method, whole, keys, hidden)...)})
	}
	o.out[i].to = append(o.out[i].to, g.person)
}

// chosen are the events of a message, as they are kept: build brings them into
// the form in which they are sent.
func (o *organizing) chosen(method string, whole bool, keys, hidden []int64) (all []*calendar.Component) {
	from := o.now
	if method == methodCancel {
		from = o.old
	}
	switch {
	case whole && method == methodCancel:
		return []*calendar.Component{from.master.Component.Clone()}
	case whole:
		master := from.master.Component.Clone()
		for _, k := range hidden {
			p := *from.over[k].Component.Prop("RECURRENCE-ID")
			p.Name = "EXDATE"
			master.Add(p)
		}
		all = append(all, master)
		for _, k := range sortedKeys(from.over) {
			if !slices.Contains(hidden, k) && stands(from.over[k]) {
				all = append(all, from.over[k].Component.Clone())
			}
		}
		for _, e := range from.later {
			all = append(all, e.Component.Clone())
		}
		return all
	}
	for _, k := range keys {
		if e := from.occurrence(k); e != nil {
			c := e.Component.Clone()
			if method == methodCancel && o.now != nil && o.now.occurrence(k) == nil { // it takes place no more
				setSequence(c, max(e.Sequence, o.sequence+1))
			}
			all = append(all, c)
		}
	}
	return all
}

// build brings the messages into the form in which they are sent.
func (o *organizing) build() {
	var old, now *calendar.Object
	if o.old != nil {
		old = o.old.object
	}
	if o.now != nil {
		now = o.now.object
	}
	zones := zonesOf(now, old)
	out := o.out[:0]
	for _, m := range o.out {
		var events []*calendar.Component
		for _, e := range m.object.Events {
			c := e.Component
			if m.method == methodCancel {
				c.SetValue("STATUS", "CANCELLED")
				setStamp(c, o.newStamp()-1)
				if o.now == nil || o.now.master != nil && o.now.master.Status == "CANCELLED" {
					setSequence(c, max(e.Sequence, o.sequence+1))
				}
			} else {
				setStamp(c, o.newStamp())
				o.inherit(c)
			}
			publish(c, m.method)
			events = append(events, c)
		}
		if len(events) == 0 {
			continue
		}
		m.object = objectOf(m.method, usedZones(zones, events...), events...)
		out = append(out, m)
	}
	o.out = out
}

// inherit gives an occurrence that names nobody the people of the whole, and a
// number that is not below the whole's.
func (o *organizing) inherit(c *calendar.Component) {
	if o.now == nil || o.now.master == nil || c.Prop("RECURRENCE-ID") == nil {
		return
	}
	master := o.now.master
	for _, name := range [...]string{"ORGANIZER", "ATTENDEE"} {
		if c.Prop(name) == nil {
			for p := range master.Component.All(name) {
				c.Add(*p)
			}
		}
	}
	if n, err := strconv.Atoi(c.Value("SEQUENCE")); err != nil || n < master.Sequence {
		setSequence(c, master.Sequence)
	}
}
