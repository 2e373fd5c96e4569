package ews

import (
	"sync"
	"time"
)

// watchdogs end the requests of a Client that wait too long. All share one timer, which stands at the first deadline of any, or before it:
// it is not moved when a deadline is, but looks again when it fires. Arming a timer wakes a thread, which is a fifth of what a small request
// costs, and each request waits several times.
type watchdogs struct {
	mu      sync.Mutex
	waiting []*watchdog
	timer   *time.Timer
	armed   time.Time // when timer fires; zero: it does not
}

// watchdog ends a request that waits too long, for the answer or for more of it. Its fields are guarded by watchdogs.mu.
type watchdog struct {
	x        *exchange
	deadline time.Time
	after    time.Duration
	cause    error // nil: not running
	at       int   // its place in waiting
}

// watch lets x end with cause after that time; not positive: never. unwatch must follow.
func (x *exchange) watch(after time.Duration, cause error) {
	if after <= 0 {
		return
	}
	all, w := &x.m.c.watchdogs, &x.watchdog
	deadline := time.Now().Add(after)
	all.mu.Lock()
	defer all.mu.Unlock()
	w.x, w.deadline, w.after, w.cause = x, deadline, after, cause
	w.at = len(all.waiting)
	all.waiting = append(all.waiting, w)
	all.arm(deadline)
}

// touch starts the wait for the answer again.
func (x *exchange) touch() {
	all, w := &x.m.c.watchdogs, &x.watchdog
	all.mu.Lock()
	defer all.mu.Unlock()
	if w.cause == errNoAnswer {
		w.deadline = time.Now().Add(w.after)
	}
}

// unwatch ends what watch started.
func (x *exchange) unwatch() {
	all, w := &x.m.c.watchdogs, &x.watchdog
	all.mu.Lock()
	defer all.mu.Unlock()
	if w.cause != nil {
		all.drop(w)
	}
}

// drop takes w out. The mutex is held.
func (ws *watchdogs) drop(w *watchdog) {
	last := len(ws.waiting) - 1
	ws.waiting[w.at] = ws.waiting[last]
	ws.waiting[w.at].at = w.at
	ws.waiting[last] = nil
	ws.waiting = ws.waiting[:last]
	w.cause = nil
}

// arm makes sure that the timer fires at the deadline at the latest. The mutex is held.
func (ws *watchdogs) arm(deadline time.Time) {
	if !ws.armed.IsZero() && !deadline.Before(ws.armed) {
		return
	}
	ws.armed = deadline
	if after := time.Until(deadline); ws.timer == nil {
		ws.timer = time.AfterFunc(after, ws.look)
	} else {
		ws.timer.Reset(after)
	}
}

// look ends the requests whose time is up, and arms the timer for the next.
func (ws *watchdogs) look() {
	type late struct {
		x     *exchange
		cause error
	}
	var end []late
	now := time.Now()
	ws.mu.Lock()
	ws.armed = time.Time{}
	var next time.Time
	for i := 0; i < len(ws.waiting); {
		w := ws.waiting[i]
		if !w.deadline.After(now) {
			end = append(end, late{w.x, w.cause})
			ws.drop(w) // the last one stands in its place now
			continue
		}
		if next.IsZero() || w.deadline.Before(next) {
			next = w.deadline
		}
		i++
	}
	if !next.IsZero() {
		ws.arm(next)
	}
	ws.mu.Unlock()
	for _, l := range end {
		l.x.cancel(l.cause)
	}
}

// rest stops the timer if nobody waits.
func (ws *watchdogs) rest() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(ws.waiting) == 0 && ws.timer != nil {
		ws.timer.Stop()
		ws.armed = time.Time{}
	}
}
