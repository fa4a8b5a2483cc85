package share

import (
	"context"
	"errors"
	"fmt"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// An epoch is a state of everything that links follow from: grants, who is in
// which group, who there is, and which folders are shared under what names. Each
// change takes the next one in its own transaction, so that who has looked at an
// epoch knows with one Get that nothing has changed since.

// epoch reads the counts.
func (s *Shares) epoch(tx *store.Tx) (epochs, error) {
	v, err := epochTable.Get(tx, epochRow)
	if errors.Is(err, store.ErrNotFound) {
		return epochs{}, nil
	}
	if err != nil {
		return v, fmt.Errorf("share: epoch: %w", err)
	}
	return v, nil
}

// move begins the next epoch.
func (s *Shares) move(tx *store.Tx) error {
	v, err := s.epoch(tx)
	if err != nil {
		return err
	}
	v.Now++
	tx.OnCommitOnce(s, s.rouse)
	return epochTable.Set(tx, epochRow, v)
}

// rouse has Run look.
func (s *Shares) rouse() {
	select {
	case s.moved <- struct{}{}:
	default: // it will look
	}
}

// accountChanged is told by the directory. Without grants an account or group
// changes no links; who is gone takes their grants along.
func (s *Shares) accountChanged(tx *store.Tx, c directory.Change) error {
	some := false
	for row, err := range grantTable.Scan(tx, store.TableRange[grantKey]{}) {
		if err != nil {
			return err
		}
		some = true
		if !c.Gone {
			break
		}
		k := row.Key
		gone := c.Account != 0 && (k.to == c.Account || k.box == mail.MailboxOf(c.Account)) || c.Group != "" && k.group == c.Group
		if !gone {
			continue
		}
		if err := grantTable.Delete(tx, k); err != nil {
			return err
		}
	}
	if !some {
		return nil
	}
	return s.move(tx)
}

// folderChanged is told by the mailboxes of a folder that has another name or
// place, or is gone.
func (s *Shares) folderChanged(tx *store.Tx, box mail.MailboxID, f *mail.Folder, gone bool) error {
	if !f.Link.IsZero() {
		return nil // it can be granted to nobody
	}
	some := false
	prefix := grantKey{box: box}.ofBox() // the folders below it have another path, too
	for k, err := range grantTable.Keys(tx, store.TableRange[grantKey]{Prefix: prefix}) {
		if err != nil {
			return err
		}
		some = true
		if !gone {
			break
		}
		if k.folder != f.ID {
			continue
		}
		if err := grantTable.Delete(tx, k); err != nil {
			return err
		}
	}
	if !some {
		return nil
	}
	return s.move(tx)
}

// Run keeps the links of all accounts up to date until ctx ends, so that who
// waits hears of a grant. It works when something was changed, and sleeps
// otherwise.
func (s *Shares) Run(ctx context.Context) error {
	for {
		if err := s.Settle(ctx); err != nil && ctx.Err() == nil {
			// It is tried again with the next change; who asks is served anyway.
			s.log.Error("links cannot be brought up to date", "error", err)
		}
		select {
		case <-s.moved:
		case <-ctx.Done():
			return nil
		}
	}
}

// Settle brings the links of all accounts up to date that have a mailbox.
func (s *Shares) Settle(ctx context.Context) error {
	for {
		var v epochs
		var ids []directory.AccountID
		err := s.store.View(ctx, func(tx *store.Tx) (err error) {
			if v, err = s.epoch(tx); err != nil || v.Now == v.Settled {
				return err
			}
			ids, err = s.directory.AccountIDs(tx)
			return err
		})
		if err != nil || v.Now == v.Settled {
			return err
		}
		for _, id := range ids {
			if _, err := s.refresh(ctx, id, false); err != nil {
				return err
			}
		}
		err = s.store.Update(ctx, func(tx *store.Tx) error {
			now, err := s.epoch(tx)
			if err != nil || now.Settled >= v.Now {
				return err
			}
			now.Settled = v.Now
			return epochTable.Set(tx, epochRow, now)
		})
		if err != nil {
			return fmt.Errorf("share: settle: %w", err)
		}
	}
}
