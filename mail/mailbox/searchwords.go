package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/mail/search"
	"martlet/store"
	"martlet/store/blob"
)

// maxCachedWords bounds the words kept in memory, in bytes: those of some
// thousand messages.
const maxCachedWords = 4 << 20

// wordCache keeps the words of pending messages, which every search looks at
// until they are folded. The oldest go first.
type wordCache struct {
	mu    sync.Mutex
	terms map[[32]byte]search.Terms
	order [][32]byte
	bytes int
}

func (c *wordCache) init() { c.terms = map[[32]byte]search.Terms{} }

func (c *wordCache) get(hash [32]byte) (search.Terms, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.terms[hash]
	return t, ok
}

func (c *wordCache) put(hash [32]byte, t search.Terms) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.terms[hash]; ok {
		return
	}
	c.terms[hash] = t
	c.order = append(c.order, hash)
	c.bytes += len(t)
	for c.bytes > maxCachedWords && len(c.order) > 1 {
		c.dropLocked()
	}
}

func (c *wordCache) dropLocked() {
	oldest := c.order[0]
	c.order = c.order[1:]
	c.bytes -= len(c.terms[oldest])
	delete(c.terms, oldest)
}

// wordsOf returns the words of a message. They follow from its bytes, so
// nothing but those need be stored. With keep the next one to ask has them at
// once.
func (m *Mailboxes) wordsOf(ctx context.Context, tx *store.Tx, ref blob.Ref, keep bool) (search.Terms, error) {
	if t, ok := m.keeper.words.get(ref.Hash); ok {
		return t, nil
	}
	ix, src, err := m.openMessage(ctx, tx, ref)
	if err != nil {
		return nil, err
	}
	t, err := search.Extract(ix, src)
	if err == nil && keep {
		m.keeper.words.put(ref.Hash, t)
	}
	return t, err
}

// openMessage returns a message's index and its bytes, of which only those are
// read that are asked for.
func (m *Mailboxes) openMessage(ctx context.Context, tx *store.Tx, ref blob.Ref) (*message.Index, io.ReaderAt, error) {
	ix, err := m.Index(tx, ref)
	return ix, m.blobs.Reader(ctx, ref), err
}

// damaged tells whether an error means that this one message cannot be read,
// now and later. It is found by its place then, and not by its words; Check and
// the audit of bodies report it.
func damaged(err error) bool {
	return errors.Is(err, blob.ErrGone) || errors.Is(err, blob.ErrCorrupt) || errors.Is(err, mail.ErrNoItem) ||
		errors.Is(err, message.ErrBadIndex)
}

// docWords returns the words of the message at a place.
func (m *Mailboxes) docWords(ctx context.Context, tx *store.Tx, box mail.MailboxID, p place, keep bool) (search.Terms, error) {
	it, err := itemTable.Get(tx, itemKey{box, p.Folder, p.Item})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // damage that Check reports
	}
	if err != nil {
		return nil, fmt.Errorf("mailbox: words: %w", err)
	}
	if it.Blob.IsZero() {
		return nil, nil
	}
	t, err := m.wordsOf(ctx, tx, it.Blob, keep)
	if err != nil && damaged(err) && ctx.Err() == nil {
		m.log.Warn("a message could not be read for its words", "mailbox", uint64(box), "folder", uint32(p.Folder), "item", uint32(p.Item), "err", err)
		return nil, nil
	}
	return t, err
}
