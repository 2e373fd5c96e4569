//go:build unix

package redisstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore/redisstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

func BenchmarkStore(b *testing.B) {
	_, client := start(b)
	s, err := redisstore.New(client, nil)
	require.NoError(b, err)
	storetest.Benchmark(b, s)
}
