//go:build unix && !race

package fetcher_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKillMutant: the same with tickets that have no key.
func TestKillMutant(t *testing.T) {
	t.Parallel()
	k := slaughter{name: "ticket first, without a key", mutant: "ticket first, without a key", messages: 60, kills: 20, instances: 2}
	wrong := k.run(t)
	require.NotEmpty(t, wrong, "nobody noticed")
	t.Log(wrong[0])
}
