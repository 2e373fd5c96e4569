package fetcher

import (
	"fmt"
	"time"
)

// A message can end the whole program: it takes all the memory, or a library that reads it calls os.Exit. No error tells of it. So
// what was open when a holder died without a farewell is suspected: before it is read or handed out again that is written down
// (Entry.Crashes), and taken back when there is an outcome. One that was under way at a second death is from then on handed out
// alone, so that others are not blamed with it, and after a growing pause, in which the others get on. After
// Options.MaxAttempts deaths it is given up.

// suspect judges a message that was open when the lease was taken.
func (s *state) suspect(w *work, crashed bool) {
	w.careful = w.careful || crashed || w.Crashes > 0
	w.alone = w.Crashes > 0
	if w.State == Pending && w.alone {
		if due := s.past(w.Changed).Add(s.delay(w.Crashes)); due.After(w.due) { // since it was handed out
			w.due = due
		}
	}
}

// mark writes down that the message is about to be handed out, or gives it up.
func (s *state) mark(w *work) {
	if w.Crashes >= s.maxAttempts {
		s.stats.GivenUp++
		s.save(w, Failed, fmt.Sprintf("the program ended %d times while it was handling this message", w.Crashes))
		return
	}
	e := w.Entry
	e.Crashes++
	e.Changed, e.Next = s.now, time.Time{}
	s.keep(w, e)
	w.marked = true
}

// undo takes the mark back: the program is ending as it should.
func (s *state) undo(w *work) {
	if w.marked {
		s.keep(w, w.Entry)
	}
}

// sole returns the message that is to be handed out alone by now, and whether others are under way that have to end first.
func (s *state) sole() (sole *work, others bool) {
	for _, w := range s.queue {
		if w.alone && w.State == Pending && (w.busy || !s.now.Before(w.due)) && (sole == nil || w.busy) {
			sole = w
		}
	}
	if sole == nil {
		return nil, false
	}
	for _, w := range s.queue {
		others = others || w != sole && w.busy && w.State == Pending
	}
	return sole, others
}
