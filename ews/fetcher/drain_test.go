package fetcher_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// drain stops a program under load at a random moment, and says how long that took and how many messages were left half done: handed out
// and accepted, but not acknowledged.
func drain(t *testing.T, after time.Duration, change func(*fetcher.Fetcher)) (took time.Duration, half, handled int) {
	playing(t, func(t *testing.T, p *play) {
		for i := range 60 {
			p.send(fmt.Sprint(i))
		}
		p.o.Parallel, p.o.After = 8, fetcher.Action{MarkRead: true, Move: processed}
		slow := 0
		p.o.Handler = func(ctx context.Context, msg *ews.Message) error {
			p.mu.Lock()
			slow++
			pause := time.Duration(slow%7) * time.Second // some outlast Grace
			p.mu.Unlock()
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.calls[msg.Subject]++
			return nil
		}
		f, err := fetcher.New(p.m, ews.Inbox, &p.o)
		require.NoError(t, err)
		if change != nil {
			change(f)
		}
		p.Fault(ewstest.Fault{Op: "MoveItem", After: 5, Times: -1, Do: ewstest.Delay(3 * time.Second)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(after)
		began := time.Now()
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		took = time.Since(began)

		acknowledged := map[string]bool{}
		for _, state := range []fetcher.State{fetcher.Handled, fetcher.Done} {
			list, err := all(context.WithoutCancel(t.Context()), p.store, f.Source(), state)
			require.NoError(t, err)
			for _, e := range list {
				acknowledged[e.Subject] = true
			}
		}
		for subject := range p.calls {
			handled++
			if !acknowledged[subject] {
				half++
			}
		}
		h, err := p.store.Observe(context.WithoutCancel(t.Context()), f.Source())
		require.NoError(t, err)
		require.Empty(t, h.Owner, "the lease is given up")
	})
	return took, half, handled
}

// TestDrain: a program under load ends within five seconds, and leaves nothing half done.
func TestDrain(t *testing.T) {
	for after := 100 * time.Millisecond; after < 15*time.Second; after += 700 * time.Millisecond {
		took, half, handled := drain(t, after, nil)
		require.LessOrEqual(t, took, 5*time.Second, "after %v", after)
		require.Zero(t, half, "after %v, of %d", after, handled)
	}
}

// TestDrainMutant: one that just stops leaves messages half done.
func TestDrainMutant(t *testing.T) {
	left := 0
	for after := 3 * time.Second; after < 15*time.Second; after += time.Second {
		_, half, _ := drain(t, after, fetcher.Hasty)
		left += half
	}
	require.NotZero(t, left, "nobody noticed")
}

// TestDeafHandler: a handler that does not listen to its context does not keep the program from ending.
func TestDeafHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t)
		defer p.close()
		p.send("a")
		p.o.Handler = func(context.Context, *ews.Message) error {
			time.Sleep(time.Hour)
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- fetcher.Run(ctx, p.m, ews.Inbox, &p.o) }()
		time.Sleep(10 * time.Second)
		began := time.Now()
		cancel()
		err := <-done
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "handlers were still running")
		require.LessOrEqual(t, time.Since(began), 5*time.Second)
		time.Sleep(2 * time.Hour) // it ends by itself
	})
}
