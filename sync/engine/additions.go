package engine

import (
	"martlet/mail"
	"martlet/sync/device"
)

// arrivals adds what has come into the folder.
func (p *plan) arrivals() (bool, error) {
	if p.limit != nil && p.g.Top >= p.limit.Top && p.partReached() {
		return true, nil
	}
	for item, err := range p.source.Items(p.tx, p.box, p.folder.ID, mail.ItemID(p.g.Top)) {
		if err != nil {
			return false, err
		}
		beyond := p.limit != nil && uint32(item.ID) > p.limit.Top
		if beyond && (p.partReached() || p.limit.Part.Thread != item.Thread) {
			break
		}
		told, err := p.arrival(&item, beyond)
		if err != nil || !told {
			return false, err
		}
		if beyond {
			break
		}
		p.g.Top = uint32(item.ID)
	}
	if p.limit != nil {
		p.g.Top = p.limit.Top
	}
	return true, nil
}

// arrival adds one item; false means that the window is full. Of an item beyond
// the limit only its conversation is brought, as far as the limit goes.
func (p *plan) arrival(item *mail.Item, beyond bool) (bool, error) {
	outside := before(mark(item.Position()), p.g.Floor)
	own := p.own.added(uint32(item.ID))
	if p.g.Conversations && !item.Thread.IsZero() {
		is, err := p.represented(item.Thread)
		if err != nil {
			return false, err
		}
		if !outside && !is {
			if done, err := p.bring(&p.fresh, item.Thread); err != nil || !done {
				return false, err
			}
		}
		outside = outside && !is
	}
	told := true
	switch {
	case beyond:
		return true, nil
	case own && outside:
		p.forget(item.ID)
		told = p.emit(&p.soft, ItemChange{Kind: SoftDeleted, ID: item.ID})
		p.tookBack = true
		p.take(item.Thread)
	case !own && !outside && p.withholds(item.ID, item.ModSeq):
		p.skipped++
	case !own && !outside:
		told = p.emit(&p.fresh, ItemChange{Kind: Added, ID: item.ID, Item: *item, Outside: before(mark(item.Position()), p.g.Floor)})
	default:
		p.skipped++
	}
	if told && !outside && p.g.Conversations {
		p.arrived(item.Thread)
	}
	return told, nil
}

// backfill adds what was in the folder before, and starts over further down
// when the filter has become wider.
func (p *plan) backfill() (bool, error) {
	for {
		if p.g.Below != lowest {
			done, err := p.bringOld()
			if err != nil || !done {
				return false, err
			}
			if p.g.Below != lowest {
				return true, nil // as far as the repeated answer went
			}
		}
		wider := device.Position{Received: p.g.Cutoff}
		if !before(wider, p.g.Floor) || p.limit != nil && !before(p.limit.Floor, p.g.Floor) {
			return true, nil
		}
		if p.tookBack {
			return false, nil // but not in the same answer
		}
		p.g.Start, p.g.Below, p.g.Floor = p.g.Top, p.g.Floor, wider
	}
}

// bringOld carries one backfill down to the floor.
func (p *plan) bringOld() (bool, error) {
	stop := lowest
	if p.limit != nil && p.limit.Start == p.g.Start && p.limit.Floor == p.g.Floor {
		stop = p.limit.Below
	}
	for at, err := range p.source.Newest(p.tx, p.box, p.folder.ID, position(p.g.Below), p.g.Floor.Received) {
		if err != nil {
			return false, err
		}
		pos := mark(at)
		if before(pos, p.g.Floor) || before(pos, stop) && p.partReached() {
			break
		}
		if pos.Item > p.g.Start {
			p.g.Below = pos // it came as an arrival
			continue
		}
		told, err := p.bringOne(at)
		if err != nil || !told {
			return false, err
		}
		if before(pos, stop) {
			break
		}
		p.g.Below = pos
	}
	p.g.Below = stop
	return true, nil
}

// bringOne adds one item that was in the folder before, or its conversation;
// false means that the window is full.
func (p *plan) bringOne(at mail.Position) (bool, error) {
	change := ItemChange{Kind: Added, ID: at.Item}
	if p.g.Conversations || p.window > 0 && !p.count {
		var err error
		if change.Item, err = p.source.Item(p.tx, p.box, p.folder.ID, at.Item); err != nil {
			return false, err
		}
	}
	if t := change.Item.Thread; p.g.Conversations && !t.IsZero() {
		is, err := p.represented(t)
		if err != nil || is {
			return is, err
		}
		done, err := p.bring(&p.old, t)
		if done {
			p.arrived(t)
		}
		return done, err
	}
	if kept, err := p.withheld(at.Item); err != nil || kept {
		return kept, err
	}
	return p.emit(&p.old, change), nil
}
