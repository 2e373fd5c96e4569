package fetcher

// Resigned does not ask a store again that has failed.
func Resigned(next Stepper) Stepper {
	failed := false
	return func(s *state, e event) []effect {
		if o, ok := e.what.(observedEvent); ok {
			failed = failed || o.err != nil
		}
		effects := next(s, e)
		if !failed {
			return effects
		}
		return replace(effects, func(observeEffect) effect { return wakeEffect{s.now.Add(s.maxBackoff)} })
	}
}

// Unalarmed does not say that a store fails.
func Unalarmed(next Stepper) Stepper {
	return func(s *state, e event) []effect {
		effects := next(s, e)
		clear(s.stats.failing)
		return effects
	}
}

// Blaming takes it for a message's fault that the database is off.
func Blaming(next Stepper) Stepper {
	return func(s *state, e event) []effect {
		if h, ok := e.what.(handledEvent); ok && h.err != nil && !h.committed {
			h.err = Permanent(h.err)
			e.what = h
		}
		return next(s, e)
	}
}
