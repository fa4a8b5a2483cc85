package junk

import (
	"context"
	"fmt"

	"martlet/store"
)

// Check reports every broken invariant: words are in their buckets and counted,
// lessons have a message and are counted, and so is what was learned.
func (f *Filter) Check(ctx context.Context, report func(store.Problem)) error {
	return f.store.View(ctx, func(tx *store.Tx) error {
		words, pending, known := map[owner]uint64{}, map[owner]uint64{}, map[owner]uint64{}
		for row, err := range f.tables.words.Scan(tx, store.TableRange[bucketKey]{}) {
			if err != nil {
				return err
			}
			o := row.Key.owner
			words[o] += uint64((len(row.Value) - 1) / entrySize)
			if row.Key.bucket >= 1<<o.bits() {
				report(store.Problem{Table: "junk words", Key: fmt.Sprint(row.Key), Text: "there is no such bucket"})
			}
		}
		for row, err := range f.tables.lessons.Scan(tx, store.TableRange[letterKey]{}) {
			if err != nil {
				return err
			}
			pending[owner(row.Key.box)]++
			if row.Value.blob.IsZero() || letterOf(row.Key.box, row.Value.blob) != row.Key {
				report(store.Problem{Table: "junk lesson", Key: fmt.Sprint(row.Key.box), Text: "has not the message that it names"})
			}
		}
		for row, err := range f.tables.learned.Scan(tx, store.TableRange[letterKey]{}) {
			if err != nil {
				return err
			}
			known[owner(row.Key.box)]++
			if row.Value.is != isJunk && row.Value.is != isGood {
				report(store.Problem{Table: "junk learned", Key: fmt.Sprint(row.Key.box), Text: "taught nothing"})
			}
		}
		for row, err := range f.tables.states.Scan(tx, store.TableRange[owner]{}) {
			if err != nil {
				return err
			}
			o, s := row.Key, row.Value
			for _, c := range []struct {
				of        string
				says, are uint64
			}{{"words", s.Words, words[o]}, {"lessons", s.Pending, pending[o]}, {"messages learned", s.Learned, known[o]}} {
				if c.says != c.are {
					report(store.Problem{Table: "junk state", Key: fmt.Sprint(uint64(o)), Text: fmt.Sprintf("counts %d %s, there are %d", c.says, c.of, c.are)})
				}
			}
			delete(words, o)
			delete(pending, o)
			delete(known, o)
		}
		for _, left := range []map[owner]uint64{words, pending, known} {
			for o := range left {
				report(store.Problem{Table: "junk state", Key: fmt.Sprint(uint64(o)), Text: "is missing"})
			}
		}
		return nil
	})
}
