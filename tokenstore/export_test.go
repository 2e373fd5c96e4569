package tokenstore

import "time"

// SetClock gives a source that was not used yet another clock than time.Now.
func SetClock(s *Source, now func() time.Time) { s.now = now }
