//go:build unix

package sqlstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

func BenchmarkStore(b *testing.B) {
	for name, start := range map[string]func(testing.TB) database{"SQLite": sqlite, "PostgreSQL": postgres, "MariaDB": mariadb} {
		b.Run(name, func(b *testing.B) {
			storetest.Benchmark(b, start(b).store(b))
		})
	}
}

// Benchmark10000Mailboxes reads and writes one of 10,000 records of 4 KiB in one PostgreSQL table, and lists them.
func Benchmark10000Mailboxes(b *testing.B) {
	s := postgres(b).store(b)
	versions := make([]string, 10_000)
	name := func(i int) string { return fmt.Sprintf("mailbox-%05d@example.com", i) }
	data := make([]byte, 4096)
	for i := range versions {
		var err error
		versions[i], err = s.Put(b.Context(), name(i), tokenstore.Record{Data: data})
		require.NoError(b, err)
	}
	i := 0
	b.Run("Get4KiB", func(b *testing.B) {
		for b.Loop() {
			i = (i + 7919) % len(versions)
			if _, err := s.Get(b.Context(), name(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Put4KiB", func(b *testing.B) {
		for b.Loop() {
			i = (i + 7919) % len(versions)
			var err error
			if versions[i], err = s.Put(b.Context(), name(i), tokenstore.Record{Data: data, Version: versions[i]}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("List", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, err := range s.List(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != len(versions) {
				b.Fatal(n)
			}
		}
	})
}
