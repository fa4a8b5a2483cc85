package share

import (
	"context"
	"errors"
	"fmt"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// Check reports grants of what is not there or to nobody, public mailboxes that
// are somebody's, and links that are not as was granted, unless that is still to be
// mended.
func (s *Shares) Check(ctx context.Context, report func(store.Problem)) error {
	return s.store.View(ctx, func(tx *store.Tx) error {
		c := checker{s, tx, report}
		if err := c.grants(); err != nil {
			return err
		}
		if err := c.public(); err != nil {
			return err
		}
		return c.links()
	})
}

type checker struct {
	*Shares
	tx     *store.Tx
	report func(store.Problem)
}

func (c *checker) bad(table string, key any, format string, args ...any) {
	c.report(store.Problem{Table: table, Key: fmt.Sprint(key), Text: fmt.Sprintf(format, args...)})
}

// grantees compares the grants by whom they are for with the others.
func (c *checker) grantees() error {
	for k, err := range granteeTable.Keys(c.tx, store.TableRange[grantKey]{}) {
		if err != nil {
			return err
		}
		if there, err := grantTable.Has(c.tx, k); err != nil {
			return err
		} else if !there {
			c.bad("grantee", fmt.Sprintf("%d/%d", k.box, k.folder), "account %d, group %q was granted nothing there", k.to, k.group)
		}
	}
	return nil
}

func (c *checker) grants() error {
	if err := c.grantees(); err != nil {
		return err
	}
	for row, err := range grantTable.Scan(c.tx, store.TableRange[grantKey]{}) {
		if err != nil {
			return err
		}
		k := row.Key
		key := fmt.Sprintf("%d/%d", k.box, k.folder)
		f, err := c.mailboxes.Folder(c.tx, k.box, k.folder)
		switch {
		case errors.Is(err, mail.ErrNoFolder):
			c.bad("grant", key, "the folder is gone")
		case err != nil:
			return err
		case !f.Link.IsZero():
			c.bad("grant", key, "the folder is a link")
		}
		if there, err := granteeTable.Has(c.tx, k); err != nil {
			return err
		} else if !there {
			c.bad("grant", key, "not among those of account %d, group %q", k.to, k.group)
		}
		if Whole(row.Value) != row.Value {
			c.bad("grant", key, "the rights %#x do not go together", row.Value)
		}
		switch k.kind {
		case toAccount:
			_, err = c.directory.AccountIn(c.tx, k.to)
			if mail.MailboxOf(k.to) == k.box {
				c.bad("grant", key, "to the owner")
			}
		case toGroup:
			_, err = c.directory.Members(c.tx, k.group)
		default:
			err = nil
		}
		if errors.Is(err, directory.ErrNoAccount) || errors.Is(err, directory.ErrNoAddress) {
			c.bad("grant", key, "to account %d, group %q, which is gone", k.to, k.group)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) public() error {
	for box, err := range publicTable.Keys(c.tx, store.TableRange[mail.MailboxID]{}) {
		if err != nil {
			return err
		}
		if _, err := c.directory.AccountIn(c.tx, directory.AccountID(box)); err == nil {
			c.bad("public", box, "is the mailbox of an account")
		} else if !errors.Is(err, directory.ErrNoAccount) {
			return err
		}
		if _, err := c.mailboxes.Links(c.tx, box); errors.Is(err, mail.ErrNoMailbox) {
			c.bad("public", box, "there is no such mailbox")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// links compares the links of every account with what was granted. One that is
// missing is made when its account asks: until then it may not even have had a
// mailbox.
func (c *checker) links() error {
	v, err := c.epoch(c.tx)
	if err != nil {
		return err
	}
	if v.Settled > v.Now {
		c.bad("share epoch", "", "settled %d, now %d", v.Settled, v.Now)
	}
	if v.Settled != v.Now {
		return nil
	}
	p, err := c.draw(c.tx, v.Now)
	if err != nil {
		return err
	}
	ids, err := c.directory.AccountIDs(c.tx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		links, err := c.mailboxes.Links(c.tx, mail.MailboxOf(id))
		if errors.Is(err, mail.ErrNoMailbox) {
			continue
		}
		if err != nil {
			return err
		}
		wanted := p.wanted(id)
		for _, st := range steps(links, wanted) {
			switch st.what {
			case drop:
				c.bad("link", fmt.Sprintf("%d/%d", id, st.old.ID), "stands for %d/%d, which is not granted so", st.old.Link.Box, st.old.Link.Folder)
			case update:
				c.bad("link", fmt.Sprintf("%d/%d", id, st.old.ID), "has the rights %#x and the name %q", st.old.Link.Rights, st.old.Name)
			}
		}
	}
	return nil
}
