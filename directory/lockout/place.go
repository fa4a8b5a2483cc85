package lockout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"martlet/directory"
	"martlet/store"
)

// A place is an account on a device or in a network. That somebody has logged in
// there is kept in the store: after a restart in the middle of an attack the
// phones that were let in before still are.
type place struct {
	account directory.AccountID
	what    [16]byte // hash of the network or of the device
}

const (
	// maxPlaces bounds those of one account; the ones not seen for longest go.
	maxPlaces = 100
	// placeLife is how long a place is known without a login.
	placeLife = 90 * 24 * time.Hour
	// placeFresh is how exact it is when one was seen: it is not written at each
	// request.
	placeFresh = 24 * time.Hour
	// maxFresh bounds what is remembered in memory, so that a request of a phone that
	// is held reads no row.
	maxFresh = 100_000
)

var placeTable = store.NewTable("places of logins", store.PrefixPlace, store.Codec[place]{
	Append: func(dst []byte, p place) []byte {
		return append(store.AppendUint64(dst, uint64(p.account)), p.what[:]...)
	},
	Parse: func(b []byte) (p place, err error) {
		id, rest, err := store.ParseUint64(b)
		if err != nil || len(rest) != len(p.what) {
			return p, errors.Join(err, store.ErrBadKey)
		}
		return place{directory.AccountID(id), [16]byte(rest)}, nil
	},
}, store.TimeValue())

// placesOf are the places of a caller, the one that says most first.
func placesOf(id directory.AccountID, c Caller) (all []place) {
	add := func(text string) {
		sum := sha256.Sum256([]byte(text))
		all = append(all, place{id, [16]byte(sum[:16])})
	}
	if c.Device != "" {
		add("device\x00" + c.Device)
	}
	if near, _ := networks(c.Addr); near.name != "" {
		add("network\x00" + near.name)
	}
	return all
}

// text is the place as it is counted and listed.
func (p place) text() string { return fmt.Sprintf("%d %s", p.account, hex.EncodeToString(p.what[:4])) }

// places knows where accounts have logged in.
type places struct {
	mu    sync.Mutex
	fresh map[place]time.Time // written or read of late
}

func (ps *places) init() { ps.fresh = map[place]time.Time{} }

// note remembers in memory when a place was seen.
func (ps *places) note(p place, at time.Time) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for other := range ps.fresh {
		if len(ps.fresh) < maxFresh {
			break
		}
		delete(ps.fresh, other)
	}
	ps.fresh[p] = at
}

func (ps *places) seen(p place) (time.Time, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	at, ok := ps.fresh[p]
	return at, ok
}

// known tells whether the account has logged in there.
func (ps *places) known(ctx context.Context, s *store.Store, p place, now time.Time) (bool, error) {
	if at, ok := ps.seen(p); ok && now.Sub(at) < placeLife {
		return true, nil
	}
	var at time.Time
	err := s.View(ctx, func(tx *store.Tx) (err error) {
		at, err = placeTable.Get(tx, p)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil || now.Sub(at) >= placeLife {
		return false, err
	}
	ps.note(p, at)
	return true, nil
}

// add notes that an account has logged in somewhere. It writes once a day.
func (ps *places) add(ctx context.Context, s *store.Store, id directory.AccountID, c Caller, now time.Time) error {
	for _, p := range placesOf(id, c) {
		if at, ok := ps.seen(p); ok && now.Sub(at) < placeFresh {
			continue
		}
		err := s.Update(ctx, func(tx *store.Tx) error {
			at, err := placeTable.Get(tx, p)
			switch {
			case err == nil && now.Sub(at) < placeFresh:
				tx.OnCommit(func() { ps.note(p, at) })
				return nil
			case errors.Is(err, store.ErrNotFound):
				if err := ps.room(tx, p.account, now); err != nil {
					return err
				}
			case err != nil:
				return err
			}
			tx.OnCommit(func() { ps.note(p, now) })
			return placeTable.Set(tx, p, now)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func of(id directory.AccountID) store.TableRange[place] {
	return store.TableRange[place]{Prefix: store.AppendUint64(nil, uint64(id))}
}

// room forgets the places of an account that are old, and the oldest when there
// are too many.
func (ps *places) room(tx *store.Tx, id directory.AccountID, now time.Time) error {
	var oldest place
	var when time.Time
	n := 0
	for row, err := range placeTable.Scan(tx, of(id)) {
		if err != nil {
			return err
		}
		if now.Sub(row.Value) >= placeLife {
			if err := placeTable.Delete(tx, row.Key); err != nil {
				return err
			}
			continue
		}
		n++
		if when.IsZero() || row.Value.Before(when) {
			oldest, when = row.Key, row.Value
		}
	}
	if n < maxPlaces {
		return nil
	}
	tx.OnCommit(func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		delete(ps.fresh, oldest)
	})
	return placeTable.Delete(tx, oldest)
}

// forget takes away all places of an account.
func (ps *places) forget(tx *store.Tx, id directory.AccountID) error {
	for p, err := range placeTable.Keys(tx, of(id)) {
		if err != nil {
			return err
		}
		if err := placeTable.Delete(tx, p); err != nil {
			return err
		}
	}
	tx.OnCommit(func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		for p := range ps.fresh {
			if p.account == id {
				delete(ps.fresh, p)
			}
		}
	})
	return nil
}
