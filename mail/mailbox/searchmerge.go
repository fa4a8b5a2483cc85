package mailbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"martlet/mail/search"
	"martlet/store"
)

// merge makes one segment of several that lie side by side, without what is
// gone. Its blocks are written in many transactions; the last one puts it in
// their place.
func (t *tender) merge(ctx context.Context, s segmentsOf, old []numbered) error {
	n := numbered{s.lastID + 1, segment{
		State: segmentBuilding, From: old[0].From, To: old[len(old)-1].To,
		Level: old[0].Level + 1, Version: search.Version,
	}}
	if len(old) == 1 {
		n.Level = old[0].Level
	}
	err := t.m.store.Update(ctx, func(tx *store.Tx) error {
		if err := t.guard(tx, n.To); err != nil {
			return err
		}
		return segmentTable.Set(tx, segmentKey{t.box, n.id}, n.segment)
	})
	if err != nil {
		return err
	}
	size, err := t.write(ctx, &n, old)
	if err != nil {
		return fmt.Errorf("mailbox: merge: %w", err)
	}
	n.State, n.Bytes = segmentLive, uint64(size)
	return t.m.store.Update(ctx, func(tx *store.Tx) error {
		if err := t.building(tx, n.id); err != nil {
			return err
		}
		if err := t.doomIn(tx, old); err != nil {
			return err
		}
		if size == 0 { // everything is gone
			return segmentTable.Delete(tx, segmentKey{t.box, n.id})
		}
		return segmentTable.Set(tx, segmentKey{t.box, n.id}, n.segment)
	})
}

// building fails if the sweep has taken the index away in between.
func (t *tender) building(tx *store.Tx, id uint32) error {
	if err := t.guard(tx, 0); err != nil {
		return err
	}
	n, err := segmentTable.Get(tx, segmentKey{t.box, id})
	if errors.Is(err, store.ErrNotFound) || err == nil && n.State != segmentBuilding {
		return errStale
	}
	return err
}

// write writes the blocks of a merged segment and returns their size.
func (t *tender) write(ctx context.Context, n *numbered, old []numbered) (int, error) {
	var rows []blockRow
	waiting := 0
	flush := func() error {
		err := t.m.store.Update(ctx, func(tx *store.Tx) error {
			if err := t.building(tx, n.id); err != nil {
				return err
			}
			return writeRows(tx, rows)
		})
		rows, waiting = rows[:0], 0
		return err
	}
	w := search.Writer{Emit: func(b search.Block) error {
		rows = append(rows, t.row(n.id, b))
		if waiting += len(b.Data); waiting < t.sizes.write {
			return nil
		}
		return flush()
	}}
	size := 0
	err := t.m.store.View(ctx, func(tx *store.Tx) error {
		alive, err := t.alive(tx, n.From, n.To)
		if err != nil {
			return err
		}
		n.Docs = uint64(alive.Len())
		err = t.mergeInto(ctx, tx, &w, alive, old)
		if err == nil {
			size, err = w.Close()
		}
		return err
	})
	if err == nil && len(rows) > 0 {
		err = flush()
	}
	return size, err
}

// alive returns the Docs of a range that are still there.
func (t *tender) alive(tx *store.Tx, from, to search.Doc) (*search.Set, error) {
	s := search.NewSet(from, to)
	for p, err := range placesFrom(tx, t.box, from) {
		if err != nil {
			return nil, err
		}
		if p.Doc > to {
			break
		}
		s.Add(p.Doc)
	}
	return s, nil
}

// mergeInto writes the postings of several segments in one order. Since the
// segments are in order of Doc, a term's lists only have to be joined.
func (t *tender) mergeInto(ctx context.Context, tx *store.Tx, w *search.Writer, alive *search.Set, old []numbered) error {
	var cursors []*cursor
	defer func() {
		for _, c := range cursors {
			c.stop()
		}
	}()
	for _, n := range old {
		c := newCursor(tx, segmentKey{t.box, n.id})
		cursors = append(cursors, c)
		if err := c.advance(); err != nil {
			return err
		}
	}
	var term []byte
	for terms := 0; ; terms++ {
		if terms%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		term = term[:0]
		found := false
		for _, c := range cursors {
			if c.more && (!found || bytes.Compare(c.entry.Term, term) < 0) {
				term, found = append(term[:0], c.entry.Term...), true
			}
		}
		if !found {
			return nil
		}
		for _, c := range cursors {
			for c.more && bytes.Equal(c.entry.Term, term) {
				var failed error
				err := c.entry.Each(func(d search.Doc, f search.Field) {
					if failed == nil && alive.Has(d) {
						failed = w.Add(term, d, f)
					}
				})
				if err := errors.Join(err, failed, c.advance()); err != nil {
					return err
				}
			}
		}
	}
}

// pruneOne writes a segment anew of which less than half is left.
func (t *tender) pruneOne(ctx context.Context, s segmentsOf) (bool, error) {
	var worn []numbered
	err := t.m.store.View(ctx, func(tx *store.Tx) error {
		worn = nil
		for i := range s.live {
			n := &s.live[i]
			alive, err := t.alive(tx, n.From, n.To)
			if err != nil {
				return err
			}
			if 2*alive.Len() < int(n.Docs) {
				worn = s.live[i : i+1]
				return nil
			}
		}
		return nil
	})
	if err != nil || worn == nil {
		return false, err
	}
	return true, t.merge(ctx, s, worn)
}

// cursor walks over the entries of a segment.
type cursor struct {
	next   func() (store.KV, error, bool)
	stop   func()
	reader search.Reader
	entry  search.Entry
	more   bool
}

func newCursor(tx *store.Tx, k segmentKey) *cursor {
	c := &cursor{}
	c.next, c.stop = iter.Pull2(tx.Scan(store.Range{Prefix: appendSegmentKey([]byte{byte(store.PrefixSearchBlock)}, k)}))
	return c
}

// advance goes to the next entry.
func (c *cursor) advance() (err error) {
	for {
		if c.entry, c.more, err = c.reader.Next(); c.more || err != nil {
			return err
		}
		kv, err, ok := c.next()
		if err != nil || !ok {
			return err
		}
		c.reader.Reset(kv.Value)
	}
}
