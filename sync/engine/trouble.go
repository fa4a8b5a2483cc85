package engine

import (
	"errors"
	"slices"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// An item that a device cannot take makes it loop: it asks again and again for
// the same answer, or starts anew at key 0 and fails at the same place. Either
// way an answer with items is not confirmed. What follows is counted in the
// collection (device.Trouble), so that it outlives restarts of both sides:
//
//   - The item is in the zone: among those that the answer held. Each further
//     failure narrows it to what both answers had in common.
//   - From the third failure in a row on an answer holds only half as many items
//     of the zone as the one before, and nothing else, down to one.
//   - An item that failed five times alone is withheld from the device, and an
//     administrator is told.
//
// An answer that is confirmed takes what it held out of the zone; when the zone
// is empty, or all is confirmed, everything is forgotten. One or two lost answers
// do no more than count. What is withheld is offered again when it changes or an
// administrator wants it (device.Broken); the marks say that the device has it.

const (
	shrinkAfter = 3 // failures
	skipAfter   = 5 // failures of a single item
)

// sentOf describes an answer. Which items it holds is worth knowing only when
// one before it has failed.
func sentOf(changes []ItemChange, t *device.Trouble) device.Sent {
	var s device.Sent
	for i := range changes {
		if c := &changes[i]; c.Kind == Added || c.Kind == Changed {
			s.Items++
			if t.Failures > 0 {
				s.List = append(s.List, uint32(c.ID))
			}
		}
	}
	if s.Items > device.MaxListed {
		s.List = nil
	}
	slices.Sort(s.List)
	return s
}

// failed notes that an answer was not confirmed, and tells whether the one item
// in the zone is to be skipped.
func failed(t *device.Trouble, s *device.Sent, anew bool) bool {
	both := common(t.Zone, s.List, true)
	switch {
	case len(t.Zone) == 0:
		t.Zone = s.List
	case len(s.List) > 0 && len(both) == 0: // this is another trouble
		*t = device.Trouble{Zone: s.List}
	case len(s.List) > 0:
		t.Zone = both
	}
	t.Anew = anew
	t.Failures++
	t.Singles++
	if s.Items > 1 {
		t.Singles = 0
	}
	if t.Failures >= shrinkAfter {
		n := uint32(len(t.Zone))
		if n == 0 {
			n = s.Items
		}
		t.Limit = max(1, n/2)
	}
	return t.Singles >= skipAfter && len(t.Zone) == 1
}

// confirmed takes out of the zone what the device could take.
func confirmed(t *device.Trouble, s *device.Sent, more bool) {
	if t.Failures == 0 {
		return
	}
	known := len(t.Zone) > 0
	if known {
		t.Zone = common(t.Zone, s.List, false)
	}
	if !more || len(t.Zone) == 0 && (known || !t.Anew) {
		*t = device.Trouble{}
	}
}

// common returns what is in both lists, or in the first only.
func common(a, b []uint32, in bool) []uint32 {
	var out []uint32
	for _, n := range a {
		if _, there := slices.BinarySearch(b, n); there == in {
			out = append(out, n)
		}
	}
	return out
}

// inZone tells whether an item is one of those that an answer holds few of.
func (p *plan) inZone(item mail.ItemID) bool {
	if p.trouble.Limit == 0 {
		return false
	}
	_, in := slices.BinarySearch(p.trouble.Zone, uint32(item))
	return in || len(p.trouble.Zone) == 0
}

// tooMuch tells whether a change must wait for another answer: one that holds
// items of the zone holds no others.
func (p *plan) tooMuch(c *ItemChange) bool {
	if p.trouble.Limit == 0 || p.count || c.Kind != Added && c.Kind != Changed {
		return false
	}
	if !p.inZone(c.ID) {
		return p.zoned > 0
	}
	return p.items > p.zoned || p.zoned >= int(p.trouble.Limit)
}

// troubles takes in what the request says of the answer before it.
func (r *reply) troubles() (err error) {
	if r.broken, err = r.e.withheldFrom(r.tx, r.id, r.c); err != nil {
		return err
	}
	r.c.Broken = len(r.broken) > 0
	switch {
	case r.turn.promote:
		confirmed(&r.c.Trouble, &r.c.Sent, r.turn.base.More)
		r.c.Sent = device.Sent{}
	case r.turn.repeat != nil && r.req.GetChanges && r.c.Sent.Items > 0:
		r.failed = true
		if !failed(&r.c.Trouble, &r.c.Sent, false) {
			return nil
		}
		item := mail.ItemID(r.c.Trouble.Zone[0])
		p := r.newPlan(nil)
		it, err := r.e.source.Item(r.tx, r.req.Box, r.folder.ID, item)
		held := false
		if err == nil {
			held, err = p.holds(mark(it.Position()), it.Thread)
		}
		had := held && !p.lacks(item)
		b, err := r.e.skip(r.id, r.req.Box, &it, err, had)
		r.c.Trouble = device.Trouble{}
		if b != nil {
			r.withhold(*b)
		}
		return err
	}
	return nil
}

// withhold has an item be left out from this answer on.
func (r *reply) withhold(b device.Broken) {
	if r.broken == nil {
		r.broken = map[mail.ItemID]device.Broken{}
	}
	r.broken[mail.ItemID(b.Item)] = b
	r.a.broken = append(r.a.broken, b)
	r.c.Broken = true
}

// skip makes the row of an item that a device fails at; nil if it is gone.
func (e *Engine) skip(id device.ID, box mail.MailboxID, it *mail.Item, err error, had bool) (*device.Broken, error) {
	if errors.Is(err, mail.ErrNoItem) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &device.Broken{
		Device: id, Folder: uint32(it.Folder), Item: uint32(it.ID), Box: uint64(box), Object: it.Object,
		ModSeq: uint64(it.ModSeq), When: time.Now(), Why: WhyLoop, Had: had,
	}, nil
}

// Why an item is withheld.
const (
	WhyLoop    = "the device asked for it again and again"
	WhyNotMade = "it could not be shown to the device"
)

// restart takes in that a device starts anew. What is withheld stays so; what
// it was given, or has had an older copy of, is like any other item.
func (e *Engine) restart(tx *store.Tx, id device.ID, box mail.MailboxID, c *device.Collection, a *answer) error {
	broken, err := e.withheldFrom(tx, id, c)
	if err != nil {
		return err
	}
	if c.Pending.Key != 0 && c.Sent.Items > 0 && failed(&c.Trouble, &c.Sent, true) {
		it, err := e.source.Item(tx, box, mail.FolderID(c.Folder), mail.ItemID(c.Trouble.Zone[0]))
		b, err := e.skip(id, box, &it, err, false)
		if err != nil {
			return err
		}
		c.Trouble = device.Trouble{}
		if b != nil {
			a.broken = append(a.broken, *b)
			c.Broken = true
		}
	}
	for _, b := range broken {
		if slices.ContainsFunc(a.broken, func(o device.Broken) bool { return o.Item == b.Item }) {
			continue
		}
		if !b.Withheld() {
			a.forget = append(a.forget, b.Item)
		} else if b.Had {
			b.Had = false
			a.broken = append(a.broken, b)
		}
	}
	return nil
}
