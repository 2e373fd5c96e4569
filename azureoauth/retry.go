package azureoauth

import (
	"context"
	"math/rand/v2"
	"time"
)

// retryBudget bounds the waiting of one call. It is short: callers hold locks meanwhile, and have schedules of their own.
const retryBudget = 10 * time.Second

// backoff is 0.5 s, 1 s, 2 s ... with up to half of it taken off at random.
func backoff(attempt int) time.Duration {
	d := 500 * time.Millisecond << min(attempt, 5)
	return d - rand.N(d/2)
}

// sleep waits, and tells whether it was to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
