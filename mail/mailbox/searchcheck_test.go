package mailbox

import (
	"context"
	"fmt"
	"testing"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

// Each case breaks the index behind the mailbox's back.
func TestCheckReportsWhatIsWrongWithTheIndex(t *testing.T) {
	const box = 1
	h := newHouse(t)
	h.keeper.sizes = smallSizes()
	inbox := h.role(box, mail.RoleInbox)
	var it mail.Item
	for i := range 10 {
		it = h.post(box, inbox, fmt.Sprintf("Subject: s%d\r\n\r\nbody\r\n", i))
	}
	if err := h.catchUp(context.Background(), box); err != nil {
		t.Fatal(err)
	}
	last := h.post(box, inbox, "Subject: pending\r\n\r\n")
	h.clean()
	inState := func(edit func(*state)) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			s, err := stateTable.Get(tx, box)
			edit(&s)
			return orSet(err, stateTable.Set(tx, box, s))
		}
	}
	inPlace := func(edit func(*place)) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			p, err := placeFor(tx, box, search.Doc(it.Doc))
			edit(&p)
			return orSet(err, editGroup(tx, box, search.Doc(it.Doc), &p))
		}
	}
	inSegment := func(edit func(tx *store.Tx, k segmentKey, s segment) error) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			s, err := h.segments(tx, box)
			if err != nil {
				return err
			}
			n := s.live[0]
			return edit(tx, segmentKey{box, n.id}, n.segment)
		}
	}
	inBlock := func(edit func(tx *store.Tx, k blockKey, data []byte) error) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			for row, err := range blockTable.Scan(tx, store.TableRange[blockKey]{}) {
				if err != nil {
					return err
				}
				return edit(tx, row.Key, append([]byte(nil), row.Value...))
			}
			return nil
		}
	}
	for name, damage := range map[string]func(tx *store.Tx) error{
		"place gone":        func(tx *store.Tx) error { return editGroup(tx, box, search.Doc(it.Doc), nil) },
		"other folder":      inPlace(func(p *place) { p.Folder++ }),
		"other item":        inPlace(func(p *place) { p.Item++ }),
		"other time":        inPlace(func(p *place) { p.Received++ }),
		"other flags":       inPlace(func(p *place) { p.Flags ^= mail.FlagSeen }),
		"place of nothing":  func(tx *store.Tx) error { return editGroup(tx, box, 500, &place{Doc: 500}) },
		"place elsewhere":   func(tx *store.Tx) error { return editGroup(tx, 77, 1, &place{Doc: 1}) },
		"unreadable places": func(tx *store.Tx) error { return docsTable.Set(tx, docsKey{box, 0}, []byte{1, 2}) },
		"last number":       inState(func(s *state) { s.Doc = 1 }),
		"item without number": func(tx *store.Tx) error {
			x, err := itemTable.Get(tx, itemKey{box, inbox, last.ID})
			x.Doc = 0
			return orSet(err, itemTable.Set(tx, itemKey{box, inbox, last.ID}, x))
		},
		"segment gone": inSegment(func(tx *store.Tx, k segmentKey, _ segment) error { return segmentTable.Delete(tx, k) }),
		"segment twice": inSegment(func(tx *store.Tx, k segmentKey, s segment) error {
			return segmentTable.Set(tx, segmentKey{box, k.ID + 100}, s)
		}),
		"segment of no mailbox": inSegment(func(tx *store.Tx, k segmentKey, s segment) error {
			return segmentTable.Set(tx, segmentKey{77, 1}, s)
		}),
		"segment's range": inSegment(func(tx *store.Tx, k segmentKey, s segment) error {
			s.From = s.To
			return segmentTable.Set(tx, k, s)
		}),
		"block gone": inBlock(func(tx *store.Tx, k blockKey, _ []byte) error { return blockTable.Delete(tx, k) }),
		"block cut":  inBlock(func(tx *store.Tx, k blockKey, data []byte) error { return blockTable.Set(tx, k, data[:len(data)-1]) }),
		"block elsewhere": inBlock(func(tx *store.Tx, k blockKey, data []byte) error {
			k.Last += "x"
			return blockTable.Set(tx, k, data)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			problems := 0
			undone := fmt.Errorf("undone")
			err := h.store.Update(context.Background(), func(tx *store.Tx) error {
				problems = 0
				if err := damage(tx); err != nil {
					return err
				}
				if err := newChecker(context.Background(), tx, func(store.Problem) { problems++ }).run(); err != nil {
					return err
				}
				return undone
			})
			if err != undone {
				t.Fatal(err)
			}
			if problems == 0 {
				t.Error("nothing was reported")
			}
		})
	}
}

func TestCheckWordsReportsAMessageWithOtherWords(t *testing.T) {
	h := newHouse(t)
	h.keeper.sizes = smallSizes()
	inbox := h.role(1, mail.RoleInbox)
	for i := range 6 {
		h.post(1, inbox, fmt.Sprintf("Subject: s%d\r\n\r\nbody\r\n", i))
	}
	ctx := context.Background()
	if err := h.catchUp(ctx, 1); err != nil {
		t.Fatal(err)
	}
	h.clean()
	var key blockKey
	var kept []byte
	h.update(func(tx *store.Tx) error {
		for row, err := range blockTable.Scan(tx, store.TableRange[blockKey]{}) {
			if err != nil {
				return err
			}
			key, kept = row.Key, append([]byte(nil), row.Value...)
		}
		return blockTable.Delete(tx, key)
	})
	problems := 0
	if err := h.CheckWords(ctx, func(store.Problem) { problems++ }); err != nil {
		t.Fatal(err)
	}
	if problems == 0 {
		t.Error("nothing was reported")
	}
	h.update(func(tx *store.Tx) error { return blockTable.Set(tx, key, kept) })
}
