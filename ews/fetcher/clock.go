package fetcher

import "time"

// The clock on the wall can be set, by hours, while a program runs or between two runs: NTP, a virtual machine that goes on where it stood, a
// person. So nothing here waits for it. What is due within a run is reckoned by the monotonic clock, which time.Time carries along. The
// lease compares no times at all: it counts signs of life. Times that come out of the Store are of some clock on some wall; past and pause
// make times of this run of them, once, so that an error of hours shortens a pause at most.

// past makes a time in the past one of this run: it is not in the future, whatever the clock said when it was written down.
func (s *state) past(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return s.now.Add(min(0, t.Sub(s.now)))
}

// pause makes the end of a pause one of this run: it lasts no longer than it was meant to when it began.
func (s *state) pause(end, began time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	return s.now.Add(min(end.Sub(s.now), max(0, end.Sub(began))))
}
