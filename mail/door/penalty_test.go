package door

import (
	"net/netip"
	"testing"
	"time"
)

func TestFailuresAreForgivenInTime(t *testing.T) {
	ps, now := NewPenalties(), time.Now()
	guesser := NetworkOf(netip.MustParseAddr("2001:db8::1"))
	neighbour := NetworkOf(netip.MustParseAddr("2001:db8::ffff"))
	other := NetworkOf(netip.MustParseAddr("192.0.2.1"))
	for range penaltyLimit {
		if ps.Blocked(guesser, now) {
			t.Fatal("blocked too early")
		}
		ps.Failed(guesser, now)
	}
	if !ps.Blocked(guesser, now) || !ps.Blocked(neighbour, now) {
		t.Error("one customer's addresses are not blocked together")
	}
	if ps.Blocked(other, now) {
		t.Error("a stranger is blocked")
	}
	if ps.Blocked(guesser, now.Add(penaltyForgiven)) {
		t.Error("nothing is forgiven")
	}
	ps.Failed(guesser, now.Add(penaltyForgiven))
	if !ps.Blocked(guesser, now.Add(penaltyForgiven)) {
		t.Error("too much is forgiven")
	}
	if ps.Blocked(guesser, now.Add(time.Hour)) {
		t.Error("never forgiven")
	}
}

func TestPenaltiesAreBounded(t *testing.T) {
	ps, now := NewPenalties(), time.Now()
	for i := range maxPenalties + 100 {
		ps.Failed(NetworkOf(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), now)
	}
	if len(ps.clients) > maxPenalties {
		t.Errorf("%d clients are remembered", len(ps.clients))
	}
}
