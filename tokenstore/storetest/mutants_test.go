package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

// mutants are stores that break the contract in one way each, and the test that must say so.
var mutants = map[string]struct {
	open   func() tokenstore.Store
	caught string
}{
	"no compare-and-swap":                   {mutate(func(m *mutant) { m.put = m.blindly }), "Versions"},
	"compare-and-swap in two steps":         {mutate(func(m *mutant) { m.put = m.inTwoSteps }), "ConcurrentCompareAndSwap"},
	"creates twice":                         {mutate(func(m *mutant) { m.put = m.orCreates }), "LostAcknowledgement"},
	"versions that start again":             {mutate(func(m *mutant) { m.count = true }), "VersionsAreNeverReused"},
	"keys without regard to case":           {mutate(func(m *mutant) { m.key = strings.ToLower }), "KeysOfAnyBytes"},
	"keys cut at NUL":                       {mutate(func(m *mutant) { m.key = func(k string) string { k, _, _ = strings.Cut(k, "\x00"); return k + "." } }), "KeysOfAnyBytes"},
	"data as text":                          {mutate(func(m *mutant) { m.data = func(b []byte) []byte { return bytes.ToValidUTF8(b, nil) } }), "DataOfAnyBytes"},
	"data cut":                              {mutate(func(m *mutant) { m.data = func(b []byte) []byte { return b[:min(len(b), 4095)] } }), "Sizes"},
	"data shared with the caller":           {func() tokenstore.Store { return &sharing{} }, "DataIsCopied"},
	"half a record when interrupted":        {mutate(func(m *mutant) { m.put = m.inHalves }), "Interrupted"},
	"the context is not looked at":          {mutate(func(m *mutant) { m.deaf = true }), "CancelledContext"},
	"deleting what is absent is an error":   {mutate(func(m *mutant) { m.strictDelete = true }), "PutGetDelete"},
	"a list without the last":               {func() tokenstore.Store { return &listing{tokenstore.NewMemoryStore()} }, "List"},
	"a lock that excludes nobody":           {func() tokenstore.Store { return &locking{MemoryStore: tokenstore.NewMemoryStore(), open: true} }, "LockExcludes"},
	"a lock that cannot be waited for":      {func() tokenstore.Store { return &locking{MemoryStore: tokenstore.NewMemoryStore(), open: true} }, "LockWaits"},
	"a lock that does not notice its end":   {func() tokenstore.Store { return &locking{MemoryStore: tokenstore.NewMemoryStore(), sure: true} }, "Lock"},
	"a watch that ends with the first look": {func() tokenstore.Store { return &watching{tokenstore.NewMemoryStore()} }, "Watch"},
}

func mutate(change func(*mutant)) func() tokenstore.Store {
	return func() tokenstore.Store {
		m := &mutant{m: tokenstore.NewMemoryStore(), key: func(k string) string { return k }, data: func(b []byte) []byte { return b }}
		m.put = m.m.Put
		change(m)
		return m
	}
}

const chosen = "STORETEST_MUTANT"

// TestMutants runs the suite on each of them in a process of its own, since it has to fail there.
func TestMutants(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestMutant$/^"+m.caught+"$", "-test.timeout=12m")
			cmd.Env = append(os.Environ(), chosen+"="+name)
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "survives")
			require.Contains(t, string(out), "--- FAIL: TestMutant/"+m.caught+" ", "%s", out)
		})
	}
}

// TestMutant is one of them; without a name, the store they are made of, which passes.
func TestMutant(t *testing.T) {
	open := mutate(func(*mutant) {})
	if m, ok := mutants[os.Getenv(chosen)]; ok {
		open = m.open
	}
	storetest.Run(t, func(*testing.T) tokenstore.Store { return open() })
}

type mutant struct {
	m            *tokenstore.MemoryStore
	put          func(ctx context.Context, key string, r tokenstore.Record) (string, error)
	key          func(string) string
	data         func([]byte) []byte
	deaf         bool
	strictDelete bool

	count    bool
	mu       sync.Mutex
	versions map[string]string // by the inner store's
	n        int
}

func (m *mutant) ctx(ctx context.Context) context.Context {
	if m.deaf {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (m *mutant) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if tokenstore.CheckKey(key) == nil {
		key = m.key(key)
	}
	r, err := m.m.Get(m.ctx(ctx), key)
	if m.count {
		m.mu.Lock()
		defer m.mu.Unlock()
		r.Version = m.versions[r.Version]
	}
	return r, err
}

func (m *mutant) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := tokenstore.CheckPut(key, r); err != nil {
		return "", err
	}
	r.Data = m.data(r.Data)
	if !m.count {
		return m.put(m.ctx(ctx), m.key(key), r)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if there, err := m.m.Get(ctx, key); err == nil && m.versions[there.Version] == r.Version {
		r.Version = there.Version
		m.n++
	} else if err != nil {
		m.n = 1
	}
	v, err := m.m.Put(ctx, key, r)
	if err != nil {
		return "", err
	}
	if m.versions == nil {
		m.versions = map[string]string{}
	}
	m.versions[v] = fmt.Sprint(m.n)
	return m.versions[v], nil
}

func (m *mutant) Delete(ctx context.Context, key string) error {
	if m.strictDelete {
		if _, err := m.m.Get(ctx, key); err != nil {
			return err
		}
	}
	if tokenstore.CheckKey(key) == nil {
		key = m.key(key)
	}
	return m.m.Delete(m.ctx(ctx), key)
}

func (m *mutant) current(ctx context.Context, key string) string {
	r, _ := m.m.Get(ctx, key)
	return r.Version
}

func (m *mutant) blindly(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	r.Version = m.current(ctx, key)
	return m.m.Put(ctx, key, r)
}

func (m *mutant) inTwoSteps(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if m.current(ctx, key) != r.Version {
		return "", tokenstore.ErrConflict
	}
	time.Sleep(time.Millisecond) // somebody else's turn
	for {
		if v, err := m.blindly(ctx, key, r); !errors.Is(err, tokenstore.ErrConflict) {
			return v, err
		}
	}
}

func (m *mutant) orCreates(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if r.Version == "" {
		return m.blindly(ctx, key, r)
	}
	return m.m.Put(ctx, key, r)
}

func (m *mutant) inHalves(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	half := tokenstore.Record{Data: r.Data[:len(r.Data)/2], Version: r.Version}
	v, err := m.m.Put(context.WithoutCancel(ctx), key, half)
	if err != nil {
		return "", err
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(time.Millisecond): // a write that takes no time is not interrupted
	}
	return m.m.Put(context.WithoutCancel(ctx), key, tokenstore.Record{Data: r.Data, Version: v})
}

// sharing keeps the caller's bytes.
type sharing struct {
	tokenstore.MemoryStore
	mu   sync.Mutex
	data map[string][]byte
}

func (s *sharing) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	r, err := s.MemoryStore.Get(ctx, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Data = s.data[key]
	return r, err
}

func (s *sharing) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	v, err := s.MemoryStore.Put(ctx, key, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data == nil {
		s.data = map[string][]byte{}
	}
	s.data[key] = r.Data
	return v, err
}

type listing struct{ *tokenstore.MemoryStore }

func (l *listing) List(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		last, some := "", false
		for k, err := range l.MemoryStore.List(ctx) {
			if some && !yield(last, nil) {
				return
			}
			if last, some = k, true; err != nil {
				yield("", err)
				return
			}
		}
	}
}

type locking struct {
	*tokenstore.MemoryStore
	open, sure bool
	mu         sync.Mutex
	n          int
}

func (l *locking) Lock(ctx context.Context, key string) (tokenstore.Lock, error) {
	if l.open {
		l.mu.Lock()
		l.n++
		key = fmt.Sprint(l.n)
		l.mu.Unlock()
	}
	got, err := l.MemoryStore.Lock(ctx, key)
	if l.sure && err == nil {
		got = sure{got}
	}
	return got, err
}

type sure struct{ tokenstore.Lock }

func (sure) Check(context.Context) error { return nil }

type watching struct{ *tokenstore.MemoryStore }

func (w *watching) Watch(ctx context.Context, key string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for v, err := range w.MemoryStore.Watch(ctx, key) {
			yield(v, err)
			if !errors.Is(err, tokenstore.ErrInvalidKey) && ctx.Err() == nil {
				return
			}
			return
		}
	}
}
