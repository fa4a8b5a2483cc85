package engine

import (
	"context"
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// folderCommand is a change of the hierarchy by a device. What identifies it
// is kept in the generation it leads to, so that a repeated command answers the
// same and does not act twice.
type folderCommand struct {
	what string
	// act changes the hierarchy and returns the folder.
	act func(tx *store.Tx) (mail.FolderID, error)
	// target is the folder before, zero when it is to be made.
	target mail.FolderID
}

// CreateFolder makes a folder (FolderCreate, MS-ASCMD 2.2.1.3) and returns it
// with the new key. Repeated with the same key it returns the same folder.
func (e *Engine) CreateFolder(ctx context.Context, id device.ID, box mail.MailboxID, key string, parent mail.FolderID, name string, class mail.Class) (mail.Folder, string, error) {
	var made mail.Folder
	cmd := folderCommand{
		what: fmt.Sprintf("create %d %d %s", parent, class, name),
		act: func(tx *store.Tx) (mail.FolderID, error) {
			f, err := e.source.CreateFolder(tx, box, parent, name, class)
			return f.ID, err
		},
	}
	newKey, err := e.folderCommand(ctx, id, box, key, cmd, func(tx *store.Tx, f mail.FolderID) (err error) {
		made, err = e.source.Folder(tx, box, f)
		return err
	})
	return made, newKey, err
}

// UpdateFolder renames or moves a folder (FolderUpdate, MS-ASCMD 2.2.1.6).
func (e *Engine) UpdateFolder(ctx context.Context, id device.ID, box mail.MailboxID, key string, folder, parent mail.FolderID, name string) (newKey string, err error) {
	return e.folderCommand(ctx, id, box, key, folderCommand{
		what:   fmt.Sprintf("update %d %d %s", folder, parent, name),
		target: folder,
		act: func(tx *store.Tx) (mail.FolderID, error) {
			f, err := e.source.UpdateFolder(tx, box, folder, parent, name)
			return f.ID, err
		},
	}, nil)
}

// DeleteFolder deletes a folder and what lies below it (FolderDelete, MS-ASCMD
// 2.2.1.4). The folders below are told as deleted in the next FolderSync. What
// was in them goes when the mailbox is swept.
func (e *Engine) DeleteFolder(ctx context.Context, id device.ID, box mail.MailboxID, key string, folder mail.FolderID) (newKey string, err error) {
	return e.folderCommand(ctx, id, box, key, folderCommand{
		what:   fmt.Sprintf("delete %d", folder),
		target: folder,
		act: func(tx *store.Tx) (mail.FolderID, error) {
			return folder, e.source.DeleteFolder(tx, box, folder)
		},
	}, func(tx *store.Tx, f mail.FolderID) error {
		return e.forget(tx, id, box, false, []mail.FolderID{f})
	})
}

// folderCommand runs a command in one transaction and returns the new key. The
// command's own change is not told to the device; others' still are, since the
// answer of a folder command cannot carry them.
func (e *Engine) folderCommand(ctx context.Context, id device.ID, box mail.MailboxID, key string, cmd folderCommand, then func(*store.Tx, mail.FolderID) error) (string, error) {
	newKey := ""
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		c, err := e.devices.Collection(tx, id, uint32(mail.Hierarchy))
		if errors.Is(err, device.ErrNoCollection) {
			return ErrStaleSyncKey
		}
		if err != nil {
			return err
		}
		t, err := resolve(&c, key)
		if err != nil {
			return err
		}
		f, again := mail.FolderID(0), false
		if t.repeat != nil {
			f, again = cmd.done(t.repeat)
		}
		if again && cmd.target == 0 {
			// What was made may be gone again: then it is made anew.
			_, err := e.source.Folder(tx, box, f)
			if again = err == nil; err != nil && !errors.Is(err, mail.ErrNoFolder) {
				return err
			}
		}
		if again {
			newKey = formatKey(t.repeat.Key)
		} else if newKey, f, err = e.actOnFolder(tx, id, box, &c, &t, &cmd); err != nil {
			return err
		}
		if then == nil {
			return nil
		}
		return then(tx, f)
	})
	if err != nil {
		return "", err
	}
	return newKey, nil
}

// done tells whether the generation came of this very command.
func (cmd *folderCommand) done(g *device.Generation) (mail.FolderID, bool) {
	for _, a := range g.Added {
		if a.ClientID == cmd.what {
			return mail.FolderID(a.Item), true
		}
	}
	return 0, false
}

// actOnFolder runs the command and saves the generation it leads to.
func (e *Engine) actOnFolder(tx *store.Tx, id device.ID, box mail.MailboxID, c *device.Collection, t *turn, cmd *folderCommand) (string, mail.FolderID, error) {
	own := newOwnWrites(c.Own, &t.base)
	if t.repeat != nil {
		own.recall(t.repeat.Key)
	}
	unknown := false // the device does not know the folder as it is
	if cmd.target != 0 {
		before, err := e.source.Folder(tx, box, cmd.target)
		if err != nil {
			return "", 0, err
		}
		unknown = uint64(before.ModSeq) > t.base.Cursor && !own.is(uint32(before.ID), uint64(before.ModSeq))
	}
	start, err := e.source.Highest(tx, box)
	if err != nil {
		return "", 0, err
	}
	f, err := cmd.act(tx)
	if err != nil {
		return "", 0, err
	}
	if err := e.noteFolder(tx, box, own, f, start, unknown); err != nil {
		return "", 0, err
	}
	next := t.base
	next.Key = nextKey(c)
	next.Added = []device.Added{{ClientID: cmd.what, Item: uint32(f)}}
	if h, err := e.folderChanges(tx, box, &t.base, own); err != nil {
		return "", 0, err
	} else if len(h.Adds)+len(h.Updates)+len(h.Deletes) == 0 {
		next.Cursor = h.cursor
	}
	t.confirm(c)
	c.Pending = next
	c.Own = own.keep(&c.Confirmed, next.Key)
	return formatKey(next.Key), f, e.devices.SaveCollection(tx, id, *c)
}

// noteFolder notes what the command wrote of its folder since start.
func (e *Engine) noteFolder(tx *store.Tx, box mail.MailboxID, own *ownWrites, f mail.FolderID, start mail.ModSeq, unknown bool) error {
	for c, err := range e.source.Changes(tx, box, mail.Hierarchy, start) {
		if err != nil {
			return err
		}
		if mail.FolderID(c.Item) == f && (c.Deleted || !unknown) {
			own.note(c.Item, c.ModSeq, c.Created > start)
		}
	}
	return nil
}
