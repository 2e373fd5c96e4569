package fetcher

import (
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
	Quarantined int64 // given up, recorded and moved
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
	StoreFailing time.Time // since when the Store fails; zero: it does not
	LastPage     time.Time // when Exchange last told of a change
	LastHandled  time.Time
	Open         int           // messages under way, waiting for another attempt included
	Retrying     int           // of these, those that failed before
	Lag          time.Duration // age of the oldest message that is under way for the first time

	LastError     string // one line
	LastErrorKind string // what failed: "sync", "message", "save", "action", "lock" ...
	LastErrorTime time.Time
}

// counters are what the step function counts.
type counters struct {
	Stats
}

func (c *counters) failed(kind string, err error, now time.Time) {
	switch kind {
	case "sync":
		if c.SyncFailing.IsZero() {
			c.SyncFailing = now
		}
	case "message", "action", "lock":
	default:
		if c.StoreFailing.IsZero() {
			c.StoreFailing = now
		}
	}
	c.Errors++
	c.LastError, c.LastErrorKind, c.LastErrorTime = clean(err.Error()), kind, now
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
	for _, w := range s.queue {
		if w.Attempts > 0 {
			st.Retrying++
		} else if age := s.now.Sub(w.Received); w.open() && !w.Received.IsZero() && age > st.Lag {
			st.Lag = age
		}
	}
	return st
}

// Healthy says in an error what is wrong, or nil: Exchange can be asked, or could be less than stale ago; no message has waited longer
// than that for its first attempt; and this instance, if it is not the one that fetches, knows of one that does. For a health
// endpoint, with a stale of some poll intervals.
func (st *Stats) Healthy(now time.Time, stale time.Duration) error {
	switch {
	case !st.SyncFailing.IsZero() && now.Sub(st.SyncFailing) > stale:
		return fmt.Errorf("fetcher: %s: Exchange could not be asked for %v: %s", st.Source, now.Sub(st.SyncFailing).Round(time.Second), st.LastError)
	case st.Lag > stale:
		return fmt.Errorf("fetcher: %s: a message has been waiting for %v; %d are open; last error: %s", st.Source, st.Lag.Round(time.Second), st.Open, st.LastError)
	case !st.StoreFailing.IsZero() && now.Sub(st.StoreFailing) > stale:
		return fmt.Errorf("fetcher: %s: the store has failed for %v: %s", st.Source, now.Sub(st.StoreFailing).Round(time.Second), st.LastError)
	}
	return nil
}

// stored notes that the store works.
func (c *counters) stored() { c.StoreFailing = time.Time{} }

// synced notes that Exchange told what is in the folder.
func (c *counters) synced() { c.SyncFailing = time.Time{} }

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
		log.Warn("failed; it will be tried again", "what", st.LastErrorKind, "err", st.LastError)
	}
	if st.StreamOpen != before.StreamOpen {
		log.Info("the stream of events", "open", st.StreamOpen)
	}
}

// report logs what becomes of a message that was given up.
func (f *Fetcher) report(e Entry) {
	if e.State == Failed || e.State == Quarantined {
		f.o.Logger.Warn("a message was given up", "source", f.name, "key", e.Key, "state", string(e.State), "attempts", e.Attempts, "reason", e.Reason)
	}
}
