package ewstest

import (
	"maps"
	"slices"
	"strings"
)

// Operations are the names of all operations that the server answers.
func Operations() []string {
	var out []string
	for name := range maps.Keys(operations) {
		out = append(out, strings.TrimPrefix(name, "m:"))
	}
	return append(slices.Sorted(slices.Values(out)), "GetStreamingEvents")
}
