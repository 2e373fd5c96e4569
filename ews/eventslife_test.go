package ews_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestStreamSilence: a stream that shows no sign of life is given up; one that does is renewed before Exchange ends it.
func TestStreamSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &streamServer{streams: []func(context.Context) io.Reader{open}}
		m := newClient(t, srv, nil).Own()
		var at []time.Duration
		began := time.Now()
		for e, err := range m.Events(t.Context(), inboxOnly) {
			require.NoError(t, err)
			if e.Type == ews.EventDisconnected {
				require.ErrorIs(t, e.Err, ews.ErrUnavailable)
				require.ErrorContains(t, e.Err, "silent for 2m0s")
				at = append(at, time.Since(began))
				break
			}
		}
		require.Equal(t, []time.Duration{2 * time.Minute}, at)
	})
	for _, beat := range []string{streamEnvelope("OK", ""), streamEnvelope("", "<m:Notifications><m:Notification><t:SubscriptionId>S1</t:SubscriptionId><t:StatusEvent/></m:Notification></m:Notifications>")} {
		synctest.Test(t, func(t *testing.T) {
			srv := &streamServer{streams: []func(context.Context) io.Reader{func(ctx context.Context) io.Reader { return &beating{ctx: ctx, beat: beat} }}}
			m := newClient(t, srv, nil).Own()
			began := time.Now()
			require.Equal(t, []string{"connected", "connected", "connected"}, until(t, m, 3))
			require.GreaterOrEqual(t, time.Since(began), 2*28*time.Minute)
			require.Less(t, time.Since(began), 2*30*time.Minute)
			require.Equal(t, 1, srv.count("Subscribe"))
		})
	}
	// Dribbling bytes are no sign of life.
	synctest.Test(t, func(t *testing.T) {
		srv := &streamServer{streams: []func(context.Context) io.Reader{func(ctx context.Context) io.Reader {
			return io.MultiReader(strings.NewReader(streamEnvelope("OK", "")), &beating{ctx: ctx, beat: " "})
		}}}
		began := time.Now()
		for e, err := range newClient(t, srv, nil).Own().Events(t.Context(), inboxOnly) {
			require.NoError(t, err)
			if e.Type == ews.EventDisconnected {
				break
			}
		}
		require.Equal(t, 2*time.Minute, time.Since(began))
	})
}

// TestStreamDoesNotSpin: streams that end at once, in whatever way, are opened with growing pauses.
func TestStreamDoesNotSpin(t *testing.T) {
	for name, end := range map[string]string{
		"closed":      streamEnvelope("OK", "") + streamEnvelope("Closed", ""),
		"cut":         streamEnvelope("OK", ""),
		"lost":        streamEnvelope("OK", "") + strings.ReplaceAll(messages(errMessage("ErrorInvalidSubscription", "")), "GetItem", "GetStreamingEvents"),
		"garbage":     streamEnvelope("OK", "") + "garbage",
		"refused":     strings.ReplaceAll(messages(errMessage("ErrorSubscriptionNotFound", "")), "GetItem", "GetStreamingEvents"),
		"connections": fault("ErrorExceededConnectionCount", value("BackOffMilliseconds", "0")),
		"endless":     streamEnvelope("OK", "") + envelope("<m:GetStreamingEventsResponse><m:ResponseMessages>"+strings.Repeat("<m:x/>", 300_000)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := &streamServer{streams: []func(context.Context) io.Reader{text(end)}}
				c := newClient(t, srv, func(c *ews.Config) { c.Concurrency, c.Limits = 1, &ews.Limits{ResponseBytes: 1 << 20} })
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				var last error
				for _, err := range c.Own().Events(ctx, inboxOnly) {
					last = err
				}
				require.ErrorIs(t, last, context.DeadlineExceeded)
				require.LessOrEqual(t, srv.count("GetStreamingEvents"), 40)
				require.GreaterOrEqual(t, srv.count("GetStreamingEvents"), 3)
				require.LessOrEqual(t, srv.count("Subscribe"), 40)
				// None of it keeps other calls from being made.
				began := time.Now()
				require.NoError(t, c.Own().DoCall(t.Context(), &ews.Call{Op: "GetItem"}))
				require.Zero(t, time.Since(began))
			})
		})
	}
}

// TestCallsWhileAStreamOpens: not even a proxy that holds the stream's beginning back keeps other calls waiting.
func TestCallsWhileAStreamOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &streamServer{streams: []func(context.Context) io.Reader{func(ctx context.Context) io.Reader { return quiet{ctx} }}}
		c := newClient(t, srv, func(c *ews.Config) { c.Concurrency = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range c.Own().Events(ctx, inboxOnly) {
			}
		}()
		time.Sleep(time.Second)
		require.Equal(t, 1, srv.count("GetStreamingEvents"))
		began := time.Now()
		require.NoError(t, c.Own().DoCall(t.Context(), &ews.Call{Op: "GetItem"}))
		require.Zero(t, time.Since(began))
		cancel()
		<-done
	})
}
