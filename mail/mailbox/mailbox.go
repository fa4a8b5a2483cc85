// Package mailbox keeps mailboxes: folders, items of every class, and the one
// change log of each mailbox that every door reads. All changes happen in the
// caller's transaction, so that a delivery to many mailboxes or a phone's
// request is one commit, and wakes go out only after that commit. The package
// must never parse a message in a transaction, never speak a protocol and
// never decide what a device has seen.
package mailbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// Config is what the mailboxes stand on. Every field but Logger is needed.
type Config struct {
	Store  *store.Store
	Blobs  *blob.Blobs
	Hub    *push.Hub
	Logger *slog.Logger // nil: slog.Default
	// Limits tells how much a mailbox may hold; nil: any amount.
	Limits func(tx *store.Tx, box mail.MailboxID) (mail.Limits, error)
}

// Mailboxes are all mailboxes of one store. It is safe for concurrent use.
type Mailboxes struct {
	store *store.Store
	blobs *blob.Blobs
	hub   *push.Hub
	log   *slog.Logger
	hooks []Hooks

	limits func(tx *store.Tx, box mail.MailboxID) (mail.Limits, error)

	keeper keeper
}

// New returns the mailboxes in the store. Call Sweep once afterwards: it goes
// on with what an earlier process left.
func New(cfg Config) *Mailboxes {
	m := &Mailboxes{store: cfg.Store, blobs: cfg.Blobs, hub: cfg.Hub, log: cfg.Logger, limits: cfg.Limits}
	if m.log == nil {
		m.log = slog.Default()
	}
	m.keeper.init()
	return m
}

// Blobs returns where the bodies are.
func (m *Mailboxes) Blobs() *blob.Blobs { return m.blobs }

// defaultFolder is one row of the table of folders that every mailbox has.
type defaultFolder struct {
	role  mail.Role
	name  string
	class mail.Class
}

// defaultFolders are made on first use, in this order. A journal has no class
// that a phone could synchronize (MS-ASCMD 2.2.3.27.5).
func defaultFolders() []defaultFolder {
	return []defaultFolder{
		{mail.RoleInbox, "Inbox", mail.ClassEmail},
		{mail.RoleDrafts, "Drafts", mail.ClassEmail},
		{mail.RoleSent, "Sent Items", mail.ClassEmail},
		{mail.RoleDeletedItems, "Deleted Items", mail.ClassEmail},
		{mail.RoleOutbox, "Outbox", mail.ClassEmail},
		{mail.RoleJunk, "Junk E-mail", mail.ClassEmail},
		{mail.RoleCalendar, "Calendar", mail.ClassCalendar},
		{mail.RoleContacts, "Contacts", mail.ClassContacts},
		{mail.RoleTasks, "Tasks", mail.ClassTasks},
		{mail.RoleNotes, "Notes", mail.ClassNotes},
		{mail.RoleJournal, "Journal", 0},
		{mail.RoleRecipientInfo, "Recipient information cache", mail.ClassContacts},
	}
}

// Ensure makes the mailbox with its default folders unless it is there. In a
// read-only transaction a missing mailbox is mail.ErrNoMailbox.
func (m *Mailboxes) Ensure(tx *store.Tx, box mail.MailboxID) error {
	_, err := m.state(tx, box)
	return err
}

// Create is Ensure in a transaction of its own; it writes nothing when the
// mailbox is there.
func (m *Mailboxes) Create(ctx context.Context, box mail.MailboxID) error {
	ensure := func(tx *store.Tx) error { return m.Ensure(tx, box) }
	err := m.store.View(ctx, ensure)
	if errors.Is(err, mail.ErrNoMailbox) {
		err = m.store.Update(ctx, ensure)
	}
	return err
}

// state reads the mailbox's row, and makes the mailbox if it may.
func (m *Mailboxes) state(tx *store.Tx, box mail.MailboxID) (state, error) {
	st, err := stateTable.Get(tx, box)
	switch {
	case err == nil && !st.Removed:
		if !st.Counted && tx.Writable() { // written by whoever changes it
			if st.Used, err = counted(tx, box); err != nil {
				return st, err
			}
			st.Counted = true
		}
		return st, nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return st, fmt.Errorf("mailbox: %d: %w", box, err)
	case !tx.Writable():
		return st, mail.ErrNoMailbox
	}
	return m.create(tx, box, st)
}

// create makes the default folders. The numbers go on from what st has given
// out, since rows of a removed mailbox may wait for the sweep.
func (m *Mailboxes) create(tx *store.Tx, box mail.MailboxID, st state) (state, error) {
	st.Threaded, st.Indexed, st.Counted, st.Used = true, true, true, mail.Usage{}
	if st.Removed {
		st.Removed = false
		if err := sweepTable.Delete(tx, folderKey{box, mail.Hierarchy}); err != nil {
			return st, err
		}
	}
	for _, d := range defaultFolders() {
		f := mail.Folder{Name: d.name, Class: d.class, Role: d.role}
		if err := m.addFolder(tx, box, &st, &f); err != nil {
			return st, err
		}
		if err := roleTable.Set(tx, roleKey{box, d.role}, f.ID); err != nil {
			return st, err
		}
	}
	return st, stateTable.Set(tx, box, st)
}

// Highest returns the mailbox's last ModSeq.
func (m *Mailboxes) Highest(tx *store.Tx, box mail.MailboxID) (mail.ModSeq, error) {
	st, err := m.state(tx, box)
	return st.ModSeq, err
}

// changed wakes whoever waits for the folder when the transaction is durable,
// once however much changed.
func (m *Mailboxes) changed(tx *store.Tx, box mail.MailboxID, f mail.FolderID) {
	tx.OnCommitOnce(folderKey{box, f}, func() { m.hub.Publish(uint64(box), uint32(f)) })
}

// Wake wakes whoever waits for the folder as if something had changed there.
func (m *Mailboxes) Wake(tx *store.Tx, box mail.MailboxID, f mail.FolderID) { m.changed(tx, box, f) }

// List yields every mailbox that was ever used, ascending.
func (m *Mailboxes) List(tx *store.Tx) iter.Seq2[mail.MailboxID, error] {
	return stateTable.Keys(tx, store.TableRange[mail.MailboxID]{})
}
