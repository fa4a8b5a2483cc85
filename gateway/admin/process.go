package admin

import (
	"context"
	"time"

	"martlet/mail/announce"
	"martlet/push"
)

// Process is what a running server can be asked about itself. All are nil where
// none runs.
type Process struct {
	Status func() Status
	Reload func(context.Context) (Reloaded, error)
	// Upgrade returns when the new process is prepared; it serves a moment later.
	Upgrade func(context.Context) (Upgrading, error)
	// Wake sends an app a test and waits for what becomes of it; nil when nothing
	// has within a bound. Queues is how the notifications stand.
	Wake   func(context.Context, *announce.Registration) (*announce.Outcome, time.Duration, error)
	Queues func() []push.LaneStats
}

// Reloaded is what a new reading of the configuration did. Settings are named
// as in martlet.toml: "log.level".
type Reloaded struct {
	Changed []string `json:"changed"`
	Restart []string `json:"needs_restart"`
}

// Upgrading is the process that is about to take over.
type Upgrading struct {
	PID     int    `json:"pid"`
	Version string `json:"version"`
}

func (a *Admin) upgrade(ctx context.Context, _ Nothing) (Upgrading, error) {
	if a.c.Process.Upgrade == nil {
		return Upgrading{}, ErrNotRunning
	}
	return a.c.Process.Upgrade(ctx)
}

// Upgrade has the server start the binary that is now in its place.
func (c Client) Upgrade(ctx context.Context) (Upgrading, error) {
	return ask[Upgrading](ctx, c, "upgrade", Nothing{})
}

func (a *Admin) reload(ctx context.Context, _ Nothing) (Reloaded, error) {
	if a.c.Process.Reload == nil {
		return Reloaded{}, ErrNotRunning
	}
	done, err := a.c.Process.Reload(ctx)
	if done.Changed == nil {
		done.Changed = []string{}
	}
	if done.Restart == nil {
		done.Restart = []string{}
	}
	return done, err
}

// Reload has the server read its configuration again.
func (c Client) Reload(ctx context.Context) (Reloaded, error) {
	return ask[Reloaded](ctx, c, "reload", Nothing{})
}
