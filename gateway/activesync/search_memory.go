package activesync

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"time"

	"martlet/mail"
	"martlet/sync/device"
)

// How long and of how many devices the last result is kept. A result that is
// forgotten is looked up anew; it has 8 KB at most.
const (
	keepSearch   = 30 * time.Minute
	keepSearches = 2000
)

// searchKind tells a Search's result from a Find's, whose requests name it.
type searchKind uint8

const (
	byQuery searchKind = iota // Search
	byID                      // Find
)

// searchKey names a device's last result of one kind.
type searchKey struct {
	device device.ID
	kind   searchKind
}

// foundPlaces is the result of a search: where the items were then, newest
// first.
type foundPlaces struct {
	digest [sha256.Size]byte // of what was asked
	places []mail.Place
	total  int
}

// searchMemory keeps the last result of each device, so that one who pages
// through it sees the same list on every page (MS-ASCMD 2.2.3.144). Nothing
// depends on it: it is as well in a process that does not have it.
type searchMemory struct {
	mu    sync.Mutex
	byKey map[searchKey]*list.Element
	order list.List // of *keptSearch, the last used in front
}

type keptSearch struct {
	key   searchKey
	found foundPlaces
	until time.Time
}

func newSearchMemory() *searchMemory { return &searchMemory{byKey: map[searchKey]*list.Element{}} }

// keep replaces the device's result.
func (m *searchMemory) keep(k searchKey, f foundPlaces, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := &keptSearch{k, f, now.Add(keepSearch)}
	if e := m.byKey[k]; e != nil {
		e.Value = kept
		m.order.MoveToFront(e)
		return
	}
	m.byKey[k] = m.order.PushFront(kept)
	for last := m.order.Back(); last != nil; last = m.order.Back() {
		old := last.Value.(*keptSearch)
		if m.order.Len() <= keepSearches && now.Before(old.until) {
			return
		}
		m.order.Remove(last)
		delete(m.byKey, old.key)
	}
}

// recall finds the device's result, if it is that of the same question.
func (m *searchMemory) recall(k searchKey, digest [sha256.Size]byte, now time.Time) (foundPlaces, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.byKey[k]
	if e == nil {
		return foundPlaces{}, false
	}
	kept := e.Value.(*keptSearch)
	if kept.found.digest != digest || !now.Before(kept.until) {
		return foundPlaces{}, false
	}
	m.order.MoveToFront(e)
	kept.until = now.Add(keepSearch)
	return kept.found, true
}
