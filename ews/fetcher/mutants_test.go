//go:build !race

package fetcher_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// The race detector does not see this file: that the enumerations notice broken rules does not depend on it, and takes ten times as long with it.

// TestMutants: with a rule broken the same enumerations find lost or repeated tickets.
func TestMutants(t *testing.T) {
	for _, tc := range []struct {
		subject
		enumerate func(*testing.T, subject, float64, int) (int, []error)
	}{
		{subject{name: "moved first", mutant: fetcher.MoveFirst}, crashes},
		{subject{name: "noted first", mutant: fetcher.NoteFirst}, crashes},
		{subject{name: "cursor first", mutant: fetcher.CursorFirst}, crashes},
		{subject{name: "ticket first, without a key", blind: true}, crashes},
		{subject{name: "lost commit taken for a failure", tx: true, mutant: fetcher.Forgetful}, crashes},
		{subject{name: "note outside of the transaction", tx: true, wrap: apart}, crashes},
		{subject{name: "saves without the epoch", tx: true, stay: true, wrap: unfenced}, takeovers},
		{subject{name: "two that hold the message", tx: true, wrap: unclaimed}, takeovers},
	} {
		t.Run(tc.name, func(t *testing.T) {
			runs, wrong := tc.enumerate(t, tc.subject, 0.3, 1)
			require.NotEmpty(t, wrong, "nobody noticed")
			t.Logf("noticed in run %d: %v", runs, wrong[0])
		})
	}
}

// TestTenKMutant: the storm notices when a rule is broken.
func TestTenKMutant(t *testing.T) {
	t.Parallel()
	for _, s := range []subject{{name: "cursor first", mutant: fetcher.CursorFirst}, {name: "noted first", mutant: fetcher.NoteFirst}, {name: "ticket first, without a key", blind: true}} {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var wrong []string
				storm{messages: 300, life: 60}.run(t, s, func(what string) { wrong = append(wrong, what) })
				require.NotEmpty(t, wrong, "nobody noticed")
				t.Log(wrong[0])
			})
		})
	}
}
