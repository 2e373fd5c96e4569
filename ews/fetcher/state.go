package fetcher

import (
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// policy is the part of Options that the step function needs.
type policy struct {
	parallel, maxAttempts, page int
	ordered, tx, once, lock     bool
	backoff, maxBackoff         time.Duration
	ttl, remember               time.Duration
	after, quarantine           bool // there is something to do
	skip                        []Guard
}

func (o *Options) policy() *policy {
	return &policy{
		parallel: o.Parallel, maxAttempts: o.MaxAttempts, page: o.PageSize,
		ordered: o.Ordered, tx: o.TxHandler != nil, once: o.Once, lock: o.Lock != nil,
		backoff: o.Backoff, maxBackoff: o.MaxBackoff, ttl: o.LeaseTTL, remember: o.Remember,
		after: !o.After.isZero(), quarantine: o.Quarantine.Parent != nil, skip: o.Skip,
	}
}

// delay is the pause after so many failures in a row. It saturates: no number of failures leads into the past.
func (p *policy) delay(failures int) time.Duration {
	d := p.backoff
	for i := 1; i < failures && d < p.maxBackoff; i++ {
		d *= 3
	}
	return min(d, p.maxBackoff)
}

// phase is what a source is about.
type phase int

const (
	locking   phase = iota // waits for Options.Lock
	observing              // waits for the holder to die
	working                // holds the lease
	losing                 // lost the lease, and waits for what is under way
	leaving                // to end: no new work
	releasing              // gives the lease up
	ended
)

// state is the state of one source.
type state struct {
	*policy
	now   time.Time // of the event
	out   []effect  // of this step
	phase phase
	drain bool  // Run is to end
	hurry bool  // Grace is over
	final error // what it ends with

	holder Holder    // as last observed
	since  time.Time // when it last changed
	moved  bool      // it did so while we looked: the holder lives
	retry  time.Time // next try of what the phase is about
	fails  int

	epoch  int64
	proof  time.Time // the lease was ours then
	beat   time.Time // next one
	beats  bool      // one is under way
	pruned time.Time // last time

	cursor   ews.Cursor
	listing  bool
	backfill time.Time
	pull     pulling
	pullAt   time.Time // next try
	pullBad  int       // failed pulls in a row
	caught   bool      // with Options.Once: everything has been listed
	page     *pulledEvent
	pageAt   time.Time // next try to record it
	pageBad  int
	pageBusy bool

	work                  map[string]*work
	queue                 []*work // by Seq; those with nothing left to do are dropped now and then
	busy                  int     // messages with an effect under way
	flight                int     // effects under way, but for the watching
	handlers              int     // of these, handlers
	left                  leftBehind
	lostAt                time.Time // when the lease was lost
	lostEpoch             int64
	lastRead, lastHandled time.Time // when that last succeeded
	wake                  time.Time // asked for

	stats counters
}

// pulling is what the watching of the folder is about.
type pulling int

const (
	pullOff  pulling = iota
	pullWait         // for a page
	pullHeld         // a page has come and is being dealt with
	pullStop         // to be ended
)

// work is an open message.
type work struct {
	Entry
	msg     *ews.Message // read, and not yet handed out
	careful bool         // a program may have died of it: Crashes is saved before it is handed out
	marked  bool         // that is done
	alone   bool         // nothing else is handed out meanwhile
	busy    bool         // an effect is under way
	known   time.Time    // since when
	due     time.Time
	unsaved *Entry // what Entry is to become, once that is saved
	look    bool   // whether the ticket was committed is open
	failed  error  // what look is about
	tries   int    // failed ones of saving, looking or acting
}

// maxOpen bounds the open messages that are kept in memory; beyond, the folder waits.
const maxOpen = 10_000

func newState(p *policy) *state { return &state{policy: p, work: map[string]*work{}} }

func (s *state) emit(e effect) {
	switch e.(type) {
	case pullEffect, moreEffect, stopPullEffect, cancelEffect, wakeEffect, endEffect:
	default:
		s.flight++
	}
	s.out = append(s.out, e)
}
