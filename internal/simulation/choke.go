package simulation

import (
	"context"
	"slices"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/engine"
)

// failsAt is among how many items one is that a phone cannot take. Some phones
// can take all.
const failsAt = 40

// chokes tells whether the phone fails at an answer.
func (p *mobile) chokes(changes []engine.ItemChange) bool {
	return slices.ContainsFunc(changes, func(c engine.ItemChange) bool {
		return (c.Kind == engine.Added || c.Kind == engine.Changed) && uint32(c.ID)%failsAt == p.fails
	})
}

// choke is what the phone does then: it knows nothing of the answer, and asks
// for it again, or starts anew.
func (p *mobile) choke(c *collection) {
	p.w.stats.Choked++
	p.log("cannot take the answer for folder %d", c.id)
	c.lost = true
	if p.anew {
		c.reset()
	}
}

// withheld takes out of what the phone should have what the server keeps from
// it.
func (p *mobile) withheld(c *collection, want map[mail.ItemID]copyOf) error {
	return p.w.store.View(context.Background(), func(tx *store.Tx) error {
		broken, err := p.w.devs.BrokenIn(tx, p.id, uint32(c.id))
		if err != nil {
			return err
		}
		for _, b := range broken {
			id := mail.ItemID(b.Item)
			if _, wanted := want[id]; !wanted || !b.Withheld() {
				continue
			}
			p.w.stats.Withheld++
			if delete(want, id); b.Had {
				want[id] = c.items[id]
			}
		}
		return nil
	})
}
