package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"martlet/mail"
	"martlet/store"
)

func TestADestinationThatHangsHoldsUpNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{AtOnce: 10, PerDestination: 3})
		o.deliver = func(ctx context.Context, out *mail.Outgoing) mail.Attempt {
			if out.Destination == "slow.example" {
				<-ctx.Done()
				return mail.Attempt{Outcomes: make([]mail.Outcome, len(out.Envelope.To))}
			}
			return all(out, arrives)
		}
		for range 30 {
			o.add("bob@example.org", rcpt("a@slow.example", "b@quick.example")...)
		}
		o.run()
		synctest.Wait()
		quick, slow := 0, 0
		for _, x := range o.tried() {
			if x.destination == "slow.example" {
				slow++
			} else {
				quick++
			}
		}
		o.expect("quick, slow", []int{quick, slow}, []int{30, 3})
		o.halt()
		o.expect("left", o.left(), 30)
		for x, err := range o.queue.Select(context.Background(), Filter{}) {
			if o.must(err); x.Attempts != 0 || len(x.Leg.To) != 1 {
				t.Errorf("what was broken off counts: %+v", x.Leg)
			}
		}
	})
}

func TestDestinationsTakeTurns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{AtOnce: 2, PerDestination: 2})
		o.deliver = func(ctx context.Context, out *mail.Outgoing) mail.Attempt {
			time.Sleep(time.Second)
			return all(out, arrives)
		}
		for range 50 {
			o.add("bob@example.org", rcpt("a@large.example")...)
		}
		time.Sleep(time.Minute)
		o.add("bob@example.org", rcpt("a@small.example")...)
		o.run()
		time.Sleep(time.Minute)
		if i := slices.IndexFunc(o.tried(), func(x try) bool { return x.destination == "small.example" }); i < 0 || i > 4 {
			t.Errorf("the small one is number %d", i)
		}
		o.expect("left", o.left(), 0)
	})
}

// RFC 5321 4.5.4.1.
func TestItIsTriedForFiveDaysAndThenTheSenderHasItBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{})
		o.always(waits)
		begin := time.Now()
		o.add("bob@example.org", rcpt("dora@there.example")...)
		o.run()
		time.Sleep(4*time.Hour - time.Second)
		o.expect("told early", o.told(), []string{})
		time.Sleep(2 * time.Second)
		o.expect("told late", o.told(), []string{"dora@there.example 3 4.2.1"})
		time.Sleep(5*24*time.Hour - 4*time.Hour - 2*time.Second)
		o.expect("told once", len(o.told()), 1)
		time.Sleep(2 * time.Second)
		o.expect("told at the end", o.told()[1:], []string{"dora@there.example 4 4.4.7"})
		o.expect("left", o.left(), 0)
		all := o.tried()
		if n := len(all); n < 30 || n > 50 {
			t.Errorf("%d attempts", n)
		}
		for i, x := range all[1:] {
			if d := x.at.Sub(all[i].at); d < 4*time.Minute && !x.at.Equal(begin.Add(4*time.Hour)) && !all[i].at.Equal(begin.Add(4*time.Hour)) || d > 5*time.Hour {
				t.Errorf("a pause of %v", d)
			}
		}
	})
}

// RFC 3461 4.1 and 5.2.
func TestSendersAreToldWhatTheyAskedFor(t *testing.T) {
	relayed := mail.Outcome{Action: mail.Relayed, Status: "2.0.0"}
	for _, c := range []struct {
		notify mail.Notify
		what   mail.Outcome
		told   int
	}{
		{0, arrives, 0}, {mail.NotifySuccess, arrives, 0}, {0, relayed, 0}, {mail.NotifySuccess, relayed, 1}, {mail.NotifyNever, relayed, 0},
		{0, fails, 1}, {mail.NotifyFailure, fails, 1}, {mail.NotifySuccess, fails, 0}, {mail.NotifyNever, fails, 0}, {mail.NotifyDelay, fails, 0},
		{0, waits, 2}, {mail.NotifyFailure, waits, 1}, {mail.NotifyDelay, waits, 1}, {mail.NotifyNever, waits, 0}, {mail.NotifySuccess, waits, 0},
	} {
		bubble(t, func(t *testing.T) {
			o := newOffice(t, Limits{Lifetime: time.Hour, Late: 20 * time.Minute})
			o.always(c.what)
			o.add("bob@example.org", mail.Recipient{Address: "dora@there.example", Notify: c.notify})
			o.add("", mail.Recipient{Address: "dora@there.example", Notify: c.notify})
			o.run()
			time.Sleep(2 * time.Hour)
			o.expect(fmt.Sprint(c.notify, c.what.Action), len(o.told()), c.told)
			o.expect("left", o.left(), 0)
		})
	}
}

func TestEachRecipientIsDoneWithOnItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{})
		o.deliver = func(_ context.Context, out *mail.Outgoing) mail.Attempt {
			a := all(out, arrives)
			for i, r := range out.Envelope.To {
				switch {
				case strings.HasPrefix(r.Address, "no@"):
					a.Outcomes[i] = fails
				case strings.HasPrefix(r.Address, "later@") && len(o.tried()) == 1:
					a.Outcomes[i] = waits
				}
			}
			return a
		}
		o.add("bob@example.org", rcpt("yes@there.example", "no@there.example", "later@there.example")...)
		o.run()
		time.Sleep(time.Hour)
		var to []string
		for _, x := range o.tried() {
			to = append(to, x.to)
		}
		o.expect("attempts", to, []string{"yes@there.example no@there.example later@there.example", "later@there.example"})
		o.expect("told", o.told(), []string{"no@there.example 4 5.1.1"})
		o.expect("left", o.left(), 0)
	})
}

func TestADestinationThatIsDownIsTriedByOneForAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{})
		up := false
		o.deliver = func(_ context.Context, out *mail.Outgoing) mail.Attempt {
			time.Sleep(time.Second)
			if up {
				return all(out, arrives)
			}
			a := all(out, dead)
			a.Down = true
			return a
		}
		for range 100 {
			o.add("bob@example.org", rcpt("dora@there.example")...)
		}
		o.run()
		time.Sleep(time.Hour)
		if n := len(o.tried()); n > 20 { // eight at first, then one after the other
			t.Errorf("%d attempts in an hour", n)
		}
		time.Sleep(4 * time.Hour)
		o.expect("told", len(o.told()), 100) // each of them waits on its own, though it was not tried
		up = true
		before := len(o.tried())
		time.Sleep(5 * time.Hour)
		o.expect("left", o.left(), 0)
		o.expect("attempts", len(o.tried())-before, 100)
	})
}

func TestADestinationThatIsDownForGoodGivesEverythingBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{Lifetime: 12 * time.Hour})
		o.deliver = func(_ context.Context, out *mail.Outgoing) mail.Attempt {
			a := all(out, dead)
			a.Down = true
			return a
		}
		for range 20 {
			o.add("bob@example.org", mail.Recipient{Address: "dora@there.example", Notify: mail.NotifyFailure})
		}
		o.run()
		time.Sleep(13 * time.Hour)
		o.expect("told", len(o.told()), 20)
		o.expect("left", o.left(), 0)
	})
}

func TestWhatIsHeldWaitsUntilItIsReleased(t *testing.T) {
	for _, h := range []Hold{{Of: Everything}, {Destination, "there.example"}, {Sender, "bob@example.org"}} {
		bubble(t, func(t *testing.T) {
			o := newOffice(t, Limits{})
			o.always(arrives)
			o.add("bob@example.org", rcpt("early@there.example")...)
			o.must(o.queue.SetHold(t.Context(), h, true))
			o.run()
			o.add("bob@example.org", rcpt("dora@there.example")...)
			time.Sleep(10 * time.Hour)
			o.expect("attempts", len(o.tried()), 0)
			o.expect("problems", o.problems(), []store.Problem{})
			o.crash() // it is still held
			o.run()
			time.Sleep(time.Hour)
			o.expect("attempts", len(o.tried()), 0)
			o.must(o.queue.SetHold(t.Context(), h, false))
			if h.Of == Sender { // its mail was held one by one
				o.releaseAll()
			}
			time.Sleep(time.Hour)
			o.expect("attempts", len(o.tried()), 2)
			o.expect("left", o.left(), 0)
		})
	}
}

func (o *office) releaseAll() {
	var keys []legKey
	for x, err := range o.queue.Select(context.Background(), Filter{Held: true}) {
		o.must(err)
		keys = append(keys, x.Leg.key())
	}
	for _, k := range keys {
		o.must(o.queue.SetHeld(context.Background(), k.id, k.destination, false))
	}
}

func TestAnAdministratorHoldsRetriesAndGivesBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{})
		o.always(waits)
		id := o.add("bob@example.org", rcpt("dora@there.example", "carl@else.example")...)
		o.run()
		time.Sleep(time.Minute)
		o.must(o.queue.SetHeld(t.Context(), id, "there.example", true))
		time.Sleep(time.Hour)
		held := 0
		for _, x := range o.tried() {
			if x.destination == "there.example" {
				held++
			}
		}
		o.expect("attempts of what is held", held, 1)
		o.must(o.queue.SetHeld(t.Context(), id, "there.example", false))
		time.Sleep(4 * time.Hour)
		o.always(arrives)
		n := len(o.tried())
		o.must(o.queue.Retry(t.Context(), id, "else.example"))
		synctest.Wait()
		o.expect("attempts", len(o.tried())-n, 1)
		o.must(o.queue.Bounce(t.Context(), id, "there.example"))
		synctest.Wait()
		o.expect("told", o.told()[len(o.told())-1], "dora@there.example 4 5.7.1")
		o.expect("left", o.left(), 0)
		o.expect("again", o.queue.Bounce(t.Context(), id, "there.example"), ErrNoEntry)
	})
}

func TestWhatIsOnItsWayCannotBeGivenBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{})
		o.deliver = func(_ context.Context, out *mail.Outgoing) mail.Attempt {
			time.Sleep(time.Minute)
			return all(out, arrives)
		}
		id := o.add("bob@example.org", rcpt("dora@there.example")...)
		o.run()
		time.Sleep(time.Second)
		o.expect("bounce", o.queue.Bounce(t.Context(), id, "there.example"), ErrSending)
		// Taken out meanwhile, it is gone, and what comes back changes nothing.
		o.must(o.store.Update(t.Context(), func(tx *store.Tx) error { return o.queue.Remove(tx, id) }))
		time.Sleep(time.Hour)
		o.expect("left", o.left(), 0)
		o.expect("told", o.told(), []string{})
	})
}

func TestALetterToManyDomainsIsSplitInPieces(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{})
		o.always(arrives)
		var to []mail.Recipient
		for i := range 700 {
			to = append(to, mail.Recipient{Address: fmt.Sprintf("u%d@d%d.example", i, i%500)})
		}
		o.add("bob@example.org", to...)
		o.expect("problems", o.problems(), []store.Problem{})
		o.crash()
		o.run()
		time.Sleep(time.Hour)
		reached := map[string]int{}
		for _, x := range o.tried() {
			for a := range strings.FieldsSeq(x.to) {
				reached[a]++
			}
		}
		o.expect("reached", len(reached), 700)
		o.expect("left", o.left(), 0)
	})
}

// What another configuration has split, goes where the one of now says.
func TestWhatGoesElsewhereByNowIsSplitAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOffice(t, Limits{})
		o.always(arrives)
		o.add("bob@example.org", rcpt("a@one.example", "b@two.example", "c@one.example")...)
		o.queue.cfg.Destination = func(_, to string) string { return "via:relay" }
		o.run()
		time.Sleep(time.Hour)
		reached := map[string]int{}
		for _, x := range o.tried() {
			o.expect("destination", x.destination, "via:relay")
			for a := range strings.FieldsSeq(x.to) {
				reached[a]++
			}
		}
		o.expect("reached", reached, map[string]int{"a@one.example": 1, "b@two.example": 1, "c@one.example": 1})
	})
}

func TestLookingCostsWhatIsDueNotWhatWaits(t *testing.T) {
	o := newOffice(t, Limits{AtOnce: 5, PerDestination: 2})
	ref, err := o.blobs.Put(t.Context(), []byte("text"))
	o.must(err)
	later := time.Now().Add(time.Hour)
	for i := range 20 {
		o.must(o.store.Update(t.Context(), func(tx *store.Tx) error {
			for j := range 100 {
				due := later
				if j < 10 {
					due = time.Time{}
				}
				if _, err := o.queue.Add(tx, Entry{Envelope: mail.Envelope{To: rcpt(fmt.Sprintf("a@d%d.example", (i*100+j)%50))}, Blob: ref, Due: due}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	picked, _, err := o.queue.pick(t.Context())
	o.must(err)
	o.expect("picked", len(picked), 5)
	if o.queue.looked > 60 {
		t.Errorf("%d rows were read for %d legs", o.queue.looked, len(picked))
	}
	for _, k := range picked {
		o.queue.release(k)
	}
}
