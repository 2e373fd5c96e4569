package ews_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// cutStream watches while the stream is cut so many times at random bytes and mail arrives. It returns what is wrong: messages not handed out,
// handed out more than once, or late.
func cutStream(t *testing.T, cuts int, options func(ctx context.Context, m *ews.Mailbox, group *sync.WaitGroup) *ews.WatchOptions) (wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, nil)
		rnd := rand.New(rand.NewPCG(1, 2))
		where := rand.New(rand.NewPCG(3, 4))
		x.net.cut = func() int { return where.IntN(6000) } // within the head, the first envelope, or one of the next
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex // for the race detector: the two never run at the same time
		delivered := map[string]time.Time{}
		seen := map[string]int{}
		done := make(chan struct{})
		var slowest time.Duration
		reports := map[ews.WatchReportKind]int{}
		var group sync.WaitGroup
		o := options(ctx, x.m, &group)
		o.Sync.Detail = ews.Summary
		o.Report = func(r ews.WatchReport) { reports[r.Kind]++ }
		go func() {
			defer close(done)
			for b, err := range x.m.Watch(ctx, ews.Inbox, "", o) {
				if err != nil {
					require.ErrorIs(t, err, context.Canceled)
					return
				}
				mu.Lock()
				for _, c := range b.Changes {
					seen[c.Message.Subject]++
					slowest = max(slowest, time.Since(delivered[c.Message.Subject]))
				}
				mu.Unlock()
			}
		}()
		n := 0
		for {
			if done, _ := x.net.counts(); done >= cuts {
				break
			}
			time.Sleep(time.Duration(rnd.IntN(20_000)) * time.Millisecond)
			for range rnd.IntN(3) {
				subject := fmt.Sprint("message ", n)
				n++
				mu.Lock()
				delivered[subject] = time.Now()
				mu.Unlock()
				deliver(t, x.box, "Subject: "+subject+"\n\n", nil)
			}
		}
		time.Sleep(3 * time.Minute)
		cancel()
		<-done
		group.Wait()
		require.Greater(t, n, cuts/2)
		if len(seen) != n {
			wrong = append(wrong, fmt.Sprintf("%d of %d messages missed", n-len(seen), n))
		}
		for subject, times := range seen {
			if times != 1 {
				wrong = append(wrong, fmt.Sprintf("%s %d times", subject, times))
			}
		}
		if slowest > ews.DefaultPollInterval+5*time.Second {
			wrong = append(wrong, fmt.Sprintf("late by %v", slowest))
		}
		if o.Bell == nil {
			require.Greater(t, reports[ews.StreamLost], cuts/4)
		}
		t.Logf("%d messages, %d requests, slowest %v, %v", n, len(x.Requests()), slowest, reports)
		x.end(t)
	})
	return wrong
}

// TestWatchSurvivesCuts cuts the stream 1,000 times at random bytes while mail arrives: every message is handed out once, and soon.
func TestWatchSurvivesCuts(t *testing.T) {
	require.Empty(t, cutStream(t, unlessRace(1000, 100), func(context.Context, *ews.Mailbox, *sync.WaitGroup) *ews.WatchOptions { return new(ews.WatchOptions) }))
}

// TestWatchSurvivesCutsMutant: without the Sync that follows each opening of the stream, with its events as the only bell, the same test
// sees messages missed.
func TestWatchSurvivesCutsMutant(t *testing.T) {
	wrong := cutStream(t, 100, func(ctx context.Context, m *ews.Mailbox, group *sync.WaitGroup) *ews.WatchOptions {
		bell := make(chan struct{}, 1)
		group.Go(func() {
			for e, err := range m.Events(ctx, &ews.EventsOptions{SubscribeOptions: ews.SubscribeOptions{Folders: []ews.FolderRef{ews.Inbox}}}) {
				if err != nil || e.Type == ews.EventConnected || e.Type == ews.EventDisconnected {
					continue
				}
				select {
				case bell <- struct{}{}:
				default:
				}
			}
		})
		return &ews.WatchOptions{Bell: bell, PollInterval: 1000 * time.Hour}
	})
	require.NotEmpty(t, wrong)
	t.Log(wrong)
}
