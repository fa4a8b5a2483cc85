package engine

import (
	"context"
	"errors"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// MoveAll moves items (MoveItems, MS-ASCMD 2.2.1.12) in one transaction. Each
// answer stands for itself, and a move that is repeated answers the same. The
// device receives a Delete in the one folder and an Add in the other with its
// next Syncs (MS-ASCMD_R289), so that a lost answer does no harm.
func (e *Engine) MoveAll(ctx context.Context, id device.ID, box mail.MailboxID, moves []Move) ([]Moved, error) {
	out := make([]Moved, len(moves))
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		for i := range moves {
			item, err := e.move(tx, id, box, &moves[i])
			out[i] = Moved{Item: item}
			if err == nil {
				continue
			}
			if out[i].Err = moveRefused(err); out[i].Err == nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func moveRefused(err error) error {
	for _, r := range []error{mail.ErrNoFolder, mail.ErrNoItem, mail.ErrMailboxFull, mail.ErrOverQuota, mail.ErrReadOnly, ErrNoDestination, ErrSameFolder} {
		if errors.Is(err, r) {
			return r
		}
	}
	return nil
}

func (e *Engine) move(tx *store.Tx, id device.ID, box mail.MailboxID, m *Move) (mail.ItemID, error) {
	if m.From == m.To {
		return 0, ErrSameFolder
	}
	from, err := e.source.Folder(tx, box, m.From)
	if err != nil {
		return 0, err
	}
	to, err := e.source.Folder(tx, box, m.To)
	switch {
	case err == nil && from.Role == mail.RoleRecipientInfo: // nobody takes anything from it
		return 0, mail.ErrNoItem
	case errors.Is(err, mail.ErrNoFolder), err == nil && (to.Class != from.Class || to.Role == mail.RoleRecipientInfo): // its items could not be shown there
		return 0, ErrNoDestination
	case err != nil:
		return 0, err
	}
	item, err := e.source.Move(tx, box, m.From, m.Item, m.To)
	if errors.Is(err, mail.ErrNoItem) {
		return e.movedBefore(tx, id, box, m)
	}
	if err != nil || !m.Keeps {
		return item.ID, err
	}
	gone, err := e.source.Tombstone(tx, box, m.From, m.Item)
	if err != nil {
		return 0, err
	}
	if err := e.noteOwn(tx, id, m.From, device.OwnWrite{Item: uint32(m.Item), ModSeq: uint64(gone.ModSeq)}); err != nil {
		return 0, err
	}
	// With no ModSeq the item is the device's own, and its row is still told:
	// as a Change.
	return item.ID, e.noteOwn(tx, id, m.To, device.OwnWrite{Item: uint32(item.ID), Added: true})
}

// movedBefore answers a repeated move. What another has moved to the same place
// is as good for a device that is told of it by Sync, but a device that keeps
// its items may only keep what it moved itself.
func (e *Engine) movedBefore(tx *store.Tx, id device.ID, box mail.MailboxID, m *Move) (mail.ItemID, error) {
	gone, err := e.source.Tombstone(tx, box, m.From, m.Item)
	if err != nil {
		return 0, err
	}
	if gone.MovedTo.Folder != m.To {
		return 0, mail.ErrNoItem
	}
	if m.Keeps {
		c, err := e.devices.Collection(tx, id, uint32(m.From))
		if err != nil && !errors.Is(err, device.ErrNoCollection) {
			return 0, err
		}
		if !newOwnWrites(c.Own, &c.Confirmed).is(uint32(m.Item), uint64(gone.ModSeq)) {
			return 0, mail.ErrNoItem
		}
	}
	return gone.MovedTo.Item, nil
}

// noteOwn adds an own write to a collection the device syncs.
func (e *Engine) noteOwn(tx *store.Tx, id device.ID, folder mail.FolderID, w device.OwnWrite) error {
	c, err := e.devices.Collection(tx, id, uint32(folder))
	if errors.Is(err, device.ErrNoCollection) {
		return nil
	}
	if err != nil {
		return err
	}
	own := newOwnWrites(c.Own, &c.Confirmed)
	own.note(mail.ItemID(w.Item), mail.ModSeq(w.ModSeq), w.Added)
	c.Own = own.keep(&c.Confirmed, 0)
	return e.devices.SaveCollection(tx, id, c)
}
