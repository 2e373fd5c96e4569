package ews_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

// spans is a RoundTripper around another one that notes each request. For OpenTelemetry it need not be written: it is
//
//	otelhttp.NewTransport(http.DefaultTransport)
//
// of go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp, which makes a span of each request and takes the
// caller's span out of the request's context, as this one does.
type spans struct{ next http.RoundTripper }

type parentKey struct{}

func (s spans) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r)
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	fmt.Printf("span of %v: %s %s %d, client-request-id has %d characters\n",
		r.Context().Value(parentKey{}), r.Method, r.URL.Path, status, len(r.Header.Get("client-request-id")))
	return resp, err
}

// Tracing, metrics and proxies are wrapped around the transport: every attempt of every call passes through it, with the
// context of the call. Redirects are never followed, whatever the client given says.
func ExampleConfig_tracing() {
	exchange := roundTripper(func(r *http.Request) (*http.Response, error) { // stands for http.DefaultTransport
		io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: 403, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	})
	client, err := ews.NewClient(ews.Config{
		Endpoint:   ews.EndpointWorldwide,
		Token:      ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"})),
		HTTPClient: &http.Client{Transport: spans{exchange}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	ctx := context.WithValue(context.Background(), parentKey{}, "poll")
	_, err = client.Shared("help@example.com").Message(ctx, ews.ItemID{ID: "AAMk"}, nil)
	fmt.Println(errors.Is(err, ews.ErrEWSBlocked))
	// Output:
	// span of poll: POST /EWS/Exchange.asmx 403, client-request-id has 36 characters
	// true
}
