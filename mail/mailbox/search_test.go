package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

// find searches for what a person types.
func (h *house) find(box mail.MailboxID, text string) []mail.Place {
	h.tb.Helper()
	found, err := h.Search(context.Background(), box, search.Parse(text), SearchOptions{})
	if err != nil {
		h.tb.Fatal(err)
	}
	if found.Total != len(found.Places) {
		h.tb.Errorf("%q: %d places of %d", text, len(found.Places), found.Total)
	}
	return found.Places
}

// post delivers raw bytes.
func (h *house) post(box mail.MailboxID, f mail.FolderID, raw string) mail.Item {
	h.tb.Helper()
	body, err := h.Prepare(context.Background(), []byte(raw))
	if err != nil {
		h.tb.Fatal(err)
	}
	return h.deliver(box, f, mail.NewItem{Class: mail.ClassEmail, Body: body})
}

func place1(it mail.Item) []mail.Place { return []mail.Place{{Folder: it.Folder, Item: it.ID}} }

func TestWhatIsTypedIsFoundInEveryLanguageBeforeAndAfterTheFold(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	bodies := []struct{ body, text string }{
		{"Die Käsetheke in der Straße", "kasetheke"},
		{"Die Straßenbahn", "STRASSENB"},
		{"Καλημέρα κόσμε", "καλημερα"},
		{"Привет, Серёжа", "сережа"},
		{"مرحباً بالعالم", "بالعالم"},
		{"שלום עולם", "עולם"},
		{"สวัสดีชาวโลก", "ชาวโลก"},
		{"我们明天开会讨论预算", "预算"},
		{"明日の会議は東京タワーで", "東京タワー"},
		{"내일 회의가 있습니다", "회의"},
		{"नमस्ते दुनिया", "दुनिया"},
		{"Xin chào thế giới", "the gioi"},
	}
	var items []mail.Item
	for _, b := range bodies {
		items = append(items, h.post(1, inbox, "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+b.body+"\r\n"))
	}
	for range 2 {
		for i, b := range bodies {
			if got := h.find(1, b.text); !slices.Equal(got, place1(items[i])) {
				t.Errorf("%s: %v, want %v", b.text, got, place1(items[i]))
			}
		}
		// One character of a script without blanks is enough.
		if got := h.find(1, "京"); !slices.Equal(got, place1(items[8])) {
			t.Errorf("京: %v", got)
		}
		h.keeper.fold = 1
		if err := h.catchUp(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.rows(store.PrefixSearchBlock, 1); n == 0 {
		t.Error("nothing was folded")
	}
}

func TestSearchKnowsWhereAMessageIsNow(t *testing.T) {
	h := newHouse(t)
	inbox, trash := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDeletedItems)
	it := h.post(1, inbox, "Subject: wandering\r\n\r\nbody\r\n")
	h.update(func(tx *store.Tx) (err error) {
		it, err = h.Move(tx, 1, inbox, it.ID, trash)
		return err
	})
	if got := h.find(1, "wandering"); !slices.Equal(got, place1(it)) {
		t.Errorf("%v, want %v", got, place1(it))
	}
	body, err := h.Prepare(context.Background(), []byte("Subject: settled\r\n\r\nbody\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	h.update(func(tx *store.Tx) error {
		_, err := h.ReplaceBody(tx, 1, trash, it.ID, body, nil)
		return err
	})
	if got := h.find(1, "wandering"); len(got) != 0 {
		t.Errorf("the old body is found: %v", got)
	}
	if got := h.find(1, "settled"); !slices.Equal(got, place1(it)) {
		t.Errorf("the new body: %v", got)
	}
	h.update(func(tx *store.Tx) error {
		_, err := h.Delete(tx, 1, trash, it.ID)
		return err
	})
	if got := h.find(1, "settled"); len(got) != 0 {
		t.Errorf("a deleted message is found: %v", got)
	}
}

func TestAMailboxThatWasNeverUsedHasNothing(t *testing.T) {
	h := newHouse(t)
	if got := h.find(99, "x"); len(got) != 0 {
		t.Error(got)
	}
}

func TestTooComplexAQueryIsRefused(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	h.post(1, inbox, "Subject: x\r\n\r\n")
	var q search.Query = search.Words{Text: "x"}
	for range 100 {
		q = search.Not{Query: q}
	}
	var wide search.Or
	for i := range 1000 {
		wide = append(wide, search.Words{Text: fmt.Sprint("word", i)})
	}
	for _, q := range []search.Query{q, wide} {
		if _, err := h.Search(context.Background(), 1, q, SearchOptions{}); !errors.Is(err, search.ErrTooComplex) {
			t.Errorf("%v", err)
		}
	}
}

func TestAPhraseOfCommonWordsSaysThatItWasCapped(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	for range maxTextReads + 2 {
		h.post(1, inbox, "Subject: x\r\n\r\none two\r\n")
	}
	found, err := h.Search(context.Background(), 1, search.Phrase{Text: "one two"}, SearchOptions{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if !found.Capped || found.Total != maxTextReads || len(found.Places) != 10 {
		t.Errorf("capped %t, %d of %d", found.Capped, len(found.Places), found.Total)
	}
}

// forget makes the mailbox one from before there was an index.
func (h *house) forget(box mail.MailboxID) {
	var rows []store.Row[itemKey, mail.Item]
	h.update(func(tx *store.Tx) error {
		st, err := stateTable.Get(tx, box)
		if err != nil {
			return err
		}
		st.Doc, st.Indexed = 0, false
		rows = nil
		for row, err := range itemTable.Scan(tx, store.TableRange[itemKey]{Prefix: appendBox(nil, box)}) {
			if err != nil {
				return err
			}
			row.Value.Doc = 0
			rows = append(rows, row)
		}
		if _, err := sweepIndex(tx, box, 1<<30); err != nil {
			return err
		}
		return stateTable.Set(tx, box, st)
	})
	for _, row := range rows {
		h.update(func(tx *store.Tx) error { return itemTable.Set(tx, row.Key, row.Value) })
	}
}

func TestAMailboxFromBeforeTheIndexIsSearchedAtOnce(t *testing.T) {
	h := newHouse(t)
	inbox, trash := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDeletedItems)
	var items []mail.Item
	for i := range numberChunk + 50 {
		items = append(items, h.post(1, inbox, fmt.Sprintf("Subject: old%d\r\n\r\ncommon\r\n", i)))
	}
	for i := range 100 { // their rows together are more than one transaction may write
		h.update(func(tx *store.Tx) error {
			_, err := h.UpdateItem(tx, 1, inbox, items[i].ID, func(it *mail.Item) {
				it.Keywords = []string{strings.Repeat("k", maxItemText-10)}
			})
			return err
		})
	}
	h.forget(1)
	h.clean()
	// One is moved before anybody searches.
	h.update(func(tx *store.Tx) (err error) {
		items[3], err = h.Move(tx, 1, inbox, items[3].ID, trash)
		return err
	})
	if got := h.find(1, "old3 common"); !slices.Contains(got, place1(items[3])[0]) {
		t.Errorf("%v", got)
	}
	found, err := h.Search(context.Background(), 1, search.Words{Text: "common"}, SearchOptions{})
	if err != nil || found.Total != len(items) {
		t.Errorf("%d of %d, %v", found.Total, len(items), err)
	}
}

// An older version writes rows without the fields it does not know.
func TestAMailboxThatAnOlderVersionWroteIntoIsIndexedAnew(t *testing.T) {
	h := newHouse(t)
	h.keeper.sizes = smallSizes()
	inbox, trash := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDeletedItems)
	var items []mail.Item
	for i := range 20 {
		items = append(items, h.post(1, inbox, fmt.Sprintf("Subject: name%d\r\n\r\n", i)))
	}
	if err := h.catchUp(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	h.update(func(tx *store.Tx) error {
		st, err := stateTable.Get(tx, 1)
		st.Doc, st.Indexed = 0, false
		items[2].Doc = 0
		return errors.Join(err, stateTable.Set(tx, 1, st), itemTable.Set(tx, itemKey{1, inbox, items[2].ID}, items[2]))
	})
	// The new version delivers, moves and deletes before it looks at the index.
	items = append(items, h.post(1, inbox, "Subject: name20\r\n\r\n"))
	h.update(func(tx *store.Tx) (err error) {
		if items[0], err = h.Move(tx, 1, inbox, items[0].ID, trash); err != nil {
			return err
		}
		_, err = h.Delete(tx, 1, inbox, items[1].ID)
		return err
	})
	for i, it := range items {
		want := place1(it)
		if i == 1 {
			want = nil
		}
		found, err := h.Search(context.Background(), 1, search.Words{Text: fmt.Sprint("name", i)}, SearchOptions{})
		if err != nil || !slices.Equal(found.Places, want) {
			t.Errorf("name%d: %+v %v, want %v", i, found, err, want)
		}
	}
}

func TestARemovedMailboxTakesItsIndexAlong(t *testing.T) {
	h := newHouse(t)
	h.keeper.sizes = smallSizes()
	for _, box := range []mail.MailboxID{1, 2} {
		inbox := h.role(box, mail.RoleInbox)
		for i := range 20 {
			h.post(box, inbox, fmt.Sprintf("Subject: s%d\r\n\r\nbody\r\n", i))
		}
		if err := h.catchUp(context.Background(), box); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	if err := h.Remove(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if got := h.find(1, "body"); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if err := h.tend(ctx, 1, load{left: 1000}, rest); err != nil {
		t.Errorf("tending a mailbox that is gone: %v", err)
	}
	if err := h.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	for _, p := range []store.Prefix{store.PrefixSearchDocs, store.PrefixSearchSegment, store.PrefixSearchBlock} {
		if n := h.rows(p, 1); n != 0 {
			t.Errorf("%d rows of %s are left", n, p)
		}
		if n := h.rows(p, 2); n == 0 {
			t.Errorf("the other mailbox has no rows of %s", p)
		}
	}
}

func TestWordsFoundByOtherRulesAreFoundAnew(t *testing.T) {
	h := newHouse(t)
	h.keeper.sizes = smallSizes()
	inbox := h.role(1, mail.RoleInbox)
	for i := range 10 {
		h.post(1, inbox, fmt.Sprintf("Subject: s%d\r\n\r\nbody\r\n", i))
	}
	ctx := context.Background()
	if err := h.catchUp(ctx, 1); err != nil {
		t.Fatal(err)
	}
	h.update(func(tx *store.Tx) error {
		s, err := h.segments(tx, 1)
		if err != nil {
			return err
		}
		s.live[0].Version = search.Version + 1
		return segmentTable.Set(tx, segmentKey{1, s.live[0].id}, s.live[0].segment)
	})
	if got := h.find(1, "body"); len(got) != 10 {
		t.Errorf("%d", len(got))
	}
	h.view(func(tx *store.Tx) error {
		s, err := h.segments(tx, 1)
		if s.outdated() || len(s.live) == 0 {
			t.Errorf("%+v", s)
		}
		return err
	})
}

func TestADamagedIndexIsMadeAnew(t *testing.T) {
	h := newHouse(t)
	h.keeper.sizes = smallSizes()
	inbox := h.role(1, mail.RoleInbox)
	for i := range 10 {
		h.post(1, inbox, fmt.Sprintf("Subject: s%d\r\n\r\nbody\r\n", i))
	}
	if err := h.catchUp(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	h.update(func(tx *store.Tx) error {
		for row, err := range blockTable.Scan(tx, store.TableRange[blockKey]{}) {
			if err != nil {
				return err
			}
			if err := blockTable.Set(tx, row.Key, []byte{9, 9, 9}); err != nil {
				return err
			}
		}
		return nil
	})
	if got := h.find(1, "body"); len(got) != 10 {
		t.Errorf("%d of 10", len(got))
	}
	h.clean()
}

func TestAMessageThatCannotBeReadIsFoundByItsPlace(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	it := h.post(1, inbox, "Subject: lost\r\n\r\nbody\r\n")
	index := indexKey(it.Blob)
	var kept []byte
	h.update(func(tx *store.Tx) (err error) {
		if kept, err = tx.Get(index); err != nil {
			return err
		}
		return tx.Delete(index)
	})
	if got := h.find(1, "lost"); len(got) != 0 {
		t.Errorf("%v", got)
	}
	found, err := h.Search(context.Background(), 1, search.Folders{inbox}, SearchOptions{})
	if err != nil || found.Total != 1 {
		t.Errorf("%+v %v", found, err)
	}
	h.update(func(tx *store.Tx) error { return tx.Set(index, kept) })
}
