package outbox_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// settleOne lets worker processes, one after the other, settle what is in the world. The first one has the fate given.
func settleOne(t testing.TB, w *world, first *life) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	l := first
	for {
		end := l.start()
		for !l.dead.Load() && w.open() > 0 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		end()
		if w.open() == 0 {
			return
		}
		require.True(t, time.Now().Before(deadline), "not settled")
		l = &life{w: w}
	}
}

// TestEveryStep ends the worker before and after each of its steps, and breaks the connection of each of its requests in each way:
// one reply with an attachment goes out once, and the application knows.
func TestEveryStep(t *testing.T) {
	steps, requests := 0, []int{}
	synctest.Test(t, func(t *testing.T) {
		count := newWorld(t, bubbleSQLite(t), "")
		count.add(1, 0)
		settleOne(t, count, &life{w: count, trace: func(n int, what string) {
			steps = max(steps, n)
			if what == "request" {
				requests = append(requests, n)
			}
		}})
		require.False(t, count.judge().bad())
	})
	require.GreaterOrEqual(t, len(requests), 5, "version, draft, marker, attachment, send")
	side := newAside(t)
	defer side.wait()
	run := func(name string, l *life) {
		side.run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l.w = newWorld(t, bubbleSQLite(t), "")
				l.w.patient()
				l.w.add(1, 0)
				settleOne(t, l.w, l)
				if o := l.w.judge(); o.bad() || o.Unknown > 0 {
					t.Errorf("%+v", o)
				}
			})
		})
	}
	for at := 1; at <= steps; at++ {
		run(fmt.Sprintf("end at %d", at), &life{fate: func(n int, _ string) (bool, time.Duration) { return n == at, 0 }})
	}
	for _, at := range requests {
		for c := cutNowhere + 1; c < cuts; c++ {
			parts := []float64{0.5}
			if long {
				parts = []float64{0, 0.25, 0.5, 0.75, 0.99}
			}
			for _, part := range parts {
				run(fmt.Sprintf("request %d cut in %v %v", at, c, part), &life{cut: func(n int) (cut, float64) {
					if n == at {
						return c, part
					}
					return cutNowhere, 0
				}})
			}
		}
	}
	t.Logf("%d steps, %d requests", steps, len(requests))
}
