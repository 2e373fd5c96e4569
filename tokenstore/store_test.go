package tokenstore_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

func TestMemoryStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) tokenstore.Store { return tokenstore.NewMemoryStore() })
}

func TestFileStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) tokenstore.Store { return newFiles(t) })
}

func TestEncryptedStores(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) tokenstore.Store {
			return tokenstore.Encrypt(tokenstore.NewMemoryStore(), newRing(t, 1))
		})
	})
	t.Run("files", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) tokenstore.Store { return tokenstore.Encrypt(newFiles(t), newRing(t, 1)) })
	})
	t.Run("bare", func(t *testing.T) { // a store without optional abilities does not get any
		storetest.Run(t, func(t *testing.T) tokenstore.Store {
			s := tokenstore.Encrypt(bare{tokenstore.NewMemoryStore()}, newRing(t, 1))
			if _, ok := s.(tokenstore.Lister); ok {
				t.Fatal("Encrypt made a Lister of a store that is none")
			}
			if _, ok := s.(tokenstore.Locker); ok {
				t.Fatal("Encrypt made a Locker of a store that is none")
			}
			return s
		})
	})
}

// bare hides a store's optional abilities.
type bare struct{ s tokenstore.Store }

func (b bare) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	return b.s.Get(ctx, key)
}
func (b bare) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	return b.s.Put(ctx, key, r)
}
func (b bare) Delete(ctx context.Context, key string) error { return b.s.Delete(ctx, key) }

func newFiles(t testing.TB) *tokenstore.FileStore {
	t.Helper()
	s, err := tokenstore.NewFileStore(t.TempDir()+"/tokens", &tokenstore.FileOptions{WatchInterval: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newKey returns the same key for the same number.
func newKey(t testing.TB, n byte) *tokenstore.Key {
	t.Helper()
	k, err := tokenstore.NewKey("", bytes.Repeat([]byte{n}, tokenstore.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newRing(t testing.TB, encrypting byte, decrypting ...byte) *tokenstore.Keyring {
	t.Helper()
	var old []*tokenstore.Key
	for _, n := range decrypting {
		old = append(old, newKey(t, n))
	}
	r, err := tokenstore.NewKeyring(newKey(t, encrypting), old...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
