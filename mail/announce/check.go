package announce

import (
	"context"
	"fmt"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

// Check reports every broken invariant: a registration that could not have been
// made, one that is not where it is listed or found by its target, one of an
// account that is gone, and states and outcomes of nobody.
func (b *Book) Check(ctx context.Context, report func(store.Problem)) error {
	known := map[directory.AccountID]bool{}
	for acc, err := range b.c.Directory.Accounts(ctx) {
		if err != nil {
			return err
		}
		known[acc.ID] = true
	}
	return b.store.View(ctx, func(tx *store.Tx) error { return b.checkRows(tx, known, report) })
}

func (b *Book) checkRows(tx *store.Tx, known map[directory.AccountID]bool, report func(store.Problem)) error {
	c := checker{b: b, tx: tx, report: report, known: known, owners: map[uint64]directory.AccountID{}, targets: map[uint64]bool{}}
	for row, err := range b.registrations.Scan(tx, store.TableRange[uint64]{}) {
		if err != nil {
			return err
		}
		row.Value.ID = row.Key
		if err := c.registration(&row.Value); err != nil {
			return err
		}
	}
	return c.leads()
}

// checker holds what one Check has learnt: a few bytes for each registration.
type checker struct {
	b       *Book
	tx      *store.Tx
	report  func(store.Problem)
	known   map[directory.AccountID]bool
	owners  map[uint64]directory.AccountID
	targets map[uint64]bool // those that must be found by their target
}

func (c *checker) bad(table string, key any, format string, args ...any) {
	c.report(store.Problem{Table: table, Key: fmt.Sprint(key), Text: fmt.Sprintf(format, args...)})
}

func (c *checker) registration(r *Registration) error {
	c.owners[r.ID] = r.Account
	if !c.known[r.Account] {
		c.bad("app", r.ID, "account %d is gone", r.Account)
	}
	if len(r.secret) != secretSize {
		c.bad("app", r.ID, "has no secret")
	}
	if r.Lost == "" {
		c.targets[r.ID] = true
		at := *r
		at.Expires = r.Created.Add(1) // it may be over by now
		if err := at.check(r.Created); err != nil {
			c.bad("app", r.ID, "could not have been made: %v", err)
		}
		if id, err := c.b.targets.Get(c.tx, r.targetKey()); err != nil || id != r.ID {
			c.bad("app", r.ID, "is not found by its target")
		}
	} else if r.Token != "" || r.Endpoint != "" {
		c.bad("app", r.ID, "keeps a target that is lost")
	}
	if ok, err := c.b.accounts.Has(c.tx, accountKey{r.Account, r.ID}); err != nil {
		return err
	} else if !ok {
		c.bad("app", r.ID, "is not listed under its account")
	}
	return c.state(r)
}

// state compares where a registration stands with its mailbox.
func (c *checker) state(r *Registration) error {
	ok, err := c.b.states.Has(c.tx, r.ID)
	if err != nil {
		return err
	}
	if !ok {
		c.bad("app state", r.ID, "is missing")
		return nil
	}
	st, err := c.b.state(c.tx, r.ID)
	if err != nil {
		return err
	}
	if len(st.Waiting) > maxWaiting || len(st.Told) > maxTold || len(st.Over) > maxOver || len(st.Marks) > maxMarks {
		c.bad("app state", r.ID, "holds too much")
	}
	if last, err := c.b.c.Mailboxes.Last(c.tx, mail.MailboxOf(r.Account)); err == nil {
		if st.Last.ModSeq > last.ModSeq || st.Last.Item > last.Item || st.Last.Object > last.Object {
			c.bad("app state", r.ID, "is ahead of the mailbox")
		}
	}
	for _, m := range st.Marks {
		if f, err := c.b.c.Mailboxes.Folder(c.tx, mail.MailboxOf(r.Account), m.Folder); err == nil && m.ModSeq > f.Highest {
			c.bad("app state", r.ID, "is ahead of folder %d", m.Folder)
		}
	}
	if r.Mode == push.Badge && len(st.Waiting) > 0 {
		c.bad("app state", r.ID, "a badge waits for nothing")
	}
	kept := uint64(0)
	for k, err := range c.b.outcomes.Keys(c.tx, store.TableRange[pageKey]{Prefix: store.AppendUint64(nil, r.ID)}) {
		if err != nil {
			return err
		}
		if k.page >= pages {
			c.bad("app outcome", r.ID, "page %d is outside of the ring", k.page)
		}
		kept++
	}
	if want := min((st.Noted+pageSize-1)/pageSize, pages); kept != want {
		c.bad("app outcome", r.ID, "%d pages, %d expected", kept, want)
	}
	return nil
}

// leads checks that nothing leads to what is not there.
func (c *checker) leads() error {
	for k, err := range c.b.accounts.Keys(c.tx, store.TableRange[accountKey]{}) {
		if err != nil {
			return err
		}
		if c.owners[k.id] != k.account {
			c.bad("app account", fmt.Sprintf("%d/%d", k.account, k.id), "there is no such registration")
		}
	}
	for row, err := range c.b.targets.Scan(c.tx, store.TableRange[[32]byte]{}) {
		if err != nil {
			return err
		}
		if !c.targets[row.Value] {
			c.bad("app target", fmt.Sprintf("%x", row.Key[:4]), "leads to %d, which has another or none", row.Value)
		}
		delete(c.targets, row.Value) // a second one is one too many
	}
	for id, err := range c.b.states.Keys(c.tx, store.TableRange[uint64]{}) {
		if err != nil {
			return err
		}
		if _, ok := c.owners[id]; !ok {
			c.bad("app state", id, "there is no such registration")
		}
	}
	for k, err := range c.b.outcomes.Keys(c.tx, store.TableRange[pageKey]{}) {
		if err != nil {
			return err
		}
		if _, ok := c.owners[k.id]; !ok {
			c.bad("app outcome", fmt.Sprintf("%d/%d", k.id, k.page), "there is no such registration")
		}
	}
	return nil
}
