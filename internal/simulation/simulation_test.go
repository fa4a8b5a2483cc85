package simulation

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
)

var (
	seeds = flag.Int("simulation.seeds", 15, "how many simulations to run")
	first = flag.Uint64("simulation.seed", 1, "the first seed")
	steps = flag.Int("simulation.steps", 600, "how many steps each")
	trace = flag.Bool("simulation.trace", false, "print every step")
)

// memory returns a directory in memory where there is such a thing: a
// simulation syncs the disk some thousand times.
func memory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "simulation")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestEveryPhoneSeesTheServerAtQuiet(t *testing.T) {
	var all Stats
	for i := range *seeds {
		seed := *first + uint64(i)
		synctest.Test(t, func(t *testing.T) {
			cfg := Config{Seed: seed, Phones: 3, Steps: *steps, Dir: memory(t), Days: true}
			if *trace {
				cfg.Trace = func(line string) { fmt.Println(line) }
			}
			stats, err := Run(cfg)
			if err != nil {
				t.Fatalf("%v\nrun it alone with -simulation.seed=%d -simulation.seeds=1", err, seed)
			}
			all.add(&stats)
		})
	}
	t.Logf("%d simulations: %+v", *seeds, all)
	for what, n := range map[string]int{
		"adds": all.Adds, "changes": all.Changes, "deletes": all.Deletes, "soft deletes": all.SoftDeletes,
		"lost answers": all.Lost, "repeated requests": all.Repeated, "late requests": all.Late,
		"restarts": all.Restarts, "crashes": all.Crashes, "pings": all.Pings,
		"answers that a phone could not take": all.Choked, "items withheld": all.Withheld,
	} {
		if n == 0 && *seeds >= 10 {
			t.Errorf("there were no %s", what)
		}
	}
}
