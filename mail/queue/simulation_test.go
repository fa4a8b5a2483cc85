package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/mail"
)

// world is what other hosts have, over all crashes.
type world struct {
	mu       sync.Mutex // guards the fields below
	rng      *rand.Rand
	life     int // of which process attempts count
	arrived  map[string]int
	refused  map[string]bool
	badUntil map[string]time.Time
}

func (w *world) chance(n int) bool { return w.rng.IntN(100) < n }

// deliver is what hosts do: arrive, refuse, put off, be down, be slow, and leave us
// in the dark of what they have done.
func (w *world) deliver(life int) func(context.Context, *mail.Outgoing) mail.Attempt {
	return func(ctx context.Context, out *mail.Outgoing) mail.Attempt {
		w.mu.Lock()
		before, after := time.Duration(w.rng.IntN(60))*time.Second, time.Duration(w.rng.IntN(60))*time.Second
		w.mu.Unlock()
		pass(before)
		a := w.decide(life, out)
		pass(after)
		return a
	}
}

func (w *world) decide(life int, out *mail.Outgoing) mail.Attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	if life != w.life {
		return mail.Attempt{Outcomes: make([]mail.Outcome, len(out.Envelope.To))} // a process that is dead
	}
	if time.Now().Before(w.badUntil[out.Destination]) {
		a := all(out, dead)
		a.Down = true
		return a
	}
	if w.chance(10) {
		w.badUntil[out.Destination] = time.Now().Add(time.Duration(w.rng.IntN(120)) * time.Minute)
	}
	a := all(out, waits)
	for i, r := range out.Envelope.To {
		switch {
		case w.chance(60):
			a.Outcomes[i] = arrives
			w.arrived[r.Address]++
		case w.chance(20):
			a.Outcomes[i] = fails
			w.refused[r.Address] = true
		case w.chance(5):
			a.Outcomes[i] = mail.Outcome{}
		}
	}
	return a
}

// At quiet everybody has the message or its sender knows, and nobody has it twice
// but for what a crash left in the dark.
func TestWhateverHappensEverybodyIsReachedOrTheSenderIsTold(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { bubble(t, func(t *testing.T) { simulate(t, seed, seed%2 == 1) }) })
	}
}

func simulate(t *testing.T, seed uint64, crashes bool) {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), arrived: map[string]int{}, refused: map[string]bool{}, badUntil: map[string]time.Time{}}
	o := newOffice(t, Limits{AtOnce: 6, PerDestination: 2, Lifetime: 6 * time.Hour, Late: time.Hour})
	o.deliver = w.deliver(0)
	o.run()
	everybody := map[string]bool{}
	rng := rand.New(rand.NewPCG(seed, 2))
	for n := range 30 {
		var to []mail.Recipient
		for i := range 1 + rng.IntN(6) {
			a := fmt.Sprintf("m%d-%d@d%d.example", n, i, rng.IntN(7))
			everybody[a] = true
			to = append(to, mail.Recipient{Address: a})
		}
		o.add("bob@example.org", to...)
		pass(time.Duration(rng.IntN(600)) * time.Second)
		if crashes && rng.IntN(100) < 25 {
			w.mu.Lock()
			w.life++ // from here on the old process does nothing any more
			life := w.life
			w.mu.Unlock()
			o.crash()
			o.deliver = w.deliver(life) // nothing runs
			if found := o.problems(); len(found) > 0 {
				t.Fatalf("after a crash: %+v", found)
			}
			o.run()
		}
	}
	pass(9 * time.Hour)
	o.expect("left", o.left(), 0)
	told := map[string]int{}
	for _, line := range o.told() {
		if a, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, fmt.Sprint(mail.Failed)) {
			told[a]++
		}
	}
	for a := range everybody {
		switch n := w.arrived[a]; {
		case n == 0 && told[a] == 0:
			t.Errorf("%s has nothing, and nobody knows", a)
		case n > 1 && !crashes:
			t.Errorf("%s has it %d times", a, n)
		case n > 0 && told[a] > 0 && !crashes:
			t.Errorf("%s has it, and the sender is told otherwise", a)
		case told[a] > 1 && !crashes:
			t.Errorf("the sender is told %d times of %s", told[a], a)
		}
	}
	if crashes && w.life == 0 {
		t.Error("nothing crashed")
	}
}
