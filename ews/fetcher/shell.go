package fetcher

import (
	"context"
	"sync"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// shell has the effects of one Run. Its loop is the only one to touch the state.
type shell struct {
	f      *Fetcher
	state  *state
	events chan event
	done   chan struct{} // closed when the loop has ended
	tasks  sync.WaitGroup

	base context.Context // values of Run's ctx, without its end
	live context.Context // of reads, handlers and actions
	stop context.CancelCauseFunc
	hard context.Context // of everything
	kill context.CancelFunc

	timer *time.Timer
	more  chan struct{}      // lets the watching go on
	halt  context.CancelFunc // ends it
}

func newShell(f *Fetcher, ctx context.Context) *shell {
	sh := &shell{f: f, state: newState(f.o.policy()), events: make(chan event, 16), done: make(chan struct{}), base: context.WithoutCancel(ctx)}
	sh.hard, sh.kill = context.WithCancel(sh.base)
	sh.live, sh.stop = context.WithCancelCause(sh.base)
	sh.timer = time.NewTimer(time.Hour)
	sh.timer.Stop()
	return sh
}

// run steps until the engine ends.
func (sh *shell) run(ctx context.Context) error {
	var grace, abandon <-chan time.Time
	ends, abandoned := ctx.Done(), false
	e := event{time.Now(), startEvent{}}
	for {
		effects := sh.f.step(sh.state, e)
		sh.f.publish(sh.state.snapshot())
		ended, err := sh.have(effects)
		if ended {
			sh.close(!abandoned && len(sh.state.left) == 0)
			return err
		}
		select {
		case e = <-sh.events:
		case <-sh.timer.C:
			e = event{time.Now(), wakeEvent{}}
		case <-ends:
			ends = nil
			e = event{time.Now(), drainEvent{ctx.Err()}}
			grace = time.After(sh.f.o.Grace)
		case <-grace:
			grace = nil
			e = event{time.Now(), graceEvent{}}
			abandon = time.After(abandonAfter)
		case <-abandon:
			abandon, abandoned = nil, true
			sh.kill()
			e = event{time.Now(), abandonEvent{}}
		}
	}
}

// close ends what is left. Handlers that do not return are left behind, which Run's error says.
func (sh *shell) close(wait bool) {
	sh.timer.Stop()
	sh.stop(errCalledOff)
	sh.kill()
	if sh.halt != nil {
		sh.halt()
	}
	close(sh.done)
	if wait {
		sh.tasks.Wait()
	}
}

// have begins effects.
func (sh *shell) have(effects []effect) (ended bool, err error) {
	for _, e := range effects {
		switch e := e.(type) {
		case wakeEffect:
			sh.timer.Reset(max(0, time.Until(e.at)))
		case cancelEffect:
			sh.stop(errCalledOff)
			sh.live, sh.stop = context.WithCancelCause(sh.base)
		case pullEffect:
			sh.pull(e)
		case moreEffect:
			sh.more <- struct{}{}
		case stopPullEffect:
			sh.halt()
		case endEffect:
			return true, e.err
		default:
			live := sh.live
			sh.tasks.Go(func() {
				var what any
				if h, ok := e.(handleEffect); ok { // unless it returns: then it has called runtime.Goexit, as failing tests do
					what = handledEvent{key: h.entry.Key, epoch: h.epoch, outcome: outcome{tried: sh.f.o.TxHandler != nil}, err: errGoexit}
				}
				defer func() { sh.post(what) }()
				what = sh.f.have(live, sh.hard, e)
			})
		}
	}
	return false, nil
}

func (sh *shell) post(what any) {
	select {
	case sh.events <- event{time.Now(), what}:
	case <-sh.done:
	}
}

// pull watches the folder in a goroutine, page by page as the engine asks for them.
func (sh *shell) pull(e pullEffect) {
	ctx, cancel := context.WithCancel(sh.hard)
	more := make(chan struct{}, 1)
	sh.more, sh.halt = more, cancel
	sh.tasks.Go(func() {
		defer cancel()
		var ended error
		for page, err := range sh.f.pages(ctx, e, func(r ews.WatchReport) { sh.post(r) }) {
			if err != nil {
				ended = err
				break
			}
			sh.post(page)
			select {
			case <-more:
				continue
			case <-ctx.Done():
				ended = ctx.Err()
			}
			break
		}
		sh.post(pullEndedEvent{ended})
	})
}
