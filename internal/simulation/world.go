// Package simulation runs a mailbox with several phones, other programs that
// change it, and the faults of the world: lost answers, repeated and late
// requests, crashes, days that pass. Everything follows from a seed. At quiet
// each phone must have exactly what the server has in the phone's window. The
// package must never reach into the engine's state: it sees what a phone sees.
package simulation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// Config says what is simulated.
type Config struct {
	Seed   uint64
	Phones int
	Steps  int
	Dir    string // for the stores; the caller removes it
	// Trace, if set, gets every step, not only the last ones before a failure.
	Trace func(string)
	// Days lets time pass by sleeping, which takes no time in a synctest bubble.
	Days bool
}

// Stats counts what happened, so that a test can tell that it tested something.
type Stats struct {
	Steps, Syncs, Adds, Changes, Deletes, SoftDeletes int
	Lost, Repeated, Late, Restarts, Crashes, Pings    int
	Choked, Withheld                                  int
}

func (s *Stats) add(o *Stats) {
	s.Steps += o.Steps
	s.Syncs += o.Syncs
	s.Adds += o.Adds
	s.Changes += o.Changes
	s.Deletes += o.Deletes
	s.SoftDeletes += o.SoftDeletes
	s.Lost += o.Lost
	s.Repeated += o.Repeated
	s.Late += o.Late
	s.Restarts += o.Restarts
	s.Crashes += o.Crashes
	s.Pings += o.Pings
	s.Choked += o.Choked
	s.Withheld += o.Withheld
}

// traceLength is how many of the last steps a failure shows.
const traceLength = 60

// box is the mailbox of the simulation.
const box = mail.MailboxID(1)

// World is one running simulation.
type World struct {
	cfg   Config
	rng   *rand.Rand
	dir   string
	store *store.Store
	blobs *blob.Blobs
	boxes *mailbox.Mailboxes
	devs  *device.Devices
	eng   *engine.Engine
	hub   *push.Hub

	phones []*mobile
	names  int
	trace  []string
	stats  Stats
}

// Run runs a simulation to its end. The error shows the last steps.
func Run(cfg Config) (Stats, error) {
	w := &World{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0x6d61727469656e)), dir: filepath.Join(cfg.Dir, "0")}
	err := w.open()
	if err == nil {
		err = w.run()
		err = errors.Join(err, w.close())
	}
	if err != nil {
		for _, line := range w.trace {
			err = fmt.Errorf("%w\n  %s", err, line)
		}
		err = fmt.Errorf("seed %d: %w", cfg.Seed, err)
	}
	return w.stats, err
}

func (w *World) run() error {
	if err := w.boxes.Create(context.Background(), box); err != nil {
		return err
	}
	for i := range w.cfg.Phones {
		w.phones = append(w.phones, newMobile(w, i))
	}
	for w.stats.Steps < w.cfg.Steps {
		w.stats.Steps++
		if err := w.step(); err != nil {
			return fmt.Errorf("step %d: %w", w.stats.Steps, err)
		}
		if err := w.noLostWake(); err != nil {
			return fmt.Errorf("step %d: %w", w.stats.Steps, err)
		}
		if w.one(150) {
			if err := w.quiet(); err != nil {
				return fmt.Errorf("step %d: at quiet: %w", w.stats.Steps, err)
			}
		}
	}
	if err := w.quiet(); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	return nil
}

// step lets one actor do one thing.
func (w *World) step() error {
	switch n := w.rng.IntN(100); {
	case n < 40:
		return w.serverStep()
	case n < 96 || !w.one(4):
		return w.phones[w.rng.IntN(len(w.phones))].step()
	case w.cfg.Days && w.one(3):
		d := time.Duration(w.rng.IntN(60)) * time.Hour
		w.log("%s pass", d)
		time.Sleep(d)
		return nil
	default:
		return w.restart(w.one(2))
	}
}

func (w *World) one(in int) bool { return w.rng.IntN(in) == 0 }

func (w *World) log(format string, args ...any) {
	line := fmt.Sprintf("%4d ", w.stats.Steps) + fmt.Sprintf(format, args...)
	if w.cfg.Trace != nil {
		w.cfg.Trace(line)
	}
	if len(w.trace) == traceLength {
		w.trace = w.trace[1:]
	}
	w.trace = append(w.trace, line)
}

func (w *World) open() error {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	w.store, err = store.Open(store.Config{
		Path: filepath.Join(w.dir, "store"), Logger: quiet, Reserve: 1, NoCompaction: true,
	})
	if err != nil {
		return err
	}
	w.blobs, err = blob.Open(blob.Config{Store: w.store, Path: filepath.Join(w.dir, "blob"), Logger: quiet})
	if err != nil {
		return errors.Join(err, w.store.Close())
	}
	w.hub = push.NewHub()
	w.boxes = mailbox.New(mailbox.Config{Store: w.store, Blobs: w.blobs, Hub: w.hub, Logger: quiet})
	w.devs = device.New(device.Config{Store: w.store})
	w.eng = engine.New(engine.Config{Store: w.store, Devices: w.devs, Source: w.boxes, Logger: quiet})
	return w.boxes.Sweep(context.Background())
}

func (w *World) close() error {
	return errors.Join(w.check(), w.blobs.Close(), w.store.Close())
}

// check lets every floor check its tables.
func (w *World) check() error {
	var found error
	report := func(p store.Problem) {
		found = errors.Join(found, fmt.Errorf("check: %s %s: %s", p.Table, p.Key, p.Text))
	}
	ctx := context.Background()
	return errors.Join(w.store.Check(ctx, report), w.boxes.Check(ctx, report), w.devs.Check(ctx, report), found)
}

// restart stops the server and starts it again. A crash starts it from a copy
// of its files as they are while it runs, as kill -9 would leave them.
func (w *World) restart(crash bool) error {
	before, err := w.server()
	if err != nil {
		return err
	}
	old := w.dir
	if crash {
		w.log("crash")
		w.stats.Crashes++
		w.dir = filepath.Join(w.cfg.Dir, fmt.Sprint(w.stats.Crashes))
		if err := crashCopy(old, w.dir); err != nil {
			return err
		}
	} else {
		w.log("restart")
		w.stats.Restarts++
	}
	if err := errors.Join(w.blobs.Close(), w.store.Close()); err != nil {
		return err
	}
	if crash {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	if err := w.open(); err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	for _, p := range w.phones {
		p.held = nil
	}
	after, err := w.server()
	if err != nil {
		return err
	}
	if diff := before.diff(after); diff != "" {
		return fmt.Errorf("what was acknowledged is not there after the restart: %s", diff)
	}
	return nil
}
