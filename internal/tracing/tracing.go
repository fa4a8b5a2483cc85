// Package tracing is what the rooms of the house know of tracing: a piece of work
// begins, is told of in a few words, and ends. Without a tracer it costs nothing and
// allocates nothing. It must never be given what tells of people: no login, no
// address, no subject, no name of a folder or a device.
package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Tracer begins spans. Nil begins none.
type Tracer = trace.Tracer

// Kinds of spans that begin a trace.
const (
	Server = trace.SpanKindServer // somebody asks
	Client = trace.SpanKindClient // we ask
)

// Span is a piece of work. The zero Span is recorded nowhere.
type Span struct{ to trace.Span }

// Start begins the first span of a trace, or one below that of the context. If it is
// not recorded the context is the one given.
func Start(ctx context.Context, t Tracer, kind trace.SpanKind, name string) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	return recorded(ctx, t, name, trace.WithSpanKind(kind))
}

// Child begins a span below that of the context; without one, none.
func Child(ctx context.Context, name string) (context.Context, Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	return recorded(ctx, parent.TracerProvider().Tracer("martlet"), name)
}

func recorded(ctx context.Context, t Tracer, name string, options ...trace.SpanStartOption) (context.Context, Span) {
	within, s := t.Start(ctx, name, options...)
	if !s.IsRecording() {
		return ctx, Span{}
	}
	return within, Span{s}
}

// Recorded tells whether anybody will see it.
func (s Span) Recorded() bool { return s.to != nil }

// Command adds a word to the name: that of a command, out of a table.
func (s Span) Command(name, command string) {
	if s.to != nil {
		s.to.SetName(name + " " + command)
		s.to.SetAttributes(attribute.String("command", command))
	}
}

// Text notes something.
func (s Span) Text(key, value string) {
	if s.to != nil {
		s.to.SetAttributes(attribute.String(key, value))
	}
}

// Number notes a number.
func (s Span) Number(key string, n int) {
	if s.to != nil {
		s.to.SetAttributes(attribute.Int(key, n))
	}
}

// Fail marks it as failed, for a reason in constant words.
func (s Span) Fail(reason string) {
	if s.to != nil {
		s.to.SetStatus(codes.Error, reason)
	}
}

// End ends it.
func (s Span) End() {
	if s.to != nil {
		s.to.End()
	}
}
