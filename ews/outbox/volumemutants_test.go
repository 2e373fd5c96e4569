//go:build !race

package outbox_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// TestHavocNotices: the havoc does harm when a guard is missing.
func TestHavocNotices(t *testing.T) {
	for _, guard := range []string{"note before sending", "look-up of earlier drafts"} {
		harm := false
		for seed := uint64(0); !harm; seed++ {
			require.Less(t, seed, uint64(10), "no harm done without %q", guard)
			synctest.Test(t, func(t *testing.T) {
				o, _ := havoc(t, bubbleSQLite(t), seed, 60, guard)
				harm = o.bad()
			})
			t.Logf("without %q, seed %d: harm %v", guard, seed, harm)
		}
	}
}
