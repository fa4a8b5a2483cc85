package engine

import (
	"context"
	"errors"
	"fmt"
	"math"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// hierarchy is a device's view of the folders. It is a collection like others,
// with the same two generations, but told whole: there are few folders, so that
// the log is read to its end in every answer and Cursor alone says what the
// device has: the folders created up to it. Top lies above them all.
type hierarchy struct {
	HierarchyResult
	cursor uint64
}

// Hierarchy answers a FolderSync (MS-ASCMD 2.2.1.5). Key "0" starts anew: all
// folders are Adds. The states of the collections stay valid, each until its
// own key 0: a device may fetch the hierarchy again at any time (MS-ASCMD
// 3.1.5.3) without losing what it has. The error is ErrStaleSyncKey when the
// device must start anew.
func (e *Engine) Hierarchy(ctx context.Context, id device.ID, box mail.MailboxID, key string, also func(tx *store.Tx) error) (HierarchyResult, error) {
	var res HierarchyResult
	var save *device.Collection
	var read uint64
	look := func(tx *store.Tx) (err error) {
		res, save, read, err = e.folderSync(tx, id, box, key)
		return err
	}
	if key != NewKey {
		if err := e.store.View(ctx, look); err != nil || save == nil && also == nil {
			return res, err
		}
	}
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		if still, err := e.version(tx, id); err != nil {
			return err
		} else if key == NewKey || save != nil && still != read {
			if err := look(tx); err != nil {
				return err
			}
		}
		if save != nil {
			if err := e.devices.SaveCollection(tx, id, *save); err != nil {
				return err
			}
			if err := e.forget(tx, id, box, key == NewKey, res.Deletes); err != nil {
				return err
			}
		}
		if also == nil {
			return nil
		}
		return also(tx)
	})
	return res, err
}

// version is the version of the hierarchy's state, zero without one.
func (e *Engine) version(tx *store.Tx, id device.ID) (uint64, error) {
	c, err := e.devices.Collection(tx, id, uint32(mail.Hierarchy))
	if errors.Is(err, device.ErrNoCollection) {
		return 0, nil
	}
	return c.Version, err
}

// folderSync works out an answer and what is to be saved for it, if anything.
func (e *Engine) folderSync(tx *store.Tx, id device.ID, box mail.MailboxID, key string) (HierarchyResult, *device.Collection, uint64, error) {
	c, err := e.devices.Collection(tx, id, uint32(mail.Hierarchy))
	if err != nil && !errors.Is(err, device.ErrNoCollection) {
		return HierarchyResult{}, nil, 0, err
	}
	if key == NewKey {
		res, fresh, err := e.allFolders(tx, box, c.Version)
		return res, fresh, c.Version, err
	}
	t, err := resolve(&c, key)
	if err != nil {
		return HierarchyResult{}, nil, 0, err
	}
	read := c.Version
	own := newOwnWrites(c.Own, &t.base)
	if t.repeat != nil {
		own.recall(t.repeat.Key)
	}
	h, err := e.folderChanges(tx, box, &t.base, own)
	if err != nil {
		return HierarchyResult{}, nil, 0, err
	}
	h.Unchanged = len(h.Adds)+len(h.Updates)+len(h.Deletes) == 0
	if t.repeat != nil && t.repeat.Cursor == h.cursor && len(t.repeat.Added) == 0 {
		h.Key = formatKey(t.repeat.Key)
		return h.HierarchyResult, nil, read, nil
	}
	next := t.base
	next.Cursor, next.Added = h.cursor, nil
	if h.Unchanged {
		h.Key = key
		if !t.promote && t.repeat == nil {
			return h.HierarchyResult, nil, read, nil
		}
		c.Confirmed, c.Pending = next, device.Generation{}
	} else {
		next.Key = nextKey(&c)
		h.Key = formatKey(next.Key)
		t.confirm(&c)
		c.Pending = next
	}
	c.Own = own.keep(&c.Confirmed, 0)
	return h.HierarchyResult, &c, read, nil
}

// allFolders is the answer to key 0.
func (e *Engine) allFolders(tx *store.Tx, box mail.MailboxID, version uint64) (HierarchyResult, *device.Collection, error) {
	if err := e.source.Ensure(tx, box); err != nil {
		return HierarchyResult{}, nil, err
	}
	folders, err := e.source.Folders(tx, box)
	if err != nil {
		return HierarchyResult{}, nil, err
	}
	cursor, err := e.source.Highest(tx, box)
	if err != nil {
		return HierarchyResult{}, nil, err
	}
	c := &device.Collection{Folder: uint32(mail.Hierarchy), Version: version}
	c.Pending = device.Generation{Key: firstKey(), Cursor: uint64(cursor), Top: math.MaxUint32}
	return HierarchyResult{Key: formatKey(c.Pending.Key), Adds: folders}, c, nil
}

// folderChanges reads the hierarchy's log from the device's cursor to its end.
func (e *Engine) folderChanges(tx *store.Tx, box mail.MailboxID, g *device.Generation, own *ownWrites) (hierarchy, error) {
	h := hierarchy{cursor: g.Cursor}
	for c, err := range e.source.Changes(tx, box, mail.Hierarchy, mail.ModSeq(g.Cursor)) {
		if err != nil {
			return h, err
		}
		h.cursor = uint64(c.ModSeq)
		item := uint32(c.Item)
		if own.is(item, uint64(c.ModSeq)) {
			continue
		}
		knows := uint64(c.Created) <= g.Cursor || own.added(item)
		id := mail.FolderID(c.Item)
		if c.Deleted {
			if knows {
				h.Deletes = append(h.Deletes, id)
			}
			continue
		}
		f, err := e.source.Folder(tx, box, id)
		if errors.Is(err, mail.ErrNoFolder) { // a link that leads nowhere: its end is about to be told
			continue
		}
		if err != nil {
			return h, fmt.Errorf("engine: folder %d is in the log: %w", id, err)
		}
		if knows {
			h.Updates = append(h.Updates, f)
		} else {
			h.Adds = append(h.Adds, f)
		}
	}
	return h, nil
}

// forget drops the device's states of folders that are gone: those named, or
// with all, every one that is not in the mailbox.
func (e *Engine) forget(tx *store.Tx, id device.ID, box mail.MailboxID, all bool, gone []mail.FolderID) error {
	if all {
		for c, err := range e.devices.Collections(tx, id) {
			if err != nil {
				return err
			}
			if c.Folder == uint32(mail.Hierarchy) {
				continue
			}
			_, err := e.source.Folder(tx, box, mail.FolderID(c.Folder))
			if errors.Is(err, mail.ErrNoFolder) {
				gone = append(gone, mail.FolderID(c.Folder))
			} else if err != nil {
				return err
			}
		}
	}
	for _, f := range gone {
		if err := e.devices.RemoveCollection(tx, id, uint32(f)); err != nil {
			return err
		}
	}
	return nil
}

// hierarchyChanged tells whether a FolderSync would bring the device something.
func (e *Engine) hierarchyChanged(tx *store.Tx, id device.ID, box mail.MailboxID) (bool, error) {
	c, err := e.devices.Collection(tx, id, uint32(mail.Hierarchy))
	if errors.Is(err, device.ErrNoCollection) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	g := latest(&c)
	h, err := e.folderChanges(tx, box, g, newOwnWrites(c.Own, g))
	return len(h.Adds)+len(h.Updates)+len(h.Deletes) > 0, err
}
