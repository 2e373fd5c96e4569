package keyringstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zalando/go-keyring"

	"github.com/ewsmail/ewsmail/internal/leaktest"
	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/keyringstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

func TestMain(m *testing.M) {
	if os.Getenv("KEYRINGSTORE_TEST_SESSION") != "" {
		os.Exit(m.Run()) // go-keyring's D-Bus connection lasts as long as the process
	}
	leaktest.Main(m)
}

// ring is a keyring with the limits of the Windows Credential Manager, which also ignores case in names. It can fail at the n-th operation.
type ring struct {
	mu      sync.Mutex
	entries map[string]string
	ops     int
	failAt  int // from then on everything fails: a crash
}

var errCrash = errors.New("crash")

func entry(service, user string) string { return strings.ToLower(service + "/" + user) }

func (r *ring) op() error {
	r.ops++
	if r.failAt > 0 && r.ops >= r.failAt {
		return errCrash
	}
	return nil
}

func (r *ring) Set(service, user, secret string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.op(); err != nil {
		return err
	}
	if len(secret) > 2560 || len(user) > 512 {
		return keyring.ErrSetDataTooBig
	}
	r.entries[entry(service, user)] = secret
	return nil
}

func (r *ring) Get(service, user string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.op(); err != nil {
		return "", err
	}
	s, ok := r.entries[entry(service, user)]
	if !ok {
		return "", keyring.ErrNotFound
	}
	return s, nil
}

func (r *ring) Delete(service, user string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.op(); err != nil {
		return err
	}
	if _, ok := r.entries[entry(service, user)]; !ok {
		return keyring.ErrNotFound
	}
	delete(r.entries, entry(service, user))
	return nil
}

func open(t testing.TB, r *ring) *keyringstore.Store {
	t.Helper()
	if r.entries == nil {
		r.entries = make(map[string]string)
	}
	s, err := keyringstore.New(t.Context(), "test", &keyringstore.Options{LockDir: t.TempDir() + "/locks", Backend: r})
	require.NoError(t, err)
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) tokenstore.Store { return open(t, &ring{}) })
}

// BenchmarkStore has a keyring that takes no time: what is measured is the store's own work, two entries and the lock files.
func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open(b, &ring{})) }

func TestDeleteLeavesNothing(t *testing.T) {
	r := &ring{}
	s := open(t, r)
	v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte(strings.Repeat("x", 9000))})
	require.NoError(t, err)
	_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: []byte(strings.Repeat("y", 20000)), Version: v})
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), "a"))
	require.Empty(t, r.entries)
}

// A crash at every operation of a save leaves the old record or the new one.
func TestCrashWithinPut(t *testing.T) {
	for _, sizes := range [][2]int{{10, 20}, {10, 9000}, {9000, 10}, {9000, 20000}, {20000, 9000}} {
		for n := 1; ; n++ {
			r := &ring{}
			s := open(t, r)
			old, next := strings.Repeat("o", sizes[0]), strings.Repeat("n", sizes[1])
			v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte(old)})
			require.NoError(t, err)
			r.failAt = r.ops + n
			_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: []byte(next), Version: v})
			hit := r.ops >= r.failAt
			r.failAt = 0
			got, gerr := s.Get(t.Context(), "a")
			require.NoError(t, gerr, "sizes %v, crash at operation %d", sizes, n)
			switch {
			case err == nil:
				require.Equal(t, next, string(got.Data), "an acknowledged save")
			default:
				require.ErrorIs(t, err, errCrash)
				require.Contains(t, []string{old, next}, string(got.Data))
			}
			// The next save works whatever lies around.
			_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("last"), Version: got.Version})
			require.NoError(t, err)
			if !hit {
				break
			}
		}
	}
}

func TestDamagedEntries(t *testing.T) {
	r := &ring{}
	s := open(t, r)
	_, err := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte(strings.Repeat("x", 9000))})
	require.NoError(t, err)
	for name, text := range r.entries {
		for _, damaged := range []string{"", "x", text[:len(text)-1], strings.Replace(text, "tokenstore 1", "tokenstore 2", 1) + "A"} {
			r.entries[name] = damaged
			_, err := s.Get(t.Context(), "a")
			require.ErrorIs(t, err, tokenstore.ErrCorrupt, "%s", name)
		}
		delete(r.entries, name)
		_, err := s.Get(t.Context(), "a")
		if strings.Contains(name, "#") {
			require.ErrorIs(t, err, tokenstore.ErrCorrupt)
		} else {
			require.ErrorIs(t, err, tokenstore.ErrNotFound)
		}
		r.entries[name] = text
	}
}

// A record that cannot be read is not written over: it may be the only copy.
func TestDamagedPartIsNotWrittenOver(t *testing.T) {
	r := &ring{}
	s := open(t, r)
	v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte(strings.Repeat("x", 9000))})
	require.NoError(t, err)
	for name, text := range r.entries {
		if strings.Contains(name, "#") {
			r.entries[name] = "A" + text[1:]
			break
		}
	}
	before := maps.Clone(r.entries)
	_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("y"), Version: v})
	require.ErrorIs(t, err, tokenstore.ErrCorrupt)
	require.Equal(t, before, r.entries)
	require.NoError(t, s.Delete(t.Context(), "a"), "giving it up is")
	require.Empty(t, r.entries)
}

// Whatever a keyring entry holds, it is read as the record it was, or refused.
func FuzzEntry(f *testing.F) {
	r := &ring{}
	s := open(f, r)
	_, err := s.Put(f.Context(), "a", tokenstore.Record{Data: []byte("data")})
	require.NoError(f, err)
	const main = "test/k:a"
	for _, text := range []string{r.entries[main], "", "tokenstore 1 v a 0 x ", "tokenstore 1 v b 99 x ", "tokenstore 1 v a -1 x y"} {
		f.Add(text)
	}
	require.NotEmpty(f, r.entries[main])
	f.Fuzz(func(t *testing.T, text string) {
		r.entries[main] = text
		got, err := s.Get(t.Context(), "a")
		if err != nil {
			require.ErrorIs(t, err, tokenstore.ErrCorrupt)
			require.Empty(t, got)
			_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x")})
			require.Error(t, err)
			require.Equal(t, text, r.entries[main], "what cannot be read is not written over")
			return
		}
		require.NotEmpty(t, got.Version)
		_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: got.Data, Version: got.Version})
		require.NoError(t, err)
	})
}

func TestUnavailable(t *testing.T) {
	_, err := keyringstore.New(t.Context(), "test", &keyringstore.Options{LockDir: t.TempDir() + "/locks", Backend: broken{}})
	require.ErrorIs(t, err, keyringstore.ErrUnavailable)
	require.ErrorContains(t, err, "dbus-launch")
	require.ErrorContains(t, err, "NewFileStore")
}

// The call that hangs behind a password dialog does not hang its caller.
func TestHangingKeyring(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := keyringstore.New(ctx, "test", &keyringstore.Options{LockDir: t.TempDir() + "/locks", Backend: hanging{release}})
	require.ErrorIs(t, err, context.Canceled)
}

type broken struct{}

func (broken) Set(string, string, string) error {
	return fmt.Errorf(`exec: "dbus-launch": executable file not found in $PATH`)
}
func (broken) Get(string, string) (string, error) { return "", keyring.ErrNotFound }
func (broken) Delete(string, string) error        { return nil }

type hanging struct{ release chan struct{} }

func (h hanging) Set(string, string, string) error   { <-h.release; return nil }
func (h hanging) Get(string, string) (string, error) { <-h.release; return "", nil }
func (h hanging) Delete(string, string) error        { <-h.release; return nil }
