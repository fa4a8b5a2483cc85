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
