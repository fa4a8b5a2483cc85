package blob_test

import (
	"bufio"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"martlet/store"
	"martlet/store/blob"
)

const (
	crashDir    = "MARTLET_CRASH_TEST_DIR" // in the child's environment
	crashRounds = 8
	crashActors = 8
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir)
		return
	}
	os.Exit(m.Run())
}

func crashConfig(dir string) (store.Config, blob.Config) {
	// Small, so that flushes, compactions and new packs happen often.
	return store.Config{Path: dir + "/store", Key: key, MemTable: 1 << 20, Logger: discard},
		blob.Config{Path: dir + "/blobs", Key: key, PackSize: 1 << 20, Logger: discard}
}

// crashKey is the row of an actor's n-th delivery, crashBody its body.
func crashKey(actor, n int) []byte { return fmt.Appendf(nil, "t%02d %06d", actor, n) }

func crashBody(actor, n int) []byte { return body(actor<<20|n, 100+n*37%20_000) }

// crashChild delivers as fast as it can and says on standard output what it has
// acknowledged, until it is killed.
func crashChild(dir string) {
	scfg, bcfg := crashConfig(dir)
	s, err := store.Open(scfg)
	if err != nil {
		log.Fatal(err)
	}
	bcfg.Store = s
	b, err := blob.Open(bcfg)
	if err != nil {
		log.Fatal(err)
	}
	for actor := range crashActors {
		go func() {
			for n := crashNext(s, actor); ; n++ {
				ref, err := b.Put(ctx, crashBody(actor, n))
				if err == nil {
					err = s.Update(ctx, func(tx *store.Tx) error {
						if err := b.Retain(tx, ref); err != nil {
							return err
						}
						return tx.Set(crashKey(actor, n), blob.AppendRef(nil, ref))
					})
				}
				if err != nil {
					log.Fatal(err)
				}
				os.Stdout.WriteString(fmt.Sprintln(actor, n)) // one write, one line
			}
		}()
	}
	for { // and all the time collections and checks meet the deliveries
		if _, err := b.Collect(ctx); err != nil {
			log.Fatal(err)
		}
	}
}

// crashNext returns the number after the actor's last row.
func crashNext(s *store.Store, actor int) (next int) {
	err := s.View(ctx, func(tx *store.Tx) error {
		for kv, err := range tx.Scan(store.Range{Prefix: fmt.Appendf(nil, "t%02d ", actor), Reverse: true}) {
			if err != nil {
				return err
			}
			_, err = fmt.Sscanf(string(kv.Key[4:]), "%d", &next)
			next++
			return err
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	return next
}

// TestKillLosesNothingAcknowledged kills a delivering process at random moments
// and looks for everything that it acknowledged.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acked := map[int]int{} // by actor, the number after the last acknowledged
	for round := range crashRounds {
		crashRound(t, dir, 1+rand.IntN(2000), acked)
		crashCheck(t, dir, acked)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	total := 0
	for _, n := range acked {
		total += n
	}
	t.Logf("%d deliveries acknowledged, %d kills", total, crashRounds)
}

// crashRound lets a child make some deliveries and kills it.
func crashRound(t *testing.T, dir string, deliveries int, acked map[int]int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ { // to the end of what it could still say
		var actor, i int
		if _, err := fmt.Sscan(lines.Text(), &actor, &i); err != nil {
			continue // cut in the middle
		}
		acked[actor] = i + 1
		if n == deliveries {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	if stderr.Len() > 0 {
		t.Errorf("the child said: %s", stderr.String())
	}
}

func crashCheck(t *testing.T, dir string, acked map[int]int) {
	k := &kit{}
	k.scfg, k.cfg = crashConfig(dir)
	k.open(t)
	defer k.close(t)
	var wg sync.WaitGroup
	for actor, n := range acked {
		wg.Go(func() {
			for i := range n {
				var ref blob.Ref
				err := k.store.View(ctx, func(tx *store.Tx) error {
					b, err := tx.Get(crashKey(actor, i))
					if err == nil {
						ref, err = blob.ParseRef(b)
					}
					return err
				})
				if err != nil {
					t.Errorf("delivery %d of actor %d was acknowledged: %v", i, actor, err)
					return
				}
				k.want(t, ref, crashBody(actor, i))
			}
		})
	}
	wg.Wait()
	references := func(tx *store.Tx, count func(blob.Ref)) error {
		for kv, err := range tx.Scan(store.Range{Prefix: []byte("t")}) {
			if err != nil {
				return err
			}
			ref, err := blob.ParseRef(kv.Value)
			if err != nil {
				return err
			}
			count(ref)
		}
		return nil
	}
	for _, p := range k.problems(t, blob.Audit{References: references}) {
		t.Errorf("check: %s", p)
	}
	if err := k.store.Check(ctx, func(p store.Problem) {
		if !strings.HasPrefix(p.Key, "74") { // this test's own rows, "t"
			t.Errorf("check: %s", p)
		}
	}); err != nil {
		t.Error(err)
	}
}
