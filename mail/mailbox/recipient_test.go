package mailbox

import (
	"context"
	"fmt"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
)

var recipientNoon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// writeTo notes recipients as a submission does.
func (h *house) writeTo(when time.Time, addresses ...string) {
	h.tb.Helper()
	var to []Recipient
	for _, a := range addresses {
		to = append(to, Recipient{Address: a})
	}
	strangers, err := h.Strangers(context.Background(), 7, to)
	if err != nil {
		h.tb.Fatal(err)
	}
	for _, i := range strangers {
		ref, err := h.blobs.Put(context.Background(), []byte("card of "+to[i].Address))
		if err != nil {
			h.tb.Fatal(err)
		}
		to[i].Card = mail.Body{Blob: ref}
	}
	h.update(func(tx *store.Tx) error { return h.NoteRecipients(tx, 7, to, when) })
}

// ranked are the cards of the recipient information, the first first.
func (h *house) ranked() (items []mail.Item, cards []string) {
	h.tb.Helper()
	f := h.role(7, mail.RoleRecipientInfo)
	h.view(func(tx *store.Tx) error {
		items, cards = nil, nil
		for p, err := range h.Newest(tx, 7, f, mail.Position{}, 0) {
			if err != nil {
				return err
			}
			it, err := h.Item(tx, 7, f, p.Item)
			if err != nil {
				return err
			}
			items = append(items, it)
		}
		return nil
	})
	for _, it := range items {
		b, err := h.blobs.Read(context.Background(), it.Blob)
		if err != nil {
			h.tb.Fatal(err)
		}
		cards = append(cards, string(b))
	}
	return items, cards
}

func TestWhoeverIsWrittenToIsRemembered(t *testing.T) {
	h := newHouse(t)
	h.writeTo(recipientNoon, "a@example.org", "b@example.org")
	h.writeTo(recipientNoon.Add(time.Minute), "A@Example.org")
	items, cards := h.ranked()
	if len(items) != 2 || cards[0] != "card of a@example.org" && cards[0] != "card of b@example.org" {
		t.Fatalf("remembered %q", cards)
	}
	if items[0].Class != mail.ClassContacts || items[0].Flags&mail.FlagSeen == 0 {
		t.Errorf("an item is %+v", items[0])
	}
	if items[0].Received == items[1].Received {
		t.Error("two have the same place")
	}
}

// MS-ASCMD 2.2.3.30.6: "with most often in the near term": frequency counts,
// and it fades.
func TestRanksAreOfFrequencyThatFades(t *testing.T) {
	h := newHouse(t)
	for i := range 10 {
		h.writeTo(recipientNoon.Add(time.Duration(i)*time.Hour), "often@example.org")
	}
	h.writeTo(recipientNoon.AddDate(0, 0, 2), "lately@example.org")
	if _, cards := h.ranked(); cards[0] != "card of often@example.org" {
		t.Errorf("ten messages before yesterday rank below one of today: %q", cards)
	}
	h.writeTo(recipientNoon.AddDate(0, 6, 0), "new@example.org")
	if _, cards := h.ranked(); cards[0] != "card of new@example.org" {
		t.Errorf("ten messages half a year ago rank above one of today: %q", cards)
	}
}

// A rank that hardly changes is not written, and one that does is a change of
// the item: phones are told of the item, not of a new one.
func TestASmallChangeOfRankIsNotWritten(t *testing.T) {
	h := newHouse(t)
	h.writeTo(recipientNoon, "a@example.org")
	first, _ := h.ranked()
	h.writeTo(recipientNoon.AddDate(0, 0, 10), "a@example.org")
	second, _ := h.ranked()
	if second[0].ID != first[0].ID || second[0].ModSeq <= first[0].ModSeq || !second[0].VerbTime.After(first[0].VerbTime) {
		t.Errorf("after ten days the item is %+v, was %+v", second[0], first[0])
	}
	writes := 0
	now := recipientNoon.AddDate(0, 0, 10)
	for range 500 {
		before, _ := h.ranked()
		now = now.Add(time.Minute)
		h.writeTo(now, "a@example.org")
		if after, _ := h.ranked(); after[0].ModSeq != before[0].ModSeq {
			writes++
		}
	}
	if writes > 60 {
		t.Errorf("500 messages within a day made %d writes", writes)
	}
	quiet, _ := h.ranked()
	h.writeTo(now.Add(time.Minute), "a@example.org")
	if after, _ := h.ranked(); after[0].ModSeq != quiet[0].ModSeq {
		t.Error("one message more to somebody often written to was a write")
	}
}

func TestTheLowestInRankAreForgotten(t *testing.T) {
	h := newHouse(t)
	var all []string
	for i := range MaxRecipients {
		all = append(all, fmt.Sprintf("p%04d@example.org", i))
	}
	for i := 0; i < len(all); i += MaxNoted {
		h.writeTo(recipientNoon.Add(time.Duration(i)*time.Hour), all[i:i+MaxNoted]...)
	}
	if items, _ := h.ranked(); len(items) != MaxRecipients {
		t.Fatalf("%d are remembered", len(items))
	}
	h.writeTo(recipientNoon.AddDate(1, 0, 0), "one@example.org")
	items, cards := h.ranked()
	if len(items) > MaxRecipients || len(items) < MaxRecipients-100 || cards[0] != "card of one@example.org" {
		t.Fatalf("%d are remembered, the first is %q", len(items), cards[0])
	}
	h.writeTo(recipientNoon.AddDate(1, 0, 0), all[0])
	if _, cards := h.ranked(); cards[1] != "card of "+all[0] && cards[0] != "card of "+all[0] {
		t.Error("one who was forgotten does not come back")
	}
}

func TestNoMoreThanAHundredOfAMessageAreRemembered(t *testing.T) {
	h := newHouse(t)
	var all []string
	for i := range 3 * MaxNoted {
		all = append(all, fmt.Sprintf("p%04d@example.org", i))
	}
	h.writeTo(recipientNoon, all...)
	if items, _ := h.ranked(); len(items) != MaxNoted {
		t.Errorf("%d are remembered", len(items))
	}
}

func TestADeletedRecipientComesBackWithTheNextMessage(t *testing.T) {
	h := newHouse(t)
	h.writeTo(recipientNoon, "a@example.org")
	items, _ := h.ranked()
	h.update(func(tx *store.Tx) error {
		_, err := h.Delete(tx, 7, items[0].Folder, items[0].ID)
		return err
	})
	h.writeTo(recipientNoon.Add(time.Hour), "a@example.org")
	if again, _ := h.ranked(); len(again) != 1 || again[0].ID == items[0].ID {
		t.Errorf("there is %+v", again)
	}
}

func TestTopRecipientsSaysWhereTheFirstEnd(t *testing.T) {
	h := newHouse(t)
	for i := range 5 {
		h.writeTo(recipientNoon.Add(time.Duration(i)*time.Hour), fmt.Sprintf("p%d@example.org", i))
	}
	items, _ := h.ranked()
	f := items[0].Folder
	for n, want := range map[int]int64{1: items[0].Received, 3: items[2].Received, 5: 0, 9: 0} {
		h.view(func(tx *store.Tx) error {
			got, err := h.TopRecipients(tx, 7, f, n)
			if got != want {
				t.Errorf("the first %d end at %d, want %d", n, got, want)
			}
			return err
		})
	}
}

func TestARemovedMailboxForgetsItsRecipients(t *testing.T) {
	h := newHouse(t)
	h.writeTo(recipientNoon, "a@example.org", "b@example.org")
	ctx := context.Background()
	if err := h.Remove(ctx, 7); err != nil {
		t.Fatal(err)
	}
	if err := h.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := h.rows(store.PrefixRecipient, 7); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// The everyday case: to five people who are known.
func BenchmarkNoteFiveKnown(b *testing.B) {
	h := newHouse(b)
	five := []string{"a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org"}
	h.writeTo(recipientNoon, five...)
	now := recipientNoon
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Minute)
		h.writeTo(now, five...)
	}
}

func TestCheckReportsBrokenRecipients(t *testing.T) {
	h := newHouse(t)
	h.writeTo(recipientNoon, "a@example.org", "b@example.org")
	items, _ := h.ranked()
	at := folderKey{7, items[0].Folder}
	rowOf := func(tx *store.Tx) (recipientRow, error) {
		return recipientTable.Get(tx, recipientKeyOf(at, "a@example.org"))
	}
	for name, damage := range map[string]func(tx *store.Tx) error{
		"another rank": func(tx *store.Tx) error {
			row, err := rowOf(tx)
			row.Rank++
			return orSet(err, recipientTable.Set(tx, recipientKeyOf(at, "a@example.org"), row))
		},
		"two addresses of one item": func(tx *store.Tx) error {
			row, err := rowOf(tx)
			return orSet(err, recipientTable.Set(tx, recipientKeyOf(at, "c@example.org"), row))
		},
		"a folder that is not there": func(tx *store.Tx) error {
			return recipientTable.Set(tx, recipientKeyOf(folderKey{7, 999}, "a@example.org"), recipientRow{1, 1, false})
		},
	} {
		found := 0
		undo := context.Canceled
		err := h.store.Update(context.Background(), func(tx *store.Tx) error {
			if err := damage(tx); err != nil {
				return err
			}
			found = 0
			c := newChecker(context.Background(), tx, func(store.Problem) { found++ })
			return orSet(c.run(), undo)
		})
		if err != undo || found == 0 {
			t.Errorf("%s: Check saw %d problems, %v", name, found, err)
		}
	}
}
