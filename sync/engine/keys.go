package engine

import (
	"math/rand/v2"
	"strconv"

	"martlet/sync/device"
)

// NewKey is the SyncKey with which a device starts anew.
const NewKey = "0"

// firstKey is where the keys of a new state begin: at random, so that a key of
// an earlier state of the same collection is not taken for one of this. It
// stays below what a client may read into a signed 32-bit number for long.
func firstKey() uint64 { return rand.Uint64N(1<<30) + 1 }

func formatKey(key uint64) string { return strconv.FormatUint(key, 10) }

// turn says which generation a request's key stands for.
type turn struct {
	base    device.Generation  // what the device has
	promote bool               // it shows the pending key: the confirmed generation is over
	repeat  *device.Generation // the answer that the device did not get and asks for again
}

// resolve finds the generation of a SyncKey. There are two: the one that the
// device confirmed by using its key, and the one sent last. Any other key, of
// whatever form, is ErrStaleSyncKey.
func resolve(c *device.Collection, key string) (turn, error) {
	n, err := strconv.ParseUint(key, 10, 64)
	switch {
	case err != nil || n == 0:
		return turn{}, ErrStaleSyncKey
	case n == c.Pending.Key:
		return turn{base: c.Pending, promote: true}, nil
	case n == c.Confirmed.Key && c.Pending.Key != 0:
		pending := c.Pending
		return turn{base: c.Confirmed, repeat: &pending}, nil
	case n == c.Confirmed.Key:
		return turn{base: c.Confirmed}, nil
	}
	return turn{}, ErrStaleSyncKey
}

// confirm makes the base the confirmed generation and drops what a repeated
// request would have needed, once the device has shown its key.
func (t *turn) confirm(c *device.Collection) {
	if t.promote {
		t.base.Added = nil
		c.Confirmed, c.Pending = t.base, device.Generation{}
	}
}

// nextKey is the key of a new generation: above every key given so far, so that
// two states never share one.
func nextKey(c *device.Collection) uint64 {
	return max(c.Confirmed.Key, c.Pending.Key) + 1
}
