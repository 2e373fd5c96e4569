package ews_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// TestRetryBudget: many calls failing together do not multiply the load, and repetitions come back with time and success.
func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		var mu sync.Mutex
		asked := 0
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			mu.Lock()
			defer mu.Unlock()
			asked++
			if down {
				return reply(500, "")(r)
			}
			return fine(r)
		})
		c := newClient(t, rt, nil)
		for range 100 {
			if err := c.Own().DoCall(t.Context(), getItem(nil)); !errors.Is(err, ews.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if asked < 120 || asked > 130 {
			t.Errorf("%d requests for 100 calls, want 100 and a burst of 20", asked)
		}
		mu.Lock()
		down, asked = false, 0
		mu.Unlock()
		for range 100 { // earn ten
			if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil {
				t.Fatal(err)
			}
		}
		mu.Lock()
		down, asked = true, 0
		mu.Unlock()
		for range 10 {
			if err := c.Own().DoCall(t.Context(), getItem(nil)); !errors.Is(err, ews.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if asked < 19 || asked > 22 {
			t.Errorf("%d requests for 10 calls, want 10 and the ten earned", asked)
		}
	})
}

// TestPatience: a call that cannot wait long enough fails at once, tells how long, and sends nothing until then.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &script{answers: []answer{reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", "600000"))), fine}}
		c := newClient(t, rt, nil)
		began := time.Now()
		err := c.Own().DoCall(t.Context(), getItem(nil))
		if d, ok := ews.RetryAfter(err); !errors.Is(err, ews.ErrThrottled) || !ok || d != 10*time.Minute || time.Since(began) != 0 {
			t.Errorf("%v after %v, RetryAfter %v", err, time.Since(began), d)
		}
		time.Sleep(4 * time.Minute)
		err = c.Own().DoCall(t.Context(), getItem(nil))
		if d, _ := ews.RetryAfter(err); !errors.Is(err, ews.ErrThrottled) || d < 6*time.Minute || d > 6*time.Minute+5*time.Second || rt.count() != 1 {
			t.Errorf("%v, RetryAfter %v, %d requests", err, d, rt.count())
		}
		time.Sleep(2 * time.Minute)
		if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil || rt.count() != 2 {
			t.Errorf("%v, %d requests", err, rt.count())
		}
		if took := time.Since(began); took < 10*time.Minute || took > 10*time.Minute+5*time.Second {
			t.Errorf("served after %v", took)
		}
	})
}

// TestContextEndsWaits: cancelling ends any wait at once, and the error tells both why and what was being waited out.
func TestContextEndsWaits(t *testing.T) {
	for name, a := range map[string]answer{
		"own delay": reply(500, ""),
		"back-off":  reply(503, "", "Retry-After", "60"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &script{answers: []answer{a}}
				c := newClient(t, rt, nil)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				began := time.Now()
				err := c.Own().DoCall(ctx, getItem(nil))
				if took := time.Since(began); took != 100*time.Millisecond {
					t.Errorf("took %v", took)
				}
				if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "HTTP 50") {
					t.Errorf("%v", err)
				}
				// With a deadline that comes before the wait is over, nothing is gained by waiting for it.
				ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				began = time.Now()
				err = newClient(t, rt, nil).Own().DoCall(ctx, getItem(nil))
				if time.Since(began) != 0 || !errors.Is(err, ews.ErrUnavailable) && !errors.Is(err, ews.ErrThrottled) {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
	t.Run("queue", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan bool)
			rt := roundTripper(func(r *http.Request) (*http.Response, error) {
				io.Copy(io.Discard, r.Body)
				<-release
				return fine(r)
			})
			c := newClient(t, rt, func(c *ews.Config) { c.Concurrency = 1; c.Limits = &ews.Limits{FirstByte: -1} })
			done := make(chan error)
			go func() { done <- c.Own().DoCall(t.Context(), getItem(nil)) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := c.Own().DoCall(ctx, getItem(nil)); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			close(release)
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil {
				t.Error(err) // the slot that was queued for is not lost
			}
		})
	})
}
