package outbox_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/outbox"
)

// setClock has a worker die at a step, and the database's clock set before the next one comes; it says what became of the message within
// seconds.
func setClock(t *testing.T, step string, vanishes int, before, after, without string) (o outcome, state outbox.State) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, patientSQLite(t), without)
		w.add(1, vanishes)
		w.clock = before
		first := endsAt(step)()
		first.w = w
		end := first.start()
		for !first.dead.Load() {
			time.Sleep(time.Millisecond)
		}
		end()
		w.clock = after
		end = (&life{w: w}).start()
		for until := time.Now().Add(3 * time.Second); w.open() > 0 && time.Now().Before(until); {
			time.Sleep(10 * time.Millisecond)
		}
		end()
		row, err := w.outbox(nil, nil).Row(t.Context(), w.want[0])
		require.NoError(t, err)
		o, state = w.judge(), row.State
	})
	return o, state
}

// TestClockSet: a database's clock that is set by hours, forwards or back, has no message sent twice, none lost, and none wait for it to come round
// again; the mutant that goes by it alone does.
func TestClockSet(t *testing.T) {
	const now, ahead = "bubble_now()", "(bubble_now() + 10800000)"
	for name, tc := range map[string]struct {
		step     string
		vanishes int
		want     outbox.State
	}{
		"claimed":                  {"before: sending", 0, outbox.Sent},
		"before it goes out":       {"after: sending", 0, outbox.Sent},
		"in doubt":                 {"answer SendItem", 0, outbox.Sent},
		"in doubt, without a copy": {"answer SendItem", 1, outbox.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			for _, clocks := range [][2]string{{ahead, now}, {now, ahead}} {
				o, state := setClock(t, tc.step, tc.vanishes, clocks[0], clocks[1], "")
				require.Equal(t, tc.want, state)
				require.False(t, o.bad(), "%+v", o)
			}
			_, state := setClock(t, tc.step, tc.vanishes, ahead, now, "clock set back")
			require.NotEqual(t, tc.want, state, "nobody noticed")
		})
	}
}
