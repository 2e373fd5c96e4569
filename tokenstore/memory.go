package tokenstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// MemoryStore keeps records in the process. It has the abilities [Lister], [Locker] and [Watcher]. The zero value is ready for use.
type MemoryStore struct {
	mu      sync.Mutex // guards the maps; never held across waiting
	records map[string]Record
	locks   map[string]chan struct{} // capacity 1: full while locked
	changed map[string]chan struct{} // of watched records; closed at the next change
}

// NewMemoryStore returns an empty store. For tests, and for programs that sign in anew at each start.
func NewMemoryStore() *MemoryStore { return &MemoryStore{} }

// Get implements [Store].
func (m *MemoryStore) Get(ctx context.Context, key string) (Record, error) {
	if err := checkCtxKey(ctx, key); err != nil {
		return Record{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[key]
	if !ok {
		return Record{}, ErrNotFound
	}
	r.Data = bytes.Clone(r.Data)
	return r, nil
}

// Put implements [Store].
func (m *MemoryStore) Put(ctx context.Context, key string, r Record) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := CheckPut(key, r); err != nil {
		return "", err
	}
	next := Record{Data: bytes.Clone(r.Data), Version: NewVersion()}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records[key].Version != r.Version {
		return "", ErrConflict
	}
	if m.records == nil {
		m.records = make(map[string]Record)
	}
	m.records[key] = next
	m.tell(key)
	return next.Version, nil
}

// Delete implements [Store].
func (m *MemoryStore) Delete(ctx context.Context, key string) error {
	if err := checkCtxKey(ctx, key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, key)
	m.tell(key)
	return nil
}

// List implements [Lister].
func (m *MemoryStore) List(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		m.mu.Lock()
		keys := slices.Collect(maps.Keys(m.records))
		m.mu.Unlock()
		for _, key := range keys {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			if !yield(key, nil) {
				return
			}
		}
	}
}

// Lock implements [Locker].
func (m *MemoryStore) Lock(ctx context.Context, key string) (Lock, error) {
	if err := checkCtxKey(ctx, key); err != nil {
		return nil, err
	}
	m.mu.Lock()
	sem, ok := m.locks[key]
	if !ok {
		if m.locks == nil {
			m.locks = make(map[string]chan struct{})
		}
		sem = make(chan struct{}, 1)
		m.locks[key] = sem
	}
	m.mu.Unlock()
	select {
	case sem <- struct{}{}:
		return &memoryLock{sem: sem}, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("tokenstore: waiting for the lock: %w", ctx.Err())
	}
}

type memoryLock struct {
	sem  chan struct{}
	done atomic.Bool
}

func (l *memoryLock) Check(ctx context.Context) error {
	if l.done.Load() {
		return ErrLockLost
	}
	return ctx.Err()
}

func (l *memoryLock) Tenure() Tenure { return WhileProcess }

func (l *memoryLock) Unlock() error {
	if l.done.CompareAndSwap(false, true) {
		<-l.sem
	}
	return nil
}

// NewVersion returns a fresh random version. For authors of stores: a version that is never used twice, unlike a counter
// that starts again when a record was deleted.
func NewVersion() string { return rand.Text() }

func checkCtxKey(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return CheckKey(key)
}
