package engine

import (
	"iter"
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
	shows  Shows // of a count: the Changes that it does not show do not count; nil: all do

	// See conversation.go.
	turning bool                     // the device has changed its mind about conversations
	cut     int64                    // where the window is to begin afterwards
	dead    map[mail.ThreadID][]gone // what was deleted above the Cursor
	rep     map[mail.ThreadID]bool   // conversations of which it is known
	taken   map[mail.ThreadID]bool   // of which this answer has taken back something
	changed map[mail.ItemID]bool     // of which this answer has a Change

	// See trouble.go.
	broken  map[mail.ItemID]device.Broken // what the device is not given
	key     uint64                        // of the generation that the plan starts from, if g does not say
	over    []mail.ItemID                 // of those, what this answer settles
	trouble device.Trouble
	items   int // Adds and Changes so far
	zoned   int // of them in the zone

	tookBack bool // arrivals soft-deleted an item, which a wider window may bring again

	counted int
	doomed  int // Changes of items that the whole of soften takes back
	skipped int // rows read that the device is not told of
	fresh   []ItemChange
	news    []ItemChange
	soft    []ItemChange
	old     []ItemChange
	short   []ItemChange // see sms.go
}

// run goes through the steps and tells whether all came to their end.
func (p *plan) run() (done bool, err error) {
	p.base = mail.ModSeq(p.g.Cursor)
	for again := true; again; {
		for _, step := range p.steps() {
			if done, err = step(); err != nil || !done {
				p.g.More = true
				return false, err
			}
		}
		if again = p.turning; again && p.counted > 0 { // but not in the same answer
			p.g.More = true
			return false, nil
		} else if again {
			p.turn()
		}
	}
	// Behind a limit there may be more; only a look would tell.
	p.g.More = p.limit != nil
	return true, nil
}

// steps are what an answer goes through.
func (p *plan) steps() []func() (bool, error) {
	if moves(p.folder.Class) {
		return []func() (bool, error){p.log, p.again, p.soften, p.descend, p.arrivals}
	}
	return []func() (bool, error){p.log, p.again, p.soften, p.arrivals, p.backfill, p.settlePart}
}

// changes returns all changes: what is new first, what is old last.
func (p *plan) changes() []ItemChange {
	var all []ItemChange
	for _, part := range [][]ItemChange{p.fresh, p.news, p.soft, p.old, p.short} {
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
	if p.window == 0 || p.tooMuch(&c) {
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
	if c.Kind == Added || c.Kind == Changed {
		p.items++
		if p.inZone(c.ID) {
			p.zoned++
		}
	}
	p.overWith(c.ID)
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
	p.passBegins()
	for c, err := range p.source.Changes(p.tx, p.box, p.folder.ID, mail.ModSeq(p.g.Cursor)) {
		if err != nil {
			return false, err
		}
		if uint64(c.ModSeq) > end {
			break
		}
		last := false
		if c.Deleted && p.g.Conversations && !c.Thread.IsZero() && has(&p.g, mark(c.Position())) {
			var done bool
			if done, last, err = p.loses(c.Thread, func(g *device.Generation) { g.Cursor = uint64(c.ModSeq) }); err != nil || !done {
				return false, err
			}
		}
		tell := p.tell
		if moves(p.folder.Class) {
			tell = p.tellMoving
		}
		told, err := tell(&c)
		if err != nil || !told {
			return false, err
		}
		p.g.Cursor = uint64(c.ModSeq)
		if last {
			p.g.Part = device.Part{Thread: c.Thread, Upto: p.g.Top}
		}
		delete(p.rep, c.Thread)
	}
	if p.g.Cursor, p.g.Began = end, 0; p.limit != nil {
		p.g.Began = p.limit.Began
	}
	return true, nil
}

// tell tells of one entry; false means that the window is full.
func (p *plan) tell(c *mail.Change) (bool, error) {
	item, pos := uint32(c.Item), mark(c.Position())
	held, stays := holds(&p.g, p.own, pos), true
	if p.g.Conversations && !p.own.is(item, uint64(c.ModSeq)) && (!held || before(pos, p.g.Floor)) {
		var err error
		if held, stays, err = p.heldWithConversation(c); err != nil {
			return false, err
		}
	} else if before(pos, p.g.Floor) {
		stays = false // its own, and arrivals takes it back
	}
	if !held || p.own.is(item, uint64(c.ModSeq)) {
		p.skipped++
		return true, nil
	}
	if c.Deleted && p.lacks(c.Item) || !c.Deleted && p.withholds(c.Item, c.ModSeq) {
		if c.Deleted {
			p.overWith(c.Item)
		}
		p.skipped++
		return true, nil
	}
	if c.Deleted {
		p.forget(c.Item)
		return p.emit(&p.news, ItemChange{Kind: Deleted, ID: c.Item}), nil
	}
	if !stays {
		p.skipped++
		return true, nil
	}
	change := ItemChange{Kind: Changed, ID: c.Item}
	if p.lacks(c.Item) { // it could not take it as it was
		change.Kind = Added
	}
	if p.count && p.shows != nil && change.Kind == Changed {
		item, err := p.source.Item(p.tx, p.box, p.folder.ID, c.Item)
		if err != nil {
			return false, err
		}
		if !p.shows(&item, item.ChangedSince(p.base)) {
			p.skipped++
			return true, nil
		}
	}
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
	if told && p.g.Conversations && change.Kind == Changed {
		if p.changed == nil {
			p.changed = map[mail.ItemID]bool{}
		}
		p.changed[c.Item] = true
		return true, nil
	}
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
	if p.g.Conversations {
		if before(p.g.Floor, to) {
			return p.takeBackConversations(to)
		}
		return true, nil
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

// heldBelow walks over what the device has between the floor and the mark,
// oldest first. The floor may be raised meanwhile.
func (p *plan) heldBelow(to device.Position) iter.Seq2[device.Position, error] {
	return func(yield func(device.Position, error) bool) {
		end := to.Received
		if to.Item > 0 {
			end++ // Between leaves its end out
		}
		from := p.g.Floor
		for at, err := range p.source.Between(p.tx, p.box, p.folder.ID, from.Received, end) {
			if err != nil {
				yield(device.Position{}, err)
				return
			}
			pos := mark(at)
			if !before(pos, to) {
				return
			}
			if !before(pos, from) && has(&p.g, pos) && !yield(pos, nil) {
				return
			}
		}
	}
}

// takeBack raises the floor to the mark, or as far as the window allows.
func (p *plan) takeBack(to device.Position) (bool, error) {
	for pos, err := range p.heldBelow(to) {
		if err != nil {
			return false, err
		}
		if !p.takeBackOne(mail.ItemID(pos.Item)) {
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
		if c.Kind == Deleted || c.Kind == SoftDeleted || !before(mark(c.Item.Position()), p.g.Floor) {
			kept = append(kept, c)
		}
	}
	freed := len(p.news) - len(kept)
	p.news = kept
	p.window += freed
	p.counted -= freed
	return freed
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
		if moves(p.folder.Class) && c.PositionAt(mail.ModSeq(p.g.Cursor)) != c.Position() {
			return true, nil // it may have come to the device, or gone, by its place then
		}
		if c.Deleted && (limit.Conversations || p.g.Conversations) {
			return true, nil // it may have represented a conversation
		}
		if pos := mark(c.Position()); c.Deleted && holds(limit, p.own, pos) != holds(&p.g, p.own, pos) {
			return true, nil
		}
	}
	return false, nil
}
