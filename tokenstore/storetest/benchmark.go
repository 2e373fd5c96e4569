package storetest

import (
	"context"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// Benchmark measures a store, which must be empty: Get and Put of 4 KiB, Lock, a Source's Token while it is fresh, which
// must not allocate, and a whole refresh.
func Benchmark(b *testing.B, s tokenstore.Store) {
	ctx := b.Context()
	data := make([]byte, 4096)
	v, err := s.Put(ctx, "a", tokenstore.Record{Data: data})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Get4KiB", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Get(ctx, "a"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Put4KiB", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if v, err = s.Put(ctx, "a", tokenstore.Record{Data: data, Version: v}); err != nil {
				b.Fatal(err)
			}
		}
	})
	if l, ok := s.(tokenstore.Locker); ok {
		b.Run("Lock", func(b *testing.B) {
			for b.Loop() {
				held, err := l.Lock(ctx, "a")
				if err != nil {
					b.Fatal(err)
				}
				_ = held.Unlock()
			}
		})
	}
	src := tokenstore.NewSource(s, "refreshed", instant{}, nil)
	defer func() { _ = src.Close(ctx) }()
	signIn := func(b *testing.B, expiry time.Time) {
		if err := src.SignIn(ctx, &oauth2.Token{AccessToken: "a", RefreshToken: "r", Expiry: expiry}, tokenstore.Account{}); err != nil {
			b.Fatal(err)
		}
	}
	ask := func() {
		if _, err := src.Token(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("TokenFresh", func(b *testing.B) {
		signIn(b, time.Now().Add(24*time.Hour))
		if n := testing.AllocsPerRun(100, ask); n > 0 {
			b.Fatalf("Token allocates %v times", n)
		}
		b.ReportAllocs()
		for b.Loop() {
			ask()
		}
	})
	// A sign-in with an expired token (lock, load, save, unlock), then load, lock, load, save the intent, an exchange that takes no
	// time, save, unlock.
	b.Run("SignInAndRefresh", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			signIn(b, time.Unix(1, 0))
			ask()
		}
	})
}

// instant is an authorization server that answers at once.
type instant struct{}

func (instant) Refresh(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: "b", RefreshToken: "s", Expiry: time.Now().Add(time.Hour)}, nil
}
