// Package storetest holds the contract of tokenstore.Store as a test suite, for the stores of this module and for others'.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// Run tests a store against the contract. open returns an empty store; it is called for every test, and cleans up by t.Cleanup.
// Optional abilities are found by type assertion and tested where they are.
func Run(t *testing.T, open func(t *testing.T) tokenstore.Store) {
	tests := []struct {
		name string
		test func(*testing.T, tokenstore.Store)
	}{
		{"PutGetDelete", putGetDelete},
		{"Versions", versions},
		{"VersionsAreNeverReused", versionsAreNeverReused},
		{"KeysOfAnyBytes", keysOfAnyBytes},
		{"InvalidKeys", invalidKeys},
		{"DataOfAnyBytes", dataOfAnyBytes},
		{"Sizes", sizes},
		{"DataIsCopied", dataIsCopied},
		{"ConcurrentCreate", concurrentCreate},
		{"ConcurrentCompareAndSwap", concurrentCompareAndSwap},
		{"LostAcknowledgement", lostAcknowledgement},
		{"Interrupted", interrupted},
		{"CancelledContext", cancelledContext},
		{"List", list},
		{"Lock", lock},
		{"LockWaits", lockWaits},
		{"LockExcludes", lockExcludes},
		{"Watch", watch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func put(t *testing.T, s tokenstore.Store, key, data, version string) string {
	t.Helper()
	v, err := s.Put(t.Context(), key, tokenstore.Record{Data: []byte(data), Version: version})
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	if v == "" {
		t.Fatalf("Put(%q) returned an empty version", key)
	}
	return v
}

func want(t *testing.T, s tokenstore.Store, key, data, version string) {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	if string(r.Data) != data || r.Version != version {
		t.Fatalf("Get(%q) = %d bytes of version %q, want %d bytes of version %q (same data: %t)",
			key, len(r.Data), r.Version, len(data), version, string(r.Data) == data)
	}
}

func wantError(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s: error %v, want one that is %v", what, err, target)
	}
}

func wantAbsent(t *testing.T, s tokenstore.Store, key string) {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	wantError(t, fmt.Sprintf("Get(%q) of an absent record", key), err, tokenstore.ErrNotFound)
	if r.Data != nil || r.Version != "" {
		t.Fatalf("Get(%q) of an absent record returned %v", key, r)
	}
}

func putGetDelete(t *testing.T, s tokenstore.Store) {
	wantAbsent(t, s, "a")
	v := put(t, s, "a", "one", "")
	w := put(t, s, "b", "two", "")
	want(t, s, "a", "one", v)
	want(t, s, "b", "two", w)
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	wantAbsent(t, s, "a")
	want(t, s, "b", "two", w)
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatalf("Delete of an absent record: %v", err)
	}
	if err := s.Delete(t.Context(), "never there"); err != nil {
		t.Fatalf("Delete of a record that never was: %v", err)
	}
}

func versions(t *testing.T, s tokenstore.Store) {
	ctx := t.Context()
	_, err := s.Put(ctx, "a", tokenstore.Record{Data: []byte("x"), Version: "1"})
	wantError(t, "Put with a version over an absent record", err, tokenstore.ErrConflict)
	wantAbsent(t, s, "a")

	v1 := put(t, s, "a", "one", "")
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("x")})
	wantError(t, "Put without a version over a record", err, tokenstore.ErrConflict)
	v2 := put(t, s, "a", "two", v1)
	if v1 == v2 {
		t.Fatalf("two Puts returned the same version %q", v1)
	}
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("x"), Version: v1})
	wantError(t, "Put with a stale version", err, tokenstore.ErrConflict)
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("x"), Version: v2 + "x"})
	wantError(t, "Put with a version that never was", err, tokenstore.ErrConflict)
	want(t, s, "a", "two", v2)
	v3 := put(t, s, "a", "two", v2) // the same data again is a new version all the same
	if v3 == v2 {
		t.Fatal("a Put of equal data kept the version")
	}
}

func versionsAreNeverReused(t *testing.T, s tokenstore.Store) {
	seen := make(map[string]bool)
	for range 5 {
		v := put(t, s, "a", "x", "")
		if seen[v] {
			t.Fatalf("version %q was used before", v)
		}
		seen[v] = true
		if err := s.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		_, err := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("late"), Version: v})
		wantError(t, "Put with the version of a deleted record", err, tokenstore.ErrConflict)
	}
}

func dataIsCopied(t *testing.T, s tokenstore.Store) {
	data := []byte("original")
	v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	copy(data, "changed!")
	want(t, s, "a", "original", v)
	r, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	copy(r.Data, "changed!")
	want(t, s, "a", "original", v)
}

func concurrentCreate(t *testing.T, s tokenstore.Store) {
	var wg sync.WaitGroup
	var created atomic.Int32
	for i := range 16 {
		wg.Go(func() {
			_, err := s.Put(t.Context(), "a", tokenstore.Record{Data: fmt.Appendf(nil, "by %d", i)})
			switch {
			case err == nil:
				created.Add(1)
			case !errors.Is(err, tokenstore.ErrConflict):
				t.Errorf("Put: %v", err)
			}
		})
	}
	wg.Wait()
	if n := created.Load(); n != 1 {
		t.Fatalf("%d Puts created the record, want 1", n)
	}
}

// concurrentCompareAndSwap appends from many goroutines; each acknowledged append must be there once, in one order.
func concurrentCompareAndSwap(t *testing.T, s tokenstore.Store) {
	const writers, appends = 8, 5
	put(t, s, "a", "", "")
	var wg sync.WaitGroup
	var seen sync.Map
	for i := range writers {
		wg.Go(func() {
			for n := 0; n < appends; {
				r, err := s.Get(t.Context(), "a")
				if err != nil {
					t.Errorf("Get: %v", err)
					return
				}
				next := fmt.Appendf(bytes.Clone(r.Data), "%d.%d ", i, n)
				v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: next, Version: r.Version})
				if errors.Is(err, tokenstore.ErrConflict) {
					continue
				}
				if err != nil {
					t.Errorf("Put: %v", err)
					return
				}
				if _, twice := seen.LoadOrStore(v, true); twice {
					t.Errorf("version %q was given twice", v)
				}
				n++
			}
		})
	}
	wg.Wait()
	r, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(r.Data))
	slices.Sort(got)
	var all []string
	for i := range writers {
		for n := range appends {
			all = append(all, fmt.Sprintf("%d.%d", i, n))
		}
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Fatalf("appends (-want +got):\n%s", diff)
	}
}

func cancelledContext(t *testing.T, s tokenstore.Store) {
	v := put(t, s, "a", "x", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Get(ctx, "a")
	wantError(t, "Get", err, context.Canceled)
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("y"), Version: v})
	wantError(t, "Put", err, context.Canceled)
	wantError(t, "Delete", s.Delete(ctx, "a"), context.Canceled)
	if l, ok := s.(tokenstore.Locker); ok {
		_, err = l.Lock(ctx, "a")
		wantError(t, "Lock", err, context.Canceled)
	}
	if l, ok := s.(tokenstore.Lister); ok {
		var last error
		for _, err := range l.List(ctx) {
			last = err
		}
		wantError(t, "List", last, context.Canceled)
	}
	if w, ok := s.(tokenstore.Watcher); ok {
		var last error
		for _, err := range w.Watch(ctx, "a") {
			last = err
		}
		wantError(t, "Watch", last, context.Canceled)
	}
	want(t, s, "a", "x", v)
}

func listed(t *testing.T, l tokenstore.Lister) []string {
	t.Helper()
	var keys []string
	for k, err := range l.List(t.Context()) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func list(t *testing.T, s tokenstore.Store) {
	l, ok := s.(tokenstore.Lister)
	if !ok {
		t.Logf("%T is no Lister; nothing to test", s)
		return
	}
	if got := listed(t, l); len(got) != 0 {
		t.Fatalf("List of an empty store: %q", got)
	}
	var all []string
	for i := range 25 {
		k := fmt.Sprintf("key-%02d", i)
		all = append(all, k)
		put(t, s, k, "x", "")
	}
	if diff := cmp.Diff(all, listed(t, l)); diff != "" {
		t.Fatalf("List (-want +got):\n%s", diff)
	}
	for range l.List(t.Context()) {
		break // must release everything: the next calls would hang or fail otherwise
	}
	for k, err := range l.List(t.Context()) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		if err := s.Delete(t.Context(), k); err != nil {
			t.Fatalf("Delete within List: %v", err)
		}
	}
	if got := listed(t, l); len(got) != 0 {
		t.Fatalf("List after deleting all: %q", got)
	}
}
