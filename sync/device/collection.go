package device

// Position mirrors mail.Position: time of receipt in milliseconds, then the
// item's number. This package knows items only as numbers.
type Position struct {
	Received int64
	Item     uint32
}

// Generation is one state of a collection on a device. It says which items the
// device has by a handful of marks, not by a list; sync/engine explains how.
type Generation struct {
	Key uint64 // the SyncKey; zero: there is no such generation

	Cursor uint64 // the ModSeq up to which the change log was told
	Top    uint32 // items above it are still to be added
	Start  uint32 // items up to it come by backfill
	Below  Position
	Floor  Position // items below it are not on the device

	// Began is the Cursor from which the log is being told in several answers;
	// zero: it was told to its end. See sync/engine of what moves.
	Began uint64

	// More says that the answer did not come to the end of what there was.
	More bool

	Filter uint8 // FilterType in force
	Cutoff int64 // where Floor is going: milliseconds, zero without a filter

	// Conversations says that with an item in the filter's window come all of
	// its conversation. Part is the one that is on its way to the device, or
	// from it.
	Conversations bool
	Part          Part

	// SMS are the marks of the short messages in a folder of mail; nil: the device
	// has none. They are shared between copies and never changed.
	SMS *Generation

	// Added answers the Adds of the request that led to this generation, in
	// case it is repeated.
	Added []Added
}

// Part is a conversation of which a device has a part: the items up to a number.
type Part struct {
	Thread [16]byte // zero: none
	Upto   uint32
}

// Added is what became of a client's Add (or of a FolderCreate).
type Added struct {
	ClientID string
	Item     uint32
}

// OwnWrite is a change that the device made itself and must not be told of.
type OwnWrite struct {
	Item   uint32
	ModSeq uint64
	Added  bool   // the device made the item
	Key    uint64 // the generation whose request made it; zero: another command
}

// MaxOwnWrites bounds a collection's list of own writes. A change that falls
// out of the list is told to the device again, which does no harm.
const MaxOwnWrites = 1024

// Collection is a device's state of one folder, or of the folder hierarchy
// when Folder is zero.
type Collection struct {
	Folder  uint32
	Class   uint8
	Version uint64 // goes up with every save

	Confirmed Generation // the device has it
	Pending   Generation // sent last; the device may have it

	Sent    Sent    // what the pending answer held
	Trouble Trouble // what speaks for an item that the device cannot take
	Broken  bool    // there are rows of such items

	Own     []OwnWrite
	Options []byte // the door's options of the last request that gave any
}

// Sent says what an answer held that may make a device fail.
type Sent struct {
	Items uint32   // Adds and Changes
	List  []uint32 // which, ascending; kept only after a failure, else nil
}

// MaxListed bounds Sent.List and Trouble.Zone. An answer that holds more is not
// listed.
const MaxListed = 512

// Trouble counts the answers with items that a device did not confirm, and says
// which may be the one that it cannot take: see sync/engine.
type Trouble struct {
	Failures uint32   // in a row
	Singles  uint32   // of them, with one item only
	Limit    uint32   // how many items of the zone an answer may hold; zero: any number
	Anew     bool     // at the last one it started anew
	Zone     []uint32 // ascending; nil: not known yet
}
