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

// guards are what runs: the zero value ships, each field but the first takes one guard away.
type guards struct {
	noLocker   bool // the store has compare-and-swap only, which must do as well
	noIntent   bool // intents of others are not seen
	openLock   bool // the lock excludes nobody
	noReload   bool // what was read first is read again and again
	blindWrite bool // without compare-and-swap
}

// gatedStore is one instance's way to the shared store.
type gatedStore struct {
	g     *gates
	i     int
	s     tokenstore.Store
	mode  guards
	first *tokenstore.Record
}

func (s gatedStore) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	s.g.wait(s.i)
	r, err := s.s.Get(ctx, key)
	if s.mode.noIntent {
		r.Data = without(r.Data, "intent")
	}
	if s.mode.noReload {
		if s.first.Version == "" {
			*s.first = r
		}
		r = *s.first
	}
	s.g.record(s.i, "load")
	return r, err
}

func (s gatedStore) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	s.g.wait(s.i)
	if s.mode.blindWrite {
		if there, err := s.s.Get(ctx, key); err == nil {
			r.Version = there.Version
		}
	}
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
	if s.mode.openLock {
		key = fmt.Sprint(key, s.i)
	}
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

// runSchedule lets n instances refresh at the same moment, in the order the schedule says, and returns what is wrong.
func runSchedule(ctx context.Context, n int, mode guards, order []int) error {
	m, p, g := tokenstore.NewMemoryStore(), &idp{}, &gates{}
	first := tokenstore.NewSource(m, mailbox, p, nil)
	if err := first.SignIn(ctx, p.signIn(), tokenstore.Account{}); err != nil {
		return err
	}
	time.Sleep(2 * time.Hour)
	var wg sync.WaitGroup
	toks, errs := make([]string, n), make([]error, n)
	sources := make([]*tokenstore.Source, n)
	for i := range n {
		gated := gatedStore{g, i, m, mode, &tokenstore.Record{}}
		var s tokenstore.Store = gated
		if !mode.noLocker {
			s = gatedLocker{gated, m}
		}
		sources[i] = tokenstore.NewSource(s, mailbox, gatedRefresher{g, i, p}, nil)
		wg.Go(func() {
			tok, err := sources[i].Token(ctx)
			if errs[i] = err; err == nil {
				toks[i] = tok.AccessToken
			}
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
	for _, s := range append(sources, first) {
		_ = s.Close(ctx)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, tok := range toks {
		if tok != "CANARY-access-2" {
			return fmt.Errorf("instance %d got %q", i, tok)
		}
	}
	if p.count() != 1 {
		return fmt.Errorf("%d requests, trace %v", p.count(), g.trace)
	}
	r, err := m.Get(ctx, mailbox)
	if err != nil || !bytes.Contains(r.Data, []byte(`"refresh_token":"CANARY-refresh-2"`)) || bytes.Contains(r.Data, []byte("intent")) {
		return fmt.Errorf("the record does not hold the newest token alone, error %w", err)
	}
	if at, ok := accepts(design{noLock: mode.noLocker}, n, g.trace); !ok {
		return fmt.Errorf("the model does not know step %d of %v", at, g.trace)
	}
	return nil
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

// ordersOfTwo are all orders of two instances with eight steps each.
func ordersOfTwo() (orders [][]int) {
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
	return orders
}

// ordersOfThree are seeded.
func ordersOfThree(count int) (orders [][]int) {
	r := rand.New(rand.NewPCG(1, 2))
	for range count {
		order := make([]int, 0, 24)
		for i := range 24 {
			order = append(order, i%3)
		}
		r.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		orders = append(orders, order)
	}
	return orders
}

// TestSchedules runs the real code through every order of two instances with eight steps each, 12,870 in all, and seeded
// orders of three; with a locking store, and with one that has compare-and-swap only.
func TestSchedules(t *testing.T) {
	two, seeded := ordersOfTwo(), 3000
	if len(two) != 12870 {
		t.Fatalf("%d orders", len(two))
	}
	if long() {
		seeded = 100_000
	}
	every := two
	if raceEnabled { // a quarter: it makes a step ten times slower, and looks for other things
		seeded, every = seeded/4, nil
		for i := 0; i < len(two); i += 4 {
			every = append(every, two[i])
		}
	}
	three := ordersOfThree(seeded)
	for _, mode := range []guards{{}, {noLocker: true}} {
		for n, orders := range map[int][][]int{2: every, 3: three} {
			t.Run(fmt.Sprintf("%d instances, locks %t", n, !mode.noLocker), func(t *testing.T) {
				if err := runSchedules(t, n, mode, orders); err != nil {
					t.Error(err)
				}
			})
		}
	}
	for name, mode := range map[string]guards{
		"neither lock nor intent":                       {noLocker: true, noIntent: true},
		"a lock that excludes nobody":                   {openLock: true},
		"no reload under the lock":                      {noReload: true},
		"neither lock nor compare-and-swap":             {noLocker: true, blindWrite: true},
		"an open lock, and intents that are not heeded": {openLock: true, noIntent: true},
	} {
		t.Run("mutant "+name, func(t *testing.T) {
			err := runSchedules(t, 2, mode, two)
			if err == nil {
				t.Fatal("survives")
			}
			t.Log(err)
		})
	}
}

// runSchedules returns what is wrong with the first order that shows it.
func runSchedules(t *testing.T, n int, mode guards, orders [][]int) (found error) {
	const batch = 500
	for len(orders) > 0 && found == nil {
		some := orders[:min(batch, len(orders))]
		orders = orders[len(some):]
		synctest.Test(t, func(t *testing.T) {
			for _, order := range some {
				if err := runSchedule(t.Context(), n, mode, order); err != nil {
					found = fmt.Errorf("order %v: %w", order, err)
					return
				}
			}
		})
	}
	return found
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
