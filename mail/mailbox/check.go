package mailbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// Check compares every row with every other that speaks of the same thing, in
// one snapshot, and reports what does not agree. Bodies are not its business:
// give References to blob.Audit. It returns an error only if it cannot go on.
func (m *Mailboxes) Check(ctx context.Context, report func(store.Problem)) error {
	err := m.store.View(ctx, func(tx *store.Tx) error {
		return newChecker(ctx, tx, report).run()
	})
	if err != nil {
		return fmt.Errorf("mailbox: check: %w", err)
	}
	return nil
}

// checker holds what one Check has learnt. It keeps a few bytes for each folder
// and each distinct message, but nothing for each item.
type checker struct {
	tx      *store.Tx
	ctx     context.Context
	report  func(store.Problem)
	places  map[folderKey]bool // where rows may be: true for a folder, false for the hierarchy and what is to be swept
	indexes map[[32]byte]uint64
	threads map[mail.MailboxID]threadCount
	docs    map[mail.MailboxID]int // messages that an index must have
	uids    map[mail.MailboxID]uint32
}

func newChecker(ctx context.Context, tx *store.Tx, report func(store.Problem)) *checker {
	return &checker{
		tx: tx, ctx: ctx, report: report,
		places: map[folderKey]bool{}, indexes: map[[32]byte]uint64{},
		threads: map[mail.MailboxID]threadCount{}, docs: map[mail.MailboxID]int{}, uids: map[mail.MailboxID]uint32{},
	}
}

func (c *checker) bad(table string, key any, format string, args ...any) {
	c.report(store.Problem{Table: table, Key: fmt.Sprintf("%v", key), Text: fmt.Sprintf(format, args...)})
}

func (c *checker) run() error {
	if err := c.sweeps(); err != nil {
		return err
	}
	for row, err := range stateTable.Scan(c.tx, store.TableRange[mail.MailboxID]{}) {
		if err != nil {
			return err
		}
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.mailbox(row.Key, row.Value); err != nil {
			return err
		}
	}
	if err := c.swept(); err != nil {
		return err
	}
	if err := c.signatures(); err != nil {
		return err
	}
	if err := c.orphans(); err != nil {
		return err
	}
	if err := c.threadRows(); err != nil {
		return err
	}
	if err := c.indexRows(); err != nil {
		return err
	}
	if err := c.objectUIDs(); err != nil {
		return err
	}
	return c.index()
}

// sweeps notes what is to be swept.
func (c *checker) sweeps() error {
	for k, err := range sweepTable.Keys(c.tx, store.TableRange[folderKey]{}) {
		if err != nil {
			return err
		}
		c.places[k] = false
	}
	return nil
}

// mailbox checks one mailbox with everything in it.
func (c *checker) mailbox(box mail.MailboxID, st state) error {
	folders := map[mail.FolderID]mail.Folder{}
	for row, err := range folderTable.Scan(c.tx, store.TableRange[folderKey]{Prefix: appendBox(nil, box)}) {
		if err != nil {
			return err
		}
		if _, sweeping := c.places[row.Key]; sweeping {
			c.bad("sweep", row.Key, "the folder is there but is to be swept")
		}
		row.Value.ID = row.Key.Folder
		folders[row.Key.Folder] = row.Value
		c.places[row.Key] = true
	}
	if len(folders) != int(st.Folders) {
		c.bad("mailbox", box, "counts %d folders, has %d", st.Folders, len(folders))
	}
	if st.Removed && len(folders) > 0 {
		c.bad("mailbox", box, "is removed but has folders")
	}
	if _, sweeping := c.places[folderKey{box, mail.Hierarchy}]; sweeping != st.Removed {
		c.bad("mailbox", box, "removed is %t, on the sweep list is %t", st.Removed, sweeping)
	}
	c.places[folderKey{box, mail.Hierarchy}] = false
	if used := sum(slices.Collect(maps.Values(folders))); st.Counted && used != st.Used {
		c.bad("mailbox", box, "counts %d items and %d bytes, has %d and %d", st.Used.Items, st.Used.Bytes, used.Items, used.Bytes)
	}
	c.tree(box, st, folders)
	if err := c.hierarchy(box, st, folders); err != nil {
		return err
	}
	if err := c.roles(box, folders); err != nil {
		return err
	}
	for _, folder := range folders {
		if err := c.items(box, st, folder); err != nil {
			return err
		}
	}
	return nil
}

// tree checks that the folders hang together and have names of their own.
func (c *checker) tree(box mail.MailboxID, st state, folders map[mail.FolderID]mail.Folder) {
	type place struct {
		parent mail.FolderID
		name   string
	}
	names := map[place]mail.FolderID{}
	for id, folder := range folders {
		k := folderKey{box, id}
		if id > st.Folder {
			c.bad("folder", k, "was never given out, the last is %d", st.Folder)
		}
		if folder.ModSeq > st.ModSeq || folder.Highest > st.ModSeq || folder.Created > folder.ModSeq {
			c.bad("folder", k, "created %d, changed %d, items changed %d, the mailbox is at %d",
				folder.Created, folder.ModSeq, folder.Highest, st.ModSeq)
		}
		if !goodName(folder.Name) {
			c.bad("folder", k, "has no good name")
		}
		name := place{folder.Parent, strings.ToLower(folder.Name)}
		if other, taken := names[name]; taken {
			c.bad("folder", k, "has the name of folder %d beside it", other)
		}
		names[name] = id
		// A way up that is longer than there are folders goes round.
		up := folder.Parent
		for steps := 0; up != 0; steps++ {
			parent, ok := folders[up]
			if !ok || steps > len(folders) {
				c.bad("folder", k, "does not reach the top: folder %d", up)
				break
			}
			up = parent.Parent
		}
	}
}

// hierarchy checks that the log knows each folder once, as it is.
func (c *checker) hierarchy(box mail.MailboxID, st state, folders map[mail.FolderID]mail.Folder) error {
	seen := map[mail.FolderID]bool{}
	var last mail.ModSeq
	r := store.TableRange[logKey]{Prefix: appendFolderKey(nil, folderKey{box, mail.Hierarchy})}
	for row, err := range logTable.Scan(c.tx, r) {
		if err != nil {
			return err
		}
		last = row.Key.ModSeq
		id := mail.FolderID(row.Value.Item)
		if seen[id] {
			c.bad("log", row.Key, "folder %d has a second entry", id)
		}
		seen[id] = true
		folder, ok := folders[id]
		switch {
		case ok == row.Value.Deleted:
			c.bad("log", row.Key, "deleted is %t, but that the folder is there is %t", row.Value.Deleted, ok)
		case ok && (folder.ModSeq != row.Key.ModSeq || folder.Created != row.Value.Created):
			c.bad("log", row.Key, "the folder says %d, created %d", folder.ModSeq, folder.Created)
		case id > st.Folder:
			c.bad("log", row.Key, "folder %d was never given out", id)
		}
	}
	for id := range folders {
		if !seen[id] {
			c.bad("log", folderKey{box, id}, "the folder has no entry")
		}
	}
	if last != st.Hierarchy && !st.Removed { // a sweep may have begun
		c.bad("mailbox", box, "the hierarchy's last change is %d, the log's %d", st.Hierarchy, last)
	}
	return nil
}

// roles checks that the roles and their folders name each other.
func (c *checker) roles(box mail.MailboxID, folders map[mail.FolderID]mail.Folder) error {
	held := 0
	for row, err := range roleTable.Scan(c.tx, store.TableRange[roleKey]{Prefix: appendBox(nil, box)}) {
		if err != nil {
			return err
		}
		held++
		if folder, ok := folders[row.Value]; !ok || folder.Role != row.Key.Role {
			c.bad("role", row.Key, "names folder %d, which has another role or is gone", row.Value)
		}
	}
	for _, folder := range folders {
		if folder.Role != mail.RoleNone {
			held--
		}
	}
	if held != 0 {
		c.bad("role", box, "there are %d roles more than folders with one", held)
	}
	return nil
}

// orphans looks for rows that belong to no mailbox, folder or sweep. It jumps
// from folder to folder, so that it reads one row of each.
func (c *checker) orphans() error {
	tables := []struct {
		name   string
		prefix store.Prefix
	}{
		{"folder", store.PrefixFolder}, {"item", store.PrefixItem}, {"log", store.PrefixLog},
		{"by-date", store.PrefixByDate}, {"buried", store.PrefixBuried}, {"recipient", store.PrefixRecipient},
	}
	for _, t := range tables {
		from := []byte{byte(t.prefix)}
		for from != nil {
			r := store.Range{Prefix: []byte{byte(t.prefix)}, From: from, KeysOnly: true}
			from = nil
			for kv, err := range c.tx.Scan(r) {
				if err != nil {
					return err
				}
				if len(kv.Key) < 13 {
					c.bad(t.name, fmt.Sprintf("%x", kv.Key), "malformed key")
					from = append(append(from, kv.Key...), 0)
					break
				}
				k := folderKey{boxOf(kv.Key[1:]), folderOf(kv.Key[1:])}
				if _, known := c.places[k]; !known {
					c.bad(t.name, k, "rows of a folder that does not exist")
				}
				from = nextFolder(t.prefix, k)
				break
			}
		}
	}
	for row, err := range roleTable.Scan(c.tx, store.TableRange[roleKey]{}) {
		if err != nil {
			return err
		}
		if !c.places[folderKey{row.Key.Box, row.Value}] {
			c.bad("role", row.Key, "names folder %d, which does not exist", row.Value)
		}
	}
	return nil
}

// nextFolder is the first key behind all rows of a folder, nil behind the last.
func nextFolder(prefix store.Prefix, k folderKey) []byte {
	k.Folder++
	if k.Folder == 0 {
		k.Box++
	}
	if k.Folder == 0 && k.Box == 0 {
		return nil
	}
	return appendFolderKey([]byte{byte(prefix)}, k)
}

// index checks that each message has an index, and each index its messages.
func (c *checker) index() error {
	for row, err := range indexTable.Scan(c.tx, store.TableRange[[32]byte]{}) {
		if err != nil {
			return err
		}
		key := fmt.Sprintf("%x", row.Key)
		if have := c.indexes[row.Key]; have != row.Value.References {
			c.bad("index", key, "counts %d items, there are %d", row.Value.References, have)
		}
		delete(c.indexes, row.Key)
		if _, err := message.Decode(row.Value.Index); err != nil {
			c.bad("index", key, "cannot be read: %v", err)
		}
	}
	for hash, n := range c.indexes {
		c.bad("index", fmt.Sprintf("%x", hash), "is missing, %d items need it", n)
	}
	return nil
}
