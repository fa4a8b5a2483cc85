package activesync

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/sync/device"
)

func TestTheLastSearchOfADeviceIsKeptForAWhile(t *testing.T) {
	m := newSearchMemory()
	now := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	key := func(n int, kind searchKind) searchKey {
		return searchKey{device.ID{Account: directory.AccountID(n), Device: strconv.Itoa(n)}, kind}
	}
	found := func(question byte, n int) foundPlaces {
		f := foundPlaces{places: make([]mail.Place, n), total: n}
		f.digest[0] = question
		return f
	}
	total := func(k searchKey, question byte, at time.Time) int {
		f, ok := m.recall(k, found(question, 0).digest, at)
		if !ok {
			return -1
		}
		return f.total
	}
	m.keep(key(1, byQuery), found(1, 10), now)
	m.keep(key(1, byID), found(1, 20), now)
	if a, b := total(key(1, byQuery), 1, now), total(key(1, byID), 1, now); a != 10 || b != 20 {
		t.Errorf("Search and Find have their own: %d, %d", a, b)
	}
	if n := total(key(1, byQuery), 2, now); n != -1 {
		t.Errorf("another question finds %d", n)
	}
	if n := total(key(2, byQuery), 1, now); n != -1 {
		t.Errorf("another device finds %d", n)
	}
	m.keep(key(1, byQuery), found(2, 30), now)
	if a, b := total(key(1, byQuery), 1, now), total(key(1, byQuery), 2, now); a != -1 || b != 30 {
		t.Errorf("the last counts: %d, %d", a, b)
	}
	later := now.Add(keepSearch - time.Second)
	if n := total(key(1, byID), 1, later); n != 20 { // and lives on from there
		t.Errorf("just before its end: %d", n)
	}
	if n := total(key(1, byQuery), 2, now.Add(keepSearch)); n != -1 {
		t.Errorf("after its end: %d", n)
	}
	for i := range keepSearches + 10 {
		m.keep(key(100+i, byQuery), found(1, 1), later)
	}
	if len(m.byKey) != keepSearches || m.order.Len() != keepSearches {
		t.Errorf("%d and %d are kept", len(m.byKey), m.order.Len())
	}
	if n := total(key(100, byQuery), 1, later); n != -1 {
		t.Errorf("the oldest is still there: %d", n)
	}
	m.keep(key(1, byQuery), found(1, 1), later.Add(2*keepSearch))
	if len(m.byKey) != 1 {
		t.Errorf("%d are kept after their end", len(m.byKey))
	}
}

// A calendar of many years does not keep a search from the contacts.
func TestEachFolderHasItsPartOfASearch(t *testing.T) {
	for _, c := range []struct{ wanted, want []int }{
		{[]int{50_000, 300, 20}, []int{19_680, 300, 20}},
		{[]int{50_000, 60_000, 20}, []int{9_990, 9_990, 20}},
		{[]int{5, 0, 7}, []int{5, 0, 7}},
		{nil, []int{}},
	} {
		if got := divide(maxLooked, c.wanted); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.wanted, got, c.want)
		}
	}
}
