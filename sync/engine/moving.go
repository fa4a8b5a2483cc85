package engine

import (
	"math"

	"martlet/mail"
	"martlet/sync/device"
)

// What moves.
//
// The place of an event in its folder is where its last occurrence ends, that of
// a task when it was done, so it changes when the item does. An item remembers
// its earlier places, and so does its entry in the log: from that follows where
// it was at any ModSeq. With a generation g the device has an item at position p
// if and only if
//
//	p.Item <= g.Top     it arrived before the last look at arrivals, and
//	p >= g.Floor        it lay in the filter's window, p being its place when
//	                    the log stood at g.Cursor;
//
// or the item is above Top and the device itself added it. There is no other
// mark: Floor begins above everything and descends to where the window begins.
// The steps of an answer are
//
//	log       as with mail; but an item whose place has changed may have left the
//	          window, which is a SoftDelete, or come into it, which is an Add.
//	soften    as with mail.
//	descend   Items below Floor, down to where the window begins, the latest
//	          first: Add. Floor follows.
//	arrivals  as with mail, when Floor has come to its place.
//
// When a log is told in several answers, an entry behind the Cursor may have
// been before it when the telling began: Began is the Cursor of that time. If
// the item's places at the two do not agree, nobody knows whether the device has
// it. It is then taken back and given again.

// moves tells whether items of a class have places that change.
func moves(c mail.Class) bool { return c == mail.ClassCalendar || c == mail.ClassTasks }

// beginMoving is the state of a device that has nothing yet of a folder.
func beginMoving(f *mail.Folder, last mail.ItemID, filter uint8, cut int64) device.Generation {
	return device.Generation{
		Cursor: uint64(f.Highest), Top: uint32(last), Start: uint32(last), Below: lowest,
		Floor: highest, More: true, Filter: filter, Cutoff: cut,
	}
}

// passBegins notes where the telling of the log begins.
func (p *plan) passBegins() {
	if moves(p.folder.Class) && p.g.Began == 0 {
		p.g.Began = p.g.Cursor
	}
}

// had tells whether the device has an item of which the log speaks, and whether
// that is certain: it is where all places that the item had since the telling
// began agree, as of any of them the device may have been told last.
func (p *plan) had(c *mail.Change) (has, sure bool) {
	if uint32(c.Item) > p.g.Top {
		return p.own.added(uint32(c.Item)), true
	}
	began := mail.ModSeq(p.g.Began)
	inside, outside := 0, 0
	look := func(from, until mail.ModSeq, received int64) {
		switch {
		case until <= began || from > p.base:
		case before(device.Position{Received: received, Item: uint32(c.Item)}, p.g.Floor):
			outside++
		default:
			inside++
		}
	}
	from := mail.ModSeq(0)
	for _, w := range c.Was {
		look(from, w.Until, w.Received)
		from = w.Until
	}
	look(from, math.MaxUint64, c.Received)
	forgotten := len(c.Was) == mail.MaxEarlier && c.Was[0].Until > began
	return inside > 0, !forgotten && (inside == 0 || outside == 0)
}

// tellMoving tells of one entry; false means that the window is full.
func (p *plan) tellMoving(c *mail.Change) (bool, error) {
	had, sure := p.had(c)
	own := p.own.is(uint32(c.Item), uint64(c.ModSeq))
	floor := p.g.Floor
	if uint32(c.Item) > p.g.Top { // the floor comes to its place before arrivals
		floor = device.Position{Received: p.g.Cutoff}
	}
	inside := !before(mark(c.Position()), floor)
	switch {
	case uint32(c.Item) > p.g.Top && (!had || !c.Deleted && !inside):
		// arrivals brings it, or takes it back
	case c.Deleted && own, !inside && !had && sure, c.Deleted && !had && sure:
	case c.Deleted && p.lacks(c.Item):
		p.overWith(c.Item)
	case c.Deleted:
		p.forget(c.Item)
		return p.emit(&p.news, ItemChange{Kind: Deleted, ID: c.Item}), nil
	case !inside && p.lacks(c.Item):
		p.forget(c.Item)
	case !inside:
		p.forget(c.Item)
		return p.emit(&p.news, ItemChange{Kind: SoftDeleted, ID: c.Item}), nil
	case p.withholds(c.Item, c.ModSeq), had && sure && own && !p.undone[c.Item]:
	case !sure && !p.lacks(c.Item):
		return p.giveAgain(c)
	default:
		kind := Changed
		if !had || p.lacks(c.Item) {
			kind = Added
		}
		return p.give(c, kind)
	}
	p.skipped++
	return true, nil
}

// give tells the device of an item as it is now.
func (p *plan) give(c *mail.Change, kind ChangeKind) (bool, error) {
	change := ItemChange{Kind: kind, ID: c.Item, Parts: mail.AllParts}
	if p.window != 0 && !p.count {
		var err error
		if change.Item, err = p.source.Item(p.tx, p.box, p.folder.ID, c.Item); err != nil {
			return false, err
		}
	}
	return p.emit(&p.news, change), nil
}

// giveAgain takes an item back and gives it anew, in one answer.
func (p *plan) giveAgain(c *mail.Change) (bool, error) {
	if !p.emit(&p.news, ItemChange{Kind: SoftDeleted, ID: c.Item}) {
		return false, nil
	}
	if p.window == 0 { // an answer has room for both
		p.window = 1
	}
	told, err := p.give(c, Added)
	if err == nil && !told { // too heavy for the room that is left
		p.window++
		p.counted--
		if !p.count {
			p.news = p.news[:len(p.news)-1]
		}
	}
	return told, err
}

// descend lowers the floor to where the window begins.
func (p *plan) descend() (bool, error) {
	stop := device.Position{Received: p.g.Cutoff}
	if p.limit != nil && before(stop, p.limit.Floor) {
		stop = p.limit.Floor
	}
	if !before(stop, p.g.Floor) {
		return true, nil
	}
	for at, err := range p.source.Newest(p.tx, p.box, p.folder.ID, position(p.g.Floor), stop.Received) {
		if err != nil {
			return false, err
		}
		pos := mark(at)
		if before(pos, stop) {
			break
		}
		if pos.Item <= p.g.Top {
			told, err := p.bringOne(at)
			if err != nil || !told {
				return false, err
			}
		}
		p.g.Floor = pos
	}
	p.g.Floor = stop
	return true, nil
}
