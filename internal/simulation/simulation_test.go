package simulation

import (
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
)

var (
	seeds = flag.Int("simulation.seeds", 12, "how many simulations to run")
	first = flag.Uint64("simulation.seed", 1, "the first seed")
	trace = flag.Bool("simulation.trace", false, "print every step")
	steps = flag.Int("simulation.steps", 600, "how many steps each")
)

func TestEveryPhoneSeesTheServerAtQuiet(t *testing.T) {
	for i := range *seeds {
		seed := *first + uint64(i)
		synctest.Test(t, func(t *testing.T) {
			cfg := Config{Seed: seed, Phones: 3, Steps: *steps, Dir: t.TempDir(), Days: true}
			if *trace {
				cfg.Trace = func(line string) { fmt.Println(line) }
			}
			stats, err := Run(cfg)
			if err != nil {
				t.Fatalf("%v\nrun it alone with -simulation.seed=%d -simulation.seeds=1", err, seed)
			}
			t.Logf("seed %d: %+v", seed, stats)
		})
	}
}
