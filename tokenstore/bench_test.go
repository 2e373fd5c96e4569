package tokenstore_test

import (
	"context"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

func BenchmarkTokenFresh(b *testing.B) {
	src := signedIn(b, tokenstore.NewMemoryStore(), &idp{}, nil)
	token(b, src)
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := src.Token(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func stores(b *testing.B) map[string]tokenstore.Store {
	return map[string]tokenstore.Store{
		"memory":         tokenstore.NewMemoryStore(),
		"files":          newFiles(b),
		"encryptedFiles": tokenstore.Encrypt(newFiles(b), newRing(b, 1)),
	}
}

func BenchmarkStore(b *testing.B) {
	data := make([]byte, 4096)
	for name, s := range stores(b) {
		v, err := s.Put(b.Context(), mailbox, tokenstore.Record{Data: data})
		if err != nil {
			b.Fatal(err)
		}
		b.Run("Get/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Get(b.Context(), mailbox); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("Put/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v, err = s.Put(b.Context(), mailbox, tokenstore.Record{Data: data, Version: v}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func signInExpired(b *testing.B, src *tokenstore.Source) {
	tok := &oauth2.Token{AccessToken: "a", RefreshToken: "r", Expiry: time.Now().Add(-time.Hour)}
	if err := src.SignIn(b.Context(), tok, tokenstore.Account{}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRefresh is a sign-in with a token that is expired already (lock, save, unlock), then lock, reload, intent, exchange with a
// server that answers at once, save, unlock.
func BenchmarkRefresh(b *testing.B) {
	for name, s := range stores(b) {
		b.Run(name, func(b *testing.B) {
			src := newSource(b, s, refreshFunc(func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
				return &oauth2.Token{AccessToken: "b", RefreshToken: "s", Expiry: time.Now().Add(time.Hour)}, nil
			}), nil)
			b.ReportAllocs()
			for b.Loop() {
				signInExpired(b, src)
				if _, err := src.Token(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(src.Counters().Refreshes)/float64(b.N), "refreshes/op")
			_ = src.SignOut(b.Context())
		})
	}
}
