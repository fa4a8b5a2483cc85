package directory

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"time"
)

const (
	defaultCacheLife = 10 * time.Minute
	defaultCacheSize = 32 << 10
	refusalLife      = 30 * time.Second
	refusalSize      = 4 << 10
)

// credential stands for a login with a password without telling either: the
// half of an HMAC under a key that only this process has (RFC 2104 5).
type credential [sha256.Size / 2]byte

// cache remembers credentials that were verified, because phones send them
// with every request, and for a short time those that were refused, because a
// phone with an old password asks again and again.
type cache struct {
	life time.Duration
	size int
	macs sync.Pool // of *mac

	mu       sync.Mutex
	epoch    uint64 // grows with every drop; what was read before one is not put after it
	verified map[credential]verified
	refused  map[credential]refusal
}

// verified is an entry: there is one for each phone that is held, so it is small.
type verified struct {
	account AccountID
	until   int64 // Unix time in milliseconds
}

// refusal is what was said a moment ago.
type refusal struct {
	err   error // ErrBadCredentials or ErrSecondFactor
	until time.Time
}

type mac struct {
	hash hash.Hash
	buf  []byte
	sum  [sha256.Size]byte
}

func newCache(life time.Duration, size int) *cache {
	if life == 0 {
		life = defaultCacheLife
	}
	if size == 0 {
		size = defaultCacheSize
	}
	key := make([]byte, 32)
	rand.Read(key)
	c := &cache{life: life, size: max(size, 1), verified: map[credential]verified{}, refused: map[credential]refusal{}}
	c.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, key)} }
	return c
}

func (c *cache) credential(login, password string) credential {
	m := c.macs.Get().(*mac)
	m.buf = binary.AppendUvarint(m.buf[:0], uint64(len(login)))
	m.buf = append(append(m.buf, login...), password...)
	m.hash.Reset()
	m.hash.Write(m.buf)
	m.hash.Sum(m.sum[:0])
	clear(m.buf)
	k := credential(m.sum[:])
	c.macs.Put(m)
	return k
}

// find returns the account of a verified credential, or why it was refused a
// moment ago, or neither.
func (c *cache) find(k credential, now time.Time) (a AccountID, ok bool, refused error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.verified[k]; ok && now.UnixMilli() < v.until {
		return v.account, true, nil
	}
	if r, ok := c.refused[k]; ok && now.Before(r.until) {
		return 0, false, r.err
	}
	return 0, false, nil
}

// now is the epoch to give to put and refuse, taken before the account is read.
func (c *cache) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *cache) put(k credential, a AccountID, epoch uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch {
		return
	}
	delete(c.refused, k)
	if _, ok := c.verified[k]; !ok && len(c.verified) >= c.size {
		evict(c.verified, func(v verified) bool { return now.UnixMilli() >= v.until })
	}
	c.verified[k] = verified{a, now.Add(c.life).UnixMilli()}
}

func (c *cache) refuse(k credential, err error, epoch uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch {
		return
	}
	if _, ok := c.refused[k]; !ok && len(c.refused) >= refusalSize {
		evict(c.refused, func(r refusal) bool { return !now.Before(r.until) })
	}
	c.refused[k] = refusal{err, now.Add(refusalLife)}
}

// evict makes room by looking at a few entries in random order: it takes the
// dead among them, else the last one seen.
func evict[V any](m map[credential]V, dead func(V) bool) {
	const looks = 16
	var last credential
	gone, n := false, 0
	for k, v := range m {
		if dead(v) {
			delete(m, k)
			gone = true
		}
		last = k
		if n++; n == looks {
			break
		}
	}
	if !gone {
		delete(m, last)
	}
}

// drop forgets what is known of the accounts, and every refusal: a password
// that was wrong may be right now.
func (c *cache) drop(ids ...AccountID) {
	gone := map[AccountID]bool{}
	for _, id := range ids {
		gone[id] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	clear(c.refused)
	for k, v := range c.verified {
		if gone[v.account] {
			delete(c.verified, k)
		}
	}
}
