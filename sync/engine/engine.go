// Package engine decides what a device is sent: what changed in a collection
// since the SyncKey it shows, and what becomes of the changes it sends. It
// knows items only by their numbers, dates and ModSeqs, and has never heard of
// WBXML or of a protocol's status. It must never answer before the commit.
package engine

import (
	"errors"
	"iter"
	"log/slog"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// Errors that a door turns into its protocol's own status.
var (
	ErrStaleSyncKey  = errors.New("engine: the sync key is neither the confirmed nor the pending one")
	ErrNoState       = errors.New("engine: the device has never synced this collection")
	ErrConflict      = errors.New("engine: the server's change of the item wins over the device's")
	ErrTooManyOwn    = errors.New("engine: too many items added without asking for changes")
	ErrSameFolder    = errors.New("engine: source and destination are the same folder")
	ErrNoDestination = errors.New("engine: the destination folder does not exist or cannot hold the item")
	ErrBadCommand    = errors.New("engine: the command lacks what it needs")
	ErrOtherBody     = errors.New("engine: the item's body is not the one that the new one was made from")
)

// Source is where items come from; mail/mailbox satisfies it.
type Source interface {
	Ensure(tx *store.Tx, box mail.MailboxID) error
	Folders(tx *store.Tx, box mail.MailboxID) ([]mail.Folder, error)
	Folder(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (mail.Folder, error)
	FolderByRole(tx *store.Tx, box mail.MailboxID, role mail.Role) (mail.Folder, error)
	CreateFolder(tx *store.Tx, box mail.MailboxID, parent mail.FolderID, name string, class mail.Class) (mail.Folder, error)
	UpdateFolder(tx *store.Tx, box mail.MailboxID, f, parent mail.FolderID, name string) (mail.Folder, error)
	DeleteFolder(tx *store.Tx, box mail.MailboxID, f mail.FolderID) error

	Highest(tx *store.Tx, box mail.MailboxID) (mail.ModSeq, error)
	Changes(tx *store.Tx, box mail.MailboxID, f mail.FolderID, since mail.ModSeq) iter.Seq2[mail.Change, error]
	Newest(tx *store.Tx, box mail.MailboxID, f mail.FolderID, below mail.Position, oldest int64) iter.Seq2[mail.Position, error]
	Between(tx *store.Tx, box mail.MailboxID, f mail.FolderID, from, to int64) iter.Seq2[mail.Position, error]

	// Items yields the items with a number above after, ascending.
	Items(tx *store.Tx, box mail.MailboxID, f mail.FolderID, after mail.ItemID) iter.Seq2[mail.Item, error]
	// ThreadIn yields the items of a conversation with a number from from on and
	// below to, ascending or descending; to zero is no bound.
	ThreadIn(tx *store.Tx, box mail.MailboxID, f mail.FolderID, t mail.ThreadID, from, to mail.ItemID, descending bool) iter.Seq2[mail.Position, error]
	// LastItem is the highest item number ever given in the folder's mailbox.
	LastItem(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (mail.ItemID, error)

	Item(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Item, error)
	Tombstone(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Change, error)
	// Room refuses with mail.ErrOverQuota what would be too much for the mailbox.
	Room(tx *store.Tx, box mail.MailboxID, f mail.FolderID, bytes int64, items int) error
	Append(tx *store.Tx, box mail.MailboxID, f mail.FolderID, n mail.NewItem) (mail.Item, error)
	UpdateItem(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID, edit func(*mail.Item)) (mail.Item, error)
	ReplaceBody(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID, body mail.Body, edit func(*mail.Item)) (mail.Item, error)
	Delete(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Change, error)
	Move(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID, dst mail.FolderID) (mail.Item, error)
}

// Config is what New needs.
type Config struct {
	Store   *store.Store
	Devices *device.Devices
	Source  Source
	Logger  *slog.Logger // nil: slog.Default
}

// Engine answers devices. It keeps nothing in memory and is safe for
// concurrent use.
type Engine struct {
	store   *store.Store
	devices *device.Devices
	source  Source
	log     *slog.Logger
}

// New returns an engine.
func New(c Config) *Engine {
	e := &Engine{store: c.Store, devices: c.Devices, source: c.Source, log: c.Logger}
	if e.log == nil {
		e.log = slog.Default()
	}
	return e
}
