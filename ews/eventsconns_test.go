package ews_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// wrapped hides what a transport is, as one for tracing does.
type wrapped struct{ http.RoundTripper }

// TestCallsBesideStreams: a stream takes no connection away from calls, however few the program's own http.Client allows, and lives longer
// than it allows.
func TestCallsBesideStreams(t *testing.T) {
	for name, tc := range map[string]struct {
		conns, streams int
		timeout        time.Duration
	}{
		"one connection":                  {1, 1, 0},
		"two connections and two streams": {2, 2, 0},
		"one connection and two streams":  {1, 2, 0},
		"time limit":                      {0, 1, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMemExchange(t, func(c *ews.Config) {
					c.HTTPClient.Transport.(*http.Transport).MaxConnsPerHost = tc.conns
					c.HTTPClient.Timeout = tc.timeout
				})
				var all []*watching
				for range tc.streams {
					all = append(all, startWatch(t, x.m, nil))
				}
				time.Sleep(5 * time.Minute)
				for range 3 {
					began := time.Now()
					_, err := x.m.Folder(t.Context(), ews.Inbox)
					require.NoError(t, err)
					require.Zero(t, time.Since(began))
				}
				for _, w := range all {
					require.Equal(t, []ews.WatchReportKind{ews.StreamOpened}, w.now().kinds())
				}
				require.Equal(t, tc.streams, x.Count("GetStreamingEvents"))
				for _, w := range all {
					w.stop(t)
				}
				x.end(t)
			})
		})
	}
}

// TestConnectionsUsedUp: where a stream cannot be kept from taking the last connection, a call ends in time, says why, and is known not to
// have happened.
func TestConnectionsUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, func(c *ews.Config) {
			c.HTTPClient.Transport.(*http.Transport).MaxConnsPerHost = 1
			c.HTTPClient.Transport = wrapped{c.HTTPClient.Transport}
			c.Retry = &ews.RetryPolicy{MaxAttempts: 1}
			c.Limits = &ews.Limits{FirstByte: 10 * time.Second}
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		connected := make(chan struct{}, 1)
		go func() {
			defer close(done)
			for e := range x.m.Events(ctx, inboxOnly) {
				if e.Type == ews.EventConnected {
					connected <- struct{}{}
				}
			}
		}()
		<-connected
		began := time.Now()
		_, err := x.m.Send(t.Context(), &ews.Draft{Subject: "a", To: []ews.Address{{Email: "ann@example.com"}}})
		require.ErrorIs(t, err, ews.ErrUnavailable)
		require.ErrorContains(t, err, "no connection within 10s")
		require.ErrorContains(t, err, "MaxConnsPerHost")
		require.False(t, ews.MaybeApplied(err))
		require.LessOrEqual(t, time.Since(began), 45*time.Second)
		cancel()
		<-done
		x.end(t)
	})
}
