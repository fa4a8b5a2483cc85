package engine

import (
	"math"

	"martlet/mail"
	"martlet/sync/device"
)

// thisRequest marks own writes of the request at hand until its generation has
// its key.
const thisRequest = math.MaxUint64

// ownWrites is a collection's list of own writes with a way to look them up.
type ownWrites struct {
	list    []device.OwnWrite
	items   map[uint32]ownWrite
	earlier []device.OwnWrite // set aside by recall
	grown   bool              // note was called
}

// ownWrite is what the list says of one item.
type ownWrite struct {
	modseq uint64 // the last one
	added  bool
}

// newOwnWrites takes from the list what the generation has not left behind.
func newOwnWrites(list []device.OwnWrite, g *device.Generation) *ownWrites {
	o := &ownWrites{}
	for _, w := range list {
		if !behind(&w, g) {
			o.list = append(o.list, w)
			o.index(w)
		}
	}
	return o
}

// behind tells whether the generation's marks say what the write would: its log
// entry is told or passed over, and an added item is not above the arrivals.
func behind(w *device.OwnWrite, g *device.Generation) bool {
	return w.ModSeq <= g.Cursor && (!w.Added || w.Item <= g.Top) && (g.SMS == nil || behind(w, g.SMS))
}

func (o *ownWrites) index(w device.OwnWrite) {
	if o.items == nil {
		o.items = map[uint32]ownWrite{}
	}
	of := o.items[w.Item]
	of.modseq = max(of.modseq, w.ModSeq)
	of.added = of.added || w.Added
	o.items[w.Item] = of
}

// is tells whether the device itself made the item's change at modseq.
func (o *ownWrites) is(item uint32, modseq uint64) bool {
	w, ok := o.items[item]
	return ok && w.modseq == modseq
}

// added tells whether the device itself made the item.
func (o *ownWrites) added(item uint32) bool { return o.items[item].added }

// first is the lowest item that the request at hand added, now or when it came
// before; 0 if it added none.
func (o *ownWrites) first() (item mail.ItemID) {
	for _, w := range o.list {
		if w.Added && w.Key == thisRequest && (item == 0 || mail.ItemID(w.Item) < item) {
			item = mail.ItemID(w.Item)
		}
	}
	return item
}

// note remembers a change that the request at hand made. When the list is full
// an older change falls out, but never an added item, whose echo the device
// would take for a second item.
func (o *ownWrites) note(item mail.ItemID, modseq mail.ModSeq, added bool) {
	if len(o.list) >= device.MaxOwnWrites && !o.dropOldest() {
		return
	}
	w := device.OwnWrite{Item: uint32(item), ModSeq: uint64(modseq), Added: added, Key: thisRequest}
	o.list = append(o.list, w)
	o.index(w)
	o.grown = true
}

// fullOfAdds tells that there is no room for another added item.
func (o *ownWrites) fullOfAdds() bool {
	if len(o.list) < device.MaxOwnWrites {
		return false
	}
	for _, w := range o.list {
		if !w.Added {
			return false
		}
	}
	return true
}

func (o *ownWrites) dropOldest() bool {
	for i, w := range o.list {
		if !w.Added {
			o.list = append(o.list[:i:i], o.list[i+1:]...)
			return true
		}
	}
	return false
}

// recall sets aside the writes that the request of generation key made. They
// count again only for the items that a repeated request repeats.
func (o *ownWrites) recall(key uint64) {
	var rest, earlier []device.OwnWrite
	for _, w := range o.list {
		if w.Key == key {
			earlier = append(earlier, w)
		} else {
			rest = append(rest, w)
		}
	}
	if len(earlier) > 0 {
		o.list, o.items, o.earlier = rest, nil, earlier
		for _, w := range rest {
			o.index(w)
		}
	}
}

// restore takes back what recall set aside for an item.
func (o *ownWrites) restore(item mail.ItemID) {
	var rest []device.OwnWrite
	for _, w := range o.earlier {
		if w.Item == uint32(item) {
			w.Key = thisRequest
			o.list = append(o.list, w)
			o.index(w)
		} else {
			rest = append(rest, w)
		}
	}
	o.earlier = rest
}

// keep returns the list for saving: without what the confirmed generation has
// left behind, and with the key of the request at hand.
func (o *ownWrites) keep(confirmed *device.Generation, key uint64) []device.OwnWrite {
	var kept []device.OwnWrite
	for _, w := range o.list {
		if behind(&w, confirmed) {
			continue
		}
		if w.Key == thisRequest {
			w.Key = key
		}
		kept = append(kept, w)
	}
	return kept
}
