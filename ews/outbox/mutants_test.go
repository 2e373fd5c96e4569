package outbox_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

// scenario is a misfortune of the first worker (or the first two), what must come of it, and the guard without which it does not.
type scenario struct {
	guard    string
	vanishes bool // the sent copy cannot be found
	first    func() *life
	together bool // a second worker of the same fate runs beside the first
	want     outbox.State
}

func endsAt(step string) func() *life {
	return func() *life {
		return &life{ops: true, fate: func(_ int, what string) (bool, time.Duration) { return what == step, 0 }}
	}
}

// scenarios: why each guard is there.
var scenarios = []scenario{
	// The worker dies when its message has just gone out.
	{"note before sending", false, endsAt("answer SendItem"), false, outbox.Sent},
	{"look-up of the sent copy", false, endsAt("answer SendItem"), false, outbox.Sent},
	// The same, and a rule has moved the copy away: what is not found may have gone out all the same.
	{"proof", true, endsAt("answer SendItem"), false, outbox.Unknown},
	// The answer of the send is lost, with such a rule.
	{"doubt", true, func() *life {
		l := &life{}
		sends := 0
		l.cut = func(int) (cut, float64) {
			if l.noted.Load() && sends == 0 { // the next request is the send
				sends++
				return cutAnswerHead, 0
			}
			return cutNowhere, 0
		}
		return l
	}, false, outbox.Unknown},
	// The request that sends is lost on its way, its worker finds out, and dies before it has written that down.
	{"proof until it is written down", false, func() *life {
		l := &life{}
		sends := 0
		l.cut = func(int) (cut, float64) {
			if l.noted.Load() && sends == 0 {
				sends++
				return cutRequestBody, 0.5
			}
			return cutNowhere, 0
		}
		l.fate = func(_ int, what string) (bool, time.Duration) { return what == "before: queued", 0 }
		return l
	}, false, outbox.Sent},
	// The worker dies when it has made a draft.
	{"look-up of earlier drafts", false, endsAt("answer UpdateItem"), false, outbox.Sent},
	// Two workers see the row at the same time.
	{"fenced claim", false, func() *life {
		var here atomic.Int32
		return &life{fate: func(_ int, what string) (bool, time.Duration) {
			switch what {
			case "before: claim":
				here.Add(1)
				for end := time.Now().Add(2 * time.Second); here.Load() < 2 && time.Now().Before(end); {
					time.Sleep(time.Millisecond)
				}
			case "request": // neither is through before the other one has read the row
				return false, 2 * time.Millisecond
			}
			return false, 0
		}}
	}, true, outbox.Sent},
	// The worker sleeps with a complete draft until another one has sent the message, and then goes on.
	{"fenced writes", false, func() *life {
		return &life{fate: func(_ int, what string) (bool, time.Duration) {
			if what == "before: sending" {
				return false, time.Second
			}
			return false, 0
		}}
	}, true, outbox.Sent},
}

// play plays a scenario and returns what came of it.
func play(t *testing.T, s scenario, without string) (o outcome, state outbox.State) {
	synctest.Test(t, func(t *testing.T) { o, state = playIn(t, s, without) })
	return o, state
}

func playIn(t *testing.T, s scenario, without string) (o outcome, state outbox.State) {
	w := newWorld(t, patientSQLite(t), without)
	vanish := 0
	if s.vanishes {
		vanish = 1
	}
	w.add(1, vanish)
	deadline := time.Now().Add(time.Minute)
	if without != "" {
		deadline = time.Now().Add(4 * time.Second) // never being settled is harm, too
	}
	first := s.first()
	first.w = w
	ends := []func(){first.start()}
	if s.together {
		second := &life{w: w}
		if s.guard == "fenced claim" {
			second.fate = first.fate
		} else {
			time.Sleep(50 * time.Millisecond) // the first one has the row
		}
		ends = append(ends, second.start())
	}
	for !first.dead.Load() && w.open() > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	for _, end := range ends {
		end()
	}
	for w.open() > 0 && time.Now().Before(deadline) {
		l := &life{w: w}
		end := l.start()
		for w.open() > 0 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		end()
	}
	row, err := w.outbox(nil, nil).Row(t.Context(), w.want[0])
	require.NoError(t, err)
	return w.judge(), row.State
}

// TestGuards plays each scenario with all guards, when it must end well, and without the one it is about, when it must not.
func TestGuards(t *testing.T) {
	side := newAside(t)
	defer side.wait()
	for _, s := range scenarios {
		side.run(strings.ReplaceAll(s.guard, " ", "-"), func(t *testing.T) {
			o, state := play(t, s, "")
			require.False(t, o.bad(), "%+v", o)
			require.Equal(t, s.want, state)
			o, state = play(t, s, s.guard)
			require.True(t, o.bad() || state != s.want, "nothing happened without %q: %+v %s", s.guard, o, state)
			t.Logf("without it: %+v, %s", o, state)
		})
	}
}

// TestProofLasts: the draft that proves that nothing went out is removed, and the answer to that is lost.
func TestProofLasts(t *testing.T) {
	for guard, want := range map[string]outbox.State{"": outbox.Sent, "lasting proof": outbox.Unknown} {
		t.Run(string(want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, bubbleSQLite(t), guard)
				w.add(1, 0)
				first := endsAt("after: sending")()
				first.w = w
				end := first.start()
				for !first.dead.Load() {
					time.Sleep(time.Millisecond)
				}
				end()
				lost := w.srv.Fault(ewstest.Fault{Op: "DeleteItem", Do: ewstest.CutAfter()})
				settleOne(t, w, &life{w: w})
				require.Positive(t, lost.Hits())
				row, err := w.outbox(nil, nil).Row(t.Context(), w.want[0])
				require.NoError(t, err)
				require.Equal(t, want, row.State)
				require.False(t, w.judge().bad())
				require.Empty(t, w.box.Items("deleteditems"))
			})
		})
	}
}

// TestProofIsOfThisTry: a draft of the first try is left in Deleted Items, and the second try goes out without a trace: what the first one
// left must not prove that the second one did not go out.
func TestProofIsOfThisTry(t *testing.T) {
	for guard, harm := range map[string]bool{"": false, "look-up of earlier drafts": true} {
		t.Run(map[bool]string{false: "with all guards", true: "without"}[harm], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, bubbleSQLite(t), guard)
				w.add(1, 1)
				for _, last := range []string{"after: sending", "after: queued", "answer SendItem"} {
					l := endsAt(last)()
					l.w = w
					end := l.start()
					for !l.dead.Load() {
						time.Sleep(time.Millisecond)
					}
					end()
				}
				settleOne(t, w, &life{w: w})
				o := w.judge()
				require.Equal(t, harm, o.bad(), "%+v", o)
				require.Equal(t, map[bool]int{false: 0, true: 1}[harm], o.Duplicates)
				require.Equal(t, map[bool]int{false: 1, true: 0}[harm], o.Unknown)
			})
		})
	}
}

// TestLateClaim: a worker that comes to a row only when its claim has run out, held up in the claim itself or by that of the next row,
// leaves it alone, and makes no draft that nobody would remove if it died then.
func TestLateClaim(t *testing.T) {
	for name, tc := range map[string]struct {
		rows int
		step string
		nth  int
	}{
		"reads late": {1, "after: claim", 1}, "begins late": {2, "before: claim", 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, patientSQLite(t), "")
				w.add(tc.rows, 0)
				claims := 0
				first := &life{w: w, fate: func(_ int, what string) (bool, time.Duration) {
					if what == tc.step {
						if claims++; claims == tc.nth {
							return false, 10 * w.timeout
						}
					}
					return false, 0
				}}
				end := first.start()
				time.Sleep(w.timeout / 2)
				settleOne(t, w, &life{w: w})
				time.Sleep(20 * w.timeout)
				end()
				require.Equal(t, tc.rows, w.srv.Count("CreateItem"))
				require.False(t, w.judge().bad())
			})
		})
	}
}
