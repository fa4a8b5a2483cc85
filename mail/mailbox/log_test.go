package mailbox

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"martlet/mail"
	"martlet/store"
)

func positions(t *testing.T, seq func(func(mail.Position, error) bool)) []int64 {
	t.Helper()
	var got []int64
	for at, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, at.Received*1000+int64(at.Item))
	}
	return got
}

func TestItemsInTheOrderOfReceipt(t *testing.T) {
	h := newHouse(t)
	inbox, trash := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDeletedItems)
	l := h.letter(1)
	for _, ms := range []int64{30, 10, 20, 20, 40} { // items 1 to 5
		h.deliver(1, inbox, l.item(ms))
	}
	h.deliver(1, trash, l.item(25)) // not to be seen
	h.deliver(2, h.role(2, mail.RoleInbox), l.item(25))
	at := func(ms int64, id mail.ItemID) mail.Position { return mail.Position{Received: ms, Item: id} }
	all := []int64{40_005, 30_001, 20_004, 20_003, 10_002}
	for name, c := range map[string]struct {
		below  mail.Position
		oldest int64
		want   []int64
	}{
		"all":                    {at(0, 0), 0, all},
		"however old":            {at(0, 0), math.MinInt64, all},
		"below the newest":       {at(40, 5), 0, all[1:]},
		"between twins":          {at(20, 4), 0, all[3:]},
		"below what is gone":     {at(25, 77), 0, all[2:]},
		"from a time on":         {at(0, 0), 20, all[:4]},
		"from just behind":       {at(0, 0), 21, all[:2]},
		"below and from":         {at(30, 1), 20, all[2:4]},
		"below the oldest":       {at(10, 2), 0, nil},
		"nothing so new":         {at(0, 0), 41, nil},
		"below before from":      {at(10, 2), 30, nil},
		"below everything there": {at(-1, 9), 0, nil},
	} {
		h.view(func(tx *store.Tx) error {
			if got := positions(t, h.Newest(tx, 1, inbox, c.below, c.oldest)); !slices.Equal(got, c.want) {
				t.Errorf("newest, %s: %v, want %v", name, got, c.want)
			}
			return nil
		})
	}
	for _, c := range []struct {
		from, to int64
		want     []int64
	}{
		{0, 100, []int64{10_002, 20_003, 20_004, 30_001, 40_005}},
		{10, 20, []int64{10_002}},
		{11, 31, []int64{20_003, 20_004, 30_001}},
		{20, 20, nil},
		{30, 10, nil},
		{-5, 11, []int64{10_002}},
		{-5, -1, nil},
	} {
		h.view(func(tx *store.Tx) error {
			if got := positions(t, h.Between(tx, 1, inbox, c.from, c.to)); !slices.Equal(got, c.want) {
				t.Errorf("between %d and %d: %v, want %v", c.from, c.to, got, c.want)
			}
			return nil
		})
	}
}

// fill puts n items into a folder, in transactions of a size that fits.
func fill(tb testing.TB, h *house, box mail.MailboxID, f mail.FolderID, l letter, n int) {
	tb.Helper()
	const chunk = 2000
	for done := 0; done < n; done += chunk {
		err := h.store.Update(context.Background(), func(tx *store.Tx) error {
			for i := range min(chunk, n-done) {
				if _, err := h.Append(tx, box, f, l.item(1e12+int64(done+i)*1000)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// touch changes n items all over the folder and returns the cursor before.
func touch(tb testing.TB, h *house, box mail.MailboxID, f mail.FolderID, n int) mail.ModSeq {
	tb.Helper()
	var since mail.ModSeq
	err := h.store.Update(context.Background(), func(tx *store.Tx) error {
		folder, err := h.Folder(tx, box, f)
		if err != nil {
			return err
		}
		since = folder.Highest
		for i := range n {
			id := mail.ItemID(1 + i*int(folder.Items)/n)
			if _, err := h.UpdateItem(tx, box, f, id, func(x *mail.Item) { x.Flags ^= mail.FlagSeen }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return since
}

// Law 9: work is proportional to change.
func TestReadingTenChangesOfALargeFolderReadsTenLogRows(t *testing.T) {
	size := 100_000
	if testing.Short() {
		size = 5_000
	}
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	fill(t, h, 1, inbox, h.letter(1), size)
	since := touch(t, h, 1, inbox, 10)
	h.view(func(tx *store.Tx) error {
		n := 0
		for c, err := range h.Changes(tx, 1, inbox, since) {
			if err != nil {
				return err
			}
			if c.Created > since {
				t.Errorf("a change is taken for a new item: %+v", c)
			}
			n++
		}
		// One for the folder, one to find the end.
		if n != 10 || tx.Reads() > n+2 {
			t.Errorf("%d changes of 10, %d rows read", n, tx.Reads())
		}
		return nil
	})
	h.view(func(tx *store.Tx) error {
		for range h.Changes(tx, 1, inbox, since+10) {
			t.Error("a change after the last one")
		}
		if tx.Reads() > 1 {
			t.Errorf("%d rows read to see that nothing changed, want 1", tx.Reads())
		}
		return nil
	})
	h.view(func(tx *store.Tx) error {
		n := 0
		for _, err := range h.Newest(tx, 1, inbox, mail.Position{}, 0) {
			if err != nil {
				return err
			}
			if n++; n == 512 {
				break
			}
		}
		if tx.Reads() > n+1 {
			t.Errorf("%d rows read for the newest %d", tx.Reads(), n)
		}
		return nil
	})
}

func BenchmarkChangesLargeFolder(b *testing.B) {
	h := newHouse(b)
	inbox := h.role(1, mail.RoleInbox)
	fill(b, h, 1, inbox, h.letter(1), 100_000)
	since := touch(b, h, 1, inbox, 10)
	for _, changed := range []int{0, 10} {
		b.Run(fmt.Sprintf("changed=%d", changed), func(b *testing.B) {
			reads := 0
			b.ReportAllocs()
			for b.Loop() {
				h.view(func(tx *store.Tx) error {
					n := 0
					for _, err := range h.Changes(tx, 1, inbox, since+mail.ModSeq(10-changed)) {
						if err != nil {
							return err
						}
						n++
					}
					if n != changed {
						b.Fatalf("%d changes", n)
					}
					reads = tx.Reads()
					return nil
				})
			}
			b.ReportMetric(float64(reads), "rows/op")
		})
	}
}

// What one answer of an initial Sync reads: positions, and the items there.
func BenchmarkNewest512(b *testing.B) {
	h := newHouse(b)
	inbox := h.role(1, mail.RoleInbox)
	fill(b, h, 1, inbox, h.letter(1), 20_000)
	for _, items := range []bool{false, true} {
		b.Run(fmt.Sprintf("items=%t", items), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.view(func(tx *store.Tx) error {
					n := 0
					for at, err := range h.Newest(tx, 1, inbox, mail.Position{}, 0) {
						if err != nil {
							return err
						}
						if items {
							if _, err := h.Item(tx, 1, inbox, at.Item); err != nil {
								return err
							}
						}
						if n++; n == 512 {
							break
						}
					}
					return nil
				})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/512, "ns/item")
		})
	}
}
