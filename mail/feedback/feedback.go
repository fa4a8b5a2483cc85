// Package feedback is what DMARC calls aggregate reports (RFC 7489 7.2): it counts
// what was found out about the senders of each day's mail and tells their domains,
// if those want to be told, and it reads what others tell about our domains. It must
// never say who received a message.
package feedback

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"martlet/directory"
	"martlet/mail/filter"
	"martlet/store"
)

// Limits of what is counted. What comes beyond them is not reported.
const (
	maxUnsaved = 2000  // rows in memory
	maxRows    = 1000  // of a domain in a day
	maxDomains = 10000 // of a day
	saveEvery  = time.Minute
	// keepUnsent is how long counts wait for a report to be sent.
	keepUnsent = 3
)

// Config holds what a Book needs.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Lookup    func(ctx context.Context, name string) ([]string, error) // TXT
	Hostname  string
	// Organisation is who reports, and Contact the address that others may write to.
	Organisation, Contact string
	// Send takes a message to one address, and runs then in the transaction that
	// makes it durable.
	Send   func(ctx context.Context, to string, raw []byte, then func(*store.Tx) error) error
	Logger *slog.Logger // nil: slog.Default
}

// Book counts, tells and remembers. It is safe for concurrent use.
type Book struct {
	c        Config
	log      *slog.Logger
	outcomes store.Table[rowKey, row]
	policies store.Table[dayKey, published]
	received store.Table[reportKey, Summary]
	sizes    sizes

	mu      sync.Mutex // guards unsaved and dropped
	unsaved map[rowKey]*pending
	dropped int
}

// pending is a row that is not in the store yet.
type pending struct {
	row    row
	policy filter.PolicyPublished
}

// New returns a Book.
func New(c Config) *Book {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Book{
		c: c, log: c.Logger, unsaved: map[rowKey]*pending{}, sizes: defaultSizes(),
		outcomes: store.NewTable("dmarc outcome", store.PrefixDMARCOutcome, rowKeys, rows),
		policies: store.NewTable("dmarc policy", store.PrefixDMARCPolicy, dayKeys, policies),
		received: store.NewTable("dmarc received", store.PrefixDMARCReceived, reportKeys, summaries),
	}
}

// dayOf is the day of a time, in UTC, counted from 1970.
func dayOf(t time.Time) uint32 { return uint32(t.Unix() / 86400) }

func startOf(day uint32) time.Time { return time.Unix(int64(day)*86400, 0).UTC() }

// Observe counts an outcome. It does not wait for the disk: what a crash loses is a
// minute of statistics.
func (b *Book) Observe(o filter.Outcome) {
	if len(o.Policy.Destinations) == 0 {
		return // nobody wants to be told
	}
	r := row{
		source: o.Source, disposition: o.Disposition, override: o.Override, from: o.From, envelope: o.Envelope,
		alignedDKIM: o.AlignedDKIM, alignedSPF: o.AlignedSPF, dkim: o.DKIM, spf: o.SPF,
	}
	k := rowKey{dayKey{dayOf(o.Time), o.Policy.Domain}, r.hash()}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.unsaved[k]
	if p == nil {
		if len(b.unsaved) >= maxUnsaved {
			b.dropped++
			return
		}
		p = &pending{row: r, policy: o.Policy}
		b.unsaved[k] = p
	}
	p.row.count++
}

// hash is the same for rows that are counted together.
func (r row) hash() (h rowHash) {
	r.count = 0
	sum := sha256.Sum256(rows.Append(nil, r))
	return rowHash(sum[:16])
}

// Run saves what is counted until ctx ends, and then once more.
func (b *Book) Run(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := b.Save(ctx); err != nil && ctx.Err() == nil {
				b.log.Error("what DMARC made of mail is not counted", "error", err)
			}
		case <-ctx.Done():
			return b.Save(context.WithoutCancel(ctx))
		}
	}
}

// Save writes down what is counted.
func (b *Book) Save(ctx context.Context) error {
	b.mu.Lock()
	all, dropped := b.unsaved, b.dropped
	b.unsaved, b.dropped = map[rowKey]*pending{}, 0
	b.mu.Unlock()
	if dropped > 0 {
		b.log.Warn("too many senders to count them all for DMARC reports", "dropped", dropped)
	}
	if len(all) == 0 {
		return nil
	}
	return b.c.Store.Update(ctx, func(tx *store.Tx) error {
		for k, p := range all {
			if err := b.count(tx, k, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// count adds a row to those of its domain and day.
func (b *Book) count(tx *store.Tx, k rowKey, p *pending) error {
	known, err := b.policies.Get(tx, k.dayKey)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if full, err := b.dayFull(tx, k.day); err != nil || full {
			return err
		}
	case err != nil:
		return err
	}
	known.PolicyPublished = p.policy
	old, err := b.outcomes.Get(tx, k)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if known.rows >= maxRows {
			return nil
		}
		known.rows++
	case err != nil:
		return err
	}
	r := p.row
	r.count += old.count
	if err := b.outcomes.Set(tx, k, r); err != nil {
		return err
	}
	return b.policies.Set(tx, k.dayKey, known)
}

func (b *Book) dayFull(tx *store.Tx, day uint32) (bool, error) {
	n := 0
	for _, err := range b.policies.Keys(tx, store.TableRange[dayKey]{Prefix: binary.BigEndian.AppendUint32(nil, day)}) {
		if err != nil {
			return false, err
		}
		n++
	}
	return n >= maxDomains, nil
}
