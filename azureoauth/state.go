package azureoauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// state is what a Config remembers: the requests in flight, so that a hundred callers with one refresh token make one
// request, and the failures that must not be repeated yet (Entra answers hammering with AADSTS50196 and blocks the client).
type state struct {
	transport http.RoundTripper
	told      atomic.Bool // that a scope is sent otherwise than typed

	mu      sync.Mutex
	flights map[flightKey]*flight
	failed  map[flightKey]failure
}

type flightKey [sha256.Size]byte

type failure struct {
	err   error
	until time.Time
}

// flight is one request that several callers wait for. It runs on a context of its own, which ends when the last of them
// has left.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	token   *oauth2.Token
	err     error
}

// maxFailures bounds the memory of failures: at that size the oldest ones are let go.
const maxFailures = 10000

func (c *Config) shared() *state {
	if s := c.state.Load(); s != nil {
		return s
	}
	c.state.CompareAndSwap(nil, &state{transport: newTransport(), flights: map[flightKey]*flight{}, failed: map[flightKey]failure{}})
	return c.state.Load()
}

// keyOf hashes what makes two requests the same; the key is kept for a while, the refresh token is not.
func keyOf(parts ...string) flightKey {
	h := sha256.New()
	for _, p := range parts {
		sum := sha256.Sum256([]byte(p))
		h.Write(sum[:])
	}
	return flightKey(h.Sum(nil))
}

// do runs fn once for all callers of one key, each of which leaves on its own ctx. A failure is answered from memory as long
// as holdOff of it says.
func (s *state) do(ctx context.Context, key flightKey, fn func(context.Context) (*oauth2.Token, error)) (*oauth2.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if f, ok := s.failed[key]; ok {
		left := time.Until(f.until)
		if left > 0 {
			s.mu.Unlock()
			return nil, remembered(f.err, left)
		}
		delete(s.failed, key)
	}
	f := s.flights[key]
	if f == nil {
		fctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = &flight{done: make(chan struct{}), cancel: cancel}
		s.flights[key] = f
		go func() {
			t, err := fn(fctx)
			s.mu.Lock()
			f.token, f.err = t, err
			if s.flights[key] == f {
				delete(s.flights, key)
			}
			s.remember(key, err)
			s.mu.Unlock()
			cancel()
			close(f.done)
		}()
	}
	f.waiters++
	s.mu.Unlock()

	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		s.mu.Lock()
		f.waiters--
		last := f.waiters == 0
		if last && s.flights[key] == f {
			delete(s.flights, key) // whoever comes next starts anew
		}
		s.mu.Unlock()
		if last {
			f.cancel()
			<-f.done // the goroutine does not outlive its callers
			if f.err == nil {
				return f.token, nil // it was faster: a rotated refresh token must not be dropped
			}
		}
		return nil, context.Cause(ctx)
	}
}

// remember keeps a failure, under s.mu.
func (s *state) remember(key flightKey, err error) {
	d := holdOff(err)
	if d <= 0 {
		delete(s.failed, key)
		return
	}
	now := time.Now()
	if len(s.failed) >= maxFailures {
		for k, f := range s.failed {
			if !f.until.After(now) || len(s.failed) >= maxFailures {
				delete(s.failed, k)
			}
		}
	}
	s.failed[key] = failure{err: err, until: now.Add(d)}
}

// holdOff is for how long the same request is not sent again. The figures follow MSAL's, shortened where a waiting person
// would notice.
func holdOff(err error) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		return 0
	}
	switch {
	case e.StatusCode == 0:
		return 0 // not asked, or not reached: nobody was hammered, and recovery is noticed at once
	case e.RetryAfter > 0:
		return e.RetryAfter
	case e.StatusCode == http.StatusTooManyRequests:
		return time.Minute
	case e.NeedsSignIn(), e.kind == ErrPolicy:
		return 2 * time.Minute // the same refresh token again: only a person changes the answer
	case e.kind == ErrBadCredential, e.kind == ErrConfiguration && e.Code != "":
		return 30 * time.Second
	case e.kind == ErrTemporary && e.StatusCode >= 500:
		return 10 * time.Second
	}
	return 0
}

// remembered is the failure as answered from memory: the wait is what is left of it.
func remembered(err error, left time.Duration) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	if c.RetryAfter > 0 {
		c.RetryAfter = left
	}
	return &c
}
