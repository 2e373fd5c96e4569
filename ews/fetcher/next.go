package fetcher

import (
	"errors"
	"fmt"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// next takes a step.
func next(s *state, e event) []effect {
	s.now, s.out = e.at, nil
	switch e := e.what.(type) {
	case startEvent:
		if !s.lock {
			s.phase = observing
		}
	case drainEvent:
		s.leave(e.err)
	case graceEvent:
		s.hurry = true
		s.emit(cancelEffect{})
	case abandonEvent:
		s.final = errors.Join(s.final, errAbandoned)
		s.release()
	case wakeEvent:
		s.wake = time.Time{}
	case lockedEvent:
		s.flight--
		s.locked(e)
	case observedEvent:
		s.flight--
		s.observed(e)
	case takenEvent:
		s.flight--
		s.taken(e)
	case beatEvent:
		s.flight--
		s.beaten(e)
	case unlockedEvent:
		s.flight--
	case releasedEvent:
		s.phase = ended
		s.emit(endEffect{s.final})
	case ews.WatchReport:
		s.reported(e)
	case pulledEvent:
		s.pulled(e)
	case pullEndedEvent:
		s.pullEnded(e)
	case recordedEvent:
		s.flight--
		s.recorded(e)
	case prunedEvent:
		s.flight--
		if e.err != nil && !s.lostIf(e.err) {
			s.stats.failed("prune", e.err, s.now)
		}
	case handledEvent:
		if s.left.returned(e.epoch) {
			break
		}
		s.flight--
		s.handlers--
		s.worked(e)
	case readEvent, missingEvent, lookEvent, savedEvent, actedEvent:
		s.flight--
		s.worked(e)
	}
	s.advance()
	return s.out
}

// advance does what is due.
func (s *state) advance() {
	s.impatient()
	switch s.phase {
	case locking, observing:
		switch {
		case s.flight > 0 || s.now.Before(s.retry) && !s.drain:
		case s.drain:
			s.release()
		case s.phase == locking:
			s.emit(lockEffect{})
		default:
			s.emit(observeEffect{})
		}
	case working, leaving:
		s.keepLease()
	}
	if s.phase == working {
		s.watch()
		s.prune()
		s.dispatch()
		s.finish()
	}
	if s.phase == leaving {
		s.unsaved()
		if s.flight == 0 && s.pull == pullOff && (s.hurry || !s.anyUnsaved()) {
			s.release()
		}
	}
	if s.phase == losing && s.pull == pullOff && s.flight == s.handlers && (s.handlers == 0 || s.now.Sub(s.lostAt) >= s.ttl) {
		s.lost()
	}
	s.alarm()
}

// --- the lease -------------------------------------------------------------------------------------------------

func (s *state) locked(e lockedEvent) {
	if s.once && errors.Is(e.err, ErrHeld) {
		s.leave(ErrHeld)
		return
	}
	if e.err != nil {
		s.again("lock", e.err)
		return
	}
	s.stats.worked("lock")
	s.phase, s.fails, s.retry = observing, 0, time.Time{}
}

// observed takes the source over from a holder that is gone, or has shown no sign of life for the lease's length.
func (s *state) observed(e observedEvent) {
	if errors.Is(e.err, ErrNoTables) && s.since.IsZero() && s.stats.LeaseLosses == 0 { // from the start: somebody must do something
		s.leave(e.err)
		return
	}
	if e.err != nil {
		s.again("observe", e.err)
		return
	}
	s.stats.worked("observe")
	if e.holder != s.holder || s.since.IsZero() {
		s.moved = s.moved || !s.since.IsZero() && e.holder != (Holder{})
		s.holder, s.since = e.holder, s.now
	}
	switch {
	case s.drain:
	case e.holder.Owner == "", s.lock, s.now.Sub(s.since) >= s.ttl:
		s.emit(takeEffect{e.holder})
	case s.once && s.moved:
		s.leave(ErrHeld)
	default: // somebody else has it, for whom it works
		s.fails, s.retry = 0, s.now.Add(s.ttl/6)
		s.stats.worked("take", "beat", "record", "known", "save", "look", "missing")
	}
}

func (s *state) again(what string, err error) {
	s.fails++
	s.stats.failed(what, err, s.now)
	s.retry = s.now.Add(min(s.delay(s.fails), time.Minute))
}

// oncePatience is how long Options.Once has a store or a lock tried again that fails.
const oncePatience = time.Minute

// impatient ends a run with Options.Once that cannot get on: the timer that started it will start the next one.
func (s *state) impatient() {
	if !s.once || s.drain {
		return
	}
	if f, fails := s.stats.storeFailure(); fails && s.now.Sub(f.since) >= oncePatience {
		s.leave(f.err)
		s.hurry = true // what cannot be saved is found again
	}
}

func (s *state) taken(e takenEvent) {
	switch {
	case errors.Is(e.err, ErrHeld):
		s.stats.Held++
		s.fails = 0
		s.stats.worked("take", "beat", "record", "known", "save", "look", "missing") // for somebody else
		s.since = time.Time{}
		if s.once {
			s.leave(ErrHeld)
			return
		}
		s.retry = s.now.Add(s.ttl / 6)
		return
	case e.err != nil:
		s.again("take", e.err)
		return
	}
	s.epoch, s.fails = e.at.Epoch, 0
	s.stats.worked("take")
	s.proof, s.beat = s.now, s.now.Add(s.ttl/3)
	s.cursor, s.listing, s.backfill = e.at.Cursor, e.at.Listing, e.at.Since
	s.stats.taken(e.at.Epoch, s.now)
	if s.drain {
		s.phase = leaving
		return
	}
	s.phase = working
	for _, entry := range e.at.Open {
		s.suspect(s.add(entry), e.at.Crashed)
	}
}

// keepLease shows signs of life. When they have not arrived for the lease's length, another instance may have taken over.
func (s *state) keepLease() {
	if s.epoch == 0 {
		return
	}
	if s.now.Sub(s.proof) >= s.ttl {
		s.lose()
		return
	}
	if !s.beats && !s.now.Before(s.beat) {
		s.beats = true
		s.beat = s.now.Add(s.ttl / 3)
		s.emit(beatEffect{s.epoch})
	}
}

func (s *state) beaten(e beatEvent) {
	s.beats = false
	switch {
	case e.err == nil:
		s.proof = e.sent
		s.stats.worked("beat")
	case !s.lostIf(e.err):
		s.stats.failed("beat", e.err, s.now)
	}
}

func (s *state) lostIf(err error) bool {
	if !errors.Is(err, ErrLeaseLost) {
		return false
	}
	s.lose()
	return true
}

// lose stops everything at once: another instance does it from now on.
func (s *state) lose() {
	if s.phase != working && s.phase != leaving {
		return
	}
	s.stats.lost(s.now)
	s.phase, s.epoch, s.lostAt, s.lostEpoch = losing, 0, s.now, s.epoch
	s.stopPull()
	s.emit(cancelEffect{})
}

// lost begins again after the lease was lost and everything has stopped, but for handlers that do not listen.
func (s *state) lost() {
	s.leaveBehind()
	fresh := newState(s.policy)
	fresh.now, fresh.out, fresh.stats, fresh.wake = s.now, s.out, s.stats, s.wake
	fresh.drain, fresh.final, fresh.hurry, fresh.left = s.drain, s.final, s.hurry, s.left
	*s = *fresh
	s.retry = s.now.Add(s.ttl / 6)
	if !s.lock {
		s.phase = observing
	}
	if s.once && !s.drain {
		s.drain, s.final = true, ErrLeaseLost
		if f, fails := s.stats.storeFailure(); fails { // nobody has taken over, as far as we know
			s.final = fmt.Errorf("%w, or may have: %w", ErrLeaseLost, f.err)
		}
	}
	s.emit(unlockEffect{})
}

// leave begins the end: nothing new is begun, and what is under way may finish.
func (s *state) leave(err error) {
	if s.drain {
		return
	}
	s.drain, s.final = true, err
	if s.phase == locking {
		s.emit(cancelEffect{}) // waits for a lock, which nobody needs any more
	}
	if s.phase == working {
		s.phase = leaving
		s.stopPull()
	}
}

func (s *state) release() {
	if s.phase < releasing {
		if len(s.left) > 0 && !errors.Is(s.final, errAbandoned) {
			s.final = errors.Join(s.final, errAbandoned)
		}
		s.phase = releasing
		s.emit(releaseEffect{s.epoch})
	}
}

// finish ends a run with Options.Once: what failed waits for the next one.
func (s *state) finish() {
	if s.once && s.caught && s.busy == 0 && s.flight == 0 && !s.anyUnsaved() {
		s.leave(nil)
	}
}

func (s *state) anyUnsaved() bool {
	for _, w := range s.queue {
		if w.unsaved != nil || w.look {
			return true
		}
	}
	return false
}

func (s *state) prune() {
	if s.remember < 0 || s.now.Sub(s.pruned) < time.Hour {
		return
	}
	s.pruned = s.now
	s.emit(pruneEffect{s.epoch, s.now.Add(-s.remember)})
}

// alarm asks to be woken when something is due next.
func (s *state) alarm() {
	var at time.Time
	by := func(t time.Time) {
		if t.After(s.now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	switch s.phase {
	case locking, observing:
		by(s.retry)
	case losing:
		by(s.lostAt.Add(s.ttl))
	case working, leaving:
		if !s.beats {
			by(s.beat)
		}
		by(s.proof.Add(s.ttl))
		if s.pull == pullOff {
			by(s.pullAt)
		}
		by(s.pageAt)
		for _, w := range s.queue {
			if w.open() && !w.busy {
				by(w.due)
			}
		}
	}
	if !at.IsZero() && (s.wake.IsZero() || at.Before(s.wake)) {
		s.wake = at
		s.emit(wakeEffect{at})
	}
}
