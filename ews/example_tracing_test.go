package ews_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

// tracing makes an OpenTelemetry span of every request, with the ids that Microsoft's support asks for; tracer is otel.Tracer("helpdesk") of a
// program that has set up its SDK. The span is a child of the one in the ctx that the call was made with. It holds neither token nor contents.
//
// otelhttp.NewTransport of go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp does as well, without these ids.
type tracing struct {
	tracer trace.Tracer
	next   http.RoundTripper // http.DefaultTransport, or your proxy's
}

func (t tracing) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, span := t.tracer.Start(r.Context(), "EWS", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("http.request.method", r.Method),
		attribute.String("server.address", r.URL.Hostname()),
		attribute.String("ews.client_request_id", r.Header.Get("client-request-id"))))
	defer span.End() // when the answer begins: the body is read as a stream
	resp, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		span.SetStatus(codes.Error, "no answer")
		return nil, err
	}
	span.SetAttributes(
		attribute.Int("http.response.status_code", resp.StatusCode),
		attribute.String("ews.request_id", resp.Header.Get("request-id")))
	if resp.StatusCode >= 400 {
		span.SetStatus(codes.Error, resp.Status)
	}
	return resp, nil
}

// Tracing, metrics and proxies are wrapped around the transport: every attempt of every call passes through it, with the
// context of the call. Redirects are never followed, whatever the client given says. tracing, above, is to be pasted; printingTracer stands in
// for the program's SDK.
func ExampleConfig_tracing() {
	exchange := roundTripper(func(r *http.Request) (*http.Response, error) { // stands for http.DefaultTransport
		io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: 403, Status: "403 Forbidden", Header: http.Header{"Request-Id": {"6c3b"}}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	})
	client, err := ews.NewClient(ews.Config{
		Endpoint:   ews.EndpointWorldwide,
		Token:      ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"})),
		HTTPClient: &http.Client{Transport: tracing{printingTracer{}, exchange}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	ctx, poll := printingTracer{}.Start(context.Background(), "poll")
	_, err = client.Shared("help@example.com").Message(ctx, ews.ItemID{ID: "AAMk"}, nil)
	fmt.Println(errors.Is(err, ews.ErrEWSBlocked))
	poll.End()
	// Output:
	// poll/EWS: http.request.method=POST server.address=outlook.office365.com ews.client_request_id=(36 characters) http.response.status_code=403 ews.request_id=6c3b Error: 403 Forbidden
	// true
	// poll:
}
