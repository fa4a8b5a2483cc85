package queue

import (
	"math/rand/v2"
	"time"
)

// When it is tried again (RFC 5321 4.5.4.1).
const (
	firstPause = 5 * time.Minute
	lastPause  = 4 * time.Hour
	jitter     = 0.2 // of a pause, either way

	firstDown = time.Minute
	lastDown  = 30 * time.Minute

	// defaultLifetime is when a sender is told that it will not work, defaultLate
	// when they are told that it takes long.
	defaultLifetime = 5 * 24 * time.Hour
	defaultLate     = 4 * time.Hour
)

// pause is how long to wait after so many attempts.
func pause(attempts uint32) time.Duration {
	return around(min(firstPause<<min(max(attempts, 1)-1, 10), lastPause))
}

// downFor is how long nobody tries after so many attempts that reached no host.
func downFor(failures int) time.Duration {
	return around(min(firstDown<<min(max(failures, 1)-1, 10), lastDown))
}

// around spreads what would else come together.
func around(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*rand.Float64()))
}
