//go:build unix && !race

package fetcher_test

import (
	"strings"
	"testing"
)

// TestKillMutant: with tickets that have no key, at least one of a few slaughters leaves a message with two. Where the
// kills fall is chance: twenty of them left nine such messages on average, and never fewer than four, so that twelve hit none once in a hundred times
// at worst.
func TestKillMutant(t *testing.T) {
	t.Parallel()
	k := slaughter{name: "ticket first, without a key", mutant: "ticket first, without a key", messages: 40, kills: 12, instances: 2}
	for n := range 5 {
		for _, wrong := range k.run(t) {
			if strings.HasPrefix(wrong, "message ") {
				t.Logf("slaughter %d: %s", n, wrong)
				return
			}
		}
	}
	t.Error("nobody noticed")
}
