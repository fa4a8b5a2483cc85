package engine

import (
	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// plan works out what a device is to be sent of one folder, and the generation
// it has then. See marks.go for the steps.
type plan struct {
	source Source
	tx     *store.Tx
	box    mail.MailboxID
	folder mail.Folder
	own    *ownWrites
	base   mail.ModSeq          // as of which the device has its items, or newer
	undone map[mail.ItemID]bool // items that the device has changed in vain

	g      device.Generation  // in: what the device has; out: what it will have
	limit  *device.Generation // of a repeated request: go no further than this
	window int                // how many changes are still wanted
	weigh  func(*mail.Item) int64
	room   int64 // what the items still wanted may weigh
	count  bool  // only count, load no items

	tookBack bool // arrivals soft-deleted an item, which a wider window may bring again

	counted int
	doomed  int // Changes of items that the whole of soften takes back
	skipped int // rows read that the device is not told of
	fresh   []ItemChange
	news    []ItemChange
	soft    []ItemChange
	old     []ItemChange
}

// run goes through the steps and tells whether all came to their end.
func (p *plan) run() (done bool, err error) {
	p.base = mail.ModSeq(p.g.Cursor)
	for _, step := range []func() (bool, error){p.log, p.soften, p.arrivals, p.backfill} {
		if done, err = step(); err != nil || !done {
			p.g.More = true
			return false, err
		}
	}
	// Behind a limit there may be more; only a look would tell.
	p.g.More = p.limit != nil
	return true, nil
}

// changes returns all changes: what is new first, what is old last.
func (p *plan) changes() []ItemChange {
	var all []ItemChange
	for _, part := range [][]ItemChange{p.fresh, p.news, p.soft, p.old} {
		if len(all) == 0 {
			all = part
		} else {
			all = append(all, part...)
		}
	}
	return all
}

// emit puts a change on a list, or tells that the window or the room is full.
func (p *plan) emit(list *[]ItemChange, c ItemChange) bool {
	if p.window == 0 {
		return false
	}
	if p.weigh != nil && !p.count && (c.Kind == Added || c.Kind == Changed) {
		w := p.weigh(&c.Item)
		if p.counted > 0 && w > p.room {
			return false
		}
		p.room -= w
	}
	p.window--
	p.counted++
	if !p.count {
		*list = append(*list, c)
	}
	return true
}

// log tells of the change log's entries above the cursor.
func (p *plan) log() (bool, error) {
	end := uint64(p.folder.Highest)
	if p.limit != nil {
		end = p.limit.Cursor
	}
	if p.g.Cursor >= end {
		return true, nil
	}
	for c, err := range p.source.Changes(p.tx, p.box, p.folder.ID, mail.ModSeq(p.g.Cursor)) {
		if err != nil {
			return false, err
		}
		if uint64(c.ModSeq) > end {
			break
		}
		told, err := p.tell(&c)
		if err != nil || !told {
			return false, err
		}
		p.g.Cursor = uint64(c.ModSeq)
	}
	p.g.Cursor = end
	return true, nil
}

// tell tells of one entry; false means that the window is full.
func (p *plan) tell(c *mail.Change) (bool, error) {
	item, pos := uint32(c.Item), mark(c.Position())
	if p.own.is(item, uint64(c.ModSeq)) || !holds(&p.g, p.own, pos) {
		p.skipped++
		return true, nil
	}
	if c.Deleted {
		return p.emit(&p.news, ItemChange{Kind: Deleted, ID: c.Item}), nil
	}
	if before(pos, p.g.Floor) { // its own, and arrivals takes it back
		p.skipped++
		return true, nil
	}
	change := ItemChange{Kind: Changed, ID: c.Item}
	if p.window > 0 && !p.count {
		var err error
		if change.Item, err = p.source.Item(p.tx, p.box, p.folder.ID, c.Item); err != nil {
			return false, err
		}
		if change.Parts = change.Item.ChangedSince(p.base); p.undone[c.Item] {
			change.Parts = mail.AllParts
		}
	}
	told := p.emit(&p.news, change)
	if told && before(pos, device.Position{Received: p.g.Cutoff}) {
		p.doomed++
	}
	return told, nil
}

// soften takes back what has left the filter's window.
func (p *plan) soften() (bool, error) {
	to := device.Position{Received: p.g.Cutoff}
	if p.limit != nil && before(p.limit.Floor, to) {
		to = p.limit.Floor
	}
	for before(p.g.Floor, to) {
		done, err := p.takeBack(to)
		if err != nil || p.forgetBelow() == 0 && !done {
			return false, err
		}
	}
	if p.count {
		p.counted -= p.doomed
	}
	return true, nil
}

// takeBack raises the floor to the mark, or as far as the window allows.
func (p *plan) takeBack(to device.Position) (bool, error) {
	end := to.Received
	if to.Item > 0 {
		end++ // Between leaves its end out
	}
	from := p.g.Floor
	for at, err := range p.source.Between(p.tx, p.box, p.folder.ID, from.Received, end) {
		if err != nil {
			return false, err
		}
		pos := mark(at)
		if !before(pos, to) {
			break
		}
		if before(pos, from) || !has(&p.g, pos) {
			continue
		}
		if !p.emit(&p.soft, ItemChange{Kind: SoftDeleted, ID: at.Item}) {
			p.g.Floor = pos
			return false, nil
		}
	}
	p.g.Floor = to
	return true, nil
}

// forgetBelow drops Changes of items that this or a later step soft-deletes, and
// returns how many.
func (p *plan) forgetBelow() int {
	kept := p.news[:0]
	for _, c := range p.news {
		if c.Kind == Deleted || !before(mark(c.Item.Position()), p.g.Floor) {
			kept = append(kept, c)
		}
	}
	freed := len(p.news) - len(kept)
	p.news = kept
	p.window += freed
	p.counted -= freed
	return freed
}

// arrivals adds what has come into the folder.
func (p *plan) arrivals() (bool, error) {
	if p.limit != nil && p.g.Top >= p.limit.Top {
		return true, nil
	}
	for item, err := range p.source.Items(p.tx, p.box, p.folder.ID, mail.ItemID(p.g.Top)) {
		if err != nil {
			return false, err
		}
		if p.limit != nil && uint32(item.ID) > p.limit.Top {
			break
		}
		outside := before(mark(item.Position()), p.g.Floor)
		told := true
		switch own := p.own.added(uint32(item.ID)); {
		case own && outside:
			told = p.emit(&p.soft, ItemChange{Kind: SoftDeleted, ID: item.ID})
			p.tookBack = true
		case !own && !outside:
			told = p.emit(&p.fresh, ItemChange{Kind: Added, ID: item.ID, Item: item})
		default:
			p.skipped++
		}
		if !told {
			return false, nil
		}
		p.g.Top = uint32(item.ID)
	}
	if p.limit != nil {
		p.g.Top = p.limit.Top
	}
	return true, nil
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
		if before(pos, p.g.Floor) || before(pos, stop) {
			break
		}
		if pos.Item > p.g.Start {
			p.g.Below = pos // it came as an arrival
			continue
		}
		change := ItemChange{Kind: Added, ID: at.Item}
		if p.window > 0 && !p.count {
			if change.Item, err = p.source.Item(p.tx, p.box, p.folder.ID, at.Item); err != nil {
				return false, err
			}
		}
		if !p.emit(&p.old, change) {
			return false, nil
		}
		p.g.Below = pos
	}
	p.g.Below = stop
	return true, nil
}

// lostSince tells whether an item is gone by now that the limit and the device's
// own generation do not agree on. Then the repeated answer cannot lead to the
// same state: the Add or SoftDelete that was in the lost answer cannot be in
// this one, and the device would be told of the loss of an item it was never
// given, or not be told of the loss of one that it has.
func (p *plan) lostSince(limit *device.Generation) (bool, error) {
	if uint64(p.folder.Highest) <= limit.Cursor {
		return false, nil
	}
	for c, err := range p.source.Changes(p.tx, p.box, p.folder.ID, mail.ModSeq(limit.Cursor)) {
		if err != nil {
			return false, err
		}
		if pos := mark(c.Position()); c.Deleted && holds(limit, p.own, pos) != holds(&p.g, p.own, pos) {
			return true, nil
		}
	}
	return false, nil
}
