package filter

import (
	"net/netip"
	"sync"
	"time"

	"martlet/directory"
	"martlet/mail"
)

// maxCounted is how many clients or accounts a meter tells apart. What does not fit
// pushes out another, whose count begins anew.
const maxCounted = 50000

// meter counts per key in a window that slides: what came in the window before
// counts for the part that still overlaps.
type meter[K comparable] struct {
	window time.Duration

	mu        sync.Mutex // guards the rest
	began     time.Time
	now, last map[K]int
}

func newMeter[K comparable](window time.Duration) *meter[K] { return &meter[K]{window: window} }

// take counts n more for a key and tells whether that is within a limit. What is not
// is not counted, so that who is slower again gets through again. No limit is zero.
func (m *meter[K]) take(k K, n, limit int, now time.Time) bool {
	if limit <= 0 {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turnLocked(now)
	if m.levelLocked(k, now)+n > limit {
		return false
	}
	if _, has := m.now[k]; !has && len(m.now) >= maxCounted {
		for other := range m.now {
			delete(m.now, other)
			break
		}
	}
	m.now[k] += n
	return true
}

// full tells whether a key has reached a limit.
func (m *meter[K]) full(k K, limit int, now time.Time) bool {
	if limit <= 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turnLocked(now)
	return m.levelLocked(k, now) >= limit
}

func (m *meter[K]) levelLocked(k K, now time.Time) int {
	left := m.window - now.Sub(m.began)
	return m.now[k] + int(float64(m.last[k])*float64(left)/float64(m.window))
}

func (m *meter[K]) turnLocked(now time.Time) {
	switch past := now.Sub(m.began); {
	case m.now == nil || past >= 2*m.window || past < 0:
		m.began, m.last, m.now = now, nil, map[K]int{}
	case past >= m.window:
		m.began, m.last, m.now = m.began.Add(m.window), m.now, map[K]int{}
	}
}

// pair is a meter of a minute and one of an hour.
type pair struct{ minute, hour *meter[netip.Prefix] }

func newPair() pair {
	return pair{newMeter[netip.Prefix](time.Minute), newMeter[netip.Prefix](time.Hour)}
}

func (p pair) take(k netip.Prefix, n int, r Rate, now time.Time) bool {
	return p.minute.take(k, n, r.PerMinute, now) && p.hour.take(k, n, r.PerHour, now)
}

func (p pair) full(k netip.Prefix, r Rate, now time.Time) bool {
	return p.minute.full(k, r.PerMinute, now) || p.hour.full(k, r.PerHour, now)
}

// clients counts what clients do.
type clients struct{ connections, messages, recipients, unknown pair }

func newClients() clients { return clients{newPair(), newPair(), newPair(), newPair()} }

// networkOf is what counts as one client: who has an IPv6 address has a network of
// them.
func networkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 32
	if a.Is6() {
		bits = 64
	}
	n, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return n
}

// The refusals. They are for a time; who is honest comes back.
var (
	tooManyConnections = mail.Refusal{Code: 421, Enhanced: "4.7.0", Text: "Too many connections from your network, try again later"}
	tooManyMessages    = mail.Refusal{Code: 450, Enhanced: "4.7.1", Text: "Too many messages from your network, try again later"}
	tooManyRecipients  = mail.Refusal{Code: 450, Enhanced: "4.7.1", Text: "Too many recipients from your network, try again later"}
	tooManyUnknown     = mail.Refusal{Code: 421, Enhanced: "4.7.1", Text: "Too many recipients that do not exist, try again later"}
	accountTooMuch     = mail.Refusal{Code: 450, Enhanced: "4.7.1", Text: "The account has sent too much for now; its administrator knows more"}
)

// accounts counts what our own users send.
type accounts struct {
	messagesHour, messagesDay     *meter[directory.AccountID]
	recipientsHour, recipientsDay *meter[directory.AccountID]
	told                          *meter[directory.AccountID]
}

func newAccounts() accounts {
	const day = 24 * time.Hour
	m := newMeter[directory.AccountID]
	return accounts{m(time.Hour), m(day), m(time.Hour), m(day), m(time.Hour)}
}

// Send counts a message, if it is a new one, and recipients that an account wants
// to send to. It is false when that is too much, which one line an hour in the log
// tells of: somebody else may have the password.
func (f *Filter) Send(a directory.AccountID, login string, fresh bool, recipients int) bool {
	r, now := f.policy.Load().Accounts, time.Now()
	ok := f.accounts.recipientsHour.take(a, recipients, r.RecipientsPerHour, now) &&
		f.accounts.recipientsDay.take(a, recipients, r.RecipientsPerDay, now)
	if fresh {
		ok = ok && f.accounts.messagesHour.take(a, 1, r.MessagesPerHour, now) && f.accounts.messagesDay.take(a, 1, r.MessagesPerDay, now)
	}
	if !ok && f.accounts.told.take(a, 1, 1, now) {
		f.log.Warn("an account sends more than it may; if nobody knows why, change its password", "user", login, "account", uint64(a))
	}
	return ok
}
