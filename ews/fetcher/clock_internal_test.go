package fetcher

import (
	"context"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ewsmail/ewsmail/ews"
)

// WallClock is a clock on the wall that can be set while a Fetcher runs, with the monotonic one going on.
type WallClock struct {
	step   atomic.Int64
	Mutant string // what is reckoned by the wall
}

// Set sets the clock to what it showed at the beginning, and so much more.
func (c *WallClock) Set(by time.Duration) { c.step.Store(int64(by)) }

// Now is time.Now by this clock.
func (c *WallClock) Now() time.Time { return c.show(time.Now()) }

// beginning is when bubbles of testing/synctest begin. The times within have no monotonic reading.
var beginning = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// show is what time.Now would be at a time, with both clocks: package time has no way to make one.
func (c *WallClock) show(t time.Time) time.Time {
	by := time.Duration(c.step.Load())
	if t = t.Add(by); c.Mutant == "all" {
		return t
	}
	both := t
	parts := (*struct { // time.Time
		wall uint64 // a flag, seconds since 1885, nanoseconds
		ext  int64  // the monotonic reading
		loc  *time.Location
	})(unsafe.Pointer(&both))
	since1885 := t.Unix() - time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	parts.wall = 1<<63 | uint64(since1885)<<30 | uint64(t.Nanosecond())
	parts.ext = int64(t.Sub(beginning) - by)
	if !both.Round(0).Equal(t) || both == both.Round(0) {
		panic("time.Time is not what it was")
	}
	return both
}

// Unbounded goes by this machine's clock alone when it decides what a first run leaves alone.
func Unbounded(f *Fetcher) {
	f.bound = func(_ context.Context, _ ews.FolderRef, since time.Time) (time.Time, error) { return since, nil }
}

// Bounded is Unbounded when the listing goes on after an interruption, and for later ones: the bound is forgotten.
func Bounded(f *Fetcher) {
	f.step = func(s *state, e event) []effect {
		if page, ok := e.what.(pulledEvent); ok {
			page.page.Since = time.Time{}
			e.what = page
		}
		return next(s, e)
	}
}

// Trusting compares the names of folders only.
func Trusting(f *Fetcher) { f.checked.Store(true) }

// On lets a Fetcher live by the clock.
func (c *WallClock) On(f *Fetcher) {
	f.step = func(s *state, e event) []effect {
		e.at = c.show(e.at)
		if beat, ok := e.what.(beatEvent); ok {
			beat.sent = c.show(beat.sent)
			e.what = beat
		}
		effects := next(s, e)
		switch e.what.(type) {
		case takenEvent, recordedEvent:
			for _, w := range s.queue {
				if c.Mutant == "what is stored" {
					w.due = w.due.Round(0)
				}
				if c.Mutant == "waiting" {
					w.known = w.known.Round(0)
				}
			}
		}
		return replace(effects, func(w wakeEffect) effect {
			w.at = time.Now().Add(w.at.Sub(c.Now())) // by the clock of the bubble, which has no other
			return w
		})
	}
}
