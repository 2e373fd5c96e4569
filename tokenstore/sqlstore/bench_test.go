//go:build unix

package sqlstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

func BenchmarkStore(b *testing.B) {
	for name, start := range map[string]func(testing.TB) database{"SQLite": sqlite, "PostgreSQL": postgres, "MariaDB": mariadb} {
		b.Run(name, func(b *testing.B) {
			s := start(b).store(b)
			data := make([]byte, 4096)
			v, err := s.Put(b.Context(), "a", tokenstore.Record{Data: data})
			require.NoError(b, err)
			b.Run("Get", func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Get(b.Context(), "a"); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("Put", func(b *testing.B) {
				for b.Loop() {
					if v, err = s.Put(b.Context(), "a", tokenstore.Record{Data: data, Version: v}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("Lock", func(b *testing.B) {
				for b.Loop() {
					l, err := s.Lock(b.Context(), "a")
					if err != nil {
						b.Fatal(err)
					}
					_ = l.Unlock()
				}
			})
			b.Run("Refresh", func(b *testing.B) {
				src := tokenstore.NewSource(s, "refreshed", refresher(func() (*oauth2.Token, error) {
					return &oauth2.Token{AccessToken: "b", RefreshToken: "s", Expiry: time.Now().Add(time.Hour)}, nil
				}), nil)
				defer src.Close(b.Context())
				for b.Loop() { // a sign-in with an expired token, then the refresh
					require.NoError(b, src.SignIn(b.Context(), &oauth2.Token{AccessToken: "a", RefreshToken: "r", Expiry: time.Unix(1, 0)}, tokenstore.Account{}))
					_, err := src.Token(b.Context())
					require.NoError(b, err)
				}
			})
		})
	}
}

// BenchmarkTenThousandMailboxes reads and writes one of 10,000 records in one PostgreSQL table.
func BenchmarkTenThousandMailboxes(b *testing.B) {
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
	b.Run("Get", func(b *testing.B) {
		for b.Loop() {
			i = (i + 7919) % len(versions)
			if _, err := s.Get(b.Context(), name(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Put", func(b *testing.B) {
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
