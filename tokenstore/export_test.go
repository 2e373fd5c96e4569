package tokenstore

import "time"

// Paths is the seam of MakeDir, which creates the token directory.
type Paths = paths

func MakeDir(path string, on Paths) error { return makeDir(path, on) }

// SetClock gives a source that was not used yet another clock than time.Now.
func SetClock(s *Source, now func() time.Time) { s.now = now }
