package share

import (
	"fmt"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// crowd adds users with mailboxes, as few commits as it takes.
func (h *house) crowd(n int) []directory.AccountID {
	h.t.Helper()
	text := ""
	for i := range n {
		text += fmt.Sprintf("[[user]]\nlogin = \"crowd%d@example.org\"\n", i)
	}
	h.apply(text)
	var ids []directory.AccountID
	h.view(func(tx *store.Tx) (err error) { ids, err = h.directory.AccountIDs(tx); return err })
	for len(ids) > 0 {
		some := ids[:min(50, len(ids))]
		h.update(func(tx *store.Tx) error {
			for _, id := range some {
				if err := h.mailboxes.Ensure(tx, mail.MailboxOf(id)); err != nil {
					return err
				}
			}
			return nil
		})
		ids = ids[len(some):]
	}
	h.view(func(tx *store.Tx) (err error) { ids, err = h.directory.AccountIDs(tx); return err })
	return ids
}

// What is written into a public folder costs the same however many see it.
func TestAChangeInAPublicFolderCostsTheSameForAnyNumberOfSubscribers(t *testing.T) {
	h := newHouse(t, "anna")
	folder := h.public("Rooms", mail.ClassCalendar)
	ids := h.crowd(300)
	body, err := h.mailboxes.PrepareObject(t.Context(), mail.ClassCalendar, []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	cost := func(name string) (n int) {
		h.update(func(tx *store.Tx) error {
			box, err := h.PublicMailbox(tx)
			if err != nil {
				return err
			}
			_, err = h.mailboxes.Append(tx, box, folder.ID, mail.NewItem{Class: mail.ClassCalendar, Body: body, Name: name})
			n = tx.Reads()
			return err
		})
		return n
	}
	before := cost("one.ics")
	h.grantPublic("Rooms", "*", write)
	if err := h.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	linked := 0
	h.view(func(tx *store.Tx) error {
		for _, id := range ids {
			links, err := h.mailboxes.Links(tx, mail.MailboxOf(id))
			if err != nil {
				return err
			}
			linked += len(links)
		}
		return nil
	})
	if linked != len(ids) {
		t.Errorf("%d of %d have a link", linked, len(ids))
	}
	// The second finds the blob there.
	if after := cost("two.ics"); after > before+3 {
		t.Errorf("%d rows read without subscribers, %d with %d", before, after, len(ids))
	}
}

// BenchmarkRefresh is what every request pays.
func BenchmarkRefresh(b *testing.B) {
	h := newHouse(b, "anna", "bob")
	h.grant("anna", h.role("anna", mail.RoleCalendar), "bob", write)
	bob := h.id("bob")
	if _, err := h.Refresh(b.Context(), bob); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Refresh(b.Context(), bob); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSettleUnchanged is a look at every account, divided by them, when a
// grant concerns none of them.
func BenchmarkSettleUnchanged(b *testing.B) {
	h := newHouse(b, "anna", "bob")
	cal := h.role("anna", mail.RoleCalendar)
	ids := h.crowd(500)
	n, rights := 0, []mail.Rights{read, write}
	for b.Loop() {
		h.grant("anna", cal, "bob", rights[n%2])
		if err := h.Settle(b.Context()); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*len(ids)), "ns/account")
}
