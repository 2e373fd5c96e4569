package fetcher_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// subject is what an enumeration is done with.
type subject struct {
	name   string
	tx     bool // TxHandler on SQLite, else Handler with keys on a memory store
	mutant func(fetcher.Stepper) fetcher.Stepper
	wrap   func(fetcher.Store) fetcher.Store
	blind  bool // tickets without a key
	stay   bool // messages are left where they are
}

const five = 5

// lab is a mailbox with five messages, and what becomes of them.
type lab struct {
	t testing.TB
	*world
	subject
	desk  desk
	store fetcher.Store
}

func newLab(t testing.TB, s subject) *lab {
	l := &lab{t: t, world: newWorld(t, &ewstest.Options{NoGzip: true}), subject: s}
	l.deliver(t, five)
	if s.tx {
		l.desk, l.store = newSQLDesk(t)
	} else {
		l.desk, l.store = &keyDesk{tickets: newTickets(), blind: s.blind}, fetcher.NewMemoryStore()
	}
	if s.wrap != nil {
		l.store = s.wrap(l.store)
	}
	return l
}

// instance starts a program. refuse, if not nil, is asked by its handler first.
func (l *lab) instance(refuse func() error) *fetcher.Sim {
	o := &fetcher.Options{Store: l.store, Once: true, Parallel: 2,
		Lock: func(context.Context, string) (fetcher.Lock, error) { return generous{}, nil }}
	if !l.stay {
		o.After = fetcher.Action{MarkRead: true, Move: processed}
	}
	l.desk.serve(o, refuse)
	f, err := fetcher.New(l.m, ews.Inbox, o)
	require.NoError(l.t, err)
	return fetcher.NewSim(l.t.Context(), f, l.mutant)
}

// generous is a lock that everybody gets: it is lost whenever somebody else takes it.
type generous struct{}

func (generous) Check(context.Context) error { return nil }
func (generous) Unlock() error               { return nil }

// finish runs programs without mishaps until nothing is left to do, and says what is wrong then.
func (l *lab) finish() error {
	for range 12 {
		m := l.instance(nil)
		for m.Step() {
		}
		time.Sleep(3 * time.Hour) // past every pause
		if m.Err == nil && (l.stay || len(l.box.Items("inbox")) == 0) && l.open() == 0 {
			break
		}
	}
	made := l.desk.counts()
	for i := range five {
		if n := made[fmt.Sprint("m", i)]; n != 1 {
			return fmt.Errorf("message %d has %d tickets", i, n)
		}
	}
	if n := len(l.box.Items("inbox/Processed")); n != five && !l.stay {
		return fmt.Errorf("%d of %d messages were moved", n, five)
	}
	if n := l.open(); n != 0 {
		return fmt.Errorf("%d entries are still open", n)
	}
	return nil
}

func (l *lab) open() (n int) {
	for _, state := range []fetcher.State{fetcher.Pending, fetcher.Handled, fetcher.Failed} {
		list, err := all(l.t.Context(), l.store, "help@example.com/inbox", state)
		require.NoError(l.t, err)
		n += len(list)
	}
	return n
}

// attempt is one run of an enumeration, in a bubble of its own.
func attempt(t *testing.T, s subject, do func(l *lab)) (err error) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, s)
		defer l.close()
		defer l.desk.close()
		do(l)
		err = l.finish()
	})
	return err
}

// run takes steps; 0 is to the end.
func run(m *fetcher.Sim, steps int) {
	for n := 0; steps == 0 || n < steps; n++ {
		if !m.Step() {
			return
		}
	}
}

// crashes enumerates: the program dies before step c, and the answer of step r is lost. share is the part of the pairs that is tried; enough
// failures end it.
func crashes(t *testing.T, s subject, share float64, enough int) (runs int, wrong []error) {
	clean, sound := 0, s
	sound.wrap = nil
	require.NoError(t, attempt(t, sound, func(l *lab) {
		m := l.instance(nil)
		run(m, 0)
		clean = m.Steps
	}), "without any mishap")
	r := rand.New(rand.NewPCG(1, 2))
	for c := range clean + 1 {
		for loss := range clean + 1 {
			if loss > 0 && c > 0 && (loss > c || r.Float64() > share) {
				continue
			}
			runs++
			err := attempt(t, s, func(l *lab) {
				m := l.instance(nil)
				m.Lose = func(n int) bool { return n == loss }
				run(m, c)
				m.Kill()
			})
			if err != nil {
				wrong = append(wrong, fmt.Errorf("crash before step %d, answer %d lost: %w", c+1, loss, err))
			}
			if len(wrong) == enough {
				return runs, wrong
			}
		}
	}
	return runs, wrong
}

// takeovers enumerates: program A stands still before step a, B takes over and takes b steps, A goes on to its end, and B to its. With
// refuse the handlers of A fail.
func takeovers(t *testing.T, s subject, share float64, enough int) (runs int, wrong []error) {
	clean, sound := 0, s
	sound.wrap = nil
	require.NoError(t, attempt(t, sound, func(l *lab) {
		m := l.instance(nil)
		run(m, 0)
		clean = m.Steps
	}))
	r := rand.New(rand.NewPCG(3, 4))
	for a := range clean + 1 {
		for b := range clean + 1 {
			if r.Float64() > share {
				continue
			}
			for _, refuse := range []error{nil, errors.New("A's database is down")} {
				loss := r.IntN(2 * clean)
				runs++
				err := attempt(t, s, func(l *lab) {
					first := l.instance(func() error { return refuse })
					first.Lose = func(n int) bool { return n == loss }
					if a > 0 {
						run(first, a)
					}
					second := l.instance(nil)
					if b > 0 {
						run(second, b)
					}
					run(first, 0)
					run(second, 0)
				})
				if err != nil {
					wrong = append(wrong, fmt.Errorf("A stood still before step %d, B took %d steps, A's answer %d was lost, its handler: %v: %w", a+1, b, loss, refuse, err))
				}
				if len(wrong) == enough {
					return runs, wrong
				}
			}
		}
	}
	return runs, wrong
}

// enough failures are told.
const enough = 3

var forms = []subject{{name: "plain"}, {name: "transactional", tx: true}, {name: "transactional, left in the folder", tx: true, stay: true}}

// TestEnumeratedCrashes: one ticket for each message, whenever the program dies and whatever answer is lost.
func TestEnumeratedCrashes(t *testing.T) {
	for _, s := range forms {
		t.Run(s.name, func(t *testing.T) {
			runs, wrong := crashes(t, s, size(1, 0.1, 0.02), enough)
			t.Logf("%d runs", runs)
			require.Empty(t, wrong)
		})
	}
}

// TestEnumeratedTakeovers: the same when two programs are at it, each of which believes to be the one.
func TestEnumeratedTakeovers(t *testing.T) {
	for _, s := range forms {
		t.Run(s.name, func(t *testing.T) {
			runs, wrong := takeovers(t, s, size(1, 0.05, 0.005), enough)
			t.Logf("%d runs", runs)
			require.Empty(t, wrong)
		})
	}
}
