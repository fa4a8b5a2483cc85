package push

import (
	"math/rand/v2"
	"slices"
	"testing"
)

type alarm struct {
	at    instant
	place int32
}

func (a *alarm) when() instant { return a.at }
func (a *alarm) slot() *int32  { return &a.place }

func TestScheduleGivesTheEarliestFirst(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		var q schedule[*alarm]
		var in []*alarm
		for range 5000 {
			switch k := rnd.IntN(10); {
			case k < 5 || len(in) == 0:
				a := &alarm{at: instant(rnd.IntN(300))}
				q.add(a)
				in = append(in, a)
			case k < 7: // any
				i := rnd.IntN(len(in))
				q.remove(in[i])
				in = slices.Delete(in, i, i+1)
			case k < 8:
				a := in[rnd.IntN(len(in))]
				a.at = instant(rnd.IntN(300))
				q.moved(a)
			default:
				least := slices.MinFunc(in, func(a, b *alarm) int { return int(a.at - b.at) }).at
				if q.first() != least {
					t.Fatalf("seed %d: first is %d, want %d", seed, q.first(), least)
				}
				a := q.take()
				if a.at != least {
					t.Fatalf("seed %d: took %d, want %d", seed, a.at, least)
				}
				in = slices.Delete(in, slices.Index(in, a), slices.Index(in, a)+1)
			}
			if len(q) != len(in) {
				t.Fatalf("seed %d: %d entries, want %d", seed, len(q), len(in))
			}
		}
	}
	var none schedule[*alarm]
	if none.first() != never {
		t.Error("an empty schedule has something due")
	}
}

func TestScheduleGivesMemoryBack(t *testing.T) {
	var q schedule[*alarm]
	for i := range 100_000 {
		q.add(&alarm{at: instant(i)})
	}
	for len(q) > 10 {
		q.take()
	}
	if cap(q) > 2048 {
		t.Errorf("room for %d entries is kept for 10", cap(q))
	}
	for i := range 10 {
		if a := q.take(); a.at != instant(100_000-10+i) {
			t.Errorf("entry %d is %d", i, a.at)
		}
	}
}
