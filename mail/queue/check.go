package queue

import (
	"context"
	"errors"
	"fmt"

	"martlet/store"
)

// Check reports every broken invariant: each recipient of an entry waits in at most
// one leg, each leg has an entry and, if it is not held, a place in the order of
// what its destination waits for, and each destination with such legs is looked at
// no later than the first of them is due, unless it is held or down.
func (q *Queue) Check(ctx context.Context, report func(store.Problem)) error {
	return q.store.View(ctx, func(tx *store.Tx) error {
		c := checker{q: q, tx: tx, report: report}
		return errors.Join(c.entries(), c.legs(), c.waiting(), c.destinations())
	})
}

type checker struct {
	q      *Queue
	tx     *store.Tx
	report func(store.Problem)
}

func (c *checker) problem(table string, key any, text string) {
	c.report(store.Problem{Table: table, Key: fmt.Sprint(key), Text: text})
}

func (c *checker) entries() error {
	for row, err := range c.q.entries.Scan(c.tx, store.TableRange[ID]{}) {
		if err != nil {
			return err
		}
		e := row.Value
		if len(e.Envelope.To) == 0 {
			c.problem("queue", row.Key, "has no recipients")
		}
		if e.Blob.IsZero() {
			c.problem("queue", row.Key, "has no message")
		}
		whole := e.spread == len(e.Envelope.To)
		listed, err := c.q.unspread.Has(c.tx, dueKey{e.Due.UnixMilli(), row.Key})
		if err != nil {
			return err
		}
		if listed == whole {
			c.problem("queue", row.Key, "is wrong about whether all its recipients have been seen to")
		}
		all, err := c.q.Legs(c.tx, row.Key)
		if err != nil {
			return err
		}
		if whole && len(all) == 0 {
			c.problem("queue", row.Key, "is there and nobody waits for it")
		}
		seen := map[int]bool{}
		for _, l := range all {
			for _, w := range l.To {
				if seen[w.Index] || w.Index >= e.spread {
					c.problem("queue", row.Key, fmt.Sprintf("recipient %d waits twice, or too early", w.Index))
				}
				seen[w.Index] = true
			}
		}
	}
	for k, err := range c.q.unspread.Keys(c.tx, store.TableRange[dueKey]{}) {
		if err != nil {
			return err
		}
		if e, err := c.q.Get(c.tx, k.id); errors.Is(err, ErrNoEntry) {
			c.problem("queue unspread", k.id, "names an entry that does not exist")
		} else if err != nil {
			return err
		} else if e.Due.UnixMilli() != k.due {
			c.problem("queue unspread", k.id, "is due at another time than its entry says")
		}
	}
	return nil
}

func (c *checker) legs() error {
	for row, err := range c.q.legs.Scan(c.tx, store.TableRange[legKey]{}) {
		if err != nil {
			return err
		}
		l := row.Value
		l.Entry, l.Destination = row.Key.id, row.Key.destination
		if _, err := c.q.Get(c.tx, l.Entry); errors.Is(err, ErrNoEntry) {
			c.problem("queue leg", row.Key, "names an entry that does not exist")
		} else if err != nil {
			return err
		}
		if len(l.To) == 0 {
			c.problem("queue leg", row.Key, "has no recipients")
		}
		waits, err := c.q.waiting.Has(c.tx, l.waitKey())
		if err != nil {
			return err
		}
		if waits == l.Held {
			c.problem("queue leg", row.Key, "is wrong about whether it waits")
		}
	}
	return nil
}

func (c *checker) waiting() error {
	for k, err := range c.q.waiting.Keys(c.tx, store.TableRange[waitKey]{}) {
		if err != nil {
			return err
		}
		l, err := c.q.leg(c.tx, legKey{k.id, k.destination})
		switch {
		case errors.Is(err, store.ErrNotFound):
			c.problem("queue waiting", k, "names a leg that does not exist")
			continue
		case err != nil:
			return err
		case l.waitKey() != k:
			c.problem("queue waiting", k, "is due at another time than its leg says")
		}
		held, err := c.q.heldDestination(c.tx, k.destination)
		if err != nil {
			return err
		}
		d, err := c.q.destination(c.tx, k.destination)
		if err != nil {
			return err
		}
		if held != d.next.IsZero() {
			c.problem("queue waiting", k, "nobody looks at its destination")
		}
	}
	return nil
}

func (c *checker) destinations() error {
	for row, err := range c.q.destinations.Scan(c.tx, store.TableRange[string]{}) {
		if err != nil {
			return err
		}
		if row.Value.next.IsZero() {
			continue
		}
		ok, err := c.q.next.Has(c.tx, nextKey{row.Value.next.UnixMilli(), row.Key})
		if err != nil {
			return err
		}
		if !ok {
			c.problem("queue destination", row.Key, "is not in the order in which they are looked at")
		}
	}
	for k, err := range c.q.next.Keys(c.tx, store.TableRange[nextKey]{}) {
		if err != nil {
			return err
		}
		d, err := c.q.destination(c.tx, k.destination)
		if err != nil {
			return err
		}
		if d.next.UnixMilli() != k.next {
			c.problem("queue next", k, "its destination is looked at another time")
		}
	}
	return nil
}
