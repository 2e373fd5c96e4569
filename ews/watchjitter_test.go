package ews_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestPollJitter: programs that were started together do not go on asking together, neither without a stream nor beside one, and none
// asks more seldom than its interval, or more than twice as often.
func TestPollJitter(t *testing.T) {
	const interval = time.Minute
	for name, o := range map[string]ews.WatchOptions{
		"without a stream": {NoStream: true, PollInterval: interval},
		"beside one":       {CheckInterval: interval, PollInterval: 1000 * time.Hour, Events: ews.EventsOptions{Silence: 1000 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, together(t, o, interval, ""))
			wrong := together(t, o, interval, "random part")
			require.NotEmpty(t, wrong, "the mutant without the random part: nobody noticed")
			t.Log(wrong[0])
		})
	}
}

// together runs twenty programs for twenty intervals, and says what is wrong with the times at which they ask.
func together(t *testing.T, o ews.WatchOptions, interval time.Duration, without string) (wrong []string) {
	const programs = 20
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		asked := make([]*askedServer, programs)
		for i := range asked {
			asked[i] = &askedServer{streamServer: streamServer{streams: []func(context.Context) io.Reader{open}}}
			m := newClient(t, asked[i], nil).Own()
			running.Go(func() {
				for range m.BrokenWatch(ctx, ews.Inbox, o, without) {
				}
			})
		}
		time.Sleep(20 * interval)
		cancel()
		running.Wait()

		atOnce, late := map[time.Time]int{}, time.Now().Add(-10*interval) // when they have had time to part
		for i, srv := range asked {
			times := srv.times[2:] // after the first, and the one when the stream opens
			for j, at := range times {
				if at.After(late) {
					atOnce[at.Truncate(time.Second)]++
				}
				if j == 0 {
					continue
				}
				if d := at.Sub(times[j-1]); d > interval || d < interval/2 {
					wrong = append(wrong, fmt.Sprintf("program %d asked after %v", i, d))
				}
			}
		}
		for at, n := range atOnce {
			if n == programs {
				wrong = append(wrong, fmt.Sprintf("all %d asked at %v", n, at))
			}
		}
	})
	return wrong
}

// askedServer has nothing new, and notes when it was asked.
type askedServer struct {
	streamServer
	times []time.Time
}

func (s *askedServer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if operation(body) == "SyncFolderItems" {
		s.times = append(s.times, time.Now())
		return reply(200, syncPage("S1", true, ""))(r)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return s.streamServer.RoundTrip(r)
}
