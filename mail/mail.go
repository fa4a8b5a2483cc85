// Package mail is the vocabulary of the mail core: what a mailbox, a folder,
// an item and a change are. It holds types and the little logic that belongs
// to them alone; it must never read or write the store.
package mail

import (
	"errors"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/mail/message"
	"martlet/store/blob"
)

// MailboxID names a mailbox. A user's own mailbox has the number of the
// account; other mailboxes take theirs from the same counter.
type MailboxID uint64

// MailboxOf returns the account's own mailbox.
func MailboxOf(a directory.AccountID) MailboxID { return MailboxID(a) }

// FolderID names a folder within its mailbox. It is given once and never
// reused. Zero is no folder; in the change log it stands for the hierarchy.
type FolderID uint32

// Hierarchy is the place in the change log where changes of folders are kept.
const Hierarchy FolderID = 0

// ItemID names an item within its mailbox and is its IMAP UID too (RFC 9051
// 2.3.1.1): given in ascending order, never reused, new after a move.
type ItemID uint32

// ModSeq orders all changes of one mailbox (RFC 7162). Every change takes the
// next one; the first change has 1.
type ModSeq uint64

// Errors that a door turns into its protocol's own status.
var (
	ErrNoFolder     = errors.New("mail: no such folder")
	ErrNoItem       = errors.New("mail: no such item")
	ErrFolderExists = errors.New("mail: a folder of that name exists")
	ErrSystemFolder = errors.New("mail: a default folder cannot be changed")
	ErrBadParent    = errors.New("mail: the parent folder does not exist or lies below the folder itself")
	ErrBadName      = errors.New("mail: a folder needs a name of 1 to 256 characters without control characters")

	// ErrNoMailbox means that the mailbox was never used: it is made by the
	// first transaction that may write. It is an ErrNoFolder too.
	ErrNoMailbox      = fmt.Errorf("mail: the mailbox does not exist yet: %w", ErrNoFolder)
	ErrTooManyFolders = errors.New("mail: the mailbox has as many folders as it can hold")
	ErrItemTooLarge   = errors.New("mail: the item's flags and keywords are too large")
	ErrMailboxFull    = errors.New("mail: the mailbox has given out its last item number")
	ErrReadOnly       = errors.New("mail: the folder is another's, and may only be read")
	ErrNameTaken      = errors.New("mail: another item of the folder has the name")
	// ErrOverQuota means that the mailbox holds as much as it may. Mail that
	// arrives is delivered all the same: it is refused before it is taken.
	ErrOverQuota = errors.New("mail: the mailbox holds as much as it may")
)

// Class is the kind of the items in a folder (MS-ASCMD 2.2.3.27.5).
type Class uint8

// The classes.
const (
	ClassEmail Class = iota + 1
	ClassCalendar
	ClassContacts
	ClassTasks
	ClassNotes
	ClassSMS
)

// Role is what a folder is for. A mailbox has at most one folder of each role
// but RoleNone.
type Role uint8

// The roles of the default folders; RoleNone is a folder the user made.
const (
	RoleNone Role = iota
	RoleInbox
	RoleDrafts
	RoleSent
	RoleDeletedItems
	RoleOutbox
	RoleJunk
	RoleCalendar
	RoleContacts
	RoleTasks
	RoleNotes
	RoleJournal
	RoleRecipientInfo
)

// Folder is one folder of a mailbox.
type Folder struct {
	ID      FolderID
	Parent  FolderID // Zero at the top.
	Name    string
	Class   Class
	Role    Role
	Created ModSeq // when it entered the hierarchy
	ModSeq  ModSeq // its own last change (name, parent) in the hierarchy
	Highest ModSeq // the last change of any item in it (RFC 7162 HIGHESTMODSEQ)
	Items   uint32
	Unread  uint32
	Bytes   uint64
	SMS     uint32 // how many of the items of a mail folder are short messages
	Link    Link   // of another mailbox's folder: where its items are
}

// Flags are the states of an item that IMAP and ActiveSync share.
type Flags uint16

// The flags.
const (
	FlagSeen Flags = 1 << iota
	FlagAnswered
	FlagForwarded
	FlagDeleted // IMAP \Deleted; ActiveSync does not show it
	FlagDraft
	FlagBcc // it came as a blind carbon copy; nobody changes that

	// What becomes of an invitation when somebody acts for who is invited; nobody
	// changes these either.
	FlagDelegator // the invitation of who is invited: their delegates have it, too
	FlagDelegated // a delegate's copy
)

// FollowUpStatus is the state of a follow-up flag (MS-ASEMAIL 2.2.2.76).
type FollowUpStatus uint8

// The states of a follow-up flag.
const (
	FollowUpNone     FollowUpStatus = 0
	FollowUpComplete FollowUpStatus = 1
	FollowUpActive   FollowUpStatus = 2
)

// FollowUp is the follow-up flag of a message (MS-ASEMAIL 2.2.2.35). IMAP's
// \Flagged is an active one. Zero times are absent.
type FollowUp struct {
	Status       FollowUpStatus
	Type         string
	Subject      string
	Start, Due   time.Time
	UTCStart     time.Time
	UTCDue       time.Time
	Completed    time.Time
	DateComplete time.Time
	ReminderSet  bool
	ReminderTime time.Time
	Ordinal      time.Time
	SubOrdinal   string
}

// Position orders the items of a folder by time of receipt, then by ItemID:
// what "newest first" means.
type Position struct {
	Received int64 // milliseconds since 1970 in UTC
	Item     ItemID
}

// Before tells whether p is older than q.
func (p Position) Before(q Position) bool {
	if p.Received != q.Received {
		return p.Received < q.Received
	}
	return p.Item < q.Item
}

// Item is what a mailbox knows of one message without opening its body.
type Item struct {
	ID       ItemID
	Folder   FolderID
	Class    Class
	Created  ModSeq // when it entered this folder
	ModSeq   ModSeq // its last change
	Object   uint64 // the same before and after a move (RFC 8474 EMAILID)
	Received int64  // milliseconds since 1970 in UTC; of mail it never changes, of others see Facts.At
	Saved    int64  // when it came into this folder, in milliseconds since 1970 (RFC 8514); zero: not known
	Blob     blob.Ref
	Flags    Flags
	FollowUp FollowUp
	Keywords []string // IMAP keywords and ActiveSync categories
	LastVerb uint8    // MS-ASEMAIL 2.2.2.43, 0 for none
	VerbTime time.Time
	Own      bool     // put there by the user's own program; never changes
	Parts    PartSeqs // kept by the mailbox
	Doc      uint32   // kept by the mailbox: its number in the index for searches

	// Given by the mailbox when the item enters it.
	Thread  ThreadID    // its conversation
	Message MessageHash // its Message-ID, to find it by
	Index   []byte      // where it stands in its conversation: see ConversationIndex

	// Of what is no mail.
	Name  string    // of the resource in its folder (RFC 4918): unique there, never changes
	UID   UIDHash   // to find it by
	Brief []byte    // Facts.Brief; treat as read-only
	Was   []Earlier // its earlier places, ascending
	By    MailboxID // of who wrote it last, if that was not the mailbox's owner
}

// Position is the item's place in newest-first order.
func (it *Item) Position() Position { return Position{it.Received, it.ID} }

// Change is an entry of the change log. The log keeps the last change of each
// item in each folder, so it is as long as there are items and tombstones, and
// reading what happened since a ModSeq costs what happened since.
type Change struct {
	ModSeq   ModSeq
	Item     ItemID    // in the Hierarchy: the FolderID
	Created  ModSeq    // after the cursor of a reader that always reads to the end: it has never seen the item
	Received int64     // the item's, so that a reader knows its Position
	Deleted  bool      // a tombstone
	MovedTo  Place     // of a tombstone: where the item went, if it was moved
	Away     Away      // of a tombstone: where it went in another mailbox
	SMS      bool      // of a short message
	Thread   ThreadID  // of a tombstone: the conversation the item was in
	Was      []Earlier // the item's
	Name     string    // of a tombstone: the item's
}

// Position is the changed item's place in newest-first order.
func (c *Change) Position() Position { return Position{c.Received, c.Item} }

// Place is an item's address within its mailbox.
type Place struct {
	Folder FolderID
	Item   ItemID
}

// Away is an item's address in another mailbox.
type Away struct {
	Box MailboxID
	At  Place
}

// Body is what an item holds: durable bytes, and what is known of them without
// opening them.
type Body struct {
	Blob  blob.Ref
	Index *message.Index // of ClassEmail and ClassSMS; may be nil if a mailbox has the Blob already
	Facts Facts          // of the others
}

// NewItem is an item about to enter a folder.
type NewItem struct {
	Class    Class
	Received int64 // milliseconds since 1970; zero: now
	Body
	Flags    Flags
	FollowUp FollowUp
	Keywords []string
	LastVerb uint8
	VerbTime time.Time
	Own      bool     // the user's own program puts it there: it is no news
	Object   uint64   // zero: a new one
	Thread   ThreadID // zero: the one that the message says
	Name     string   // of what is no mail; empty: one that the mailbox makes
	Copied   FolderID // of the same mailbox, of which it is a copy of an item; zero: of none
}
