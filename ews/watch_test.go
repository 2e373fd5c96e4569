package ews_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// watched is what a Watch told so far.
type watched struct {
	subjects []string // of created messages, in order
	batches  []ews.Batch
	reports  []ews.WatchReport
	err      error
}

func (w watched) kinds() (kinds []ews.WatchReportKind) {
	for _, r := range w.reports {
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

// watching runs a Watch in a goroutine of the bubble.
type watching struct {
	mu     sync.Mutex
	all    watched
	cancel context.CancelFunc
	done   chan struct{}
}

// now waits until nothing moves any more, and returns what was told.
func (w *watching) now() watched {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all
}

func startWatch(t *testing.T, m *ews.Mailbox, o *ews.WatchOptions) *watching {
	return startWatchOf(t, func(ctx context.Context, o *ews.WatchOptions) iter.Seq2[ews.Batch, error] {
		return m.Watch(ctx, ews.Inbox, "", o)
	}, o)
}

func startWatchOf(t *testing.T, watch func(context.Context, *ews.WatchOptions) iter.Seq2[ews.Batch, error], o *ews.WatchOptions) *watching {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{cancel: cancel, done: make(chan struct{})}
	if o == nil {
		o = new(ews.WatchOptions)
	}
	o.Sync.Detail = ews.Summary
	o.Report = func(r ews.WatchReport) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.all.reports = append(w.all.reports, r)
	}
	take := func(b ews.Batch, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.all.err = err
			return
		}
		w.all.batches = append(w.all.batches, b)
		for _, c := range b.Changes {
			if c.Kind == ews.Created {
				w.all.subjects = append(w.all.subjects, c.Message.Subject)
			}
		}
	}
	go func() {
		defer close(w.done)
		for b, err := range watch(ctx, o) {
			take(b, err) // a loop that goes on after the last pair gets no more
		}
	}()
	return w
}

func (w *watching) stop(t *testing.T) {
	t.Helper()
	began := time.Now()
	w.cancel()
	<-w.done
	require.ErrorIs(t, w.now().err, context.Canceled)
	require.LessOrEqual(t, time.Since(began), 2*time.Second)
}

func TestWatchRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, func(c *ews.Config) { c.Concurrency = 1 })
		deliver(t, x.box, "Subject: old\n\n", nil)
		w := startWatch(t, x.m, nil)
		time.Sleep(10 * time.Second)
		require.Equal(t, []string{"old"}, w.now().subjects)
		require.True(t, w.now().batches[0].Last)
		require.Equal(t, []ews.WatchReportKind{ews.StreamOpened}, w.now().kinds())

		// Arrival to handler is immediate, and costs one Sync.
		x.ResetRequests()
		deliver(t, x.box, "Subject: new\n\n", nil)
		require.Equal(t, []string{"old", "new"}, w.now().subjects)
		require.Equal(t, 1, x.Count("SyncFolderItems"))

		// A call made while the stream is open does not wait for it, although one slot is all there is.
		began := time.Now()
		_, err := x.m.Folder(t.Context(), ews.Inbox)
		require.NoError(t, err)
		require.Zero(t, time.Since(began))

		// A burst costs a Sync per MinInterval at most.
		time.Sleep(time.Second)
		x.ResetRequests()
		for i := range 100 {
			deliver(t, x.box, fmt.Sprintf("Subject: burst %d\n\n", i), nil)
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Second)
		require.Len(t, w.now().subjects, 102)
		require.LessOrEqual(t, x.Count("SyncFolderItems"), 6)

		// An hour of silence: a Sync now and then, two streams, no loss told.
		x.ResetRequests()
		time.Sleep(time.Hour)
		require.LessOrEqual(t, x.Count("SyncFolderItems"), 12)
		require.GreaterOrEqual(t, x.Count("SyncFolderItems"), 4)
		require.Equal(t, 2, x.Count("GetStreamingEvents"), "opened anew before Exchange ends them")
		require.Equal(t, 0, x.Count("Subscribe"))
		require.Equal(t, []ews.WatchReportKind{ews.StreamOpened}, w.now().kinds())

		// Exchange forgets the subscription.
		x.ResetRequests()
		x.DropSubscriptions()
		deliver(t, x.box, "Subject: in the gap\n\n", nil)
		time.Sleep(5 * time.Second)
		deliver(t, x.box, "Subject: after the gap\n\n", nil)
		require.Equal(t, []string{"in the gap", "after the gap"}, w.now().subjects[102:])
		require.Equal(t, 1, x.Count("Subscribe"))
		require.Equal(t, []ews.WatchReportKind{ews.StreamOpened, ews.StreamLost, ews.StreamOpened}, w.now().kinds())
		require.ErrorIs(t, w.now().reports[1].Err, ews.ErrSubscriptionLost)

		w.stop(t)
		require.Equal(t, 1, x.Count("Unsubscribe"))
		x.end(t)
	})
}

// TestWatchClosesTheGap: what comes after the stream was lost and before it opens again rings no bell; opening does.
func TestWatchClosesTheGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, nil)
		w := startWatch(t, x.m, nil)
		time.Sleep(time.Minute)
		x.Fault(ewstest.Fault{Op: "Subscribe", Times: 2, Do: ewstest.CutBefore()})
		x.DropSubscriptions()
		time.Sleep(1100 * time.Millisecond)
		require.Equal(t, ews.StreamLost, w.now().reports[len(w.now().reports)-1].Kind)
		deliver(t, x.box, "Subject: in the gap\n\n", nil)
		require.Empty(t, w.now().subjects)
		time.Sleep(10 * time.Second)
		require.Equal(t, []string{"in the gap"}, w.now().subjects)
		require.Equal(t, ews.StreamOpened, w.now().reports[len(w.now().reports)-1].Kind)
		w.stop(t)
		x.end(t)
	})
}

func TestWatchPolls(t *testing.T) {
	for name, o := range map[string]ews.WatchOptions{"stream refused": {}, "no stream": {NoStream: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMemExchange(t, nil)
				fault := x.Fault(ewstest.Fault{Op: "Subscribe", Times: -1, Do: ewstest.ResponseError("ErrorSubscriptionDelegateAccessNotSupported", "")})
				w := startWatch(t, x.m, &o)
				time.Sleep(time.Minute)
				for i := range 20 {
					at := time.Now()
					deliver(t, x.box, fmt.Sprintf("Subject: %d\n\n", i), nil)
					for len(w.now().subjects) <= i {
						time.Sleep(time.Second)
					}
					require.LessOrEqual(t, time.Since(at), ews.DefaultPollInterval)
				}
				if o.NoStream {
					require.Zero(t, fault.Hits())
					require.Empty(t, w.now().reports)
				} else {
					require.LessOrEqual(t, fault.Hits(), 2, "what is refused is not asked for again and again")
					require.Equal(t, []ews.WatchReportKind{ews.StreamLost}, w.now().kinds())
				}
				w.stop(t)
				x.end(t)
			})
		})
	}
}

func TestWatchWithABellOfOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, nil)
		bell := make(chan struct{})
		w := startWatch(t, x.m, &ews.WatchOptions{Bell: bell, PollInterval: time.Hour})
		time.Sleep(time.Minute)
		deliver(t, x.box, "Subject: a\n\n", nil)
		bell <- struct{}{}
		require.Equal(t, []string{"a"}, w.now().subjects)
		x.ResetRequests()
		close(bell)
		time.Sleep(10 * time.Minute)
		require.LessOrEqual(t, len(x.Requests()), 1, "a closed bell does not ring for ever")
		w.stop(t)
		x.end(t)
	})
}

// TestWatchWaits: failures that pass are waited out; nothing is lost, and Exchange is not hammered.
func TestWatchWaits(t *testing.T) {
	for name, effect := range map[string]ewstest.Effect{
		"busy":        ewstest.BusyMessage(30 * time.Second),
		"busy 503":    ewstest.Busy503(""),
		"outage":      ewstest.Redirect("/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx"),
		"store down":  ewstest.ResponseError("ErrorMailboxStoreUnavailable", ""),
		"moving":      ewstest.ResponseError("ErrorMailboxMoveInProgress", ""),
		"cut":         ewstest.CutBefore(),
		"cut answers": ewstest.CutBody(700),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMemExchange(t, nil)
				w := startWatch(t, x.m, nil)
				time.Sleep(time.Minute)
				x.ResetRequests()
				fault := x.Fault(ewstest.Fault{Times: -1, Do: effect})
				deliver(t, x.box, "Subject: a\n\n", nil)
				time.Sleep(2 * time.Hour)
				require.NoError(t, w.now().err)
				require.Empty(t, w.now().subjects)
				require.Contains(t, w.now().kinds(), ews.SyncFailed)
				require.LessOrEqual(t, len(x.Requests()), 2*120*5, "requests in two hours")
				fault.Remove()
				time.Sleep(7 * time.Minute)
				require.Equal(t, []string{"a"}, w.now().subjects)
				kinds := w.now().kinds()
				require.ElementsMatch(t, []ews.WatchReportKind{ews.SyncRecovered, ews.StreamOpened}, kinds[len(kinds)-2:])
				w.stop(t)
				x.end(t)
			})
		})
	}
}

// TestWatchEnds: on the errors its documentation lists, with the error in the last pair and nothing left open.
func TestWatchEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		effect ewstest.Effect
		kind   error
		syncs  int
	}{
		"denied":         {ewstest.ResponseError("ErrorAccessDenied", ""), ews.ErrDenied, 1},
		"blocked":        {ewstest.Blocked(), ews.ErrEWSBlocked, 1},
		"folder gone":    {ewstest.ResponseError("ErrorFolderNotFound", ""), ews.ErrNotFound, 1},
		"login page":     {ewstest.HTML(200, "<html><title>Sign in</title></html>"), ews.ErrEndpoint, 1},
		"wrong audience": {ewstest.Unauthorized(ewstest.ErrInvalidAudience), ews.ErrUnauthorized, 1},
		"refused":        {ewstest.Unauthorized(nil), ews.ErrUnauthorized, 3 * 2},
		"cursor":         {ewstest.ResponseError("ErrorInvalidSyncStateData", ""), ews.ErrCursorInvalid, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMemExchange(t, nil)
				w := startWatch(t, x.m, nil)
				time.Sleep(time.Minute)
				x.ResetRequests()
				x.Fault(ewstest.Fault{Op: "SyncFolderItems", Times: -1, Do: tc.effect})
				deliver(t, x.box, "Subject: a\n\n", nil)
				time.Sleep(30 * time.Minute)
				select {
				case <-w.done:
				default:
					t.Fatal("still watching")
				}
				require.ErrorIs(t, w.now().err, tc.kind)
				require.Equal(t, tc.syncs, x.Count("SyncFolderItems"))
				x.end(t)
			})
		})
	}
}

// TestWatchEndsInTime: also when the server no longer answers.
func TestWatchEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, nil)
		w := startWatch(t, x.m, nil)
		time.Sleep(time.Minute)
		x.Fault(ewstest.Fault{Times: -1, Do: ewstest.Hang()})
		deliver(t, x.box, "Subject: a\n\n", nil)
		time.Sleep(10 * time.Second)
		w.stop(t)
		x.end(t)
	})
}
