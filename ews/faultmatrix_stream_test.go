package ews_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// TestSendFaultMatrix: SendItem against each way to fail, which lasts, while everything else works: nothing was sent, which is certain
// because the draft is still there, and the error is of the fault's kind.
func TestSendFaultMatrix(t *testing.T) {
	for _, f := range matrixFaults {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := ewstest.New(nil)
				defer srv.Close()
				box := srv.AddMailbox(support)
				rest := srv.Transport()
				defer rest.CloseIdleConnections()
				sends := 0
				rt := roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.GetBody != nil {
						if again, err := r.GetBody(); err == nil {
							b, _ := io.ReadAll(again)
							if operation(b) == "SendItem" {
								sends++
								return f.answer("SendItem")(r)
							}
						}
					}
					return rest.RoundTrip(r)
				})
				c, err := ews.NewClient(ews.Config{Endpoint: srv.Endpoint(), AllowLoopbackHTTP: true, Mailbox: support, HTTPClient: &http.Client{Transport: rt},
					Token:  ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"})),
					Limits: &ews.Limits{ResponseBytes: 1 << 20}, Retry: &ews.RetryPolicy{MaxAttempts: 3}})
				require.NoError(t, err)
				defer c.Close()
				draft, err := c.Own().CreateDraft(t.Context(), &ews.Draft{Subject: "s", To: []ews.Address{{Email: "ann@example.org"}}})
				require.NoError(t, err)
				_, err = c.Own().SendDraft(t.Context(), draft, nil)
				require.ErrorIs(t, err, f.kind)
				require.False(t, ews.MaybeApplied(err), "%v", err)
				require.Positive(t, sends)
				require.Empty(t, srv.Outbound())
				require.Len(t, box.Items("drafts"), 1)
			})
		})
	}
}

// TestEventsFaultMatrix: GetStreamingEvents against each way to fail, which lasts. What passes is tried again for as long as the program
// listens, with pauses; what repeating does not cure ends the loop.
func TestEventsFaultMatrix(t *testing.T) {
	passes := map[string]bool{"busy fault": true, "busy inside": true, "internal error": true, "500": true, "503": true, "cut": true, "empty": true,
		"slow": true, "huge": true, "wrong type": true}
	for _, f := range matrixFaults {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, streams := &streamServer{}, 0
				rt := roundTripper(func(r *http.Request) (*http.Response, error) {
					if again, err := r.GetBody(); err == nil {
						if b, _ := io.ReadAll(again); operation(b) == "GetStreamingEvents" {
							streams++
							return f.answer("GetStreamingEvents")(r)
						}
					}
					return srv.RoundTrip(r)
				})
				c := newClient(t, rt, func(c *ews.Config) { c.Limits = &ews.Limits{ResponseBytes: 1 << 20} })
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				var end error
				for e, err := range c.Own().Events(ctx, inboxOnly) {
					if end = err; err == nil && e.Type == ews.EventDisconnected && e.Err != nil && !errors.Is(e.Err, ews.ErrThrottled) {
						require.ErrorIs(t, e.Err, f.kind)
					}
				}
				if passes[f.name] {
					require.ErrorIs(t, end, context.DeadlineExceeded)
					require.GreaterOrEqual(t, streams, 10)
					require.LessOrEqual(t, streams, 5*60, "5 requests a minute")
				} else {
					require.ErrorIs(t, end, f.kind)
					require.LessOrEqual(t, streams, 20)
				}
			})
		})
	}
}
