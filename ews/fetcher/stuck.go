package fetcher

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// calls are the handlers that run. A handler that hangs outlives the Run that called it, so they belong to the Fetcher.
type calls struct {
	mu      sync.Mutex
	running map[*call]struct{}
}

type call struct {
	key   string
	ended time.Time // when its context ended; zero: it has not
}

// begin notes a call, until the function returned is called.
func (c *calls) begin(ctx context.Context, key string) (end func()) {
	k := &call{key: key}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[*call]struct{}{}
	}
	c.running[k] = struct{}{}
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		k.ended = time.Now()
	})
	return func() {
		stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.running, k)
	}
}

// stuck says how many run on although their contexts have ended, and which one for the longest time.
func (c *calls) stuck() (n int, key string, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.running {
		if k.ended.IsZero() {
			continue
		}
		n++
		if since.IsZero() || k.ended.Before(since) {
			key, since = k.key, k.ended
		}
	}
	return n, key, since
}

// keys are the messages of those that run, each once.
func (c *calls) keys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	set := map[string]struct{}{}
	for k := range c.running {
		set[k.key] = struct{}{}
	}
	return slices.Sorted(maps.Keys(set))
}

// leftBehind counts the handlers of earlier epochs that did not return when the lease was lost, so that what they say in the end is not
// taken for an outcome of this epoch's.
type leftBehind map[int64]int

// leaveBehind goes on without the handlers that still run.
func (s *state) leaveBehind() {
	if s.handlers == 0 {
		return
	}
	if s.left == nil {
		s.left = leftBehind{}
	}
	s.left[s.lostEpoch] += s.handlers
	s.stats.failed("handler", errAbandoned, s.now)
}

// returned reports whether a handler's outcome is that of one that was left behind.
func (l leftBehind) returned(epoch int64) bool {
	switch l[epoch] {
	case 0:
		return false
	case 1:
		delete(l, epoch)
	default:
		l[epoch]--
	}
	return true
}
