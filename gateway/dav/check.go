package dav

import (
	"context"
	"errors"
	"fmt"
	"path"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/store"
)

// Connect has the mailboxes tell of folders that go, so that what is said of them
// goes in the same transaction.
func Connect(m *mailbox.Mailboxes) {
	t := newMetaTables()
	m.Connect(mailbox.Hooks{FolderChanged: func(tx *store.Tx, box mail.MailboxID, f *mail.Folder, gone bool) error {
		if !gone {
			return nil
		}
		return t.drop(tx, box, f.ID)
	}})
}

// Counting tells of calendars whether what is in them takes their owner's time
// (RFC 6638 9.1).
func Counting() func(*store.Tx, mail.MailboxID, mail.FolderID) (bool, error) {
	t := newMetaTables()
	return func(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (bool, error) {
		m, err := t.of(tx, box, f)
		return !m.Transparent, err
	}
}

// Check reports rows of mailboxes without an account, names that lead nowhere or
// come from nowhere, files in no folder, and totals that are wrong.
func Check(ctx context.Context, s *store.Store, people *directory.Directory, report func(store.Problem)) error {
	owners := map[directory.AccountID]bool{}
	for a, err := range people.Accounts(ctx) {
		if err != nil {
			return fmt.Errorf("dav: check: %w", err)
		}
		owners[a.ID] = true
	}
	c := checker{owners: owners, report: report, meta: newMetaTables(), files: newFileTables()}
	return s.View(ctx, func(tx *store.Tx) error {
		return errors.Join(c.collections(tx), c.allFiles(tx))
	})
}

type checker struct {
	owners map[directory.AccountID]bool
	report func(store.Problem)
	meta   metaTables
	files  fileTables
}

func (c *checker) problem(table string, key any, text string) {
	c.report(store.Problem{Table: table, Key: fmt.Sprint(key), Text: text})
}

func (c *checker) owned(table string, box mail.MailboxID, key any) {
	if !c.owners[directory.AccountID(box)] {
		c.problem(table, key, "belongs to no account")
	}
}

func (c *checker) collections(tx *store.Tx) error {
	for row, err := range c.meta.meta.Scan(tx, store.TableRange[metaKey]{}) {
		if err != nil {
			return fmt.Errorf("dav: check: %w", err)
		}
		c.owned("dav collection", row.Key.Box, row.Key)
		if row.Value.Segment == "" {
			continue
		}
		f, err := c.meta.named(tx, row.Key.Box, row.Value.Segment)
		if err != nil {
			return err
		}
		if f != row.Key.Folder {
			c.problem("dav collection", row.Key, "its name leads elsewhere")
		}
	}
	for row, err := range c.meta.segments.Scan(tx, store.TableRange[segmentKey]{}) {
		if err != nil {
			return fmt.Errorf("dav: check: %w", err)
		}
		m, err := c.meta.of(tx, row.Key.Box, row.Value)
		if err != nil {
			return err
		}
		if m.Segment != row.Key.Segment {
			c.problem("dav segment", row.Key, "the collection has another name")
		}
	}
	return nil
}

func (c *checker) allFiles(tx *store.Tx) error {
	sums := map[mail.MailboxID]fileTotals{}
	for row, err := range c.files.files.Scan(tx, store.TableRange[fileKey]{}) {
		if err != nil {
			return fmt.Errorf("dav: check: %w", err)
		}
		k := row.Key
		c.owned("dav file", k.Box, k)
		if dir := path.Dir(k.Path); dir != "." {
			above, err := c.files.get(tx, k.Box, dir)
			if errors.Is(err, mail.ErrNoItem) || err == nil && !above.folder {
				c.problem("dav file", k, "lies in no folder")
			} else if err != nil {
				return err
			}
		}
		sum := sums[k.Box]
		sum.Files++
		sum.Bytes += row.Value.Blob.Size
		sums[k.Box] = sum
	}
	for row, err := range c.files.totals.Scan(tx, store.TableRange[mail.MailboxID]{}) {
		if err != nil {
			return fmt.Errorf("dav: check: %w", err)
		}
		c.owned("dav files", row.Key, row.Key)
		if sums[row.Key] != row.Value {
			c.problem("dav files", row.Key, fmt.Sprintf("counts %+v, there are %+v", row.Value, sums[row.Key]))
		}
		delete(sums, row.Key)
	}
	for box := range sums {
		c.problem("dav files", box, "are not counted")
	}
	return nil
}
