//go:build unix

package fetcher_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
)

// stores are all kinds, but for the memory store, which is the model of the others. again opens the same store another time.
func stores(t *testing.T) map[string]func(t *testing.T) (again func() fetcher.Store) {
	all := map[string]func(t *testing.T) func() fetcher.Store{}
	for name, start := range sqltest.Kinds {
		all[name] = func(t *testing.T) func() fetcher.Store {
			db := start(t).Open(t)
			return func() fetcher.Store {
				s, err := fetcher.NewSQLStore(t.Context(), db, &fetcher.SQLOptions{Prefix: `odd "name" `})
				require.NoError(t, err)
				require.NoError(t, s.Migrate(t.Context()))
				return s
			}
		}
	}
	all["file"] = func(t *testing.T) func() fetcher.Store {
		s, err := fetcher.NewFileStore(t.TempDir())
		require.NoError(t, err)
		return func() fetcher.Store { return s }
	}
	return all
}

// TestStoresAgree does the same random things to a memory store and to each other one: whatever is asked, the answers are the same.
func TestStoresAgree(t *testing.T) {
	for name, start := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := start(t)
			for seed := range size(60, 3, 1) {
				agree(t, fetcher.NewMemoryStore(), open, fmt.Sprintf("Mailbox %d", seed), uint64(seed))
			}
		})
	}
}

func agree(t *testing.T, model fetcher.Store, open func() fetcher.Store, source string, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	pair := [2]fetcher.Store{model, open()}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var epoch int64
	key := func() string { return fmt.Sprint("sk-", r.IntN(6)) }
	// Ids differ in the case of a letter only.
	item := func() string { return "AAMkAD" + string("abcABC"[r.IntN(6)]) + string("xyXY"[r.IntN(4)]) }
	seen := map[string]string{} // an item keeps its key
	same := func(step int, what string, call func(s fetcher.Store) (any, error)) {
		a, aerr := call(pair[0])
		b, berr := call(pair[1])
		for _, sentinel := range []error{fetcher.ErrLeaseLost, fetcher.ErrHeld, fetcher.ErrUnknown} {
			require.Equal(t, errors.Is(aerr, sentinel), errors.Is(berr, sentinel), "seed %d step %d %s: %v, %v", seed, step, what, aerr, berr)
		}
		require.Equal(t, aerr == nil, berr == nil, "seed %d step %d %s: %v, %v", seed, step, what, aerr, berr)
		if diff := cmp.Diff(a, b, cmp.Transformer("item", func(e fetcher.Entry) any {
			if e.Item != "" { // of several copies any will do
				e.Item = "some"
			}
			return struct{ E string }{fmt.Sprintf("%+v", e)}
		})); diff != "" {
			t.Fatalf("seed %d step %d %s: the stores differ:\n%s", seed, step, what, diff)
		}
	}
	for step := range 300 {
		now = now.Add(time.Duration(r.IntN(5000)) * time.Millisecond)
		e := epoch
		if r.IntN(12) == 0 {
			e-- // somebody who has lost the lease
		}
		switch ctx := t.Context(); r.IntN(14) {
		case 0:
			wrong := int64(r.IntN(4) / 3)
			same(step, "take", func(s fetcher.Store) (any, error) {
				over, err := s.Observe(ctx, source)
				if err != nil {
					return nil, err
				}
				over.Epoch += 1_000_000 * wrong
				at, err := s.Take(ctx, fetcher.Take{Source: source, Owner: "me", Over: over, Since: now})
				if err == nil {
					epoch = at.Epoch
				}
				return at, err
			})
		case 1:
			if r.IntN(4) == 0 {
				same(step, "release", func(s fetcher.Store) (any, error) { return nil, s.Release(ctx, source, e) })
			}
			same(step, "beat", func(s fetcher.Store) (any, error) { return nil, s.Beat(ctx, source, e) })
		case 2, 3, 4, 5:
			p := fetcher.Page{Cursor: ews.Cursor(fmt.Sprint("cursor ", step)), Listing: r.IntN(3) == 0, Now: now}
			p.Begins, p.Ends = p.Listing && r.IntN(3) == 0, p.Listing && r.IntN(2) == 0
			if r.IntN(4) == 0 {
				p.Since = now.Add(-time.Hour)
			}
			for range r.IntN(5) {
				id := item()
				if seen[id] == "" {
					seen[id] = key()
				}
				p.Seen = append(p.Seen, fetcher.Seen{Key: seen[id], Item: id, Received: now, Subject: "S\u00fcbject \x00\U0001F600", From: "a@example.org"})
			}
			for range r.IntN(3) {
				p.Gone = append(p.Gone, item())
			}
			same(step, "record", func(s fetcher.Store) (any, error) {
				list, err := s.Record(ctx, source, e, p)
				return byKey(list), err
			})
		case 6, 7, 8:
			entry := fetcher.Entry{Key: key(), Attempts: r.IntN(5), Crashes: r.IntN(3), FirstFailure: now, Next: now.Add(time.Minute), Reason: "why", Changed: now}
			entry.State = []fetcher.State{fetcher.Pending, fetcher.Handled, fetcher.Failed, fetcher.Done, fetcher.Quarantined}[r.IntN(5)]
			same(step, "save", func(s fetcher.Store) (any, error) { return nil, s.Save(ctx, source, e, entry) })
		case 9:
			k, id := key(), item()
			same(step, "missing", func(s fetcher.Store) (any, error) { return s.Missing(ctx, source, e, k, id, now) })
		case 10:
			same(step, "prune", func(s fetcher.Store) (any, error) { return s.Prune(ctx, source, e, now.Add(-time.Minute)) })
		case 11:
			keys := []string{key(), key(), "sk-never", key()}
			same(step, "known", func(s fetcher.Store) (any, error) { return s.Known(ctx, source, keys) })
		case 12:
			k := key()
			same(step, "get", func(s fetcher.Store) (any, error) { return s.Get(ctx, source, k) })
		case 13:
			for _, state := range []fetcher.State{fetcher.Pending, fetcher.Done, fetcher.Quarantined, fetcher.Gone} {
				same(step, "entries", func(s fetcher.Store) (any, error) { return all(ctx, s, source, state) })
			}
			pair[1] = open() // what counts is stored
		}
	}
}

func byKey(list []fetcher.Entry) map[string]fetcher.Entry {
	m := map[string]fetcher.Entry{}
	for _, e := range list {
		m[e.Key] = e
	}
	return m
}
