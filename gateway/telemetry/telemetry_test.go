package telemetry_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"martlet/gateway/telemetry"
	"martlet/internal/tracing"
)

// receiver is a collector.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex // guards the rest
	got     []*spans.Span
	headers http.Header
	path    string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, err := io.ReadAll(q.Body)
		var in collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(b, &in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.headers, r.path = q.Header, q.URL.Path
		for _, of := range in.ResourceSpans {
			for _, s := range of.ScopeSpans {
				r.got = append(r.got, s.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

func TestSpansReachTheCollectorAtTheEndAtTheLatest(t *testing.T) {
	r := newReceiver(t)
	out, err := telemetry.New(telemetry.Config{Endpoint: r.URL, Sample: 1, Headers: map[string]string{"Authorization": "Bearer x"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, s := tracing.Start(t.Context(), out.Tracer(), tracing.Server, "activesync")
	s.Command("activesync", "Sync")
	_, c := tracing.Child(ctx, "store commit")
	c.End()
	s.End()
	if err := out.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.got) != 2 || r.got[0].Name != "store commit" || r.got[1].Name != "activesync Sync" || string(r.got[0].ParentSpanId) != string(r.got[1].SpanId) {
		t.Errorf("%v", r.got)
	}
	if r.path != "/v1/traces" || r.headers.Get("Authorization") != "Bearer x" {
		t.Errorf("%s %v", r.path, r.headers)
	}
}

// A collector that never answers holds up nobody, and the end does not wait for it.
func TestACollectorThatHangsHoldsUpNobody(t *testing.T) {
	asked, over := make(chan struct{}, 100), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-over
	}))
	defer s.Close()
	defer close(over)
	out, err := telemetry.New(telemetry.Config{Endpoint: s.URL, Sample: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range 20_000 { // many more than may wait
		_, w := tracing.Start(t.Context(), out.Tracer(), tracing.Server, "work")
		w.End()
	}
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := out.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestTheLogTellsOnceThatTheCollectorIsGone(t *testing.T) {
	r := newReceiver(t)
	r.Close()
	var log strings.Builder
	out, err := telemetry.New(telemetry.Config{Endpoint: r.URL, Sample: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		_, w := tracing.Start(t.Context(), out.Tracer(), tracing.Server, "work")
		w.End()
	}
	if err := out.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "traces do not reach"); n != 1 {
		t.Errorf("%d times: %s", n, log.String())
	}
}

func TestEndpointsAreURLs(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:4318": "http://127.0.0.1:4318/v1/traces", "https://c.example.org/otlp/v1/traces": "https://c.example.org/otlp/v1/traces",
		"127.0.0.1:4318": "", "ftp://c.example.org": "", "http://": "", "http://user:pass@c.example.org": "", "http://c.example.org?x": "",
	} {
		if got, err := telemetry.Endpoint(in); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
}
