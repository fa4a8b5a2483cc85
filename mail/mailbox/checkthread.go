package mailbox

import (
	"errors"
	"slices"

	"martlet/mail"
	"martlet/store"
)

// threadCount is how many rows of conversations there must be in a mailbox.
type threadCount struct {
	threads  uint64 // items with a conversation
	messages uint64 // items with a Message-ID
}

// threadItem compares an item with the rows of its conversation.
func (c *checker) threadItem(k itemKey, it *mail.Item) error {
	if it.Thread.IsZero() {
		if it.Message != 0 {
			c.bad("item", k, "has a Message-ID and no conversation")
		}
		return nil
	}
	at, err := threadTable.Get(c.tx, threadKey{k.Box, it.Thread, k.Folder, k.Item})
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.bad("item", k, "is not in its conversation")
	case err != nil:
		return err
	case at != it.Received:
		c.bad("item", k, "was received at %d, in its conversation at %d", it.Received, at)
	}
	if it.Message == 0 {
		return nil
	}
	row, err := messageTable.Get(c.tx, messageKey{k.Box, it.Message})
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.bad("item", k, "is not found by its Message-ID")
	case err != nil:
		return err
	case row.Count <= maxPlaces/2 && len(row.Places) == int(row.Count) && !slices.Contains(row.Places, mail.Place{Folder: k.Folder, Item: k.Item}):
		c.bad("item", k, "is not among the places of its Message-ID")
	}
	return nil
}

// countThread notes which rows an item must have.
func (c *checker) countThread(box mail.MailboxID, it *mail.Item) {
	n := c.threads[box]
	if !it.Thread.IsZero() {
		n.threads++
	}
	if it.Message != 0 {
		n.messages++
	}
	c.threads[box] = n
}

// threadRows checks that there are no other rows of conversations than those of
// the items.
func (c *checker) threadRows() error {
	have := map[mail.MailboxID]threadCount{}
	for k, err := range threadTable.Keys(c.tx, store.TableRange[threadKey]{}) {
		if err != nil {
			return err
		}
		n := have[k.Box]
		n.threads++
		have[k.Box] = n
	}
	for row, err := range messageTable.Scan(c.tx, store.TableRange[messageKey]{}) {
		if err != nil {
			return err
		}
		n := have[row.Key.Box]
		n.messages += row.Value.Count
		have[row.Key.Box] = n
		if len(row.Value.Places) > maxPlaces || uint64(len(row.Value.Places)) > row.Value.Count {
			c.bad("message id", row.Key, "has %d places of %d", len(row.Value.Places), row.Value.Count)
		}
	}
	for box, n := range c.threads {
		if have[box] != n {
			c.bad("thread", box, "has %d rows in conversations and %d with a Message-ID, its items are %d and %d",
				have[box].threads, have[box].messages, n.threads, n.messages)
		}
		delete(have, box)
	}
	for box, n := range have {
		if n != (threadCount{}) {
			c.bad("thread", box, "has %d rows in conversations and no items", n.threads)
		}
	}
	for row, err := range ruleTable.Scan(c.tx, store.TableRange[ruleKey]{}) {
		if err != nil {
			return err
		}
		st, err := stateTable.Get(c.tx, row.Key.Box)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err != nil || !st.Diverts || row.Value == 0 {
			c.bad("thread folder", row.Key, "belongs to no mailbox that knows of it, or names no folder")
		}
	}
	return nil
}
