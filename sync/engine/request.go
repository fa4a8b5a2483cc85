package engine

import (
	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// DefaultWindow is the number of changes in an answer when the request names
// none (MS-ASCMD 2.2.3.199).
const DefaultWindow = 100

// Request is what a device asks of one collection.
type Request struct {
	Box    mail.MailboxID
	Folder mail.FolderID
	Key    string // the SyncKey; "0" starts anew

	Window         int   // how many of the server's changes at most; zero: DefaultWindow
	Filter         uint8 // FilterType, MS-ASCMD 2.2.3.68.2
	Conversations  bool  // with an item all of its conversation, MS-ASCMD 2.2.3.36.2
	GetChanges     bool
	ServerWins     bool // Conflict, MS-ASCMD 2.2.3.34
	DeletesAsMoves bool
	Options        []byte // kept for the door; nil leaves what is kept

	// Since, unless zero, is where the window begins, in milliseconds, instead of
	// where Filter would have it begin.
	Since int64

	// Weigh says how much of Room an item takes in the answer; when the room is
	// used up, the answer ends as if the window were full. One item always fits.
	// nil: everything fits. It must depend on nothing but the item.
	Weigh func(*mail.Item) int64
	Room  int64

	// SMS is the FilterType of the short messages in a folder of mail; nil: the
	// device wants none. OnlySMS: it wants nothing else.
	SMS     *uint8
	OnlySMS bool

	Commands []Command
}

// CommandKind is what a device wants with an item.
type CommandKind uint8

// The commands of MS-ASCMD 2.2.3.32.
const (
	Add CommandKind = iota + 1
	Change
	Delete
	Fetch
)

// Command is one command of a device.
type Command struct {
	Kind     CommandKind
	ClientID string        // of an Add, and of a Change that must not be done twice
	Item     mail.ItemID   // of the others
	New      *mail.NewItem // of an Add; its blob is durable already

	// Edit is the Change. It must do nothing but edit the item, since it may
	// run more than once. An error of its own is the command's Err.
	Edit func(*mail.Item) error

	// Body is what the item of a Change holds from then on; Edit may be nil. It
	// was made from the body From: if the item holds another by now, the request
	// fails with ErrOtherBody and nothing is done.
	Body *mail.Body
	From blob.Ref

	// Made, of an Add, finds the item that the same Add has made in an earlier
	// state of the device, zero for none; it stands for the new one if it is still
	// there. Then is told of an item that is made, or that this command, and no
	// earlier one that it repeats, has changed or deleted; a Delete with it needs
	// From. Both are of the transaction and may run more than once; nil does
	// nothing.
	Made func(tx *store.Tx) (mail.ItemID, error)
	Then func(tx *store.Tx, item mail.ItemID) error

	// Refused is what was wrong with the command before it came here; nothing is
	// done, and it is the command's Err.
	Refused error

	// Instead carries out an Add or a Change of which no item is to be left, as
	// a draft that is sent: an Add makes none, and a Change's is deleted, which
	// the device is told. It is for the same transaction, may run more than once
	// and is done once for each ClientID. Its error undoes the request.
	Instead func(tx *store.Tx) error
}

// Response tells what became of a command. A door leaves out those that its
// protocol does not answer: an unfailing Change or Delete.
type Response struct {
	Command  int // its place in Request.Commands
	Kind     CommandKind
	ClientID string
	Item     mail.Item // of Add, Change and Fetch that succeeded and left one; else only ID is set
	Err      error     // nil, mail.ErrNoItem, ErrConflict, ErrBadCommand …
}

// ChangeKind is what happened to an item on the server.
type ChangeKind uint8

// The kinds of changes.
const (
	Added ChangeKind = iota + 1
	Changed
	Deleted
	SoftDeleted // it left the filter's window (MS-ASCMD 2.2.3.162)
)

// ItemChange is one change for the device.
type ItemChange struct {
	Kind ChangeKind
	ID   mail.ItemID
	Item mail.Item // of Added and Changed

	// Outside says of an Added item that it comes for its conversation's sake
	// and lies outside the filter's window.
	Outside bool

	SMS bool // of a short message

	// Parts of a Changed item may differ from what the device has. They are
	// none when the change is one that devices do not see.
	Parts mail.Parts
}

// Result is the answer for one collection.
type Result struct {
	Key       string // the SyncKey from now on
	Err       error  // ErrStaleSyncKey, mail.ErrNoFolder …: the rest is empty
	Class     mail.Class
	Unchanged bool // nothing to tell: no changes, no responses, the key stays
	Responses []Response
	Changes   []ItemChange
	More      bool // the window was too small
}

// HierarchyResult is the answer to a FolderSync.
type HierarchyResult struct {
	Key       string
	Unchanged bool
	Adds      []mail.Folder
	Updates   []mail.Folder
	Deletes   []mail.FolderID
}

// Move is one item to move.
type Move struct {
	Item     mail.ItemID
	From, To mail.FolderID

	// Keeps says that the device goes on with the item under its new number,
	// and wants a Change for it instead of a Delete and an Add, as Outlook on
	// the desktop does.
	Keeps bool
}

// Moved is the answer to a Move. Err is mail.ErrNoFolder or mail.ErrNoItem for
// a wrong source, ErrNoDestination or ErrSameFolder for a wrong destination.
type Moved struct {
	Item mail.ItemID
	Err  error
}
