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

// BenchmarkPlanShared plans what one new message asks for of a registration for
// all folders, without folders of others among them and with some, in an own
// folder and in one of theirs.
func BenchmarkPlanShared(b *testing.B) {
	for _, links := range []int{0, 1, 20} {
		for _, theirs := range []bool{false, true} {
			if theirs && links == 0 {
				continue
			}
			b.Run(fmt.Sprintf("links=%d/theirs=%t", links, theirs), func(b *testing.B) {
				d := newDesk(b)
				var last mail.FolderID
				for i := range links {
					last = d.make(fmt.Sprint("Team ", i), mail.ClassEmail)
					d.share(d.mine(), last, mail.MayRead)
				}
				id := d.phone(toAll).ID
				l := letter{}
				if theirs {
					l.box, l.folder = d.bob, last
				}
				d.deliver(l)
				b.ReportAllocs()
				for b.Loop() {
					if p, err := d.book.Plan(d.ctx(), id, push.Ask{Now: d.now}); err != nil || p.Notification == nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(d.reads(id)), "rows")
			})
		}
	}
}

// BenchmarkPlanCalendar plans the wake for an event that was changed.
func BenchmarkPlanCalendar(b *testing.B) {
	h := newHouse(b)
	calendar := h.folder(mail.RoleCalendar)
	for i := range 100 {
		h.write(mail.MailboxOf(h.alice), calendar, 0, event(fmt.Sprint("Event ", i)))
	}
	id := h.phone(mode(push.Silent), toFolders(calendar)).ID
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Standup"))
	b.ReportAllocs()
	for b.Loop() {
		if p, err := h.book.Plan(h.ctx(), id, push.Ask{Now: h.now}); err != nil || p.Notification == nil {
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
