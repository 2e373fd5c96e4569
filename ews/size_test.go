package ews_test

// unlessRace is whole, or least where the race detector makes each step many times slower, which looks for other things than those that are
// counted here.
func unlessRace[T any](whole, least T) T {
	if raceEnabled {
		return least
	}
	return whole
}
