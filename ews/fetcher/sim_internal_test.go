package fetcher

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// ErrLost is what a Sim makes of an answer that is lost: the effect was had, and nobody knows.
var ErrLost = errors.New("the answer was lost")

// Sim runs a Fetcher without its shell: it has the effects one at a time, in their order, and counts them. Each is a point at which the program
// can die, by never calling Step again, and at which an answer can get lost.
type Sim struct {
	Steps int
	Names []string       // of the effects had so far
	Lose  func(int) bool // the answer of the n-th effect is lost
	Ended bool
	Err   error

	f     *Fetcher
	s     *state
	step  Stepper
	queue []effect
	wake  time.Time
	pull  func() (pulledEvent, error, bool)
	stop  func()
	ctx   context.Context
}

// Stepper is a step function.
type Stepper = func(*state, event) []effect

// pullNext is the arrival of a page.
type pullNext struct{}

// NewSim starts a Sim; mutant, if not nil, wraps the step function.
func NewSim(ctx context.Context, f *Fetcher, mutant func(Stepper) Stepper) *Sim {
	m := &Sim{f: f, s: newState(f.o.policy()), step: next, ctx: ctx}
	if mutant != nil {
		m.step = mutant(next)
	}
	m.feed(startEvent{})
	return m
}

func (m *Sim) feed(what any) { m.queue = append(m.queue, m.step(m.s, event{time.Now(), what})...) }

// Step has the next effect; when there is none it waits for the time of the next one. It reports whether the run goes on.
func (m *Sim) Step() bool {
	for !m.Ended {
		if len(m.queue) == 0 {
			if m.wake.IsZero() {
				panic("the engine waits for nothing")
			}
			time.Sleep(time.Until(m.wake))
			m.wake = time.Time{}
			m.feed(wakeEvent{})
			continue
		}
		e := m.queue[0]
		m.queue = m.queue[1:]
		switch e := e.(type) {
		case wakeEffect:
			m.wake = e.at
			continue
		case cancelEffect:
			continue
		case pullEffect:
			m.pull, m.stop = iter.Pull2(m.f.pages(m.ctx, e, func(ews.WatchReport) {}))
			m.queue = append(m.queue, pullNext{})
			continue
		case moreEffect:
			m.queue = append(m.queue, pullNext{})
			continue
		case stopPullEffect:
			m.halt()
			m.feed(pullEndedEvent{context.Canceled})
			continue
		case endEffect:
			m.Ended, m.Err = true, e.err
			return false
		}
		m.Steps++
		m.Names = append(m.Names, strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", e), "fetcher."), "Effect"))
		var what any
		if _, ok := e.(pullNext); ok {
			what = m.page()
		} else {
			what = m.f.perform(m.ctx, m.ctx, e)
		}
		if m.Lose != nil && m.Lose(m.Steps) {
			if _, ok := what.(pulledEvent); ok {
				m.halt()
			}
			what = lost(what)
		}
		m.feed(what)
		return true
	}
	return false
}

func (m *Sim) page() any {
	if m.pull == nil {
		return nil // it was stopped
	}
	p, err, ok := m.pull()
	switch {
	case !ok, err != nil:
		m.halt()
		return pullEndedEvent{err}
	}
	return p
}

func (m *Sim) halt() {
	if m.stop != nil {
		m.stop()
	}
	m.pull, m.stop = nil, nil
}

// Kill ends the program where it stands.
func (m *Sim) Kill() {
	m.halt()
	m.Ended = true
}

// lost turns an event into the one that comes when its answer is lost.
func lost(what any) any {
	switch e := what.(type) {
	case lockedEvent, releasedEvent, unlockedEvent, nil:
		return e
	case observedEvent:
		e.err = ErrLost
		return e
	case takenEvent:
		return takenEvent{err: ErrLost}
	case beatEvent:
		e.err = ErrLost
		return e
	case pulledEvent, pullEndedEvent:
		return pullEndedEvent{ErrLost}
	case recordedEvent:
		return recordedEvent{err: ErrLost}
	case readEvent:
		return readEvent{key: e.key, err: &ews.Error{}} // none that says anything about the message
	case missingEvent:
		return missingEvent{key: e.key, item: e.item, err: ErrLost}
	case handledEvent:
		e.err, e.committed = ErrLost, false
		return e
	case lookEvent:
		return lookEvent{key: e.key, err: ErrLost}
	case savedEvent:
		e.err = ErrLost
		return e
	case actedEvent:
		e.err = ErrLost
		return e
	case prunedEvent:
		e.err = ErrLost
		return e
	}
	panic(fmt.Sprintf("%T", what))
}

// InTransaction runs a write in a transaction of its own.
func InTransaction(ctx context.Context, s *SQLStore, write WriteFunc) error {
	return s.d.Transact(ctx, s.db, write)
}

// Mortal lets the program die after so many effects: those under way end as they do, as requests do that have been sent, and nothing
// more is done, no farewell either. died is called then.
func Mortal(f *Fetcher, effects int, died func()) {
	var n atomic.Int64
	f.have = func(live, hard context.Context, e effect) any {
		at := n.Add(1)
		if at == int64(effects) {
			died()
		}
		if at >= int64(effects) {
			if _, ok := e.(releaseEffect); ok {
				return releasedEvent{}
			}
			return nil
		}
		return f.perform(live, hard, e)
	}
}

// Mutate changes a Fetcher's step function.
func Mutate(f *Fetcher, mutant func(Stepper) Stepper) { f.step = mutant(next) }

// KnowBy changes what a Fetcher knows messages by.
func KnowBy(f *Fetcher, key func(*ews.Message) string) { f.key = key }

// Gullible lets a Fetcher take "not found" for what it says, without a look at the folder.
func Gullible(f *Fetcher) {
	f.have = func(live, hard context.Context, e effect) any {
		if r, ok := e.(readEffect); ok {
			msg, err := f.mailbox.Message(live, ews.ItemID{ID: r.item}, f.o.query())
			return readEvent{r.key, msg, err}
		}
		return f.perform(live, hard, e)
	}
}

// Hasty lets a Fetcher end without waiting for its handlers' acknowledgements.
func Hasty(f *Fetcher) {
	f.step = func(s *state, e event) []effect {
		if _, ok := e.what.(drainEvent); ok {
			effects := next(s, e)
			s.phase = releasing
			return append(effects, releaseEffect{s.epoch})
		}
		return next(s, e)
	}
}

// Stoppable is Mortal with the death at a time of the caller's choice.
func Stoppable(f *Fetcher, dead func() bool) {
	f.have = func(live, hard context.Context, e effect) any {
		if dead() {
			if _, ok := e.(releaseEffect); ok {
				return releasedEvent{}
			}
			return nil
		}
		return f.perform(live, hard, e)
	}
}
