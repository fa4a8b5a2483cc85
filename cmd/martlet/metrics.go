package main

import (
	"context"
	"errors"
	"log/slog"

	"martlet/gateway/metrics"
)

// countFor has what is logged counted, if anybody may ask for it.
func (s *server) countFor(c *Config) {
	if len(c.Metrics) == 0 {
		return
	}
	s.metrics = metrics.New(version())
	s.log = slog.New(s.metrics.Count(s.log.Handler()))
}

// listenMetrics opens [metrics].
func (s *server) listenMetrics(ctx context.Context, c *Config) error {
	if s.metrics == nil {
		return nil
	}
	number := func(n func() int) func(context.Context) (float64, error) {
		return func(context.Context) (float64, error) { return float64(n()), nil }
	}
	gauges := []metrics.Gauge{
		{Name: "martlet_held_phones", Help: "Requests of phones that wait for a change.", Value: number(s.gateway.Held)},
		{Name: "martlet_apps", Help: "Apps that are registered for wakes.", Value: number(func() int { return s.push.notifier.Stats().Subscriptions })},
		{Name: "martlet_apps_waiting", Help: "Apps that are about to be woken, or again after a failure.", Value: number(func() int { st := s.push.notifier.Stats(); return st.Due + st.InFlight })},
		{Name: "martlet_queue_waiting", Help: "Messages that wait for other hosts, counted once for each destination.", Value: func(ctx context.Context) (float64, error) {
			n, _, err := s.queue.Waiting(ctx)
			return float64(n), err
		}},
		{Name: "martlet_queue_destinations", Help: "Destinations that messages wait for.", Value: func(ctx context.Context) (float64, error) {
			_, n, err := s.queue.Waiting(ctx)
			return float64(n), err
		}},
	}
	if s.imap != nil {
		gauges = append(gauges,
			metrics.Gauge{Name: "martlet_sessions", Help: "Sessions of mail programs.", Labels: map[string]string{"protocol": "imap"}, Value: number(func() int { n, _ := s.imap.Sessions(); return n })},
			metrics.Gauge{Name: "martlet_sessions_parked", Help: "Sessions of mail programs that wait without a goroutine.", Labels: map[string]string{"protocol": "imap"}, Value: number(func() int { _, n := s.imap.Sessions(); return n })})
	}
	var errs []error
	for _, g := range gauges {
		errs = append(errs, s.metrics.Add(g))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.shutdowns = append(s.shutdowns, s.metrics.Shutdown)
	return s.listen(ctx, "metrics", c.Metrics, s.metrics.Serve)
}
