package filter

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"martlet/mail"
	"martlet/store"
)

// greyKey names what is greylisted, or who is known.
type greyKey [16]byte

// grey is a message that somebody has tried to bring (RFC 6647 5).
type grey struct {
	first, last time.Time
	passed      bool
}

// regular is who came back often enough.
type regular struct {
	passes uint64
	last   time.Time
}

// maxGrey is how many rows of greylisting there are. Beyond it nobody new is asked
// to come back: a flood must not fill the disk.
const maxGrey = 500_000

// sweepStep is how many rows one step of a sweep looks at.
const sweepStep = 1000

// greylist remembers who was asked to come back.
type greylist struct {
	store    *store.Store
	tries    store.Table[greyKey, grey]
	regulars store.Table[greyKey, regular]
	rows     atomic.Int64 // about; counted by the sweep
}

func newGreylist(s *store.Store) *greylist {
	return &greylist{
		store:    s,
		tries:    store.NewTable("grey", store.PrefixGrey, greyKeys, greys),
		regulars: store.NewTable("grey network", store.PrefixGreyNetwork, greyKeys, regulars),
	}
}

var comeBack = mail.Refusal{Code: 451, Enhanced: "4.7.1", Text: "We do not know you yet, try again in five minutes"}

// greyOrigin is where a message comes from: the domain, if SPF says that the host
// sends for it, so that a provider with many hosts is one; else the network.
func greyOrigin(a netip.Addr, s sender) string {
	if s.result == pass && s.domain != "" {
		return s.domain
	}
	a = a.Unmap()
	bits := 24
	if a.Is6() {
		bits = 64
	}
	n, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return a.String()
	}
	return n.String()
}

func hashed(parts ...string) (k greyKey) {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join(parts, "\x00"))))
	return greyKey(sum[:16])
}

// try notes that somebody wants to bring a message, and tells whether they may.
func (g *greylist) try(ctx context.Context, origin, from, to string, now time.Time) (may bool, err error) {
	id, who := hashed(origin, from, to), hashed(origin)
	known := false
	err = g.store.View(ctx, func(tx *store.Tx) error {
		r, err := g.regulars.Get(tx, who)
		known = err == nil && r.passes >= greyPasses && now.Sub(r.last) < time.Hour
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if known || err != nil { // who was here within the hour need not be written down again
		return err == nil, err
	}
	if err = g.store.Update(ctx, func(tx *store.Tx) (err error) {
		may, err = g.note(tx, id, who, now)
		return err
	}); err != nil {
		return false, fmt.Errorf("filter: greylist: %w", err)
	}
	return may, nil
}

func (g *greylist) note(tx *store.Tx, id, who greyKey, now time.Time) (may bool, err error) {
	r, err := g.regulars.Get(tx, who)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	if now.Sub(r.last) >= greyMemory {
		r.passes = 0
	}
	if r.passes >= greyPasses {
		r.last = now
		return true, g.regulars.Set(tx, who, r)
	}
	t, err := g.tries.Get(tx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	if fresh := err != nil; fresh || t.over(now) {
		if fresh && g.rows.Load() >= maxGrey {
			return true, nil
		}
		if fresh {
			tx.OnCommit(func() { g.rows.Add(1) })
		}
		return false, g.tries.Set(tx, id, grey{first: now, last: now})
	}
	if !t.passed && now.Sub(t.first) < greyDelay {
		return false, nil
	}
	if !t.passed {
		r.passes, r.last = r.passes+1, now
		if err := g.regulars.Set(tx, who, r); err != nil {
			return false, err
		}
	}
	t.passed, t.last = true, now
	return true, g.tries.Set(tx, id, t)
}

// over tells whether a row says nothing any more.
func (t grey) over(now time.Time) bool {
	if t.passed {
		return now.Sub(t.last) >= greyMemory
	}
	return now.Sub(t.first) >= greyWait
}

// sweep removes what says nothing any more, a bounded step at a time.
func (g *greylist) sweep(ctx context.Context, now time.Time) error {
	left := int64(0)
	err := sweepTable(ctx, g.store, g.tries, func(t grey) bool {
		if t.over(now) {
			return true
		}
		left++
		return false
	})
	if err != nil {
		return err
	}
	g.rows.Store(left)
	return sweepTable(ctx, g.store, g.regulars, func(r regular) bool { return now.Sub(r.last) >= greyMemory })
}

func sweepTable[V any](ctx context.Context, s *store.Store, t store.Table[greyKey, V], over func(V) bool) error {
	var from *greyKey
	for {
		var gone []greyKey
		n := 0
		err := s.View(ctx, func(tx *store.Tx) error {
			for row, err := range t.Scan(tx, store.TableRange[greyKey]{From: from}) {
				if err != nil {
					return err
				}
				if n == sweepStep {
					next := row.Key
					from = &next
					return nil
				}
				n++
				if over(row.Value) {
					gone = append(gone, row.Key)
				}
			}
			from = nil
			return nil
		})
		if err == nil && len(gone) > 0 {
			err = s.Update(ctx, func(tx *store.Tx) error {
				for _, k := range gone { // who came back meanwhile is asked once more
					if v, err := t.Get(tx, k); err == nil && over(v) {
						if err := t.Delete(tx, k); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
		if err != nil || from == nil {
			return err
		}
	}
}

var greyKeys = store.Codec[greyKey]{
	Append: func(dst []byte, k greyKey) []byte { return append(dst, k[:]...) },
	Parse: func(b []byte) (k greyKey, err error) {
		if len(b) != len(k) {
			return k, store.ErrBadKey
		}
		return greyKey(b), nil
	},
}

// Field numbers.
const (
	fieldFirst  = 1
	fieldLast   = 2
	fieldPassed = 3
)

var greys = store.Codec[grey]{
	Append: func(dst []byte, g grey) []byte {
		e := store.NewEncoder(dst)
		e.Time(fieldFirst, g.first)
		e.Time(fieldLast, g.last)
		e.Bool(fieldPassed, g.passed)
		return e.Out()
	},
	Parse: func(b []byte) (g grey, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case fieldFirst:
				g.first = f.Time()
			case fieldLast:
				g.last = f.Time()
			case fieldPassed:
				g.passed = f.Bool()
			}
			return nil
		})
		return g, err
	},
}

var regulars = store.Codec[regular]{
	Append: func(dst []byte, r regular) []byte {
		e := store.NewEncoder(dst)
		e.Time(fieldLast, r.last)
		e.Uint(fieldPassed, r.passes)
		return e.Out()
	},
	Parse: func(b []byte) (r regular, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case fieldLast:
				r.last = f.Time()
			case fieldPassed:
				r.passes = f.Uint()
			}
			return nil
		})
		return r, err
	},
}
