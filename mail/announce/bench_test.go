package announce

import (
	"fmt"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

// BenchmarkPlan plans what one new message in a mailbox of some hundred asks for.
func BenchmarkPlan(b *testing.B) {
	for _, m := range []push.Mode{push.Alert, push.Badge, push.Silent} {
		b.Run(m.String(), func(b *testing.B) {
			h := newHouse(b)
			for range 200 {
				h.deliver(letter{flags: mail.FlagSeen})
			}
			id := h.phone(mode(m)).ID
			h.deliver(letter{})
			b.ReportAllocs()
			for b.Loop() {
				if p, err := h.book.Plan(h.ctx(), id, push.Ask{Now: h.now}); err != nil || p.Notification == nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPlanNothing asks for a registration that has heard everything.
func BenchmarkPlanNothing(b *testing.B) {
	h := newHouse(b)
	id := h.phone().ID
	b.ReportAllocs()
	for b.Loop() {
		if p, err := h.book.Plan(h.ctx(), id, push.Ask{Now: h.now}); err != nil || p.Notification != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSettle writes what became of plans, many at once as the notifier
// does.
func BenchmarkSettle(b *testing.B) {
	h := newHouse(b)
	var ids []uint64
	for i := range MaxPerAccount {
		ids = append(ids, h.phone(func(r *Registration) { r.Token, r.Device = token(i), fmt.Sprint(i) }).ID)
	}
	h.deliver(letter{})
	plans := map[uint64]push.Plan{}
	for _, id := range ids {
		plans[id] = h.plan(id)
	}
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			id := ids[i%len(ids)]
			p := plans[id]
			if err := h.book.Settle(h.ctx(), id, &p, push.Outcome{Result: push.Accepted, Status: 200}, false); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSubscriptions lists 100,000 registrations of 2,000 mailboxes, as the
// notifier does twice at its start.
func BenchmarkSubscriptions(b *testing.B) {
	const boxes, each = 2000, 50
	h := newHouse(b)
	sample := h.phone()
	for n := range mail.MailboxID(boxes) {
		h.update(func(tx *store.Tx) error {
			box := 1000 + n
			if err := h.boxes.Ensure(tx, box); err != nil {
				return err
			}
			for i := range uint64(each) {
				r := sample
				r.ID, r.Account, r.Token = uint64(box)*each+i, directory.AccountID(box), token(int(uint64(box)*each+i))
				if err := h.book.begin(tx, &r, state{}); err != nil {
					return err
				}
				if err := h.book.registrations.Set(tx, r.ID, r); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range h.book.Subscriptions(h.ctx()) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != boxes*each+1 {
			b.Fatalf("%d subscriptions", n)
		}
	}
}
