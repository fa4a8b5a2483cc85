// Package metrics tells Prometheus how the server does. What happens is counted
// where it is logged: the log has one line with a constant message for each request
// and each message, and this package counts those lines, whether they are written
// or not. What is there at a moment is asked for when somebody looks. It must never
// tell whose request it was: no login, address or device is a label.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapeTimeout bounds one answer.
const scrapeTimeout = 10 * time.Second

// Gauge is something that is there at a moment.
type Gauge struct {
	Name, Help string
	Labels     map[string]string
	Value      func(ctx context.Context) (float64, error)
}

// Metrics counts. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	counters map[string]*prometheus.CounterVec
	times    map[string]*prometheus.HistogramVec
	lines    *prometheus.CounterVec
	events   map[string]event // by message
	http     *http.Server
}

// New returns metrics without a gauge.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), counters: map[string]*prometheus.CounterVec{}, times: map[string]*prometheus.HistogramVec{}, events: events()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "martlet_build_info", Help: "Always 1; the version is a label.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.lines = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "martlet_log_events_total", Help: "Warnings and errors in the log by their message."}, []string{"level", "message"})
	m.registry.MustRegister(info, m.lines)
	for _, e := range m.events {
		m.register(&e)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: scrapeTimeout, MaxRequestsInFlight: 4, ErrorHandling: promhttp.ContinueOnError}))
	m.http = &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 2 * scrapeTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	return m
}

// register makes the counter and the times of an event, once for those that share
// them.
func (m *Metrics) register(e *event) {
	if _, ok := m.counters[e.counter]; !ok {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: e.counter, Help: e.help}, e.names())
		m.counters[e.counter] = c
		m.registry.MustRegister(c)
	}
	if _, ok := m.times[e.seconds]; !ok && e.seconds != "" {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: e.seconds, Help: e.secondsHelp, Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, e.timeLabels)
		m.times[e.seconds] = h
		m.registry.MustRegister(h)
	}
}

// Add has a gauge told, too. One that fails is left out of the answer.
func (m *Metrics) Add(g Gauge) error {
	return m.registry.Register(&gauge{g, prometheus.NewDesc(g.Name, g.Help, nil, g.Labels)})
}

type gauge struct {
	Gauge
	desc *prometheus.Desc
}

func (g *gauge) Describe(c chan<- *prometheus.Desc) { c <- g.desc }

func (g *gauge) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout/2)
	defer cancel()
	v, err := g.Value(ctx)
	if err != nil {
		c <- prometheus.NewInvalidMetric(g.desc, err)
		return
	}
	c <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, v)
}

// Serve answers on l until Shutdown; then it returns nil.
func (m *Metrics) Serve(l net.Listener) error {
	if err := m.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// Shutdown ends Serve.
func (m *Metrics) Shutdown(ctx context.Context) error {
	return errors.Join(m.http.Shutdown(ctx), m.http.Close())
}

// Count returns a handler that counts what is logged and hands it on to next.
func (m *Metrics) Count(next slog.Handler) slog.Handler { return &counting{m: m, next: next} }

// counting sees all lines from the level of requests on, even if next does not want
// them.
type counting struct {
	m    *Metrics
	next slog.Handler
	with []slog.Attr // of those that are labels or times
}

func (c *counting) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || c.next.Enabled(ctx, level)
}

func (c *counting) Handle(ctx context.Context, r slog.Record) error {
	c.m.count(&r, c.with)
	if !c.next.Enabled(ctx, r.Level) {
		return nil
	}
	return c.next.Handle(ctx, r)
}

func (c *counting) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := &counting{m: c.m, next: c.next.WithAttrs(attrs), with: c.with}
	for _, a := range attrs {
		if isLabel(a.Key) {
			out.with = append(out.with[:len(out.with):len(out.with)], a)
		}
	}
	return out
}

func (c *counting) WithGroup(name string) slog.Handler {
	return &counting{m: c.m, next: c.next.WithGroup(name), with: c.with}
}

// count counts a line.
func (m *Metrics) count(r *slog.Record, with []slog.Attr) {
	if r.Level >= slog.LevelWarn {
		m.lines.WithLabelValues(r.Level.String(), r.Message).Inc()
	}
	e, ok := m.events[r.Message]
	if !ok {
		return
	}
	var found [maxLabels]string
	took := time.Duration(-1)
	see := func(a slog.Attr) bool {
		if a.Key == tookKey && a.Value.Kind() == slog.KindDuration {
			took = a.Value.Duration()
			return true
		}
		for i, l := range e.labels {
			if a.Key == l {
				found[i] = a.Value.String()
			}
		}
		return true
	}
	for _, a := range with {
		see(a)
	}
	r.Attrs(see)
	m.counters[e.counter].WithLabelValues(e.values(found[:len(e.labels)])...).Inc()
	if e.seconds != "" && took >= 0 {
		m.times[e.seconds].WithLabelValues(found[:len(e.timeLabels)]...).Observe(took.Seconds())
	}
}
