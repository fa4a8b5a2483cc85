package engine

import (
	"math"
	"time"

	"martlet/mail"
	"martlet/sync/device"
)

// What a device has, said by marks.
//
// A collection's state does not list the device's items. It rests on two facts
// of the mailbox: an item's number is above all numbers given before it, so the
// order of numbers in a folder is the order of arrival; and an item's number
// and time of receipt, its Position, never change while it is in the folder.
// With a generation g the device has an item of the folder at position p if and
// only if
//
//	p.Item <= g.Top               it arrived before the last look at arrivals,
//	p >= g.Floor                  it lies in the filter's window, and
//	p.Item > g.Start, or          it came as an arrival, or
//	p >= g.Below                  backfill, newest first, has come past it;
//
// or the item is above Top and the device itself added it (device.OwnWrite).
// The copy the device has is the one at the ModSeq g.Cursor, or a newer one.
//
// An answer goes through these steps, and one that the window cuts short ends
// the answer:
//
//	log       Entries of the change log above Cursor, for items the device has:
//	          a tombstone is a Delete, anything else a Change. Cursor follows.
//	soften    Items between Floor and the filter's new beginning: SoftDelete,
//	          oldest first. Floor follows.
//	arrivals  Items above Top, in order of arrival: Add. Top follows.
//	backfill  Items up to Start below Below, newest first: Add. Below follows.
//	          When it is done and the filter begins earlier than Floor now, a
//	          new backfill starts from there: Start = Top, Below = Floor.
//
// The invariants that make this right:
//
//  1. Top, Below and a wider Floor move only in an answer whose log step has
//     come to the end. So a tombstone above Cursor is always of an item that
//     existed when the device was given it: the device never gets a Delete or
//     a Change of an item it does not have.
//  2. An item leaves one side of the marks once: above Top to below it, or from
//     below Below to above it. So it is never an Add twice.
//  3. A wider filter waits until the backfill under way is done: one frontier
//     always suffices, however often the filter changes.
//  4. An entry that is skipped because the device does not have the item needs
//     no second look: the step that brings the item later reads its row as it
//     is then.
//
// At quiet every step comes to its end, and then the marks say that the device
// has exactly the items of the folder in the filter's window. What a device has
// besides for the sake of conversations, conversation.go says; what it lacks
// because it cannot take it, trouble.go.

// The ends of all positions. No item is at either: times of receipt and item
// numbers begin with 1.
var (
	lowest  = device.Position{}
	highest = device.Position{Received: math.MaxInt64, Item: math.MaxUint32}
)

// incomplete is the filter of tasks that are not done (MS-ASCMD 2.2.3.68.2).
const incomplete = 8

// noCutoff is the beginning of the window without a filter.
const noCutoff = int64(0)

// clockSlack is how far the clock may step back without widening the window.
const clockSlack = 24 * time.Hour

func position(p device.Position) mail.Position {
	return mail.Position{Received: p.Received, Item: mail.ItemID(p.Item)}
}

func mark(p mail.Position) device.Position {
	return device.Position{Received: p.Received, Item: uint32(p.Item)}
}

// before tells whether p is older than q.
func before(p, q device.Position) bool {
	if p.Received != q.Received {
		return p.Received < q.Received
	}
	return p.Item < q.Item
}

// has tells whether the device has the item at p by the marks of g.
func has(g *device.Generation, p device.Position) bool {
	return p.Item <= g.Top && !before(p, g.Floor) && (p.Item > g.Start || !before(p, g.Below))
}

// holds tells the same, own items above Top included.
func holds(g *device.Generation, own *ownWrites, p device.Position) bool {
	return has(g, p) || p.Item > g.Top && own.added(p.Item)
}

// sameMarks tells whether two generations say the same of the device.
func sameMarks(a, b *device.Generation) bool {
	return a.Cursor == b.Cursor && a.Top == b.Top && a.Start == b.Start && a.Below == b.Below &&
		a.Floor == b.Floor && a.Filter == b.Filter && a.Cutoff == b.Cutoff &&
		a.Conversations == b.Conversations && a.Part == b.Part && a.Began == b.Began &&
		(a.SMS == nil) == (b.SMS == nil) && (a.SMS == nil || sameMarks(a.SMS, b.SMS))
}

// cutoff is where the filter's window begins (MS-ASCMD 2.2.3.68.2), on the day
// in UTC, so that it moves once a day. A filter that does not apply to the
// class, or is unknown, filters nothing: refusing it is the door's.
func cutoff(now time.Time, class mail.Class, filter uint8) int64 {
	switch {
	case class == mail.ClassTasks && filter == incomplete:
		return mail.EndOfTime
	case class == mail.ClassCalendar && filter < 4, class == mail.ClassTasks, class == mail.ClassContacts, class == mail.ClassNotes:
		return noCutoff
	}
	year, month, day := now.UTC().Date()
	switch filter {
	case 1:
		day--
	case 2:
		day -= 3
	case 3:
		day -= 7
	case 4:
		day -= 14
	case 5:
		month--
	case 6, 7:
		if class != mail.ClassCalendar {
			return noCutoff
		}
		if month -= 3; filter == 7 {
			month -= 3
		}
	default:
		return noCutoff
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).UnixMilli()
}

// cutoff is where the window of the request begins.
func (r *Request) cutoff(now time.Time, class mail.Class) int64 {
	switch {
	case r.OnlySMS:
		return nowhere
	case r.Since != 0:
		return r.Since
	}
	return cutoff(now, class, r.Filter)
}

// moveCutoff sets where the window is to begin. It does not follow a clock that
// steps back a little, which would bring back what was soft-deleted.
func moveCutoff(g *device.Generation, filter uint8, to int64) {
	if g.Filter == filter && g.Cutoff != noCutoff && to < g.Cutoff && to >= g.Cutoff-clockSlack.Milliseconds() {
		return
	}
	g.Filter, g.Cutoff = filter, to
}

// begin is the state of a device that has nothing yet of a folder.
func begin(f *mail.Folder, last mail.ItemID, filter uint8, cut int64, conversations bool) device.Generation {
	if moves(f.Class) {
		return beginMoving(f, last, filter, cut)
	}
	return device.Generation{
		Conversations: conversations,

		Cursor: uint64(f.Highest),
		Top:    uint32(last),
		Start:  uint32(last),
		Below:  highest,
		More:   true,
		Floor:  device.Position{Received: cut},
		Filter: filter,
		Cutoff: cut,
	}
}
