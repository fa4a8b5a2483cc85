package mail

import (
	"crypto/sha256"
	"encoding/binary"
)

// Facts are what an item that is no mail says of itself: what a mailbox needs
// to find it, and others to judge it, without opening its body.
type Facts struct {
	UID string // of the iCalendar or vCard object; empty: it has none
	// At is the item's place among the others of its folder, in milliseconds since
	// 1970, and becomes its Received: of an event when its last occurrence ends,
	// of a task when it was done, EndOfTime for what has no end yet. Zero: when it
	// came.
	At int64
	// Brief is a summary of the object for who knows its form: see mail/object.
	Brief []byte
}

// EndOfTime is the Received of what has no end: the last second of the year
// 9999, in milliseconds.
const EndOfTime int64 = 253402300799000

// UIDHash stands for the UID of an object of one class. Zero is none.
type UIDHash uint64

// HashUID returns the hash of a UID in a class, zero for none.
func HashUID(c Class, uid string) UIDHash {
	if uid == "" {
		return 0
	}
	sum := sha256.Sum256(append([]byte{byte(c)}, uid...))
	return UIDHash(binary.BigEndian.Uint64(sum[:]) | 1)
}

// Earlier is a Received that an item had before it was changed.
type Earlier struct {
	Until    ModSeq // the change that ended it
	Received int64
}

// MaxEarlier bounds how many an item remembers: of more, the oldest are
// forgotten.
const MaxEarlier = 16

// receivedAt is the Received that an item had when its mailbox was at s.
func receivedAt(now int64, was []Earlier, s ModSeq) int64 {
	for _, e := range was {
		if e.Until > s {
			return e.Received
		}
	}
	return now
}

// PositionAt is the item's Position when the mailbox was at s. Only what is no
// mail moves.
func (it *Item) PositionAt(s ModSeq) Position {
	return Position{receivedAt(it.Received, it.Was, s), it.ID}
}

// PositionAt is the Position of the changed item when the mailbox was at s.
func (c *Change) PositionAt(s ModSeq) Position {
	return Position{receivedAt(c.Received, c.Was, s), c.Item}
}

// Rights are what somebody may do in a folder that is not their own.
type Rights uint8

// The rights. Who may write may read, too.
const (
	MayRead     Rights = 1 << iota // see what is there, private items without their content
	MayWrite                       // add, change and delete
	MaySee                         // see private items whole
	MayDelegate                    // get the owner's invitations and answer them in the owner's name
)

// Link says that a folder stands for a folder of another mailbox, for somebody
// who was granted rights to it. Its items, numbers and ModSeqs are those of the
// other folder.
type Link struct {
	Box    MailboxID
	Folder FolderID
	Rights Rights
}

// IsZero tells whether it is none.
func (l Link) IsZero() bool { return l.Box == 0 }
