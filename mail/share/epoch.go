package share

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"

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
	if some, err := anyGrant(tx, nil); err != nil || !some {
		return err
	}
	if c.Gone {
		k := keyOf(&Grant{To: Principal{c.Account, c.Group}})
		if err := dropGrants(tx, granteeTable.Keys(tx, store.TableRange[grantKey]{Prefix: appendTo(nil, k)})); err != nil {
			return err
		}
		if c.Account != 0 {
			k = grantKey{box: mail.MailboxOf(c.Account)}
			if err := dropGrants(tx, grantTable.Keys(tx, store.TableRange[grantKey]{Prefix: k.ofBox()})); err != nil {
				return err
			}
		}
	}
	return s.move(tx)
}

// anyGrant tells whether there is a grant under a prefix.
func anyGrant(tx *store.Tx, prefix []byte) (bool, error) {
	for _, err := range grantTable.Keys(tx, store.TableRange[grantKey]{Prefix: prefix}) {
		return err == nil, err
	}
	return false, nil
}

func dropGrants(tx *store.Tx, keys iter.Seq2[grantKey, error]) error {
	for k, err := range keys {
		if err != nil {
			return err
		}
		if err := dropGrant(tx, k); err != nil {
			return err
		}
	}
	return nil
}

// folderChanged is told by the mailboxes of a folder that has another name or
// place, or is gone.
func (s *Shares) folderChanged(tx *store.Tx, box mail.MailboxID, f *mail.Folder, gone bool) error {
	if !f.Link.IsZero() {
		return nil // it can be granted to nobody
	}
	// The folders below it have another path, too.
	if some, err := anyGrant(tx, grantKey{box: box}.ofBox()); err != nil || !some {
		return err
	}
	if gone {
		k := grantKey{box: box, folder: f.ID}
		if err := dropGrants(tx, grantTable.Keys(tx, store.TableRange[grantKey]{Prefix: k.ofFolder()})); err != nil {
			return err
		}
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
		if err := s.refreshAll(ctx, ids); err != nil {
			return err
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

// atOnce is how many accounts are looked at at the same time, so that their
// changes share commits.
const atOnce = 16

// refreshAll brings the links of accounts up to date. What is wrong with one
// does not hold up the others.
func (s *Shares) refreshAll(ctx context.Context, ids []directory.AccountID) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	errs := make([]error, len(ids))
	for i, id := range ids {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			_, errs[i] = s.refresh(ctx, id, false)
			return nil
		})
	}
	_ = g.Wait() // each says for itself what went wrong
	return errors.Join(append(errs, ctx.Err())...)
}
