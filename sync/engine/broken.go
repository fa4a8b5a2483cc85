package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// withheldFrom reads what a device is not given of a collection.
func (e *Engine) withheldFrom(tx *store.Tx, id device.ID, c *device.Collection) (map[mail.ItemID]device.Broken, error) {
	if !c.Broken {
		return nil, nil
	}
	all, err := e.devices.BrokenIn(tx, id, c.Folder)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	found := make(map[mail.ItemID]device.Broken, len(all))
	for _, b := range all {
		found[mail.ItemID(b.Item)] = b
	}
	return found, nil
}

// speaks tells whether a row still means something for what the device has.
func (p *plan) speaks(item mail.ItemID) (device.Broken, bool) {
	b, ok := p.broken[item]
	return b, ok && (b.Offered == 0 || max(p.key, p.g.Key) < b.Offered)
}

// lacks tells that the device has not got an item though the marks say so.
func (p *plan) lacks(item mail.ItemID) bool {
	b, ok := p.speaks(item)
	return ok && !b.Had
}

// withholds tells that the device is not to be given an item as it is. If the
// same answer has taken it back, it is as if it had not.
func (p *plan) withholds(item mail.ItemID, modseq mail.ModSeq) bool {
	b, ok := p.speaks(item)
	if !ok || b.Again || uint64(modseq) > b.ModSeq {
		return false
	}
	p.over = slices.DeleteFunc(p.over, func(o mail.ItemID) bool { return o == item })
	return true
}

// withheld is withholds for an item that is not loaded yet.
func (p *plan) withheld(item mail.ItemID) (bool, error) {
	if _, ok := p.speaks(item); !ok {
		return false, nil
	}
	it, err := p.source.Item(p.tx, p.box, p.folder.ID, item)
	return err == nil && p.withholds(item, it.ModSeq), err
}

// overTo notes that the row of an item has had its time with this answer.
func (p *plan) overWith(item mail.ItemID) {
	if _, ok := p.speaks(item); ok && !slices.Contains(p.over, item) {
		p.over = append(p.over, item)
	}
}

// takeBackOne soft-deletes an item that the device has.
func (p *plan) takeBackOne(item mail.ItemID) bool {
	if p.lacks(item) {
		p.overWith(item)
		p.skipped++
		return true
	}
	return p.emit(&p.soft, ItemChange{Kind: SoftDeleted, ID: item})
}

// again offers what an administrator wants to be offered.
func (p *plan) again() (bool, error) {
	for item, b := range p.broken {
		if !b.Again || !p.lacks(item) || slices.Contains(p.over, item) {
			continue
		}
		it, err := p.source.Item(p.tx, p.box, p.folder.ID, item)
		if errors.Is(err, mail.ErrNoItem) {
			continue // the log tells
		}
		if err != nil {
			return false, err
		}
		held, err := p.holds(mark(it.Position()), it.Thread)
		if err != nil {
			return false, err
		}
		if held && !p.emit(&p.fresh, ItemChange{Kind: Added, ID: item, Item: it}) {
			return false, nil
		}
	}
	return true, nil
}

// settleBroken writes when the rows that this answer is over with end. What was
// offered in an answer that this one takes the place of was not offered.
func (r *reply) settleBroken(p *plan, key uint64) {
	for item, b := range p.broken {
		until := uint64(0)
		if slices.Contains(p.over, item) {
			until = key
		}
		switch {
		case b.Offered != 0 && b.Offered <= r.c.Confirmed.Key, until == 0 && slices.Contains(p.over, item):
			r.a.forget = append(r.a.forget, b.Item)
		case b.Offered != until && (b.Offered == 0 || b.Offered > r.turn.base.Key):
			b.Offered = until
			r.a.broken = append(slices.DeleteFunc(r.a.broken, func(o device.Broken) bool { return o.Item == b.Item }), b)
		}
	}
}

// writeBroken writes what an answer has found of items that a device cannot
// take, and tells the administrator when it is durable.
func (e *Engine) writeBroken(tx *store.Tx, id device.ID, folder mail.FolderID, a *answer) error {
	for _, item := range a.forget {
		if err := e.devices.RemoveBroken(tx, id, uint32(folder), item); err != nil {
			return err
		}
	}
	for _, b := range a.broken {
		if err := e.devices.SaveBroken(tx, b); err != nil {
			return err
		}
		if b.Withheld() {
			e.warn(tx, b)
		}
	}
	return nil
}

func (e *Engine) warn(tx *store.Tx, b device.Broken) {
	tx.OnCommit(func() {
		e.log.Warn("item withheld from a device", slog.Uint64("account", uint64(b.Device.Account)), "device", b.Device.Device,
			"folder", b.Folder, "item", b.Item, "object", b.Object, "why", b.Why)
	})
}

// Unfit is an item that could not be shown to a device.
type Unfit struct {
	Item mail.ItemID
	Had  bool // it was a Change
}

// Withhold notes items that a device was to be given and that could not be shown
// to it. They are offered again when they change.
func (e *Engine) Withhold(ctx context.Context, id device.ID, box mail.MailboxID, f mail.FolderID, items []Unfit) error {
	return e.store.Update(ctx, func(tx *store.Tx) error {
		c, err := e.devices.Collection(tx, id, uint32(f))
		if errors.Is(err, device.ErrNoCollection) {
			return nil
		}
		if err != nil {
			return err
		}
		broken, err := e.withheldFrom(tx, id, &c)
		if err != nil {
			return err
		}
		var a answer
		for _, u := range items {
			it, err := e.source.Item(tx, box, f, u.Item)
			b, err := e.skip(id, box, &it, err, u.Had)
			if err != nil {
				return err
			}
			if b == nil {
				continue
			}
			b.Why = WhyNotMade
			if was, ok := broken[u.Item]; ok {
				if was.Withheld() && was.ModSeq == b.ModSeq {
					continue
				}
				b.Had = b.Had && was.Had
			}
			a.broken = append(a.broken, *b)
		}
		if len(a.broken) == 0 {
			return nil
		}
		c.Broken = true
		if err := e.devices.SaveCollection(tx, id, c); err != nil {
			return err
		}
		return e.writeBroken(tx, id, f, &a)
	})
}
