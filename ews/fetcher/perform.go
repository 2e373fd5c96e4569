package fetcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// storeTimeout bounds one call of the Store.
const storeTimeout = 30 * time.Second

var (
	errCalledOff = errors.New("fetcher: called off: the program is ending, or another instance has taken over")
	errGoexit    = errors.New("fetcher: the handler ended its goroutine instead of returning")
	errAbandoned = errors.New("fetcher: handlers were still running after their contexts had ended")
)

// perform has an effect, and returns the event that ends it. live ends when messages are no longer to be worked on, hard when nothing is.
func (f *Fetcher) perform(live, hard context.Context, e effect) any {
	ctx, cancel := context.WithTimeout(hard, storeTimeout)
	defer cancel()
	o, name := &f.o, f.name
	switch e := e.(type) {
	case lockEffect:
		return lockedEvent{f.takeLock(live)}
	case observeEffect:
		h, err := o.Store.Observe(ctx, name)
		return observedEvent{h, err}
	case takeEffect:
		at, err := o.Store.Take(ctx, Take{Source: name, Owner: f.owner, Over: e.over, Since: f.backfill()})
		return takenEvent{at, err}
	case beatEffect:
		sent := time.Now()
		return beatEvent{sent, f.beat(ctx, e.epoch)}
	case unlockEffect:
		f.unlock()
		return unlockedEvent{}
	case releaseEffect:
		ctx, cancel := context.WithTimeout(context.WithoutCancel(hard), time.Second)
		defer cancel()
		var err error
		if e.epoch != 0 {
			err = o.Store.Release(ctx, name, e.epoch)
		}
		f.unlock()
		return releasedEvent{err}
	case recordEffect:
		open, err := o.Store.Record(ctx, name, e.epoch, e.page)
		return recordedEvent{open, err}
	case readEffect:
		msg, err := f.read(live, e.item)
		return readEvent{e.key, msg, err}
	case missingEffect:
		entry, err := o.Store.Missing(ctx, name, e.epoch, e.key, e.item, time.Now())
		return missingEvent{e.key, e.item, entry, err}
	case handleEffect:
		return f.handle(live, e)
	case lookEffect:
		entry, err := o.Store.Get(ctx, name, e.key)
		return lookEvent{e.key, entry, err}
	case saveEffect:
		err := o.Store.Save(ctx, name, e.epoch, e.entry)
		if err == nil {
			f.report(e.entry)
		}
		return savedEvent{e.entry.Key, err}
	case actEffect:
		return actedEvent{e.entry.Key, f.act(live, e.entry)}
	case pruneEffect:
		n, err := o.Store.Prune(ctx, name, e.epoch, e.left)
		return prunedEvent{n, err}
	}
	panic(fmt.Sprintf("fetcher: no such effect: %T", e))
}

// takeLock waits for Options.Lock; with Options.Once no longer than an instance that died would be waited for.
func (f *Fetcher) takeLock(live context.Context) error {
	ctx, cancel := live, context.CancelFunc(func() {})
	if f.o.Once {
		ctx, cancel = context.WithTimeout(live, f.o.LeaseTTL)
	}
	defer cancel()
	l, err := f.o.Lock(ctx, "fetcher "+f.name)
	switch {
	case err == nil:
		f.lock = l
	case ctx.Err() != nil && live.Err() == nil:
		return ErrHeld
	}
	return err
}

func (f *Fetcher) backfill() time.Time {
	switch d := f.o.Backfill; {
	case d > 0:
		return time.Now().Add(-d)
	case d < 0:
		return time.Now().Truncate(time.Second) // Exchange gives no fractions
	}
	return time.Time{}
}

func (f *Fetcher) beat(ctx context.Context, epoch int64) error {
	if l := f.lock; l != nil {
		if err := l.Check(ctx); err != nil {
			return fmt.Errorf("%w: the lock: %w", ErrLeaseLost, err)
		}
	}
	return f.o.Store.Beat(ctx, f.name, epoch)
}

func (f *Fetcher) unlock() {
	if l := f.lock; l != nil {
		f.lock = nil
		_ = l.Unlock() // it ends with its holder, whatever this says
	}
}

// read reads a message. Where the folder is out of sight, too, the message is not gone: a right was withdrawn, or the folder deleted.
func (f *Fetcher) read(ctx context.Context, item string) (*ews.Message, error) {
	msg, err := f.mailbox.Message(ctx, ews.ItemID{ID: item}, f.o.query())
	if !errors.Is(err, ews.ErrNotFound) {
		return msg, err
	}
	folder, ferr := f.resolve(ctx)
	if ferr == nil {
		_, ferr = f.mailbox.Folder(ctx, folder)
	}
	if ferr != nil {
		return nil, fmt.Errorf("fetcher: the folder cannot be seen: %w", hidden{ferr})
	}
	return nil, err
}

// hidden keeps a folder's "not found" from being taken for a message's.
type hidden struct{ err error }

func (h hidden) Error() string { return h.err.Error() }

// resolve finds the folder.
func (f *Fetcher) resolve(ctx context.Context) (ews.FolderRef, error) {
	if len(f.o.Path) == 0 {
		return f.folder, nil
	}
	found, err := f.mailbox.FindFolder(ctx, f.folder, f.o.Path...)
	if err != nil {
		return nil, err
	}
	return ews.FolderID{ID: found.ID.ID}, nil
}

// handle calls the handler.
func (f *Fetcher) handle(live context.Context, e handleEffect) handledEvent {
	o := &f.o
	release, err := o.Budget.acquire(live)
	if err != nil {
		return handledEvent{key: e.entry.Key, epoch: e.epoch, err: errCalledOff}
	}
	defer release()
	ctx, cancel := live, context.CancelFunc(func() {})
	if o.Timeout > 0 {
		ctx, cancel = context.WithTimeout(live, o.Timeout)
	}
	defer cancel()
	defer f.calls.begin(ctx, e.entry.Key)()
	if o.TxHandler == nil {
		err = guarded(func() error { return o.Handler(ctx, e.msg) })
		f.panicked(e.entry.Key, err)
		return handledEvent{key: e.entry.Key, epoch: e.epoch, err: calledOff(live, o.timedOut(ctx, err))}
	}
	d := &Delivery{Key: e.entry.Key, Attempt: e.entry.Attempts + 1}
	d.commit = func(ctx context.Context, write WriteFunc) error {
		to := e.entry
		to.State, to.Reason, to.Changed, to.Next = e.then, "", time.Now(), time.Time{}
		return o.Store.(TxStore).Commit(ctx, f.name, e.epoch, to, write)
	}
	err = guarded(func() error { return o.TxHandler(ctx, e.msg, d) })
	f.panicked(e.entry.Key, err)
	return handledEvent{e.entry.Key, e.epoch, d.outcome, calledOff(live, o.timedOut(ctx, err))}
}

// timedOut says of a handler's error that its time was up, and by whose word.
func (o *Options) timedOut(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == context.DeadlineExceeded {
		return fmt.Errorf("fetcher: Options.Timeout, %v, was over before the handler was through: %w", o.Timeout, err)
	}
	return err
}

// calledOff tells the end of the engine's own context from whatever else goes wrong in a handler.
func calledOff(live context.Context, err error) error {
	if err != nil && live.Err() != nil && !errors.Is(err, ErrLeaseLost) {
		return fmt.Errorf("%w: %w", errCalledOff, err)
	}
	return err
}

// act does what follows the ticket's commit, or moves the message into quarantine.
func (f *Fetcher) act(ctx context.Context, e Entry) error {
	a := &f.o.After
	if e.State == Failed {
		a = &Action{Move: *f.o.Quarantine}
	}
	return calledOff(ctx, a.perform(ctx, f.mailbox, &f.places, e.Item))
}
