package outbox_test

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
)

// long: everything, instead of as much as a run in passing has time for.
var long = os.Getenv("EWSMAIL_LONG") != ""

// havoc sends n replies with two worker processes at a time, which are ended, delayed beyond their claim and cut off at random, and
// started again.
func havoc(t testing.TB, where sqltest.Database, seed uint64, n int, without string) (o outcome, ended int) {
	w := newWorld(t, where, without)
	if w.hasty(); w.clock == "" { // a database that is busy with other tests must not look like a silent server
		w.timeout, w.answer = time.Second, 250*time.Millisecond
	}
	w.add(n, 15)
	dice := newChance(seed)
	deadline := time.Now().Add(12 * time.Minute)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for w.open() > 0 && time.Now().Before(deadline) {
				last := 10 + dice.intn(300)
				l := &life{w: w,
					fate: func(n int, _ string) (bool, time.Duration) {
						if dice.intn(400) == 0 {
							return false, w.timeout * 4
						}
						return n == last, 0
					},
					cut: func(int) (cut, float64) {
						if dice.intn(5) > 0 {
							return cutNowhere, 0
						}
						return cut(dice.intn(int(cuts))), float64(dice.intn(100)) / 100
					},
				}
				end := l.start()
				for !l.dead.Load() && w.open() > 0 && time.Now().Before(deadline) {
					time.Sleep(10 * time.Millisecond)
				}
				end()
				if l.dead.Load() {
					mu.Lock()
					ended++
					mu.Unlock()
				}
			}
		})
	}
	workers.Wait()
	require.True(t, time.Now().Before(deadline), "%d rows are not settled", w.open())
	return w.judge(), ended
}

// TestHavoc: whatever happens to workers and connections, each reply goes out once, or its fate is reported as unknown.
// EWSMAIL_LONG=1 sends 10,000.
func TestHavoc(t *testing.T) {
	worlds, each := 2, 100
	switch {
	case long:
		worlds = 100
	case raceEnabled: // which makes a world twenty times slower, and looks for other things
		each = 25
	}
	var mu sync.Mutex
	var sum outcome
	ends := 0
	t.Run("worlds", func(t *testing.T) {
		for seed := range worlds {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					o, ended := havoc(t, bubbleSQLite(t), uint64(seed), each, "")
					if o.bad() {
						t.Errorf("%+v", o)
					}
					t.Logf("%d replies, workers ended %d times, %d unknown", each, ended, o.Unknown)
					mu.Lock()
					defer mu.Unlock()
					sum.Unknown += o.Unknown
					sum.UnknownFound += o.UnknownFound
					ends += ended
				})
			})
		}
	})
	n := worlds * each
	t.Logf("%d replies, workers ended %d times: %d unknown, of which %d had a copy that could be found", n, ends, sum.Unknown, sum.UnknownFound)
	require.LessOrEqual(t, sum.UnknownFound, 1+n/5000, "what can be found out is")
	if long {
		require.Greater(t, sum.Unknown, sum.UnknownFound, "what cannot be found out is reported")
	}
	require.Positive(t, ends)
}

// TestHavocDatabases does the same on servers.
func TestHavocDatabases(t *testing.T) {
	for _, kind := range []string{"postgres", "mariadb"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			n := 30
			switch {
			case long:
				n = 300
			case raceEnabled:
				n = 10
			}
			o, ended := havoc(t, sqltest.Kinds[kind](t), 7, n, "")
			if o.bad() {
				t.Errorf("%+v", o)
			}
			t.Logf("workers ended %d times, %d unknown", ended, o.Unknown)
		})
	}
}
