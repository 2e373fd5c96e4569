package ews

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/oauth2"
)

// RetryPolicy says how patiently a call repeats requests that failed in a way that passes: throttling, outages, cut
// connections. Two caps hold at the same time, the number of requests and the time spent waiting between them. What a server
// asks for is always waited out: a call that has not the patience for it fails at once, with ErrThrottled. On top of it, all
// calls for one account share a budget of repetitions (20 at once, then one per ten successes and one per half minute), so
// that a server in trouble is not asked five times as much.
type RetryPolicy struct {
	// MaxAttempts is the number of requests per call, the first included. 0: 5; 1 or negative: no repeating, but for the one
	// replay with a fresh token after Exchange refused the first.
	MaxAttempts int

	// MaxWait is the time a call spends waiting before and between its requests, all waits together. It also bounds the
	// wait for a back-off that an earlier call was told. Only the wait for a turn among the calls of the same Client
	// (Config.Concurrency) is not counted. 0: 5 minutes; negative: none, a call that would have to wait fails.
	MaxWait time.Duration

	// BaseDelay is the first wait of our own choice, used when the server names none; each further one is twice as long,
	// up to MaxDelay, and a random part of it is left off so that programs do not come back together. After throttling it
	// is five times as long. 0: 1 second and 1 minute.
	BaseDelay, MaxDelay time.Duration
}

// Defaults of RetryPolicy.
const (
	DefaultMaxAttempts = 5
	DefaultMaxWait     = 5 * time.Minute
	DefaultBaseDelay   = time.Second
	DefaultMaxDelay    = time.Minute
)

func (p *RetryPolicy) withDefaults() RetryPolicy {
	var r RetryPolicy
	if p != nil {
		r = *p
	}
	switch {
	case r.MaxAttempts == 0:
		r.MaxAttempts = DefaultMaxAttempts
	case r.MaxAttempts < 0:
		r.MaxAttempts = 1
	}
	switch {
	case r.MaxWait == 0:
		r.MaxWait = DefaultMaxWait
	case r.MaxWait < 0:
		r.MaxWait = 0
	}
	if r.BaseDelay <= 0 {
		r.BaseDelay = DefaultBaseDelay
	}
	if r.MaxDelay <= 0 {
		r.MaxDelay = DefaultMaxDelay
	}
	r.MaxDelay = max(r.MaxDelay, r.BaseDelay)
	return r
}

// delay is our own wait after that many failures in a row (1, 2 ...), without the random part. It cannot overflow.
func (p *RetryPolicy) delay(failures int, base time.Duration) time.Duration {
	d := min(base, p.MaxDelay)
	for range failures - 1 {
		if d > p.MaxDelay/2 {
			return p.MaxDelay
		}
		d *= 2
	}
	return d
}

// throttleBase is the first wait after throttling for which the server named no time.
func (p *RetryPolicy) throttleBase() time.Duration {
	if p.BaseDelay > p.MaxDelay/5 {
		return p.MaxDelay
	}
	return 5 * p.BaseDelay
}

// jitter takes a random part of up to half off d.
func jitter(d time.Duration) time.Duration {
	if d <= 1 {
		return d
	}
	return d - rand.N(d/2+1)
}

// run is a call from its envelope to its answer: the only place that decides whether a request is sent again.
func (m *Mailbox) run(ctx context.Context, c *call, keep bool) (*stream, error) {
	if m.err != nil {
		return nil, m.err
	}
	env, err := m.envelope(c)
	if err != nil {
		return nil, err
	}
	policy := &m.c.retry
	pace := m.c.paces.of(m.account())
	defer m.c.paces.done(pace)

	patience := policy.MaxWait
	var last error             // why we are trying again
	var rejected *oauth2.Token // refused by Exchange during this call
	for attempt := 1; ; attempt++ {
		x := &exchange{m: m, c: c, env: env, keep: keep, attempt: attempt, rejected: rejected, last: last}
		if err := pace.acquire(ctx, &patience); err != nil {
			err = x.waiting(err)
			x.log(ctx, err, false, 0)
			return nil, err
		}
		if c.live {
			pace.release()
		}
		st, err := x.run(ctx, pace, &patience)
		e := worst(err)
		if c.live && e != nil && e.Code == "ErrorExceededConnectionCount" {
			x.log(ctx, err, false, 0)
			return nil, err // a limit of streams (HangingConnectionLimit): no reason for other calls to wait
		}
		pace.learn(e, served(err), policy)
		if !c.live {
			pace.release()
		}
		if err == errSameToken {
			x.log(ctx, last, false, 0)
			return nil, last // the refusal says more than that there is no other token
		}
		if err == nil {
			if attempt == 1 && !keep && x.written.Load() && !x.reopened.Load() { // nobody else has it
				env.Release()
			}
			return st, nil
		}
		wait, again := x.again(ctx, e, pace, patience)
		x.log(ctx, err, again, wait)
		if !again {
			return nil, err
		}
		last = err
		if e.verdict == verdictToken {
			rejected = x.token
			if r, ok := m.c.token.(rejecter); ok {
				r.Reject(ctx, rejected, e.claims)
			}
			continue
		}
		if e.verdict == verdictThrottle {
			continue
		}
		patience -= wait
		if err := sleep(ctx, wait); err != nil {
			x.last = last
			err = x.waiting(err)
			x.log(ctx, err, false, 0)
			return nil, err
		}
	}
}

// again decides whether the call is sent once more, and after which wait. The wait after throttling is the account's, not
// the call's: pace.acquire does it. A wait that the call has not the patience for, or that would outlast its context, is not begun: what
// went wrong is said now.
func (x *exchange) again(ctx context.Context, e *Error, pace *pace, patience time.Duration) (wait time.Duration, again bool) {
	policy := &x.m.c.retry
	if e == nil || e.MaybeApplied || e.partial || x.parent != nil && x.parent.Err() != nil {
		return 0, false
	}
	switch e.verdict {
	case verdictToken:
		return 0, x.rejected == nil // one replay, whatever comes
	case verdictThrottle:
		wait = max(0, pace.left())
	case verdictRetry:
		if x.c.hasty {
			return 0, false
		}
		wait = e.RetryAfter
		if wait <= 0 {
			wait = jitter(policy.delay(x.attempt, policy.BaseDelay))
		}
	default:
		return 0, false
	}
	return wait, x.attempt < policy.MaxAttempts && bearable(ctx, wait, patience) && pace.mayRetry()
}

// worst picks the error that decides what happens next: err itself, or the item of a batch that Exchange would not serve now.
// nil: there is nothing to decide.
func worst(err error) *Error {
	if err == nil {
		return nil
	}
	var b *BatchError
	if errors.As(err, &b) {
		for _, it := range b.Items {
			if it.Err.verdict == verdictThrottle {
				return it.Err
			}
		}
		return nil
	}
	var e *Error
	errors.As(err, &e)
	return e
}

// served reports whether Exchange did what it was asked for, of a batch at least some: it lets this account through.
func served(err error) bool {
	var b *BatchError
	return err == nil || errors.As(err, &b) && len(b.Items) < b.Total
}

// sleep waits, or returns the context's error as soon as it ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
