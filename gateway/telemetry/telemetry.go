// Package telemetry sends what is traced to a collector, by OTLP over HTTP. Spans wait
// in a bounded queue, and those for which there is no room are dropped: a collector
// that is slow or gone holds up nobody. It must never change what is traced, nor
// believe others about it: no trace is begun because a request says so.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"martlet/internal/tracing"
)

// Bounds of what waits for the collector.
const (
	maxWaiting   = 4096 // spans; beyond that they are dropped
	maxBatch     = 512
	batchEvery   = 5 * time.Second
	sendTimeout  = 10 * time.Second
	maxAttribute = 256 // bytes of a text
	maxNoted     = 32  // attributes of a span
)

// ErrEndpoint means that an address is none of a collector.
var ErrEndpoint = errors.New("telemetry: an http:// or https:// URL of a collector is wanted, such as http://127.0.0.1:4318")

// Config says where traces go.
type Config struct {
	Endpoint string            // of the collector; /v1/traces is added to a URL without a path
	Headers  map[string]string // of each request, for its authentication
	Sample   float64           // share of what begins a trace, above 0 to 1
	Version  string            // of this program
	Host     string            // its name
	Logger   *slog.Logger      // nil: slog.Default
}

// Traces sends spans. It is safe for concurrent use.
type Traces struct {
	provider *sdk.TracerProvider
}

// Endpoint is the URL that spans are sent to.
func Endpoint(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", ErrEndpoint
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}

// New returns Traces. It connects to nobody yet.
func New(c Config) (*Traces, error) {
	at, err := Endpoint(c.Endpoint)
	if err != nil {
		return nil, err
	}
	log := c.Logger
	if log == nil {
		log = slog.Default()
	}
	headers := c.Headers
	if headers == nil {
		headers = map[string]string{} // nil would leave those of the environment
	}
	client := &http.Client{Timeout: sendTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	out, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(at), otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithHTTPClient(client), otlptracehttp.WithTimeout(sendTimeout), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}))
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	limits := sdk.NewSpanLimits()
	limits.AttributeValueLengthLimit, limits.AttributeCountLimit = maxAttribute, maxNoted
	return &Traces{provider: sdk.NewTracerProvider(
		sdk.WithBatcher(&loud{SpanExporter: out, log: log}, sdk.WithMaxQueueSize(maxWaiting), sdk.WithMaxExportBatchSize(maxBatch), sdk.WithBatchTimeout(batchEvery), sdk.WithExportTimeout(sendTimeout)),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Sample))),
		sdk.WithRawSpanLimits(limits),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "martlet"), attribute.String("service.version", c.Version), attribute.String("host.name", c.Host))),
	)}, nil
}

// Tracer begins spans. Nil Traces give nil, which begins none.
func (t *Traces) Tracer() tracing.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer("martlet")
}

// Shutdown sends what waits, until ctx ends.
func (t *Traces) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// loud tells the log when a collector begins to fail, and when it no longer does. The
// library would tell a handler that all programs in a process share.
type loud struct {
	sdk.SpanExporter
	log *slog.Logger

	mu     sync.Mutex // guards failed
	failed bool
}

// ExportSpans sends spans. What fails is lost.
func (l *loud) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := l.SpanExporter.ExportSpans(ctx, spans)
	l.mu.Lock()
	before := l.failed
	l.failed = err != nil
	l.mu.Unlock()
	switch {
	case err != nil && !before:
		l.log.Warn("traces do not reach the collector, and are lost", "error", err)
	case err == nil && before:
		l.log.Info("traces reach the collector again")
	}
	return nil
}
