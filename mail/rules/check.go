package rules

import (
	"context"
	"errors"
	"fmt"

	"martlet/directory"
	"martlet/store"
)

// Check reports every broken invariant: scripts that could not have been put, an
// active script that is not there, and things remembered without their age. known
// tells whether there is an account.
func (r *Rules) Check(ctx context.Context, report func(store.Problem)) error {
	known := map[directory.AccountID]bool{}
	for acc, err := range r.c.Directory.Accounts(ctx) {
		if err != nil {
			return err
		}
		known[acc.ID] = true
	}
	return r.c.Store.View(ctx, func(tx *store.Tx) error {
		c := checker{r: r, tx: tx, report: report, known: known}
		return errors.Join(c.scripts(), c.states(), c.seen())
	})
}

type checker struct {
	r      *Rules
	tx     *store.Tx
	report func(store.Problem)
	known  map[directory.AccountID]bool
}

func (c *checker) bad(table string, key any, format string, args ...any) {
	c.report(store.Problem{Table: table, Key: fmt.Sprint(key), Text: fmt.Sprintf(format, args...)})
}

func (c *checker) scripts() error {
	n, bytes := map[directory.AccountID]int{}, map[directory.AccountID]int{}
	for row, err := range c.r.scripts.Scan(c.tx, store.TableRange[scriptKey]{}) {
		if err != nil {
			return err
		}
		id := row.Key.account
		n[id]++
		bytes[id] += len(row.Value.source)
		if !isName(row.Key.name) || row.Value.version == 0 {
			c.bad("script", id, "%q cannot be so", row.Key.name)
		}
	}
	for id := range n {
		if !c.known[id] {
			c.bad("script", id, "the account is gone")
		}
		if n[id] > MaxScripts || bytes[id] > MaxBytes {
			c.bad("script", id, "%d scripts of %d bytes are too many", n[id], bytes[id])
		}
	}
	return nil
}

func (c *checker) states() error {
	for row, err := range c.r.states.Scan(c.tx, store.TableRange[directory.AccountID]{}) {
		if err != nil {
			return err
		}
		s, err := c.r.script(c.tx, row.Key, row.Value.active)
		switch {
		case errors.Is(err, ErrNoScript):
			c.bad("script state", row.Key, "the active script %q is not there", row.Value.active)
		case err != nil:
			return err
		case s.version != row.Value.version:
			c.bad("script state", row.Key, "the active script has version %d, not %d", s.version, row.Value.version)
		}
	}
	return nil
}

func (c *checker) seen() error {
	rows := 0
	for row, err := range c.r.seen.Scan(c.tx, store.TableRange[seenKey]{}) {
		if err != nil {
			return err
		}
		rows++
		there, err := c.r.seenAge.Has(c.tx, seenAge{row.Key.account, row.Value.UnixMilli(), row.Key.id})
		if err != nil {
			return err
		}
		if !there || !c.known[row.Key.account] {
			c.bad("seen", row.Key.account, "has no age, or no account")
		}
	}
	ages := 0
	for _, err := range c.r.seenAge.Keys(c.tx, store.TableRange[seenAge]{}) {
		if err != nil {
			return err
		}
		ages++
	}
	if ages != rows {
		c.bad("seen age", "", "%d ages for %d rows", ages, rows)
	}
	return nil
}
