package fetcher_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// outage has two instances fetch while their database is off for a moment, for ten minutes, and again, and says what was wrong.
func outage(t *testing.T, tx bool, change func(*fetcher.Fetcher)) (wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &ewstest.Options{NoGzip: true})
		defer w.close()
		d, inner := newSQLDesk(t)
		defer d.close()
		p := new(power)
		store := &outageStore{inner.(fetcher.TxStore), p}
		ctx, stop := context.WithCancel(t.Context())
		var herd []*fetcher.Fetcher
		var ended []chan error
		for range 2 {
			o := &fetcher.Options{Store: store, Watch: polling(), MaxAttempts: 3, After: fetcher.Action{Move: processed}}
			slow := func() error { time.Sleep(time.Second); return nil }
			if d.serve(o, slow); !tx {
				o.TxHandler, o.Handler = nil, plainly(d, p)
			}
			f, err := fetcher.New(w.m, ews.Inbox, o)
			require.NoError(t, err)
			change(f)
			done := make(chan error, 1)
			go func() { done <- f.Run(ctx) }()
			herd, ended = append(herd, f), append(ended, done)
			time.Sleep(300 * time.Millisecond)
		}
		sent := 0
		send := func(n int) {
			for range n {
				w.mail(t, mail(fmt.Sprint("m", sent)), nil)
				sent++
			}
		}
		for _, lasts := range []time.Duration{1500 * time.Millisecond, 10 * time.Minute, 1500 * time.Millisecond, 10 * time.Minute} {
			send(10)
			time.Sleep(time.Minute)
			send(20)
			p.cut.Store(true)
			for began := time.Now(); !p.off.Load() && time.Since(began) < time.Minute; {
				time.Sleep(100 * time.Millisecond)
			}
			p.off.Store(true)
			time.Sleep(lasts)
			send(10)
			for i, f := range herd {
				if err := new(f.Stats()).Healthy(time.Now(), time.Minute); err == nil && lasts > time.Minute {
					wrong = append(wrong, fmt.Sprintf("instance %d is healthy without its database", i))
				}
			}
			p.off.Store(false)
			time.Sleep(5 * time.Minute)
			leading := 0
			for i, f := range herd {
				st := f.Stats()
				if err := st.Healthy(time.Now(), time.Minute); err != nil {
					wrong = append(wrong, fmt.Sprintf("instance %d: %v", i, err))
				}
				if st.Leading {
					leading++
				}
				if st.GivenUp > 0 {
					wrong = append(wrong, fmt.Sprintf("instance %d gave up %d messages", i, st.GivenUp))
				}
			}
			if leading != 1 {
				wrong = append(wrong, fmt.Sprintf("%d instances fetch", leading))
			}
			if got := d.counts(); !maps.Equal(got, each(sent)) {
				wrong = append(wrong, fmt.Sprintf("%d tickets of %d messages: %v", len(got), sent, got))
			}
			if n := total(w.box, "inbox"); n > 0 {
				wrong = append(wrong, fmt.Sprintf("%d messages are still in the inbox", n))
			}
		}
		stop()
		for _, done := range ended {
			if err := <-done; !errors.Is(err, context.Canceled) {
				wrong = append(wrong, fmt.Sprintf("ended with %v", err))
			}
		}
	})
	return wrong
}

// plainly is a handler whose tickets lie in the same database, with a unique key.
func plainly(d *sqlDesk, p *power) fetcher.Handler {
	return func(ctx context.Context, msg *ews.Message) error {
		time.Sleep(time.Second)
		return p.commit(func() error {
			_, err := d.db.ExecContext(ctx, "INSERT INTO tickets (subject) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM tickets WHERE subject = ?)", msg.Subject, msg.Subject)
			return err
		})
	}
}

// TestDatabaseOff: a database that is off for a while costs no message and doubles none, gives no message up, and everything goes on by itself
// afterwards; meanwhile the health says what is wrong.
func TestDatabaseOff(t *testing.T) {
	for _, tx := range []bool{true, false} {
		t.Run(fmt.Sprint("transactional ", tx), func(t *testing.T) {
			require.Empty(t, outage(t, tx, func(*fetcher.Fetcher) {}))
		})
	}
}

// TestDatabaseOffMutants: one that gives up, one that does not say, one that blames the messages, and one that takes a commit whose answer was
// lost for none.
func TestDatabaseOffMutants(t *testing.T) {
	for name, mutant := range map[string]func(fetcher.Stepper) fetcher.Stepper{
		"resigned": fetcher.Resigned, "forgiving": fetcher.Unalarmed, "blaming": fetcher.Blaming, "forgetful": fetcher.Forgetful,
	} {
		t.Run(name, func(t *testing.T) {
			// What is under way when the power goes is chance. One that blames the messages is found in three of four outages, so that
			// not one of twenty finds it once in a million million times.
			for n := range 20 {
				if wrong := outage(t, true, mutated(mutant)); len(wrong) > 0 {
					t.Logf("outage %d: %s", n, wrong[0])
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}
