// Package junk tells junk from mail that is wanted by what it consists of. It
// learns from what users do: what they move to Junk and out of it, by any program
// on any device, teaches their own words and, within bounds, a base that all share.
// It must never refuse, move or change a message: it says how likely it is junk for
// whom, and mail/filter decides. It must never let one user teach the base alone.
package junk

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"martlet/directory"
	"martlet/mail/mailbox"
	"martlet/store"
	"martlet/store/blob"
)

// Config is what a Filter stands on. Store, Blobs, Directory and Mailboxes are
// needed. Zero numbers take the defaults.
type Config struct {
	Store     *store.Store
	Blobs     *blob.Blobs
	Directory *directory.Directory
	Mailboxes *mailbox.Mailboxes
	Hostname  string // that stands in Received and Authentication-Results
	Options
	Logger *slog.Logger // nil: slog.Default
}

// Options are what an administrator decides.
type Options struct {
	Threshold float64 // the probability from which a message is junk; 0: 0.95
	Alone     bool    // users do not share what they have taught
	AutoLearn bool    // learn what the filter is sure of, at half weight, for the account alone
	Decided   bool    // learn only what users say is junk or not, not what follows from replies and filing
	OwnMin    int     // messages of each kind that a user's own words need before they judge; 0: 20
	SharedMin int     // and those of all; 0: 200
}

// The defaults of Options.
const (
	defaultThreshold = 0.95
	defaultOwnMin    = 20
	defaultSharedMin = 200
)

// Filter judges messages and learns. It is safe for concurrent use.
type Filter struct {
	store     *store.Store
	blobs     *blob.Blobs
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	hostname  string
	log       *slog.Logger
	now       func() time.Time
	tables    tables
	images    *images
	wake      chan struct{}

	mu      sync.Mutex
	options Options   // guarded by mu
	others  []Learner // guarded by mu
}

// Learner is another program that learns what users decide.
type Learner interface {
	Learn(ctx context.Context, raw []byte, junk bool) error
}

// Tell has another program learn as well, as far as it can be reached: nothing is
// kept for it.
func (f *Filter) Tell(l Learner) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.others = append(f.others, l)
}

// New returns a Filter, and has the mailboxes tell it what users do. Call Run for
// it to learn.
func New(c Config) *Filter {
	f := &Filter{
		store: c.Store, blobs: c.Blobs, directory: c.Directory, mailboxes: c.Mailboxes, hostname: c.Hostname, log: c.Logger,
		now: time.Now, tables: newTables(), images: newImages(), wake: make(chan struct{}, 1),
	}
	if f.log == nil {
		f.log = slog.Default()
	}
	f.SetOptions(c.Options)
	c.Mailboxes.Connect(mailbox.Hooks{ItemChanged: f.itemChanged})
	return f
}

// SetOptions changes what an administrator decides, for what comes from now on.
func (f *Filter) SetOptions(o Options) {
	if o.Threshold == 0 {
		o.Threshold = defaultThreshold
	}
	if o.OwnMin == 0 {
		o.OwnMin = defaultOwnMin
	}
	if o.SharedMin == 0 {
		o.SharedMin = defaultSharedMin
	}
	f.mu.Lock()
	f.options = o
	f.mu.Unlock()
}

func (f *Filter) opts() Options {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.options
}

// tell tells other programs what a user has decided.
func (f *Filter) tell(ctx context.Context, raw []byte, junk bool) {
	f.mu.Lock()
	others := slices.Clone(f.others)
	f.mu.Unlock()
	for _, l := range others {
		if err := l.Learn(ctx, raw, junk); err != nil && ctx.Err() == nil {
			f.log.Warn("another filter does not learn", "error", err)
		}
	}
}

func (f *Filter) today() uint16 { return day(f.now()) }
