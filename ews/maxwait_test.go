package ews_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// crowd lets many calls begin together against a server that asks for a pause each time, and returns how long the last one took.
func crowd(t *testing.T, concurrency int, policy *ews.RetryPolicy, pause string) (longest time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			time.Sleep(time.Second)
			return reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", pause)))(r)
		})
		c := newClient(t, rt, func(c *ews.Config) { c.Concurrency, c.Retry = concurrency, policy })
		began := time.Now()
		var group sync.WaitGroup
		for range 30 {
			group.Go(func() {
				err := c.Own().DoCall(t.Context(), getItem(nil))
				mu.Lock()
				defer mu.Unlock()
				longest = max(longest, time.Since(began))
				require.ErrorIs(t, err, ews.ErrThrottled)
			})
		}
		group.Wait()
	})
	return longest
}

// TestMaxWaitInACrowd: calls that wait for their turn wait out a pause at the same time and not one after the other, so that each ends
// within MaxWait. The last row shows that more patience is noticed.
func TestMaxWaitInACrowd(t *testing.T) {
	const slack = time.Minute // for the requests themselves, a second each
	for _, concurrency := range []int{1, 3, 27} {
		for _, pause := range []string{"70000", "200000", "299000"} {
			longest := crowd(t, concurrency, nil, pause)
			require.LessOrEqual(t, longest, ews.DefaultMaxWait+slack, "%d at a time, pauses of %s ms", concurrency, pause)
		}
	}
	require.Greater(t, crowd(t, 1, &ews.RetryPolicy{MaxWait: time.Hour}, "200000"), ews.DefaultMaxWait+slack, "more patience")
}

// TestPauseFreesTheTurn: what waits for a token when a pause begins does not keep its turn through the pause, and nothing is sent in it.
func TestPauseFreesTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &script{answers: []answer{reply(503, "", "Retry-After", "60"), fine}}
		c := newClient(t, rt, func(c *ews.Config) { c.Concurrency = 2 })
		began := time.Now()
		var group sync.WaitGroup
		for range 12 {
			group.Go(func() { require.NoError(t, c.Own().DoCall(t.Context(), getItem(nil))) })
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // does not outlast the pause
		defer cancel()
		synctest.Wait()
		require.ErrorIs(t, c.Own().DoCall(ctx, getItem(nil)), ews.ErrThrottled)
		require.Zero(t, time.Since(began), "said at once")
		group.Wait()
		require.Equal(t, 13, rt.count())
		require.Less(t, time.Since(began), 70*time.Second)
	})
}

var logLevel = regexp.MustCompile(`level=(\w+)`)

// TestLogLevels: a failure that is tried again is told at Info, with the wait, the one that the caller sees at Warn, also if nothing was sent.
func TestLogLevels(t *testing.T) {
	busy := func(seconds string) answer { return reply(503, "", "Retry-After", seconds) }
	for name, tc := range map[string]struct {
		answers []answer
		before  int // calls made before, whose events do not count
		timeout time.Duration
		want    []string
		wait    string // in the first event
	}{
		"fine":                       {answers: []answer{fine}, want: []string{"DEBUG"}},
		"pause, then fine":           {answers: []answer{busy("7"), fine}, want: []string{"INFO", "DEBUG"}, wait: "wait=7s"},
		"failure, then fine":         {answers: []answer{reply(502, "", "Retry-After", "7"), fine}, want: []string{"INFO", "DEBUG"}, wait: "wait=7s"},
		"pause beyond the patience":  {answers: []answer{busy("1000")}, want: []string{"WARN"}},
		"delay beyond the patience":  {answers: []answer{reply(502, "", "Retry-After", "1000")}, want: []string{"WARN"}},
		"pause beyond the context":   {answers: []answer{busy("100")}, timeout: time.Minute, want: []string{"WARN"}},
		"pause of an earlier call":   {answers: []answer{busy("1000")}, before: 1, want: []string{"WARN"}},
		"attempts are used up":       {answers: []answer{busy("1")}, want: []string{"INFO", "INFO", "INFO", "INFO", "WARN"}, wait: "wait=1s"},
		"nothing to be done about":   {answers: []answer{reply(403, "")}, want: []string{"WARN"}},
		"a refused token, then fine": {answers: []answer{reply(401, "", "WWW-Authenticate", "Bearer"), fine}, want: []string{"INFO", "DEBUG"}, wait: "wait=0s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				c := newClient(t, &script{answers: tc.answers}, func(c *ews.Config) {
					c.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				for range tc.before {
					require.Error(t, c.Own().DoCall(t.Context(), getItem(nil)))
				}
				out.Reset()
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				if tc.timeout > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), tc.timeout)
				}
				defer cancel()
				_ = c.Own().DoCall(ctx, getItem(nil))
				var levels []string
				for _, m := range logLevel.FindAllStringSubmatch(out.String(), -1) {
					levels = append(levels, m[1])
				}
				require.Equal(t, tc.want, levels, out.String())
				require.Contains(t, out.String(), tc.wait)
			})
		})
	}
}

// TestBatchesGrowThePace: a batch that Exchange served but for one item shows that it lets the account through; one that it served
// nothing of does not.
func TestBatchesGrowThePace(t *testing.T) {
	one, other := okMessage("<m:Items/>"), errMessage("ErrorItemNotFound", "")
	for _, tc := range []struct {
		answer answer
		want   int
	}{{reply(200, messages(one, other)), 8}, {reply(200, messages(other, other)), 4}} {
		synctest.Test(t, func(t *testing.T) {
			w := newBusyServer(t, tc.answer)
			w.refuse = true
			round := func(n int) int {
				return w.round(n, func() {
					err := w.c.Own().DoCall(t.Context(), &ews.Call{Op: "GetItem", Read: func(s *wire.Scanner) error { return ews.ReadBatch(s, 2, nil) }})
					assert.ErrorIs(t, err, ews.ErrNotFound)
				})
			}
			round(1)
			round(200)
			require.Equal(t, tc.want, round(50))
		})
	}
}
