//go:build unix

package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/redisstore"
)

type refresher func() (*oauth2.Token, error)

func (r refresher) Refresh(context.Context, *oauth2.Token) (*oauth2.Token, error) { return r() }

func BenchmarkStore(b *testing.B) {
	_, client := start(b)
	s, err := redisstore.New(client, nil)
	require.NoError(b, err)
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
}
