package ews

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"
)

// WatchOptions says how to watch. The zero value, and nil, is every change with Full detail.
type WatchOptions struct {
	// Sync says what each Batch holds, and what to do about an invalid cursor.
	Sync SyncOptions

	// Events says which events ring the bell (Types), and how the stream is kept. Folders is not used: it is the watched folder.
	Events EventsOptions

	// NoStream leaves the stream out: the folder is only polled.
	NoStream bool

	// Bell, if not nil, is a doorbell of the caller's (a PushHandler, Client.Events over a group) that is used instead of a stream
	// of this Watch: whatever is received from it leads to a Sync.
	Bell <-chan struct{}

	// PollInterval is the time between two Syncs while there is no stream. A random part of up to half is left off.
	// 0: 1 minute.
	PollInterval time.Duration

	// CheckInterval is the same while the stream is open: hints can get lost. 0: 15 minutes.
	CheckInterval time.Duration

	// MinInterval is the least time between the beginnings of two Syncs: however many events ring, no more requests than that are made.
	// The first ring after a quiet time is answered at once. 0: 500 milliseconds.
	MinInterval time.Duration

	// Report, if not nil, is told about gaps in the watching, between batches and on the loop's goroutine. No change is lost in
	// them: what happened meanwhile is in the next Batch.
	Report func(WatchReport)
}

// Defaults of WatchOptions.
const (
	DefaultPollInterval  = time.Minute
	DefaultCheckInterval = 15 * time.Minute
	DefaultMinInterval   = 500 * time.Millisecond
)

// WatchReport is a change in how well a Watch can see.
type WatchReport struct {
	Kind  WatchReportKind
	Since time.Time     // when it happened; with StreamOpened, since when there was no stream
	Err   error         // why; nil with StreamOpened and SyncRecovered
	Wait  time.Duration // with SyncFailed: the pause before the next try
}

// WatchReportKind says what a WatchReport is about.
type WatchReportKind int

// The kinds of reports.
const (
	StreamOpened  WatchReportKind = iota + 1 // changes are seen at once
	StreamLost                               // changes are seen by polling
	SyncFailed                               // changes are not seen until a try succeeds
	SyncRecovered                            // a try succeeded after SyncFailed
)

// String is what happened, in small letters: "stream opened", say.
func (k WatchReportKind) String() string {
	switch k {
	case StreamOpened:
		return "stream opened"
	case StreamLost:
		return "stream lost"
	case SyncFailed:
		return "sync failed"
	case SyncRecovered:
		return "sync recovered"
	}
	return "invalid"
}

// Watch reports what changed in a folder since a Cursor, and goes on with what changes from now on. A stream of events is only its
// doorbell: what happened is asked with Sync, at once when the bell rings, after each time the stream opens, and now and then in any
// case; while there is no stream the folder is polled. So no change is missed, and none is reported twice as long as the Cursor of the
// last Batch is stored. o may be nil.
//
// The first pass yields a Batch with Last even if nothing changed; after it only batches with changes come, and each page of a listing about
// which SyncOptions.Known was asked, even if all of it is known: who keeps a list of what is in the folder has it from there.
//
// Failures that pass are waited out, however long they take. Watch ends with an error in the last pair, with an empty Batch, always
// one of: the context's; ErrCursorInvalid without SyncOptions.Known; an error of SyncOptions.Known; ErrNotFound for the folder;
// ErrDenied; ErrEWSBlocked; ErrUnauthorized when somebody must sign in, when Exchange gives a lasting reason, or when it refused the token
// for the third time in a row; ErrInvalidRequest; ErrEndpoint; ErrVersion; ErrTooLarge; ErrBadItem and ErrQuota, should Exchange
// give them for a whole request. A stream that cannot be had, for whatever reason, ends nothing.
//
// The stream's goroutine ends before the loop does; leaving the loop and the end of the context take 2 seconds at most. Other calls go
// on while a stream is open: see Events.
//
// EWS: SyncFolderItems, GetItem, Subscribe, GetStreamingEvents, Unsubscribe.
func (m *Mailbox) Watch(ctx context.Context, f FolderRef, from Cursor, o *WatchOptions) iter.Seq2[Batch, error] {
	var opt WatchOptions
	if o != nil {
		opt = *o
	}
	return func(yield func(Batch, error) bool) {
		w, err := newWatch(m, f, from, &opt)
		if err == nil {
			err = w.run(ctx, yield)
		}
		if err != errStop {
			yield(Batch{}, err)
		}
	}
}

func (o *WatchOptions) check() error {
	for _, d := range []struct {
		name string
		d    *time.Duration
		def  time.Duration
	}{
		{"PollInterval", &o.PollInterval, DefaultPollInterval},
		{"CheckInterval", &o.CheckInterval, DefaultCheckInterval},
		{"MinInterval", &o.MinInterval, DefaultMinInterval},
	} {
		if *d.d < 0 {
			return fmt.Errorf("ews: WatchOptions.%s: %v is negative", d.name, *d.d)
		}
		if *d.d == 0 {
			*d.d = d.def
		}
	}
	if bad := o.Sync.bad(); bad != "" {
		return fmt.Errorf("ews: WatchOptions.Sync: %s", bad)
	}
	return o.Events.check()
}

// bell is how the stream's goroutine speaks to the loop: it rings, and says whether it is listening.
type bell struct {
	ring chan struct{} // holds one ring

	mu     sync.Mutex
	open   bool
	losses int
	since  time.Time // of the last loss, or the beginning
	err    error     // why
}

func (b *bell) pull() {
	select {
	case b.ring <- struct{}{}:
	default: // somebody is coming anyway
	}
}

// hear takes an event from the stream.
func (b *bell) hear(e Event) {
	b.mu.Lock()
	news := true
	switch e.Type {
	case EventConnected:
		b.open = true
	case EventDisconnected:
		if news = b.open || b.losses == 0; news {
			b.open, b.since, b.err = false, e.Time, e.Err
			b.losses++
		}
	}
	b.mu.Unlock()
	if news {
		b.pull()
	}
}

// watch is one Watch.
type watch struct {
	m *Mailbox
	f FolderRef
	o *WatchOptions

	cursor  Cursor
	caught  bool // a pass has reached the present
	bell    *bell
	told    WatchReportKind // what was last reported about the stream
	losses  int             // reported so far
	refused refusals
	fails   int // Syncs in a row

	// The parts that tests exchange.
	listener *listener
	hear     func(Event)
	jitter   func(time.Duration) time.Duration
	listed   func(Cursor) bool // whether what came from there is to be told, with or without changes
}

func newWatch(m *Mailbox, f FolderRef, from Cursor, o *WatchOptions) (*watch, error) {
	err := usable(f)
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return nil, err
	}
	w := &watch{m: m, f: f, o: o, cursor: from, bell: &bell{ring: make(chan struct{}, 1), since: time.Now()}}
	w.hear, w.jitter = w.bell.hear, jitter
	w.listed = func(from Cursor) bool { return o.Sync.Known != nil && from.lists() }
	events := o.Events
	events.Folders = []FolderRef{f}
	w.listener, err = newListener(m.c, []*Mailbox{m}, &events)
	if err != nil {
		return nil, err
	}
	w.listener.patient = true
	return w, nil
}

func (w *watch) run(ctx context.Context, yield func(Batch, error) bool) error {
	if w.o.Bell == nil && !w.o.NoStream {
		defer w.listen(ctx)()
	}
	ring, outside := w.bell.ring, w.o.Bell
	for {
		began := time.Now()
		wait, err := w.look(ctx, yield)
		if err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		if w.fails > 0 {
			ring, outside = nil, nil // a ring does not cure what went wrong
		}
		select {
		case <-timer.C:
		case <-ring:
		case _, ok := <-outside:
			if !ok {
				w.o.Bell = nil // closed: it would ring for ever
			}
		case <-ctx.Done():
		}
		timer.Stop()
		if err := sleep(ctx, time.Until(began.Add(w.o.MinInterval))); err != nil {
			return err
		}
		ring, outside = w.bell.ring, w.o.Bell
		select { // what rang until now is answered by the Sync that follows
		case <-ring:
		default:
		}
	}
}

// listen starts the stream; the returned function ends it and waits for that.
func (w *watch) listen(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.listener.run(ctx, func(e Event, _ error) bool { // ends with ctx only
			w.hear(e)
			return true
		})
	}()
	return func() {
		cancel()
		<-done
	}
}

// look synchronises and says how long to wait for the bell.
func (w *watch) look(ctx context.Context, yield func(Batch, error) bool) (wait time.Duration, err error) {
	open := w.report()
	for b, syncErr := range w.m.Sync(ctx, w.f, w.cursor, &w.o.Sync) {
		if err = syncErr; err != nil {
			break
		}
		if w.fails > 0 {
			w.tell(WatchReport{Kind: SyncRecovered, Since: time.Now()})
		}
		w.fails, w.refused = 0, 0
		first := b.Last && !w.caught
		tell := len(b.Changes) > 0 || first || b.Restarted || w.listed(w.cursor)
		w.cursor = b.Cursor
		w.caught = w.caught || b.Last
		if tell && !yield(b, nil) {
			return 0, errStop
		}
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err == nil {
		if open {
			return w.jitter(w.o.CheckInterval), nil
		}
		return w.jitter(w.o.PollInterval), nil
	}
	if !w.refused.passes(err) {
		return 0, err
	}
	w.fails++
	wait = jitter(w.m.c.retry.delay(w.fails, w.m.c.retry.BaseDelay))
	if d, ok := RetryAfter(err); ok {
		wait = max(wait, d)
	}
	w.tell(WatchReport{Kind: SyncFailed, Since: time.Now(), Err: err, Wait: wait})
	return wait, nil
}

// report tells what happened to the stream since the last report: also a loss that is over already.
func (w *watch) report() (open bool) {
	b := w.bell
	b.mu.Lock()
	open, losses, since, err := b.open, b.losses, b.since, b.err
	b.mu.Unlock()
	if losses != w.losses {
		w.losses = losses
		if w.told != StreamLost {
			w.told = StreamLost
			w.tell(WatchReport{Kind: StreamLost, Since: since, Err: err})
		}
	}
	if open && w.told != StreamOpened {
		w.told = StreamOpened
		w.tell(WatchReport{Kind: StreamOpened, Since: since})
	}
	return open
}

func (w *watch) tell(r WatchReport) {
	if w.o.Report != nil {
		w.o.Report(r)
	}
}
