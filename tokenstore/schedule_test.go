package tokenstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// long reports whether the long versions of the tests are wanted.
func long() bool { return os.Getenv("EWSMAIL_LONG") != "" }

// gates stop real Sources before each of their steps, until the schedule lets one pass.
type gates struct {
	mu      sync.Mutex
	waiting [3]chan struct{}
	open    bool
	trace   []event
}

type event struct {
	who   int
	label string
}

func (g *gates) wait(i int) {
	g.mu.Lock()
	if g.open {
		g.mu.Unlock()
		return
	}
	ch := make(chan struct{})
	g.waiting[i] = ch
	g.mu.Unlock()
	<-ch
}

func (g *gates) record(i int, label string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trace = append(g.trace, event{i, label})
}

// pass lets instance i take a step, or else the next one that can.
func (g *gates) pass(i, n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for k := range n {
		j := (i + k) % n
		if ch := g.waiting[j]; ch != nil {
			g.waiting[j] = nil
			close(ch)
			return true
		}
	}
	return false
}

func (g *gates) openAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = true
	for j, ch := range g.waiting {
		if ch != nil {
			g.waiting[j] = nil
			close(ch)
		}
	}
}

// gatedStore is one instance's way to the shared store.
type gatedStore struct {
	g *gates
	i int
	s tokenstore.Store
}

func (s gatedStore) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	s.g.wait(s.i)
	r, err := s.s.Get(ctx, key)
	s.g.record(s.i, "load")
	return r, err
}

func (s gatedStore) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	s.g.wait(s.i)
	v, err := s.s.Put(ctx, key, r)
	label := "save"
	switch {
	case errors.Is(err, tokenstore.ErrConflict):
		label = "conflict"
	case bytes.Contains(r.Data, []byte(`"intent":{`)):
		label = "intent"
	case bytes.Contains(r.Data, []byte(`"needs_sign_in_since"`)):
		label = "mark"
	case bytes.Contains(r.Data, []byte(`"failure":{`)):
		label = "note"
	}
	s.g.record(s.i, label)
	return v, err
}

func (s gatedStore) Delete(ctx context.Context, key string) error { return s.s.Delete(ctx, key) }

type gatedLocker struct {
	gatedStore
	l tokenstore.Locker
}

func (s gatedLocker) Lock(ctx context.Context, key string) (tokenstore.Lock, error) {
	s.g.wait(s.i)
	l, err := s.l.Lock(ctx, key)
	s.g.record(s.i, "lock")
	return gatedLock{s, l}, err
}

type gatedLock struct {
	s gatedLocker
	tokenstore.Lock
}

func (l gatedLock) Check(ctx context.Context) error {
	l.s.g.wait(l.s.i)
	err := l.Lock.Check(ctx)
	l.s.g.record(l.s.i, "check")
	return err
}

func (l gatedLock) Unlock() error {
	l.s.g.wait(l.s.i)
	l.s.g.record(l.s.i, "unlock") // before: somebody waits for it
	return l.Lock.Unlock()
}

type gatedRefresher struct {
	g *gates
	i int
	p *idp
}

func (r gatedRefresher) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	r.g.wait(r.i)
	tok, err := r.p.Refresh(ctx, old)
	if err != nil {
		r.g.record(r.i, "refused")
	} else {
		r.g.record(r.i, "send")
	}
	return tok, err
}

// runSchedule lets n instances refresh at the same moment, in the order the schedule says.
func runSchedule(t *testing.T, n int, locks bool, order []int) {
	m, p, g := tokenstore.NewMemoryStore(), &idp{}, &gates{}
	first := tokenstore.NewSource(m, mailbox, p, nil)
	if err := first.SignIn(t.Context(), p.signIn(), tokenstore.Account{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Hour)
	var wg sync.WaitGroup
	toks := make([]string, n)
	sources := make([]*tokenstore.Source, n)
	for i := range n {
		var s tokenstore.Store = gatedStore{g, i, m}
		if locks {
			s = gatedLocker{gatedStore{g, i, m}, m}
		}
		sources[i] = tokenstore.NewSource(s, mailbox, gatedRefresher{g, i, p}, nil)
		wg.Go(func() {
			tok, err := sources[i].Token(t.Context())
			if err != nil {
				t.Errorf("order %v: instance %d: %v", order, i, err)
				return
			}
			toks[i] = tok.AccessToken
		})
	}
	for _, i := range order {
		synctest.Wait()
		if !g.pass(i, n) {
			time.Sleep(100 * time.Millisecond) // all wait for time to pass, or are done
		}
	}
	synctest.Wait()
	g.openAll()
	wg.Wait()
	for _, s := range sources {
		_ = s.Close(t.Context())
	}
	_ = first.Close(t.Context())
	for i, tok := range toks {
		if tok != "CANARY-access-2" {
			t.Errorf("order %v: instance %d got %q", order, i, tok)
		}
	}
	if p.count() != 1 {
		t.Errorf("order %v: %d requests, trace %v", order, p.count(), g.trace)
	}
	if raw := rawRecord(t, m); !bytes.Contains([]byte(raw), []byte(`"refresh_token":"CANARY-refresh-2"`)) || bytes.Contains([]byte(raw), []byte("intent")) {
		t.Errorf("order %v: the record does not hold the newest token alone", order)
	}
	if at, ok := accepts(design{noLock: !locks}, n, g.trace); !ok {
		t.Errorf("order %v: the model does not know step %d of %v", order, at, g.trace)
	}
}

// accepts reports whether the model can take these steps.
func accepts(d design, n int, trace []event) (at int, ok bool) {
	var start world
	for i := n; i < 3; i++ {
		start.in[i].pc = atDone
	}
	// Without a lock the code has no check of it: the model's step is taken silently.
	silently := func(states map[world]bool) {
		if !d.noLock {
			return
		}
		for w := range states {
			for _, s := range d.next(w, n, server{}) {
				if s.label == "check" {
					states[s.to] = true
				}
			}
		}
	}
	states := map[world]bool{start: true}
	for at, e := range trace {
		silently(states)
		next := make(map[world]bool)
		for w := range states {
			for _, s := range d.next(w, n, server{}) {
				if s.who == e.who && s.label == e.label {
					next[s.to] = true
				}
			}
		}
		if len(next) == 0 {
			return at, false
		}
		states = next
	}
	return 0, true
}

// TestSchedules runs the real code through every order of two instances with eight steps each, 12,870 in all, and seeded
// orders of three; with a locking store, and with one that has compare-and-swap only.
func TestSchedules(t *testing.T) {
	for _, locks := range []bool{true, false} {
		var orders [][]int
		for mask := range 1 << 16 {
			if bits.OnesCount(uint(mask)) != 8 {
				continue
			}
			order := make([]int, 16)
			for k := range order {
				order[k] = mask >> k & 1
			}
			orders = append(orders, order)
		}
		if len(orders) != 12870 {
			t.Fatalf("%d orders", len(orders))
		}
		runSchedules(t, 2, locks, orders)

		seeded := 3000
		if long() {
			seeded = 100_000
		}
		r := rand.New(rand.NewPCG(1, 2))
		orders = orders[:0]
		for range seeded {
			order := make([]int, 0, 24)
			for i := range 24 {
				order = append(order, i%3)
			}
			r.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
			orders = append(orders, order)
		}
		runSchedules(t, 3, locks, orders)
	}
}

func runSchedules(t *testing.T, n int, locks bool, orders [][]int) {
	t.Run(fmt.Sprintf("%d instances, locks %t", n, locks), func(t *testing.T) {
		const batch = 500
		for len(orders) > 0 && !t.Failed() {
			some := orders[:min(batch, len(orders))]
			orders = orders[len(some):]
			synctest.Test(t, func(t *testing.T) {
				for _, order := range some {
					runSchedule(t, n, locks, order)
					if t.Failed() {
						return
					}
				}
			})
		}
	})
}

// The model refuses what the code does not do: it is no model of everything.
func TestModelRefuses(t *testing.T) {
	good := []event{{0, "load"}, {0, "lock"}, {0, "load"}, {0, "intent"}, {0, "check"}, {0, "send"}, {0, "save"}, {0, "unlock"}}
	if at, ok := accepts(design{}, 1, good); !ok {
		t.Fatalf("refused at step %d", at)
	}
	for drop := range len(good) - 1 {
		bad := append(append([]event(nil), good[:drop]...), good[drop+1:]...)
		if _, ok := accepts(design{}, 1, bad); ok {
			t.Errorf("accepted without step %q", good[drop].label)
		}
	}
}
