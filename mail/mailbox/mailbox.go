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
	"log/slog"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// ErrNotPrepared means that a message was appended whose MIME index is neither
// stored nor given. No body is read in a transaction: call Prepare first and
// put its index into mail.NewItem.
var ErrNotPrepared = errors.New("mailbox: the message has no index: Prepare it before Append")

// Config is what the mailboxes stand on. Every field but Logger is needed.
type Config struct {
	Store  *store.Store
	Blobs  *blob.Blobs
	Hub    *push.Hub
	Logger *slog.Logger // nil: slog.Default
}

// Mailboxes are all mailboxes of one store. It is safe for concurrent use.
type Mailboxes struct {
	store *store.Store
	blobs *blob.Blobs
	hub   *push.Hub
	log   *slog.Logger
}

// New returns the mailboxes in the store.
func New(cfg Config) *Mailboxes {
	m := &Mailboxes{store: cfg.Store, blobs: cfg.Blobs, hub: cfg.Hub, log: cfg.Logger}
	if m.log == nil {
		m.log = slog.Default()
	}
	return m
}

// Blobs returns where the bodies are.
func (m *Mailboxes) Blobs() *blob.Blobs { return m.blobs }

// Prepare makes a message ready for any number of Appends: its bytes are
// durable and its MIME index is made when it returns. It must be called
// outside of a transaction. Give the index on in mail.NewItem.Index.
func (m *Mailboxes) Prepare(ctx context.Context, raw []byte) (blob.Ref, *message.Index, error) {
	ref, err := m.blobs.Put(ctx, raw)
	return ref, message.Parse(raw), err
}

// Ensure makes the mailbox with its default folders unless it is there. In a
// read-only transaction a missing mailbox is mail.ErrNoMailbox.
func (m *Mailboxes) Ensure(tx *store.Tx, box mail.MailboxID) error { return errStub }

// Create is Ensure in a transaction of its own; it writes nothing when the
// mailbox is there.
func (m *Mailboxes) Create(ctx context.Context, box mail.MailboxID) error { return errStub }

var errStub = errors.New("mailbox: not written")
