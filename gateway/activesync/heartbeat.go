package activesync

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"martlet/store"
	"martlet/sync/device"
)

// A proxy or a carrier that ends connections after a minute or five makes phones
// deaf: their request is gone, and they may notice late. It shows in requests
// that end at nearly the same age, again and again. What is learned of it is in
// the device's record; a phone whose requests live as long as they should writes
// nothing and is not remembered here.
const (
	// cutsInRow is how many requests must end at one age: that a user turned the
	// phone off at the same second three times is no accident either.
	cutsInRow = 3
	// shortestCut is younger than what any proxy is configured to. Requests that
	// end before are those of a phone that had something else to do.
	shortestCut = 15 * time.Second
	// probeEvery is how often a phone is held for as long as it asked although
	// that did not work: the proxy may have been put right.
	probeEvery = 24 * time.Hour
	// maxCut bounds the devices that are remembered in memory.
	maxCut = 20_000
)

// sameAge tells whether two requests lived as long as if one clock had ended
// both.
func sameAge(a, b time.Duration) bool { return (a - b).Abs() <= max(3*time.Second, b/50) }

// cuts learns from how held requests end.
type cuts struct {
	mu      sync.Mutex // guards what follows
	devices map[device.ID]*cut
}

// cut is what is known of one device's requests.
type cut struct {
	row    int           // requests that ended at one age, without a longer one in between
	age    time.Duration // the least of these ages
	peer   string        // where the device came from last
	limit  time.Duration // as in the device's record; zero: none
	probed time.Time     // when it was last held for longer than limit
}

func newCuts() *cuts { return &cuts{devices: map[device.ID]*cut{}} }

// lost takes note of a request that the far side ended at an age. It returns the
// age at which the device's requests end once that is known and is news.
func (c *cuts) lost(id device.ID, age time.Duration, now time.Time) (limit time.Duration, peer string, news bool) {
	if age < shortestCut {
		return 0, "", false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.ofLocked(id)
	if d.row > 0 && sameAge(age, d.age) {
		d.row, d.age = d.row+1, min(d.age, age)
	} else {
		d.row, d.age = 1, age
	}
	if d.row < cutsInRow || d.limit != 0 && sameAge(d.age, d.limit) {
		return 0, "", false
	}
	d.limit, d.probed = d.age.Truncate(time.Second), now
	return d.limit, d.peer, true
}

// kept takes note of a request that was answered at an age. It tells whether
// that is beyond what the device's requests were thought to live.
func (c *cuts) kept(id device.ID, age time.Duration) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.devices[id]
	if d == nil {
		return false
	}
	if d.row > 0 && age > d.age && !sameAge(age, d.age) {
		d.row = 0
	}
	if d.limit != 0 && age > d.limit && !sameAge(age, d.limit) {
		news, d.limit = true, 0
	}
	if d.row == 0 && d.limit == 0 {
		delete(c.devices, id)
	}
	return news
}

// allow is how long a request may be held for which a device asks from an
// address: what it asked for, or a little less than what its requests live.
func (c *cuts) allow(id device.ID, asked, limit time.Duration, peer string, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.devices[id]
	if d == nil && limit == 0 {
		return asked
	}
	d = c.ofLocked(id)
	d.peer, d.limit = peer, limit
	early := limit - max(limit/20, 5*time.Second)
	if limit == 0 || early < shortestCut/2 || asked <= early {
		return asked
	}
	if now.Sub(d.probed) >= probeEvery {
		d.probed = now
		return asked
	}
	return early
}

func (c *cuts) ofLocked(id device.ID) *cut {
	d := c.devices[id]
	if d == nil {
		for other := range c.devices {
			if len(c.devices) < maxCut {
				break
			}
			delete(c.devices, other)
		}
		d = &cut{}
		c.devices[id] = d
	}
	return d
}

// network is where a device comes from as far as it stays the same: a carrier
// gives a phone other addresses of the same network.
func network(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	a := ap.Addr().Unmap().WithZone("")
	bits := 24
	switch {
	case a.Is6():
		bits = 48
	case a.IsLoopback() || a.IsPrivate(): // a proxy of ours
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// heldFor is how long a request is held. Where the device's requests end early
// it is answered before they do, as if its time were up: that every phone
// understands, and no connection is lost (docs/decisions/0011-cut-requests.md).
func (h *Handler) heldFor(s *session, asked time.Duration) time.Duration {
	peer := network(s.r.RemoteAddr)
	limit := time.Duration(s.device.HeldLimit) * time.Second
	if s.device.HeldPeer != peer {
		limit = 0 // elsewhere they may live
	}
	return h.cuts.allow(s.id(), asked, limit, peer, s.start)
}

// heldLost learns from a request that the far side ended. It writes when that
// makes a difference, which is seldom.
func (h *Handler) heldLost(ctx context.Context, id device.ID, age time.Duration) {
	limit, peer, news := h.cuts.lost(id, age, time.Now())
	if !news {
		return
	}
	h.keepLimit(ctx, id, limit, peer)
	h.log.Warn("held requests of this device end early: a proxy, a firewall or the carrier cuts them",
		append(h.whose(ctx, id), "after", limit, "network", peer)...)
}

// heldKept learns from a request that was answered.
func (h *Handler) heldKept(ctx context.Context, id device.ID, age time.Duration) {
	if !h.cuts.kept(id, age) {
		return
	}
	h.keepLimit(ctx, id, 0, "")
	h.log.Info("held requests of this device are no longer cut", append(h.whose(ctx, id), "held", age)...)
}

// whose names a device's user as the other lines of the log do.
func (h *Handler) whose(ctx context.Context, id device.ID) []any {
	a, err := h.c.Directory.Account(ctx, id.Account)
	if err != nil { // removed meanwhile
		return []any{"account", uint64(id.Account), "device", id.Device}
	}
	return []any{"login", a.Login, "account", uint64(id.Account), "device", id.Device}
}

func (h *Handler) keepLimit(ctx context.Context, id device.ID, limit time.Duration, peer string) {
	err := h.c.Store.Update(ctx, func(tx *store.Tx) error {
		d, err := h.c.Devices.Load(tx, id)
		if err != nil {
			return err
		}
		d.HeldLimit, d.HeldPeer = uint32(limit/time.Second), peer
		return h.c.Devices.Save(tx, d)
	})
	if err != nil { // it will be learned again
		h.log.Debug("not remembered how long held requests live", "account", uint64(id.Account), "device", id.Device, "error", err)
	}
}
