package ews

import (
	"fmt"
	"time"
)

// badTime tells a time that a request cannot carry: Exchange's end with the year 9999, and XML's go on. The zero time is nobody's concern.
func badTime(field string, t time.Time) []string {
	if t.IsZero() {
		return nil
	}
	if year := secondUp(t).UTC().Year(); year < 1 || year > 9999 {
		return []string{fmt.Sprintf("%s: a time in the year %d: Exchange's are in the years 1 to 9999", field, year)}
	}
	return nil
}

// badTimes names the first field of two with a time that a request cannot carry, or is "".
func badTimes(first string, a time.Time, second string, b time.Time) string {
	for _, wrong := range append(badTime(first, a), badTime(second, b)...) {
		return wrong
	}
	return ""
}
