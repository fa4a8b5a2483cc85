package engine

import (
	"cmp"
	"math"
	"slices"

	"martlet/mail"
	"martlet/sync/device"
)

// Conversations, said by marks.
//
// In this mode the device has, besides what marks.go says, every item up to Top
// whose conversation is represented: has an item of the same folder that the
// device has by the marks. An item that is deleted represents its conversation
// until the log has told of it, so what the device has follows from the
// generation and the mailbox alone, and no list of items is kept. While an
// answer is too small for a conversation, g.Part says how much of it is there:
// the device has its items up to Upto, though it is not represented.
//
//	log       When the item that represented a conversation is deleted, the rest
//	          of the conversation becomes the Part.
//	soften    So it does when the last of its items leaves the filter's window.
//	arrivals, The first item of a conversation in the window brings those that
//	backfill  are outside of it, in order of arrival.
//
// What is still the Part when another conversation needs to be, or at the end,
// is soft-deleted. So a conversation whose only recent message is deleted while
// a new one comes does not go and come again.

// everything is where the floor stands when nothing is in the window.
const everything = math.MaxInt64

// gone is an item that was deleted after the generation's Cursor.
type gone struct {
	at     device.Position
	modseq uint64
}

// nothingYet tells whether the device was not given anything so far.
func nothingYet(g *device.Generation) bool {
	return g.Below == highest && g.Start == g.Top && g.Part == (device.Part{})
}

// aim says which items the device is to have. When it changes its mind about
// conversations, all items are taken back first: only then the marks can mean
// something else. A device that has nothing yet needs no such detour.
func (p *plan) aim(req *Request, cut int64, conversations bool) {
	p.cut, p.turning = cut, false
	if p.g.Conversations != conversations {
		if nothingYet(&p.g) || p.g.Floor.Received == everything && p.g.Part == (device.Part{}) {
			p.g.Conversations = conversations
		} else {
			p.turning, cut = true, everything
		}
	}
	moveCutoff(&p.g, req.Filter, cut)
	if req.Since != 0 { // no clock says where it is
		p.g.Cutoff = cut
	}
}

// turn changes the mode when all is taken back.
func (p *plan) turn() {
	p.turning = false
	p.g.Conversations = !p.g.Conversations
	p.g.Cutoff = p.cut
}

// goneOf returns the items of a conversation that were deleted above the Cursor
// at which it is called first.
func (p *plan) goneOf(t mail.ThreadID) ([]gone, error) {
	if p.dead == nil {
		p.dead = map[mail.ThreadID][]gone{}
		for c, err := range p.source.Changes(p.tx, p.box, p.folder.ID, mail.ModSeq(p.g.Cursor)) {
			if err != nil {
				return nil, err
			}
			if c.Deleted && !c.Thread.IsZero() {
				p.dead[c.Thread] = append(p.dead[c.Thread], gone{mark(c.Position()), uint64(c.ModSeq)})
			}
		}
	}
	return p.dead[t], nil
}

// represented tells whether an item of the conversation is on the device by the
// marks.
func (p *plan) represented(t mail.ThreadID) (bool, error) {
	if t.IsZero() {
		return false, nil
	}
	if known, ok := p.rep[t]; ok {
		return known, nil
	}
	is, err := p.represents(t)
	if err == nil {
		if p.rep == nil {
			p.rep = map[mail.ThreadID]bool{}
		}
		p.rep[t] = is
	}
	return is, err
}

func (p *plan) represents(t mail.ThreadID) (bool, error) {
	for at, err := range p.source.ThreadIn(p.tx, p.box, p.folder.ID, t, 0, mail.ItemID(p.g.Top)+1, true) {
		if err != nil {
			return false, err
		}
		if has(&p.g, mark(at)) {
			return true, nil
		}
	}
	dead, err := p.goneOf(t)
	return slices.ContainsFunc(dead, func(d gone) bool { return d.modseq > p.g.Cursor && has(&p.g, d.at) }), err
}

// holds tells whether the device has an item.
func (p *plan) holds(at device.Position, t mail.ThreadID) (bool, error) {
	if holds(&p.g, p.own, at) {
		return true, nil
	}
	if !p.g.Conversations || t.IsZero() || at.Item > p.g.Top {
		return false, nil
	}
	if p.g.Part.Thread == t && at.Item <= p.g.Part.Upto {
		return true, nil
	}
	return p.represented(t)
}

// loses prepares for the end of an item that the device has by the marks: then
// after tells how the marks stand afterwards, and the conversation may have lost
// its last representative. It returns false when there was no room to take back
// another one that was under way.
func (p *plan) loses(t mail.ThreadID, after func(g *device.Generation)) (done bool, last bool, err error) {
	was := p.g
	after(&p.g)
	delete(p.rep, t)
	is, err := p.represents(t)
	p.g = was
	if err != nil || is {
		return err == nil, false, err
	}
	if p.g.Part != (device.Part{}) && p.g.Part.Thread != t {
		done, err = p.drop()
		return done, true, err
	}
	return true, true, nil
}

// drop takes back what the device has of the conversation that is the Part.
func (p *plan) drop() (bool, error) {
	t := mail.ThreadID(p.g.Part.Thread)
	dead, err := p.goneOf(t)
	if err != nil {
		return false, err
	}
	// The log has not told of these yet, and will not: the device will not have
	// them any more.
	dead = slices.DeleteFunc(slices.Clone(dead), func(d gone) bool {
		return d.modseq <= p.g.Cursor || d.at.Item > p.g.Part.Upto || p.own.is(d.at.Item, d.modseq)
	})
	slices.SortFunc(dead, func(a, b gone) int { return cmp.Compare(b.at.Item, a.at.Item) })
	deadAbove := func(item uint32) bool {
		for len(dead) > 0 && dead[0].at.Item > item {
			if !p.dropOne(&p.news, Deleted, dead[0].at.Item) {
				return false
			}
			dead = dead[1:]
		}
		return true
	}
	for at, err := range p.source.ThreadIn(p.tx, p.box, p.folder.ID, t, 0, mail.ItemID(p.g.Part.Upto)+1, true) {
		if err != nil {
			return false, err
		}
		if !deadAbove(uint32(at.Item)) || !p.dropOne(&p.soft, SoftDeleted, uint32(at.Item)) {
			return false, nil
		}
	}
	if !deadAbove(0) {
		return false, nil
	}
	p.g.Part = device.Part{}
	return true, nil
}

// dropOne takes one item of the Part back; false ends the answer.
func (p *plan) dropOne(list *[]ItemChange, kind ChangeKind, item uint32) bool {
	if p.reached() {
		return false
	}
	p.forget(mail.ItemID(item))
	if p.lacks(mail.ItemID(item)) {
		p.overWith(mail.ItemID(item))
		p.skipped++
	} else if !p.emit(list, ItemChange{Kind: kind, ID: mail.ItemID(item)}) {
		return false
	} else {
		p.take(p.g.Part.Thread)
	}
	if p.g.Part.Upto = item - 1; p.g.Part.Upto == 0 {
		p.g.Part = device.Part{}
	}
	return true
}

// forget drops the Change of an item that the same answer takes back.
func (p *plan) forget(item mail.ItemID) {
	if !p.changed[item] {
		return
	}
	delete(p.changed, item)
	p.window++
	p.counted--
	p.news = slices.DeleteFunc(p.news, func(c ItemChange) bool { return c.Kind == Changed && c.ID == item })
}

// bring adds what there is of a conversation that is not represented, in order
// of arrival. It returns false when the answer is full, or when the same answer
// has taken back something of the conversation: then it comes with the next.
func (p *plan) bring(list *[]ItemChange, t mail.ThreadID) (bool, error) {
	if p.taken[t] {
		return false, nil
	}
	if p.g.Part.Thread != t && p.g.Part != (device.Part{}) {
		if done, err := p.drop(); err != nil || !done {
			return false, err
		}
	}
	from := mail.ItemID(0)
	if p.g.Part.Thread == t {
		from = mail.ItemID(p.g.Part.Upto) + 1
	}
	for at, err := range p.source.ThreadIn(p.tx, p.box, p.folder.ID, t, from, mail.ItemID(p.g.Top)+1, false) {
		if err != nil {
			return false, err
		}
		if p.reached() {
			return false, nil
		}
		kept, err := p.withheld(at.Item)
		if err != nil {
			return false, err
		}
		if kept {
			p.skipped++
			p.g.Part = device.Part{Thread: t, Upto: uint32(at.Item)}
			continue
		}
		change := ItemChange{Kind: Added, ID: at.Item, Outside: before(mark(at), device.Position{Received: p.g.Cutoff})}
		if p.window > 0 && !p.count {
			if change.Item, err = p.source.Item(p.tx, p.box, p.folder.ID, at.Item); err != nil {
				return false, err
			}
		}
		if !p.emit(list, change) {
			return false, nil
		}
		p.g.Part = device.Part{Thread: t, Upto: uint32(at.Item)}
	}
	return true, nil
}

// arrived makes the conversation of what the device has just been given one
// that is represented.
func (p *plan) arrived(t mail.ThreadID) {
	if p.rep == nil {
		p.rep = map[mail.ThreadID]bool{}
	}
	p.rep[t] = true
	if p.g.Part.Thread == t {
		p.g.Part = device.Part{}
	}
}

// take notes that this answer takes back something of a conversation.
func (p *plan) take(t mail.ThreadID) {
	if p.taken == nil {
		p.taken = map[mail.ThreadID]bool{}
	}
	p.taken[t] = true
}

// heldWithConversation tells whether the device has the item of a log entry,
// and whether it may have it afterwards.
func (p *plan) heldWithConversation(c *mail.Change) (held, stays bool, err error) {
	t, pos := c.Thread, mark(c.Position())
	if !c.Deleted {
		item, err := p.source.Item(p.tx, p.box, p.folder.ID, c.Item)
		if err != nil {
			return false, false, err
		}
		t = item.Thread
	}
	held, err = p.holds(pos, t)
	// Its own outside of the window is taken back by arrivals, unless by then its
	// conversation is represented.
	return held, pos.Item <= p.g.Top || !t.IsZero(), err
}

// partReached tells whether the limit's Part is there; there may be none.
func (p *plan) partReached() bool {
	return p.limit == nil || p.limit.Part == (device.Part{}) || p.g.Part == p.limit.Part
}

// reached tells that a repeated answer has come to where the one before ended.
func (p *plan) reached() bool {
	return p.limit != nil && sameMarks(&p.g, p.limit)
}

// settlePart takes back a conversation that nothing in the window has brought
// back.
func (p *plan) settlePart() (bool, error) {
	if p.g.Part == (device.Part{}) {
		return true, nil
	}
	return p.drop()
}

// takeBackConversations raises the floor to the mark, or as far as the window
// allows. An item whose conversation goes on above stays.
func (p *plan) takeBackConversations(to device.Position) (bool, error) {
	for pos, err := range p.heldBelow(to) {
		if err != nil {
			return false, err
		}
		item, err := p.source.Item(p.tx, p.box, p.folder.ID, mail.ItemID(pos.Item))
		if err != nil {
			return false, err
		}
		above := device.Position{Received: pos.Received, Item: pos.Item + 1}
		if item.Thread.IsZero() {
			p.forget(item.ID)
			if !p.takeBackOne(item.ID) {
				p.g.Floor = pos
				return false, nil
			}
			p.g.Floor = above
			continue
		}
		done, last, err := p.loses(item.Thread, func(g *device.Generation) { g.Floor = above })
		if err != nil || !done {
			return false, err
		}
		p.g.Floor = above
		delete(p.rep, item.Thread)
		if last {
			p.g.Part = device.Part{Thread: item.Thread, Upto: p.g.Top}
		}
	}
	p.g.Floor = to
	return true, nil
}

// besides counts the items outside the window whose conversation is in it.
func (p *plan) besides() (int, error) {
	seen := map[mail.ThreadID]bool{}
	n := 0
	for at, err := range p.source.Newest(p.tx, p.box, p.folder.ID, mail.Position{}, p.g.Floor.Received) {
		if err != nil {
			return n, err
		}
		item, err := p.source.Item(p.tx, p.box, p.folder.ID, at.Item)
		if err != nil {
			return n, err
		}
		if item.Thread.IsZero() || seen[item.Thread] {
			continue
		}
		seen[item.Thread] = true
		for other, err := range p.source.ThreadIn(p.tx, p.box, p.folder.ID, item.Thread, 0, 0, false) {
			if err != nil {
				return n, err
			}
			if before(mark(other), p.g.Floor) {
				n++
			}
		}
	}
	return n, nil
}
