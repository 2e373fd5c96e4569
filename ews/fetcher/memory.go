package fetcher

import (
	"context"
	"iter"
	"sync"
	"time"
)

// MemoryStore is a Store that lasts as long as the process: for tests.
type MemoryStore struct {
	mu      sync.Mutex
	sources map[string]*table
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{sources: map[string]*table{}} }

// with runs do on a source, for its holder.
func (m *MemoryStore) with(ctx context.Context, source string, epoch int64, do func(t *table) error) error {
	return m.at(ctx, source, func(t *table) error {
		if err := t.held(epoch); err != nil {
			return err
		}
		return do(t)
	})
}

func (m *MemoryStore) at(ctx context.Context, source string, do func(t *table) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.sources[source]
	if t == nil {
		t = newTable()
		m.sources[source] = t
	}
	return do(t)
}

// Observe implements Store.
func (m *MemoryStore) Observe(ctx context.Context, source string) (h Holder, err error) {
	err = m.at(ctx, source, func(t *table) error { h = t.Holder; return nil })
	return h, err
}

// Take implements Store.
func (m *MemoryStore) Take(ctx context.Context, k Take) (at Position, err error) {
	err = m.at(ctx, k.Source, func(t *table) error { at, err = t.take(k); return err })
	return at, err
}

// Beat implements Store.
func (m *MemoryStore) Beat(ctx context.Context, source string, epoch int64) error {
	return m.with(ctx, source, epoch, func(t *table) error { t.Holder.Beat++; return nil })
}

// Release implements Store.
func (m *MemoryStore) Release(ctx context.Context, source string, epoch int64) error {
	return m.with(ctx, source, epoch, func(t *table) error { t.Holder.Owner = ""; return nil })
}

// Record implements Store.
func (m *MemoryStore) Record(ctx context.Context, source string, epoch int64, p Page) (open []Entry, err error) {
	err = m.with(ctx, source, epoch, func(t *table) error { open = t.record(p); return nil })
	return open, err
}

// Known implements Store.
func (m *MemoryStore) Known(ctx context.Context, source string, keys []string) (known []bool, err error) {
	err = m.at(ctx, source, func(t *table) error {
		for _, key := range keys {
			known = append(known, t.Entries[key] != nil)
		}
		return nil
	})
	return known, err
}

// Get implements Store.
func (m *MemoryStore) Get(ctx context.Context, source, key string) (e Entry, err error) {
	err = m.at(ctx, source, func(t *table) error {
		r := t.Entries[key]
		if r == nil {
			return ErrUnknown
		}
		e = r.entry()
		return nil
	})
	return e, err
}

// Save implements Store.
func (m *MemoryStore) Save(ctx context.Context, source string, epoch int64, e Entry) error {
	return m.with(ctx, source, epoch, func(t *table) error { t.save(e); return nil })
}

// Missing implements Store.
func (m *MemoryStore) Missing(ctx context.Context, source string, epoch int64, key, item string, now time.Time) (e Entry, err error) {
	err = m.with(ctx, source, epoch, func(t *table) error { e, err = t.missing(key, item, now); return err })
	return e, err
}

// Prune implements Store.
func (m *MemoryStore) Prune(ctx context.Context, source string, epoch int64, left time.Time) (n int, err error) {
	err = m.with(ctx, source, epoch, func(t *table) error { n = t.prune(left); return nil })
	return n, err
}

// Entries implements Store.
func (m *MemoryStore) Entries(ctx context.Context, source string, in State) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var list []Entry
		err := m.at(ctx, source, func(t *table) error { list = t.in(in); return nil })
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(Entry{}, err)
		}
	}
}
