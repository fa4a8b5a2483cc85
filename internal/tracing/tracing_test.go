package tracing_test

import (
	"context"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"martlet/internal/tracing"
)

func work(ctx context.Context, t tracing.Tracer) {
	ctx, s := tracing.Start(ctx, t, tracing.Server, "work")
	s.Command("work", "Sync")
	s.Number("status", 200)
	_, c := tracing.Child(ctx, "commit")
	c.Text("kind", "rows")
	c.Fail("full")
	c.End()
	s.End()
}

func TestNothingIsAllocatedWithoutATracer(t *testing.T) {
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { work(ctx, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestChildrenLieBelowWhatBeganTheTrace(t *testing.T) {
	seen := tracetest.NewInMemoryExporter()
	p := sdk.NewTracerProvider(sdk.WithSyncer(seen))
	work(t.Context(), p.Tracer("martlet"))
	all := seen.GetSpans()
	if len(all) != 2 || all[0].Name != "commit" || all[1].Name != "work Sync" || all[0].Parent.SpanID() != all[1].SpanContext.SpanID() {
		t.Errorf("%+v", all)
	}
}

// What is not sampled has no children either, and passes on the context it was given.
func TestWhatIsNotSampledHasNoChildren(t *testing.T) {
	seen := tracetest.NewInMemoryExporter()
	p := sdk.NewTracerProvider(sdk.WithSyncer(seen), sdk.WithSampler(sdk.NeverSample()))
	ctx, s := tracing.Start(t.Context(), p.Tracer("martlet"), tracing.Server, "work")
	if ctx != t.Context() || s.Recorded() {
		t.Error("it is recorded")
	}
	work(t.Context(), p.Tracer("martlet"))
	if n := len(seen.GetSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

func BenchmarkWithoutATracer(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		work(b.Context(), nil)
	}
}

func BenchmarkNotSampled(b *testing.B) {
	p := sdk.NewTracerProvider(sdk.WithSampler(sdk.TraceIDRatioBased(0)))
	t := p.Tracer("martlet")
	b.ReportAllocs()
	for b.Loop() {
		work(b.Context(), t)
	}
}
