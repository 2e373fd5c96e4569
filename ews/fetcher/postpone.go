package fetcher

import (
	"context"
	"errors"
)

// postpone has a step with a message tried again later.
func (s *state) postpone(w *work, what string, err error) {
	w.tries++
	s.stats.failed(what, err, s.now)
	s.stats.LastErrorKey = w.Key
	most := s.maxBackoff
	if what != "action" {
		most = s.ttl // the store: nothing else can be done before it is back
	}
	w.due = s.now.Add(min(s.delay(w.tries), most))
}

// interrupted reports whether a step was called off, and so says nothing about the message.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, errCalledOff)
}
