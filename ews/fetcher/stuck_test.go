package fetcher_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// deaf makes the handler hang on one message, whatever its context says, until it is let go.
func (p *play) deaf(subject string) (release func()) {
	gate, handle := make(chan struct{}), p.o.Handler
	p.o.Handler = func(ctx context.Context, msg *ews.Message) error {
		if msg.Subject == subject {
			<-gate
			return nil
		}
		return handle(ctx, msg)
	}
	return func() { close(gate) }
}

// TestStuckShows: a handler that ignores its context's end keeps its lease and its message, others get on, and the health names it.
func TestStuckShows(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.send("hangs")
		p.o.Timeout = time.Hour
		release := p.deaf("hangs")
		p.start()
		time.Sleep(time.Minute)
		require.Zero(t, p.f.Stats().Stuck, "it has time yet")
		time.Sleep(2 * time.Hour)
		p.send("other")
		p.rest()
		st := p.f.Stats()
		require.True(t, st.Leading)
		require.Equal(t, 1, st.Stuck)
		require.Equal(t, map[string]int{"other": 1}, p.calls)
		open, err := all(t.Context(), p.store, p.f.Source(), fetcher.Pending)
		require.NoError(t, err)
		require.Len(t, open, 1)
		require.Equal(t, open[0].Key, st.StuckKey)
		require.ErrorContains(t, st.Healthy(time.Now(), time.Minute), "the handler of message "+open[0].Key)
		release()
		p.rest()
		st = p.f.Stats()
		require.Zero(t, st.Stuck)
		require.NoError(t, st.Healthy(time.Now(), time.Minute))
		require.EqualValues(t, 2, st.Handled)
		p.stop()
	})
}

// TestStuckEnds: Run says which message's handler it left running, and the next Run hands the message out again.
func TestStuckEnds(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.send("hangs")
		release := p.deaf("hangs")
		f, err := fetcher.New(p.m, ews.Inbox, &p.o)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(10 * time.Second)
		open, err := all(t.Context(), p.store, f.Source(), fetcher.Pending)
		require.NoError(t, err)
		require.Len(t, open, 1)
		cancel()
		err = <-done
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, open[0].Key)
		st := f.Stats()
		require.Equal(t, 1, st.Stuck, "it hangs still")
		require.Error(t, st.Healthy(time.Now().Add(time.Hour), time.Minute))
		release()
		synctest.Wait()
		require.Zero(t, f.Stats().Stuck)
		p.o.Handler = func(_ context.Context, msg *ews.Message) error { p.calls[msg.Subject]++; return nil }
		p.start()
		p.rest()
		p.stop()
		require.Equal(t, map[string]int{"hangs": 1}, p.calls)
	})
}

// TestStuckStandsBy: an instance whose handler hangs when it loses the lease comes back all the same, and what the handler says in the end
// counts for nothing.
func TestStuckStandsBy(t *testing.T) {
	for _, ends := range []bool{false, true} { // while it hangs
		t.Run(fmt.Sprint(ends), func(t *testing.T) {
			playing(t, func(t *testing.T, p *play) {
				var down atomic.Bool
				p.o.Store = &downStore{p.store, &down}
				p.o.Timeout = -1
				gates := []chan struct{}{make(chan struct{}), make(chan struct{})}
				p.o.Handler = func(_ context.Context, msg *ews.Message) error {
					p.mu.Lock()
					n := p.calls[msg.Subject]
					p.calls[msg.Subject]++
					p.mu.Unlock()
					if msg.Subject == "hangs" {
						<-gates[n]
					}
					return nil
				}
				p.send("hangs")
				p.start()
				down.Store(true)
				time.Sleep(3 * fetcher.DefaultLeaseTTL)
				require.False(t, p.f.Stats().Leading)
				down.Store(false)
				p.send("other")
				time.Sleep(5 * time.Minute)
				st := p.f.Stats()
				require.True(t, st.Leading, "it waits for the handler")
				require.Equal(t, map[string]int{"hangs": 2, "other": 1}, p.calls, "handed out again, as after a crash")
				require.Equal(t, 1, st.Stuck)
				require.Error(t, st.Healthy(time.Now(), time.Minute))
				if ends {
					close(gates[1])
					p.rest()
					p.cancel()
					err := <-p.done
					require.ErrorContains(t, err, st.StuckKey)
					close(gates[0])
					return
				}
				close(gates[0])
				p.rest()
				st = p.f.Stats()
				require.Equal(t, 1, st.Open, "the second call decides")
				require.EqualValues(t, 1, st.Handled)
				require.Zero(t, st.Stuck)
				close(gates[1])
				p.rest()
				st = p.f.Stats()
				require.Zero(t, st.Open)
				require.EqualValues(t, 2, st.Handled)
				p.send("last")
				p.rest()
				p.stop()
				require.Equal(t, map[string]int{"hangs": 2, "other": 1, "last": 1}, p.calls)
			})
		})
	}
}

// TestStuckCommit: a TxHandler that hangs over a lost lease commits nothing afterwards.
func TestStuckCommit(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		var down atomic.Bool
		var hung atomic.Bool
		gate := make(chan struct{})
		late := make(chan error, 1)
		p.o.Store = &downTxStore{downStore{p.store, &down}}
		p.o.Handler = nil
		p.o.TxHandler = func(_ context.Context, msg *ews.Message, d *fetcher.Delivery) error {
			write := func(*sql.Tx) error { p.calls[msg.Subject]++; return nil }
			if hung.CompareAndSwap(false, true) {
				<-gate
				err := d.Commit(context.WithoutCancel(t.Context()), write)
				late <- err
				return err
			}
			return d.Commit(t.Context(), write)
		}
		p.send("hangs")
		p.start()
		down.Store(true)
		time.Sleep(3 * fetcher.DefaultLeaseTTL)
		down.Store(false)
		time.Sleep(5 * time.Minute)
		require.Equal(t, map[string]int{"hangs": 1}, p.calls)
		close(gate)
		require.ErrorIs(t, <-late, fetcher.ErrLeaseLost)
		p.rest()
		p.stop()
		require.Equal(t, map[string]int{"hangs": 1}, p.calls)
	})
}

// downTxStore commits as an SQLStore does, without a database: the epoch decides.
type downTxStore struct{ downStore }

func (s *downTxStore) Commit(ctx context.Context, source string, epoch int64, to fetcher.Entry, write fetcher.WriteFunc) error {
	if err := s.Save(ctx, source, epoch, to); err != nil {
		return err
	}
	return write(nil)
}

// TestOrderedActionFails: a mailbox that refuses, or cannot do, what follows a ticket does not hold up the conversation.
func TestOrderedActionFails(t *testing.T) {
	for _, code := range []string{"ErrorAccessDenied", "ErrorInternalServerTransientError"} {
		t.Run(code, func(t *testing.T) {
			playing(t, func(t *testing.T, p *play) {
				for i := range 3 {
					references := ""
					if i > 0 {
						references = "References: <1@x>\r\nIn-Reply-To: <1@x>\r\n"
					}
					p.mail(t, fmt.Appendf(nil, "From: a@example.org\r\nSubject: thread\r\nMessage-ID: <%d@x>\r\n%s\r\n", i+1, references), nil)
					time.Sleep(time.Second)
				}
				p.Fault(ewstest.Fault{Op: "MoveItem", Times: -1, Do: ewstest.ResponseError(code, "no")})
				p.o.Ordered, p.o.After = true, fetcher.Action{Move: processed}
				var order []string
				p.o.Handler = func(_ context.Context, msg *ews.Message) error {
					order = append(order, msg.InternetMessageID)
					if len(order) == 1 {
						return fetcher.Permanent(errors.New("no")) // the move into quarantine fails, too
					}
					return nil
				}
				p.start()
				time.Sleep(2 * time.Minute)
				require.Equal(t, []string{"<1@x>", "<2@x>", "<3@x>"}, order)
				p.stop()
			})
		})
	}
}
