package fetcher

import (
	"errors"
	"fmt"
	"time"
)

// Stats are a Fetcher's counters since it was made, and how it is. The struct is plain and encodes to JSON, as expvar wants it:
//
//	expvar.Publish("fetcher", expvar.Func(func() any { return f.Stats() }))
type Stats struct {
	Source string

	Handled     int64 // tickets acknowledged
	Skipped     int64 // by Options.Skip
	GivenUp     int64 // after too many failures
	Quarantined int64 // given up, recorded and moved, unless the mailbox refused that
	Refused     int64 // stayed where they were: the mailbox refused Options.After, or the move into quarantine, for good; see Entry.Reason
	Gone        int64 // left the folder before they were handed out
	Failures    int64 // failed attempts of messages
	Errors      int64 // of anything: the lease, the store, Exchange, messages
	Pages       int64 // recorded
	LeaseLosses int64 // taken over by others while we were at it
	Held        int64 // failed attempts to take over

	Leading    bool      // this instance holds the source
	Epoch      int64     // of its lease
	LeadingOn  time.Time // since when
	StreamOpen bool      // changes are told at once; else they are found by polling

	SyncFailing  time.Time // since when Exchange could not be asked what is in the folder; zero: it can
	StoreFailing time.Time // since when the Store or the Lock fails at anything that has not worked since; zero: neither does
	SyncError    string    // the last failure of Exchange, while it lasts
	StoreError   string    // that of the Store or the Lock
	LastPage     time.Time // when Exchange last told of a change
	LastHandled  time.Time
	Open         int           // messages under way, waiting for another attempt included
	Retrying     int           // of these, those that failed before
	Lag          time.Duration // age of the oldest message that is under way for the first time, also where it came in long before the program
	Waiting      time.Duration // how long this instance has known the one that has been longest without the outcome of a first attempt

	Stuck      int       // handlers that run on although their contexts have ended
	StuckKey   string    // the message of the one that has done so for the longest time
	StuckSince time.Time // when its context ended

	LastError     string // one line
	LastErrorKind string // what failed: "sync", "message", "save", "action", "lock" ...
	LastErrorKey  string // the message's, where it is one that failed
	LastErrorTime time.Time
	LastAdvice    string // what somebody can do about it, where the error says (Advice); may have several lines
}

// counters are what the step function counts.
type counters struct {
	Stats
	failing map[string]failure // by kind; what works again is not in it
}

// failure is one kind of thing that fails.
type failure struct {
	since time.Time
	err   error
}

// failed notes a failure of a kind, which lasts until that very kind works: a store that shows signs of life, and refuses all
// else, fails.
func (c *counters) failed(kind string, err error, now time.Time) {
	switch kind {
	case "message", "action", "prune", "handler": // of no bearing on other messages
	default:
		if c.failing == nil {
			c.failing = map[string]failure{}
		}
		since := now
		if before, ok := c.failing[kind]; ok {
			since = before.since
		}
		c.failing[kind] = failure{since, err}
	}
	c.Errors++
	c.LastError, c.LastErrorKind, c.LastErrorKey, c.LastErrorTime, c.LastAdvice = clean(err.Error()), kind, "", now, ""
	var a interface{ Advice() string }
	if errors.As(err, &a) {
		c.LastAdvice = a.Advice()
	}
}

// worked notes that things of these kinds work.
func (c *counters) worked(kinds ...string) {
	for _, kind := range kinds {
		delete(c.failing, kind)
	}
}

// storeFailure returns what has failed longest at the Store or the Lock.
func (c *counters) storeFailure() (oldest failure, fails bool) {
	for kind, f := range c.failing {
		if kind != "sync" && (!fails || f.since.Before(oldest.since)) {
			oldest, fails = f, true
		}
	}
	return oldest, fails
}

func (c *counters) taken(epoch int64, now time.Time) {
	c.Leading, c.Epoch, c.LeadingOn = true, epoch, now
}

func (c *counters) lost(time.Time) {
	c.LeaseLosses++
	c.Leading, c.Epoch = false, 0
}

// snapshot completes the counters with what the state says.
func (s *state) snapshot() Stats {
	st := s.stats.Stats
	st.LastHandled = s.lastHandled
	st.Open = len(s.work)
	if f, fails := s.stats.failing["sync"]; fails {
		st.SyncFailing, st.SyncError = f.since, clean(f.err.Error())
	}
	if f, fails := s.stats.storeFailure(); fails {
		st.StoreFailing, st.StoreError = f.since, clean(f.err.Error())
	}
	for _, w := range s.queue {
		if w.Attempts > 0 {
			st.Retrying++
			continue
		}
		if age := s.now.Sub(w.Received); w.open() && !w.Received.IsZero() {
			st.Lag = max(st.Lag, age)
		}
		if w.State == Pending {
			st.Waiting = max(st.Waiting, s.now.Sub(w.known))
		}
	}
	return st
}

// Healthy says in an error what is wrong, or nil: Exchange can be asked, or could be less than stale ago, and so can the Store and the Lock,
// with which this instance, if it is not the one that fetches, knows of one that does; no handler has ignored the end of its context for
// longer; and no message that was found has waited longer than
// that for its first attempt. Mail that came in while nobody fetched, or years ago, is no sign of ill health once it is found: see Lag. For
// a health endpoint, with a stale of some poll intervals, and more than Options.Timeout.
func (st *Stats) Healthy(now time.Time, stale time.Duration) error {
	switch {
	case !st.StuckSince.IsZero() && now.Sub(st.StuckSince) > stale:
		return fmt.Errorf("fetcher: %s: the handler of message %s has run on for %v after its context ended (%d such handlers): find out what it waits for, and restart the program",
			st.Source, st.StuckKey, now.Sub(st.StuckSince).Round(time.Second), st.Stuck)
	case !st.SyncFailing.IsZero() && now.Sub(st.SyncFailing) > stale:
		return fmt.Errorf("fetcher: %s: Exchange could not be asked for %v: %s", st.Source, now.Sub(st.SyncFailing).Round(time.Second), st.SyncError)
	case !st.StoreFailing.IsZero() && now.Sub(st.StoreFailing) > stale:
		return fmt.Errorf("fetcher: %s: the store or the lock has failed for %v: %s", st.Source, now.Sub(st.StoreFailing).Round(time.Second), st.StoreError)
	case st.Waiting > stale:
		return fmt.Errorf("fetcher: %s: a message has been waiting for %v; %d are open; last error: %s", st.Source, st.Waiting.Round(time.Second), st.Open, st.LastError)
	}
	return nil
}

// publish keeps the counters for Stats, and logs what has changed. The log has no contents of messages, only their keys.
func (f *Fetcher) publish(st Stats) {
	st.Source = f.name
	f.mu.Lock()
	before := f.stats
	f.stats = st
	f.mu.Unlock()
	log := f.o.Logger.With("source", f.name)
	if st.Epoch != before.Epoch && st.Leading {
		log.Info("fetching", "epoch", st.Epoch, "open", st.Open)
	}
	if st.LeaseLosses != before.LeaseLosses {
		log.Warn("another instance has taken over")
	}
	if st.Errors != before.Errors {
		text, with := "failed; it will be tried again", []any{"what", st.LastErrorKind, "err", st.LastError}
		if st.GivenUp != before.GivenUp || st.Refused != before.Refused {
			text = "failed, for the last time"
		}
		if st.LastErrorKey != "" {
			with = append(with, "key", st.LastErrorKey)
		}
		if st.LastAdvice != "" && (before.LastAdvice == "" || st.LastErrorKind != before.LastErrorKind) { // once is enough
			with = append(with, "advice", st.LastAdvice)
		}
		log.Warn(text, with...)
	}
	if st.StreamOpen != before.StreamOpen {
		log.Info("the stream of events", "open", st.StreamOpen)
	}
}

// panicked logs where a handler panicked: nobody else learns of it.
func (f *Fetcher) panicked(key string, err error) {
	if p := new(PanicError); errors.As(err, &p) {
		f.o.Logger.Error("the handler panicked", "source", f.name, "key", key, "panic", fmt.Sprintf("%.200v", p.Value), "stack", string(p.Stack))
	}
}

// report logs what becomes of a message that was given up.
func (f *Fetcher) report(e Entry) {
	if e.State == Failed || e.State == Quarantined {
		f.o.Logger.Warn("a message was given up", "source", f.name, "key", e.Key, "state", string(e.State), "attempts", e.Attempts, "reason", e.Reason)
	}
}
