package activesync

import (
	"cmp"
	"time"

	"martlet/documents"
)

// Rules are what an administrator decides for all phones. The zero value is
// what Exchange does by default.
type Rules struct {
	// PasswordRecovery lets phones keep a recovery password here.
	PasswordRecovery bool
	// OnlyProvisionable keeps out phones that apply the policy only in part
	// (139) and those that know of no policy key at all (141).
	OnlyProvisionable bool
	// ManagedElsewhere lets phones in that another product manages (else 145).
	ManagedElsewhere bool
	// MinHeartbeat and MaxHeartbeat bound how long a phone's request is held, in
	// whole seconds; zero: LongestHeartbeat, and ShortestHeartbeat or the maximum
	// if that is less.
	MinHeartbeat, MaxHeartbeat time.Duration
}

// The range of heartbeats, as in Exchange (MS-ASCMD_R7493). None may be longer.
const (
	ShortestHeartbeat = 60 * time.Second
	LongestHeartbeat  = 3540 * time.Second
)

// version changes with what the policy says: a phone that acknowledged another
// one must provision again.
func (r *Rules) version() uint64 {
	if r.PasswordRecovery {
		return 2
	}
	return 1
}

// heartbeats are the bounds in seconds.
func (r *Rules) heartbeats() (shortest, longest uint) {
	high := cmp.Or(r.MaxHeartbeat, LongestHeartbeat)
	low := cmp.Or(r.MinHeartbeat, min(ShortestHeartbeat, high))
	return uint(low / time.Second), uint(high / time.Second)
}

// heartbeatLimit tells whether an interval is in range, or which bound is the
// nearest (MS-ASCMD_R4247, MS-ASCMD_R4248).
func (r *Rules) heartbeatLimit(seconds uint) (uint, bool) {
	shortest, longest := r.heartbeats()
	switch {
	case seconds < shortest:
		return shortest, false
	case seconds > longest:
		return longest, false
	}
	return 0, true
}

// waitLimit is the same in minutes, for Sync's Wait, which is from 1 to 59
// (MS-ASCMD_R3227, MS-ASCMD_R3228). When no whole minute is in range the nearest
// is.
func (r *Rules) waitLimit(minutes uint) (uint, bool) {
	shortest, longest := r.heartbeats()
	high := min(max(longest/60, 1), 59)
	low := min(max((shortest+59)/60, 1), high)
	switch {
	case minutes < low:
		return low, false
	case minutes > high:
		return high, false
	}
	return 0, true
}

// live is what may change while the server runs.
type live struct {
	rules     Rules
	documents *documents.Library // nil: none are published
}

// Reconfigure changes the rules and the published documents, from the next
// request on. What is held stays held.
func (h *Handler) Reconfigure(r Rules, d *documents.Library) { h.live.Store(&live{r, d}) }

// rules are those of this moment.
func (h *Handler) rules() *Rules { return &h.live.Load().rules }

// documents are those of this moment, or nil.
func (h *Handler) documents() *documents.Library { return h.live.Load().documents }
