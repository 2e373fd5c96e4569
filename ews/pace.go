package ews

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// paces holds the pace of every account that a Client works for.
type paces struct {
	max   int // requests at once per account; negative: no limit
	mu    sync.Mutex
	by    map[string]*pace
	sweep int // size of by at which it is looked through for accounts to forget
}

// minSweep is how many accounts are remembered before any is forgotten.
const minSweep = 1024

// of returns the account's pace and counts its user; done must follow.
func (ps *paces) of(account string) *pace {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.by[account]
	if p == nil {
		if len(ps.by) >= max(ps.sweep, minSweep) {
			ps.forget()
			ps.sweep = 2 * len(ps.by)
		}
		if ps.by == nil {
			ps.by = map[string]*pace{}
		}
		p = &pace{max: ps.max, limit: float64(ps.max), retries: retryBurst, refilled: time.Now()}
		ps.by[account] = p
	}
	p.users++
	return p
}

func (ps *paces) done(p *pace) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.users--
}

// forget drops what says nothing: accounts without calls under way that are at full speed.
func (ps *paces) forget() {
	now := time.Now()
	for k, p := range ps.by {
		if p.users == 0 && p.idle(now) {
			delete(ps.by, k)
		}
	}
}

// pace is how fast one account may go: until when nothing may be sent, and how many requests may be under way. Exchange
// budgets per account, so all calls for one share it. Its mutex is never held while waiting.
type pace struct {
	max   int
	users int // guarded by paces.mu

	mu       sync.Mutex
	until    time.Time // no request before
	row      int       // back-offs without a success in between
	limit    float64   // of requests at once, 1 to max
	inFlight int
	queue    []chan struct{} // waiting for a slot, first come first served; a slot is handed over by closing

	retries  float64 // repetitions that may still be made
	refilled time.Time
}

// The budget of repetitions keeps many calls that fail together from multiplying the load on a server in trouble: a burst is
// free, then one repetition per ten successes and one per half minute.
const (
	retryBurst      = 20
	retryPerSuccess = 0.1
	retryRefill     = 30 * time.Second
)

// mayRetry takes one repetition out of the budget, if there is one.
func (p *pace) mayRetry() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.retries = min(retryBurst, p.retries+float64(now.Sub(p.refilled))/float64(retryRefill))
	p.refilled = now
	if p.retries < 1 {
		return false
	}
	p.retries--
	return true
}

func (p *pace) idle(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.until.After(now) && p.limit >= float64(p.max) && p.inFlight == 0 && now.Sub(p.refilled) > retryBurst*retryRefill
}

// backoffError says that the wait ahead is longer than the call's patience.
type backoffError struct{ left time.Duration }

func (e *backoffError) Error() string { return fmt.Sprintf("back-off for another %v", e.left) }

// acquire waits for the back-off to end and takes a slot. Waiting for a slot takes no patience: it ends with other calls of this
// program. A slot is not kept through a back-off, and a call that queued into one goes back to waiting it out: all calls wait at the
// same time, each on its own patience, and not one after the other.
func (p *pace) acquire(ctx context.Context, patience *time.Duration) error {
	for {
		if err := p.wait(ctx, patience); err != nil {
			return err
		}
		if err := p.slot(ctx); err != nil {
			return err
		}
		if p.left() <= 0 {
			return nil
		}
		p.release()
	}
}

// still is acquire for a call that has its slot, or needs none (live), and may have been overtaken by a back-off. The slot is the
// caller's to release also after an error.
func (p *pace) still(ctx context.Context, patience *time.Duration, live bool) error {
	if live || p.left() <= 0 {
		return p.wait(ctx, patience)
	}
	p.release()
	err := p.acquire(ctx, patience)
	if err != nil {
		p.mu.Lock()
		p.inFlight++
		p.mu.Unlock()
	}
	return err
}

// slot waits for a slot.
func (p *pace) slot(ctx context.Context) error {
	p.mu.Lock()
	if p.max < 0 || p.inFlight < p.slots() {
		p.inFlight++
		p.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	p.queue = append(p.queue, turn)
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		p.leave(turn)
		return ctx.Err()
	}
}

// wholeSeconds rounds a wait up for people who read of it: 3m20s instead of 3m19.922439933s.
func wholeSeconds(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }

// left is how long the back-off lasts yet; not positive: none is in force.
func (p *pace) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until.IsZero() { // there was none: most accounts never see one
		return 0
	}
	return time.Until(p.until)
}

// wait returns when no back-off is in force. A call without the patience for it, or whose context ends before, need not
// wait at all.
func (p *pace) wait(ctx context.Context, patience *time.Duration) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		left := p.left()
		if left <= 0 {
			return nil
		}
		if !bearable(ctx, left, *patience) {
			return &backoffError{left}
		}
		*patience -= left
		// Programs that were told to wait together should not come back together. The extra is no part of the patience,
		// or a wait that just fits would fail now and then.
		if err := sleep(ctx, left+rand.N(min(left/20, 2*time.Second)+1)); err != nil {
			return err
		}
	}
}

// bearable reports whether a call has the patience for a wait, and its context outlasts it.
func bearable(ctx context.Context, wait, patience time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return wait <= patience && (!ok || time.Until(deadline) >= wait)
}

// leave gives up a place in the queue, or the slot that was handed over at the same moment.
func (p *pace) leave(turn chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range p.queue {
		if c == turn {
			p.queue = append(p.queue[:i], p.queue[i+1:]...)
			return
		}
	}
	p.free()
}

func (p *pace) slots() int { return max(1, int(p.limit)) }

// free returns a slot and hands out what is there. The mutex is held.
func (p *pace) free() {
	p.inFlight--
	for len(p.queue) > 0 && (p.max < 0 || p.inFlight < p.slots()) {
		close(p.queue[0])
		p.queue = p.queue[1:]
		p.inFlight++
	}
}

// release returns the slot of a request.
func (p *pace) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free()
}

// learn draws the conclusion from how a request ended: additive increase, multiplicative decrease.
func (p *pace) learn(e *Error, ok bool, policy *RetryPolicy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e != nil && e.verdict == verdictThrottle:
		now := time.Now()
		// Requests that were under way together are all told to wait; only the first one of them counts.
		if !p.until.After(now) {
			p.row++
			p.limit = max(1, p.limit/2)
		}
		d := e.RetryAfter
		if d <= 0 {
			d = jitter(policy.delay(p.row, policy.throttleBase()))
		}
		if until := now.Add(d); until.After(p.until) {
			p.until = until
		}
	case ok:
		p.row = 0
		p.retries = min(retryBurst, p.retries+retryPerSuccess)
		if p.limit < float64(p.max) {
			p.limit = min(float64(p.max), p.limit+1/p.limit)
		}
	}
}
