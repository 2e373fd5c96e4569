package outbox_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/outbox"
)

// lost is a worker's misfortune with its database: the answer to one statement is lost, and some steps later, unless that is 0, the worker ends.
type lost struct {
	statement, then int
	loss            loss
}

// lose plays it for one reply, and returns what came of it and how many statements there were.
func lose(t *testing.T, l lost, without string) (o outcome, statements int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, bubbleSQLite(t), without)
		w.patient()
		w.add(1, 0)
		hit := make(chan struct{})
		w.loseAnswers(t, func(string) loss {
			if statements++; statements == l.statement {
				close(hit)
				return l.loss
			}
			return answered
		})
		var since atomic.Int64
		first := &life{w: w, fate: func(int, string) (bool, time.Duration) {
			select {
			case <-hit:
				return since.Add(1) == int64(l.then), 0
			default:
				return false, 0
			}
		}}
		settleOne(t, w, first)
		o = w.judge()
	})
	return o, statements
}

// TestLostAnswers: whichever of the database's answers is lost, the statement carried out or not, and at whichever step the worker ends soon after:
// the reply goes out once, and nothing stays unknown, since the draft tells that it has not gone out.
func TestLostAnswers(t *testing.T) {
	o, statements := lose(t, lost{}, "")
	require.False(t, o.bad())
	require.GreaterOrEqual(t, statements, 4, "claim, sending, sent and its COMMIT")
	steps := 5
	switch {
	case long:
		steps = 15
	case raceEnabled: // which looks for other things
		steps = 1
	}
	side := newAside(t)
	defer side.wait()
	for n := 1; n <= statements; n++ {
		for name, what := range map[string]loss{"carried out": done, "not carried out": undone} {
			for then := range steps + 1 {
				side.run(fmt.Sprintf("statement %d %s, end %d later", n, name, then), func(t *testing.T) {
					if o, _ := lose(t, lost{n, then, what}, ""); o.bad() || o.Unknown > 0 {
						t.Errorf("%+v", o)
					}
				})
			}
		}
	}
}

// TestOpenNote: the note that a message may go out is written, its answer is lost, and the worker ends at once. Without the draft, which proves
// that it did not go out, nobody could tell.
func TestOpenNote(t *testing.T) {
	const note = 2 // the claim is the first
	for guard, unknown := range map[string]int{"": 0, "proof of an open note": 1} {
		harm := 0
		for then := 1; then < 6; then++ {
			o, _ := lose(t, lost{note, then, done}, guard)
			require.False(t, o.bad(), "%+v", o)
			harm = max(harm, o.Unknown)
		}
		require.Equal(t, unknown, harm, "without %q", guard)
	}
}

// TestLateNote: the database carries the note out only after the worker has given up on it, has written that the message is queued, and has
// removed the draft. The note counts no more.
func TestLateNote(t *testing.T) {
	for guard, want := range map[string]outbox.State{"": outbox.Sent, "fence for an open note": outbox.Unknown} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, bubbleSQLite(t), guard)
			w.patient()
			w.add(1, 0)
			notes := 0 // guarded by the losses
			var late atomic.Int64
			losses := w.loseAnswers(t, func(query string) loss {
				if strings.Contains(query, "state = 'sending'") {
					if notes++; notes == 1 {
						return delayed
					}
				}
				return answered
			})
			settleOne(t, w, &life{w: w, fate: func(_ int, what string) (bool, time.Duration) {
				if what == "after: queued" {
					n, err := losses.catchUp()
					if err != nil {
						t.Error(err)
					}
					late.Add(int64(n))
				}
				return false, 0
			}})
			require.EqualValues(t, 1, late.Load())
			row, err := w.outbox(nil, nil).Row(t.Context(), w.want[0])
			require.NoError(t, err)
			require.Equal(t, want, row.State)
			require.False(t, w.judge().bad())
		})
	}
}
