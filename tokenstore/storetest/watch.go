package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/tokenstore"
)

func watch(t *testing.T, s tokenstore.Store) {
	w, ok := s.(tokenstore.Watcher)
	if !ok {
		t.Logf("%T is no Watcher; nothing to test", s)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const key = "a\x00\xff'\""
	steps := []func() (next string){ // what is done after each version seen, and the version to be seen then
		func() string { put(t, s, "other", "x", ""); return put(t, s, key, "one", "") },
		func() string {
			r, err := s.Get(ctx, key)
			if err != nil {
				t.Fatalf("Get within Watch: %v", err)
			}
			return put(t, s, key, "one", r.Version) // the same data is a change, too
		},
		func() string {
			if err := s.Delete(ctx, key); err != nil {
				t.Fatalf("Delete within Watch: %v", err)
			}
			return ""
		},
		func() string { return put(t, s, key, "two", "") },
	}
	expected, step, ended := "", 0, false
	for v, err := range w.Watch(ctx, key) {
		switch {
		case step > len(steps):
			// ctx was ended by this loop's body.
			wantError(t, "the last pair of Watch", err, context.Canceled)
			if ended {
				t.Fatal("Watch went on after its context ended")
			}
			ended = true
			continue
		case err != nil:
			t.Fatalf("Watch, step %d: %v", step, err)
		case v != expected:
			t.Fatalf("Watch, step %d: version %q, want %q", step, v, expected)
		}
		if step < len(steps) {
			expected = steps[step]()
		} else {
			cancel()
		}
		step++
	}
	if !ended {
		t.Fatal("Watch ended without its context's error")
	}
	for range w.Watch(t.Context(), key) {
		break // must release everything
	}
}
