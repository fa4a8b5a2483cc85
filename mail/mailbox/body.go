package mailbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
	"martlet/store/blob"
)

// ErrNotPrepared means that a message was appended whose MIME index is neither
// stored nor given. No body is read in a transaction: call Prepare first.
var ErrNotPrepared = errors.New("mailbox: the message has no index: Prepare it before Append")

// Prepare makes a message ready for any number of Appends: when it returns,
// its bytes are durable and its MIME index is made. It must be called outside
// of a transaction.
func (m *Mailboxes) Prepare(ctx context.Context, raw []byte) (mail.Body, error) {
	ref, err := m.blobs.Put(ctx, raw)
	if err != nil {
		return mail.Body{}, fmt.Errorf("mailbox: prepare: %w", err)
	}
	return mail.Body{Blob: ref, Index: message.Parse(raw)}, nil
}

// Index returns the MIME index of a message that is in a mailbox. Any other
// is mail.ErrNoItem.
func (m *Mailboxes) Index(tx *store.Tx, ref blob.Ref) (*message.Index, error) {
	row, err := indexTable.Get(tx, ref.Hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil, mail.ErrNoItem
	}
	if err != nil {
		return nil, fmt.Errorf("mailbox: index: %w", err)
	}
	ix, err := message.Decode(row.Index)
	if err != nil {
		return nil, fmt.Errorf("mailbox: index: %w", err)
	}
	return ix, nil
}

// References calls count once for each reference that an item holds to a body,
// for blob.Audit.
func (m *Mailboxes) References(tx *store.Tx, count func(blob.Ref)) error {
	for row, err := range itemTable.Scan(tx, store.TableRange[itemKey]{}) {
		if err != nil {
			return fmt.Errorf("mailbox: references: %w", err)
		}
		if !row.Value.Blob.IsZero() {
			count(row.Value.Blob)
		}
	}
	return nil
}

// indexed tells whether bodies of the class are MIME messages.
func indexed(c mail.Class) bool { return c == mail.ClassEmail || c == mail.ClassSMS }

// hold takes one more reference to a body, and writes the index of a message
// that no mailbox had so far.
func (m *Mailboxes) hold(tx *store.Tx, class mail.Class, body mail.Body) error {
	ref, ix := body.Blob, body.Index
	if ref.IsZero() {
		return nil
	}
	if err := m.blobs.Retain(tx, ref); err != nil {
		return fmt.Errorf("mailbox: hold: %w", err)
	}
	if !indexed(class) {
		return nil
	}
	row, err := indexTable.Get(tx, ref.Hash)
	if errors.Is(err, store.ErrNotFound) {
		if ix == nil {
			return ErrNotPrepared
		}
		// The count goes in front of the index, so both are one row.
		return tx.Set(indexKey(ref), ix.Append(binary.AppendUvarint(nil, 1)))
	}
	if err != nil {
		return fmt.Errorf("mailbox: hold: %w", err)
	}
	row.References++
	return indexTable.Set(tx, ref.Hash, row)
}

// letGo gives back what hold took. A body or an index that is missing already
// is damage that Check reports; it must not keep an item from being deleted.
func (m *Mailboxes) letGo(tx *store.Tx, class mail.Class, ref blob.Ref) error {
	if ref.IsZero() {
		return nil
	}
	err := m.blobs.Release(tx, ref)
	if err != nil && !errors.Is(err, blob.ErrGone) {
		return fmt.Errorf("mailbox: let go: %w", err)
	}
	if !indexed(class) {
		return nil
	}
	row, err := indexTable.Get(tx, ref.Hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mailbox: let go: %w", err)
	}
	if row.References <= 1 {
		if err := indexTable.Delete(tx, ref.Hash); err != nil {
			return err
		}
		return signatureTable.Delete(tx, ref.Hash)
	}
	row.References--
	return indexTable.Set(tx, ref.Hash, row)
}

func indexKey(ref blob.Ref) []byte {
	return append([]byte{byte(store.PrefixIndex)}, ref.Hash[:]...)
}
