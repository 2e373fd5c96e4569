package ews_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// printingTracer is the part of an OpenTelemetry SDK that the example needs: it prints each span when it ends, so that the example is a test.
type printingTracer struct{ noop.Tracer }

func (printingTracer) Start(ctx context.Context, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	if parent, ok := trace.SpanFromContext(ctx).(*printingSpan); ok {
		name = parent.name + "/" + name
	}
	config := trace.NewSpanStartConfig(o...)
	s := &printingSpan{name: name}
	s.SetAttributes(config.Attributes()...)
	return trace.ContextWithSpan(ctx, s), s
}

type printingSpan struct {
	noop.Span
	name, text string
}

func (s *printingSpan) SetAttributes(list ...attribute.KeyValue) {
	for _, kv := range list {
		value := kv.Value.String()
		if kv.Key == "ews.client_request_id" { // a random one
			value = fmt.Sprintf("(%d characters)", len(value))
		}
		s.text += fmt.Sprintf(" %s=%s", kv.Key, value)
	}
}

func (s *printingSpan) SetStatus(c codes.Code, why string) { s.text += fmt.Sprintf(" %v: %s", c, why) }

func (s *printingSpan) End(...trace.SpanEndOption) { fmt.Printf("%s:%s\n", s.name, s.text) }
