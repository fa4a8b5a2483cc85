package smtp

import (
	"net/netip"
	"testing"
	"time"
)

func TestFailuresAreForgivenInTime(t *testing.T) {
	ps, now := newPenalties(), time.Now()
	guesser := clientOf(netip.MustParseAddr("2001:db8::1"))
	neighbour := clientOf(netip.MustParseAddr("2001:db8::ffff"))
	other := clientOf(netip.MustParseAddr("192.0.2.1"))
	for range penaltyLimit {
		if ps.blocked(guesser, now) {
			t.Fatal("blocked too early")
		}
		ps.failed(guesser, now)
	}
	if !ps.blocked(guesser, now) || !ps.blocked(neighbour, now) {
		t.Error("one customer's addresses are not blocked together")
	}
	if ps.blocked(other, now) {
		t.Error("a stranger is blocked")
	}
	if ps.blocked(guesser, now.Add(penaltyForgiven)) {
		t.Error("nothing is forgiven")
	}
	ps.failed(guesser, now.Add(penaltyForgiven))
	if !ps.blocked(guesser, now.Add(penaltyForgiven)) {
		t.Error("too much is forgiven")
	}
	if ps.blocked(guesser, now.Add(time.Hour)) {
		t.Error("never forgiven")
	}
}

func TestPenaltiesAreBounded(t *testing.T) {
	ps, now := newPenalties(), time.Now()
	for i := range maxPenalties + 100 {
		ps.failed(clientOf(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), now)
	}
	if len(ps.clients) > maxPenalties {
		t.Errorf("%d clients are remembered", len(ps.clients))
	}
}
