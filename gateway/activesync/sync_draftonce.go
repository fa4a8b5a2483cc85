package activesync

import (
	"errors"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// maxCopies is how often a device may add one and the same draft within a day. A
// phone that goes on, each time under another ClientId, has lost its way, and is
// given the last copy for every further one.
const maxCopies = 8

// lastCopy finds the draft that stands for one too many of the same, or none. One
// that was written in since is another draft.
func (h *Handler) lastCopy(tx *store.Tx, s *session, f mail.FolderID, d *draftCommand) (mail.ItemID, error) {
	n, last, err := h.c.Devices.Copies(tx, s.id(), uint32(f), d.copy, time.Now())
	if err != nil || n < maxCopies {
		return 0, err
	}
	it, err := h.c.Mailboxes.Item(tx, s.box, f, mail.ItemID(last))
	if errors.Is(err, mail.ErrNoItem) || err == nil && it.ChangedSince(it.Created)&mail.PartOther != 0 {
		return 0, nil
	}
	return it.ID, err
}

// onceMade sends what the device has not sent already in an earlier state of the
// folder, and remembers it.
func (h *Handler) onceMade(s *session, f mail.FolderID, d *draftCommand, send func(*store.Tx) error) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		now := time.Now()
		_, made, err := h.c.Devices.FindMade(tx, s.id(), uint32(f), d.name, now)
		if err != nil || made {
			return err
		}
		if err := send(tx); err != nil {
			return err
		}
		return h.c.Devices.NoteMade(tx, s.id(), device.Made{Digest: d.name, Folder: uint32(f), When: now})
	}
}
