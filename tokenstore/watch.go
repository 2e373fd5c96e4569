package tokenstore

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"time"
)

// Watcher is an optional ability of a [Store], found by type assertion.
type Watcher interface {
	// Watch yields the record's version at once, and again whenever it has changed; an empty one while there is no record. States
	// in between may be skipped, the last one never is. An error of the store does not end it, the next look may succeed; what ends
	// it is ErrInvalidKey, or the end of ctx, with its error as the last pair. Breaking off releases everything, and the
	// loop's body may use the store.
	Watch(ctx context.Context, key string) iter.Seq2[string, error]
}

// WatchByPolling implements [Watcher] for stores that nobody tells of changes: it asks for the version (ErrNotFound: no record) about
// once in every interval, less often while that fails. For authors of stores.
func WatchByPolling(ctx context.Context, key string, interval time.Duration, version func(context.Context) (string, error)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := CheckKey(key); err != nil {
			yield("", err)
			return
		}
		last, seen := "", false
		for wait := interval; ; {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			v, err := version(ctx)
			if errors.Is(err, ErrNotFound) {
				v, err = "", nil
			}
			switch {
			case ctx.Err() != nil:
				continue
			case err != nil:
				wait = min(wait*2, max(interval, time.Minute))
				if !yield("", err) {
					return
				}
			case !seen || v != last:
				last, seen, wait = v, true, interval
				if !yield(v, nil) {
					return
				}
			default:
				wait = interval
			}
			_ = sleep(ctx, wait-wait/8+rand.N(wait/4+1)) // spread, so that many watchers do not ask together
		}
	}
}

// Watch implements [Watcher], without polling.
func (m *MemoryStore) Watch(ctx context.Context, key string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := CheckKey(key); err != nil {
			yield("", err)
			return
		}
		for last, seen := "", false; ; {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			version, changed := m.versionNow(key)
			if !seen || version != last {
				last, seen = version, true
				if !yield(version, nil) {
					return
				}
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

// versionNow returns the version, and a channel that is closed when it changes.
func (m *MemoryStore) versionNow(key string) (string, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed, ok := m.changed[key]
	if !ok {
		if m.changed == nil {
			m.changed = make(map[string]chan struct{})
		}
		changed = make(chan struct{})
		m.changed[key] = changed
	}
	return m.records[key].Version, changed
}

// tell wakes the record's watchers; mu is held.
func (m *MemoryStore) tell(key string) {
	if changed, ok := m.changed[key]; ok {
		close(changed)
		delete(m.changed, key)
	}
}

// Watch implements [Watcher] by reading the record's file every [FileOptions.WatchInterval].
func (s *FileStore) Watch(ctx context.Context, key string) iter.Seq2[string, error] {
	return WatchByPolling(ctx, key, s.watchInterval, func(ctx context.Context) (string, error) {
		r, err := s.Get(ctx, key)
		return r.Version, err
	})
}

// follow keeps a source up to date with what other instances store, until ctx ends.
func (s *Source) follow(ctx context.Context, w Watcher) {
	defer s.after.Done()
	for version, err := range w.Watch(ctx, s.key) {
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.log.Debug("watching the record failed", "error", safeText(err))
			continue
		}
		for _, call := range s.look(ctx, version) {
			call(ctx)
		}
	}
}

// look takes over what another instance stored. It asks no authorization server; the next call of Token does, if it must.
func (s *Source) look(ctx context.Context, version string) (calls []func(context.Context)) {
	if s.takeTurn(ctx) != nil {
		return nil
	}
	defer s.endTurn()
	known := s.work.known
	switch {
	case s.work.pending != nil, s.isClosed(): // what is newer is here
		return nil
	case known != nil && known.version == version, known == nil && version == "":
		return nil
	}
	st, err := s.load(ctx)
	if err != nil {
		s.log.Debug("watching the record failed", "error", safeText(err))
		return nil
	}
	if h := s.held.Load(); h != nil && h.grant != st.Grant {
		s.log.Info("signed in or out by another instance")
		s.held.Store(nil)
		s.forget()
	}
	_, _, _, _ = s.settle(st)
	s.mu.Lock()
	s.failure = nil // it was about an older record; settle knows what must still not be asked
	s.mu.Unlock()
	return s.afterFlight(s.now())
}
