package storetest

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/tokenstore"
)

func mustLock(t *testing.T, l tokenstore.Locker, key string) tokenstore.Lock {
	t.Helper()
	got, err := l.Lock(t.Context(), key)
	if err != nil {
		t.Fatalf("Lock(%q): %v", key, err)
	}
	return got
}

func unlock(t *testing.T, l tokenstore.Lock) {
	t.Helper()
	if err := l.Unlock(); err != nil {
		t.Errorf("Unlock: %v", err)
	}
}

func lock(t *testing.T, s tokenstore.Store) {
	l, ok := s.(tokenstore.Locker)
	if !ok {
		t.Logf("%T is no Locker; nothing to test", s)
		return
	}
	for _, key := range []string{"a", "\x00\xff'\"", strings.Repeat("k", tokenstore.MaxKeyLen)} {
		a := mustLock(t, l, key)
		if err := a.Check(t.Context()); err != nil {
			t.Fatalf("Check of a lock held: %v", err)
		}
		if got := a.Tenure(); got < tokenstore.WhileProcess || got > tokenstore.WhileLease {
			t.Fatalf("Tenure() = %v", got)
		}
		unlock(t, mustLock(t, l, "other than "+key[:1])) // another name is another lock
		unlock(t, a)
		wantError(t, "Check after Unlock", a.Check(t.Context()), tokenstore.ErrLockLost)
		again := mustLock(t, l, key)
		unlock(t, a) // the second Unlock of the first lock must not release the second one
		if err := again.Check(t.Context()); err != nil {
			t.Fatalf("Check after another's second Unlock: %v", err)
		}
		// The record is not what is locked.
		put(t, s, key, "x", "")
		unlock(t, again)
	}
}

func lockWaits(t *testing.T, s tokenstore.Store) {
	l, ok := s.(tokenstore.Locker)
	if !ok {
		t.Logf("%T is no Locker; nothing to test", s)
		return
	}
	a := mustLock(t, l, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := l.Lock(ctx, "a")
	wantError(t, "Lock of what is locked", err, context.DeadlineExceeded)
	got := make(chan tokenstore.Lock)
	go func() {
		b, err := l.Lock(t.Context(), "a")
		if err != nil {
			t.Errorf("Lock: %v", err)
		}
		got <- b
	}()
	unlock(t, a)
	if b := <-got; b != nil {
		unlock(t, b)
	}
}

func lockExcludes(t *testing.T, s tokenstore.Store) {
	l, ok := s.(tokenstore.Locker)
	if !ok {
		t.Logf("%T is no Locker; nothing to test", s)
		return
	}
	var inside atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 5 {
				a, err := l.Lock(t.Context(), "a")
				if err != nil {
					t.Errorf("Lock: %v", err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d holders of one lock", n)
				}
				time.Sleep(time.Millisecond)
				inside.Add(-1)
				unlock(t, a)
			}
		})
	}
	wg.Wait()
}
