package fetcher

import (
	"context"
	"errors"

	"github.com/ewsmail/ewsmail/ews"
)

// The engine with one of its rules broken. Each must be caught by the test that enumerates crashes.

// MoveFirst does what follows the ticket before the ticket is made.
func MoveFirst(next Stepper) Stepper {
	held := map[string]handleEffect{}
	return func(s *state, e event) []effect {
		if acted, ok := e.what.(actedEvent); ok {
			if h, ok := held[acted.key]; ok {
				delete(held, acted.key)
				return []effect{h}
			}
		}
		return replace(next(s, e), func(h handleEffect) effect {
			held[h.entry.Key] = h
			return actEffect{h.entry}
		})
	}
}

// NoteFirst notes that the ticket is made before it is.
func NoteFirst(next Stepper) Stepper {
	held := map[string]handleEffect{}
	return func(s *state, e event) []effect {
		if saved, ok := e.what.(savedEvent); ok {
			if h, ok := held[saved.key]; ok {
				delete(held, saved.key)
				return []effect{h}
			}
		}
		return replace(next(s, e), func(h handleEffect) effect {
			held[h.entry.Key] = h
			entry := h.entry
			entry.State = h.then
			return saveEffect{h.epoch, entry}
		})
	}
}

// CursorFirst stores the cursor of a page before its messages.
func CursorFirst(next Stepper) Stepper {
	var held *recordEffect
	return func(s *state, e event) []effect {
		if _, ok := e.what.(recordedEvent); ok && held != nil {
			h := *held
			held = nil
			return []effect{h}
		}
		return replace(next(s, e), func(h recordEffect) effect {
			held = &h
			first := h
			first.page.Seen, first.page.Gone = nil, nil
			return first
		})
	}
}

// Forgetful takes a lost answer of a commit for a failure.
func Forgetful(next Stepper) Stepper {
	return func(s *state, e event) []effect {
		if h, ok := e.what.(handledEvent); ok && h.tried && !h.committed {
			h.tried, h.err = false, Permanent(h.err) // "it failed": the ticket is there, and so is the message, in quarantine
			e.what = h
		}
		return next(s, e)
	}
}

// Unsuspecting does not ask what its predecessor died of.
func Unsuspecting(next Stepper) Stepper {
	return func(s *state, e event) []effect {
		if taken, ok := e.what.(takenEvent); ok {
			taken.at.Crashed = false
			for i := range taken.at.Open {
				taken.at.Open[i].Crashes = 0
			}
			e.what = taken
		}
		return next(s, e)
	}
}

// Forgiving takes any sign of life for a sign that all of the store works.
func Forgiving(next Stepper) Stepper {
	return func(s *state, e event) []effect {
		switch e.what.(type) {
		case wakeEvent, beatEvent, observedEvent, recordedEvent, savedEvent:
			clear(s.stats.failing)
		}
		return next(s, e)
	}
}

// Stubborn takes a message that is gone for one that cannot be read for now.
func Stubborn(f *Fetcher) {
	f.have = func(live, hard context.Context, e effect) any {
		what := f.perform(live, hard, e)
		if r, ok := what.(readEvent); ok && errors.Is(r.err, ews.ErrNotFound) {
			r.err = errors.New("not now")
			return r
		}
		return what
	}
}

// LookOnce looks for the folder once.
func LookOnce(f *Fetcher) {
	folder, err := f.resolve(context.Background())
	if err != nil {
		panic(err)
	}
	f.folder, f.o.Path = folder, nil
}

// Trusting a path for ever, LookBlindly fetches from, and moves to, the folder that it once led to.
func LookBlindly(f *Fetcher) {
	f.stay = func(ctx context.Context, _ ews.FolderRef) (context.Context, func()) { return ctx, func() {} }
	f.places.trust = 1 << 62
}

// TakeAlways takes over from the living, and TakeNever not even from the dead.
func TakeAlways(next Stepper) Stepper {
	return func(s *state, e event) []effect {
		if observed, ok := e.what.(observedEvent); ok && observed.err == nil && s.phase == observing && !s.drain {
			s.since = s.now.Add(-s.ttl)
			s.holder = observed.holder
		}
		return next(s, e)
	}
}

// TakeNever: see TakeAlways.
func TakeNever(next Stepper) Stepper {
	return func(s *state, e event) []effect {
		if _, ok := e.what.(observedEvent); ok && s.holder.Epoch > 0 {
			s.since = s.now
		}
		return next(s, e)
	}
}

// replace changes effects of one type.
func replace[E any](effects []effect, by func(E) effect) []effect {
	for i := range effects {
		if e, ok := effects[i].(E); ok {
			effects[i] = by(e)
		}
	}
	return effects
}
