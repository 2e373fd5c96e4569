package ews_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// wish is a way to ask for a pause.
type wish struct {
	millis string        // as the server writes it; "": it names none
	window time.Duration // in which nothing may be sent
}

// wishes are values that were seen, and worse. What is longer than an hour is a mistake and counts as one.
var wishes = []wish{{"0", 0}, {"5000", 5 * time.Second}, {"178510", 178510 * time.Millisecond}, {"300000", 5 * time.Minute}, {"", 0}, {"soon", 0}, {"1000000000000", time.Hour}}

// forms are the ways in which Exchange says that it is busy.
var forms = []func(w wish) answer{
	func(w wish) answer { // HTTP 503
		switch w.millis {
		case "":
			return reply(503, "The service is unavailable.")
		case "soon":
			return reply(503, "The service is unavailable.", "Retry-After", w.millis)
		}
		seconds := strings.TrimSuffix(w.millis, "000")
		if w.millis == "178510" {
			seconds = "178.51"
		}
		return reply(503, "The service is unavailable.", "Retry-After", seconds)
	},
	func(w wish) answer { // HTTP 500 with a fault
		if w.millis == "" {
			return reply(500, fault("ErrorServerBusy", ""))
		}
		return reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", w.millis)))
	},
	func(w wish) answer { // HTTP 200, the true code inside
		xml := value("InnerErrorResponseCode", "ErrorServerBusy")
		if w.millis != "" {
			xml = strings.Replace(xml, "</m:MessageXml>", `<t:Value Name="BackOffMilliseconds">`+w.millis+"</t:Value></m:MessageXml>", 1)
		}
		return reply(200, messages(errMessage("ErrorInternalServerError", xml)))
	},
}

// budget is an account of a server that counts, and has busy times.
type budget struct {
	mu       sync.Mutex
	rnd      *rand.Rand
	limit    int // requests at a time
	busy     []func() (answer, time.Duration)
	episode  int
	next     time.Time // when the next busy time begins
	outage   [2]time.Time
	until    time.Time // nothing may be sent before
	told     time.Time // since then
	inFlight int
	byCall   map[any]int

	requests, answered, early, most, over int
}

type callID struct{}

func (b *budget) RoundTrip(r *http.Request) (*http.Response, error) {
	io.Copy(io.Discard, r.Body)
	b.mu.Lock()
	now := time.Now()
	b.requests++
	b.byCall[r.Context().Value(callID{})]++
	if now.After(b.told) && now.Before(b.until) {
		b.early++
	}
	b.inFlight++
	b.most = max(b.most, b.inFlight)
	over := b.inFlight > b.limit
	if over {
		b.over++
	}
	latency := time.Duration(20+b.rnd.IntN(400)) * time.Millisecond
	b.mu.Unlock()

	time.Sleep(latency)

	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	now = time.Now()
	switch {
	case over:
		return reply(500, fault("ErrorExceededConnectionCount", value("BackOffMilliseconds", "0")))(r)
	case now.After(b.outage[0]) && now.Before(b.outage[1]):
		return reply(503, "")(r)
	case now.After(b.next):
		a, window := b.busy[b.episode%len(b.busy)]()
		b.episode++
		b.told, b.until = now, now.Add(window)
		b.next = b.until.Add(time.Duration(60+b.rnd.IntN(900)) * time.Second)
		return a(r)
	}
	b.answered++
	return fine(r)
}

// day lets many goroutines work for some hours in one account, with an outage in the middle, and returns what the server saw.
func day(t *testing.T, hours, workers, limit int, mutant string) (b *budget) {
	b = &budget{rnd: rand.New(rand.NewPCG(27, 5)), limit: limit, byCall: map[any]int{}}
	for _, say := range forms {
		for _, w := range wishes {
			b.busy = append(b.busy, func() (answer, time.Duration) {
				if mutant == "wishes not read" {
					return say(wish{millis: "soon"}), w.window
				}
				return say(w), w.window
			})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b.next = time.Now().Add(10 * time.Minute)
		b.outage = [2]time.Time{time.Now().Add(time.Duration(hours) * time.Hour / 2), time.Now().Add(time.Duration(hours)*time.Hour/2 + 2*time.Hour)}
		change := func(c *ews.Config) {
			c.Concurrency = limit
			if mutant == "no bound" {
				c.Concurrency = -1
			}
			if mutant == "nothing shared" {
				c.Retry = &ews.RetryPolicy{MaxAttempts: 30}
			}
		}
		client := newClient(t, b, change)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(hours)*time.Hour)
		defer cancel()
		var group sync.WaitGroup
		for i := range workers {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			group.Go(func() {
				c := client
				for n := 0; ctx.Err() == nil; n++ {
					if mutant == "nothing shared" {
						c = newClient(t, b, change)
					}
					err := c.Own().DoCall(context.WithValue(ctx, callID{}, fmt.Sprint(i, "-", n)), getItem(nil))
					wait := time.Duration(rnd.IntN(2*thinkSeconds)) * time.Second
					if err != nil && ctx.Err() == nil {
						if !errors.Is(err, ews.ErrThrottled) && !errors.Is(err, ews.ErrUnavailable) {
							t.Errorf("%v", err)
						}
						d, _ := ews.RetryAfter(err)
						wait = max(wait, d)
					}
					select {
					case <-time.After(wait):
					case <-ctx.Done():
					}
				}
			})
		}
		group.Wait()
	})
	return b
}

// thinkSeconds is the mean time between two calls of one worker.
const thinkSeconds = 40

func (b *budget) retries() (n int) {
	for _, times := range b.byCall {
		n += times - 1
	}
	return n
}

// violations says what the server must not see.
func (b *budget) violations() (all []string) {
	if b.early > 0 {
		all = append(all, fmt.Sprintf("%d requests in a window", b.early))
	}
	if b.most > b.limit {
		all = append(all, fmt.Sprintf("%d requests at a time instead of %d", b.most, b.limit))
	}
	if r := b.retries(); r*10 > b.requests {
		all = append(all, fmt.Sprintf("%d of %d requests are repetitions", r, b.requests))
	}
	return all
}

// TestThrottledDay works through 24 hours with busy times of every form and value, and an outage of two hours: nothing is sent while a
// pause is on, no more at a time than configured, and one request in ten at most is a repetition. Each mutant breaks the rule it should.
func TestThrottledDay(t *testing.T) {
	hours := unlessRace(24, 8)
	rows := []struct {
		name           string
		hours          int
		workers, limit int
		mutant, breaks string
	}{
		{"27 connections", hours, 40, 27, "", ""},
		{"5 sync calls", hours, 30, 5, "", ""},
		{"27 connections, wishes not read", 6, 40, 27, "wishes not read", "in a window"},
		{"5 sync calls, no bound", 6, 30, 5, "no bound", "at a time"},
		{"27 connections, a client per call", 6, 40, 27, "nothing shared", "repetitions"},
	}
	for _, tc := range rows[:unlessRace(len(rows), 2)] { // without the mutants
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := day(t, tc.hours, tc.workers, tc.limit, tc.mutant)
			all := strings.Join(b.violations(), "; ")
			t.Logf("%d requests, %d served, %d repetitions, at most %d at a time, %d busy times; %s", b.requests, b.answered, b.retries(), b.most, b.episode, all)
			if tc.mutant == "" {
				require.Empty(t, all)
				require.GreaterOrEqual(t, b.episode, unlessRace(2*len(b.busy), 1), "every form with every value, twice")
				require.Greater(t, b.answered, unlessRace(b.requests*9/10, 0), "work gets done")
				return
			}
			require.Contains(t, all, tc.breaks)
		})
	}
}
