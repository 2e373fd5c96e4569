package tokenstore_test

import (
	"testing"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

// BenchmarkTokenFresh is the way every call goes while the token lasts, from many goroutines.
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
	for name, s := range stores(b) {
		b.Run(name, func(b *testing.B) { storetest.Benchmark(b, s) })
	}
}
