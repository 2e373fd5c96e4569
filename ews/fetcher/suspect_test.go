package fetcher_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// deadly runs a program that dies of one message as often as it is handed out, and is started again each time.
func deadly(t *testing.T, tx bool, mutant func(fetcher.Stepper) fetcher.Stepper) (deaths int, made map[string]int, quarantined []fetcher.Entry) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		var d desk = &keyDesk{tickets: newTickets()}
		var store fetcher.Store = fetcher.NewMemoryStore()
		if tx {
			d, store = newSQLDesk(t)
		}
		defer d.close()
		w.deliver(t, 10)
		w.mail(t, mail("bomb"), nil)
		for i := range 10 {
			w.mail(t, mail(fmt.Sprint("n", i)), nil)
		}
		for deaths < 20 {
			life, end := context.WithCancel(t.Context())
			var dead atomic.Bool
			o := &fetcher.Options{Store: store, MaxAttempts: 5, LeaseTTL: time.Minute, Watch: &ews.WatchOptions{NoStream: true, PollInterval: time.Minute}}
			serve(o, d, func(msg *ews.Message) error {
				if msg.Subject == "bomb" {
					dead.Store(true)
					end()
					return errors.New("dying") // which nobody hears any more
				}
				time.Sleep(20 * time.Millisecond) // so that others are under way with it
				return nil
			})
			f, err := fetcher.New(w.m, ews.Inbox, o)
			require.NoError(t, err)
			if mutant != nil {
				fetcher.Mutate(f, mutant)
			}
			fetcher.Stoppable(f, dead.Load)
			done := make(chan struct{})
			go func() { defer close(done); _ = f.Run(life) }()
			select {
			case <-done:
				deaths++
			case <-time.After(3 * time.Hour):
				end()
				<-done
				made = d.counts()
				quarantined, err = all(context.WithoutCancel(t.Context()), store, f.Source(), fetcher.Quarantined)
				require.NoError(t, err)
				return
			}
			end()
		}
	})
	return deaths, made, quarantined
}

// TestDeadlyMessage: a message that ends the program each time it is handed out ends in quarantine, and nothing else does.
func TestDeadlyMessage(t *testing.T) {
	for _, tx := range []bool{false, true} {
		t.Run(fmt.Sprint("transactional ", tx), func(t *testing.T) {
			deaths, made, list := deadly(t, tx, nil)
			require.Equal(t, 6, deaths, "the first one is nobody's fault yet")
			want := map[string]int{}
			for i := range 10 {
				want[fmt.Sprint("m", i)], want[fmt.Sprint("n", i)] = 1, 1
			}
			require.Equal(t, want, made)
			require.Len(t, list, 1)
			require.Equal(t, "the program ended 5 times while it was handling this message", list[0].Reason)
		})
	}
}

// TestDeadlyMessageMutant: a program that forgets what its predecessors died of dies for ever.
func TestDeadlyMessageMutant(t *testing.T) {
	deaths, _, list := deadly(t, false, fetcher.Unsuspecting)
	require.Equal(t, 20, deaths)
	require.Empty(t, list)
}

// TestInterrupted: a message that a proper end interrupts, however often, is not taken for one that ended the program.
func TestInterrupted(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.send("a")
		var dead atomic.Bool
		p.change = func(f *fetcher.Fetcher) { fetcher.Stoppable(f, dead.Load) }
		slow := true
		p.o.MaxAttempts = 3
		p.o.Handler = func(ctx context.Context, msg *ews.Message) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if slow {
				p.mu.Unlock()
				<-ctx.Done()
				p.mu.Lock()
				return ctx.Err()
			}
			p.calls[msg.Subject]++
			return nil
		}
		p.start()
		dead.Store(true)
		p.stop()
		dead.Store(false)
		for range 10 {
			p.start()
			p.stop()
		}
		p.mu.Lock()
		slow = false
		p.mu.Unlock()
		p.start()
		p.stop()
		require.Equal(t, map[string]int{"a": 1}, p.calls)
	})
}
