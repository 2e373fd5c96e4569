package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/stretchr/testify/require"
)

// TestSimulation runs two hosts for 120 days, with outages of the server and the store, wall clocks up to 20 minutes apart that
// are set again and again, machines that sleep (at any moment, also with a request under way), and revoked grants, against a server
// that punishes the replay of a spent token. A third of the seeds each has a store whose locks last as long as the process, as the
// connection, and none but compare-and-swap.
func TestSimulation(t *testing.T) {
	seeds := 6
	if long() {
		seeds = 100
	}
	var refused atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d tokens had expired for the resource server, but not by their host's clocks", refused.Load())
	})
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(seed, variant{})
				if err := w.run(t.Context()); err != nil {
					t.Error(err)
				}
				refused.Add(int64(w.refused))
			})
		})
	}
}

// Each guard removed is noticed by the same checks.
func TestSimulationMutants(t *testing.T) {
	for name, v := range map[string]variant{
		"wall clock only":                   {wallClockOnly: true},
		"monotonic clock only":              {monotonicClockOnly: true},
		"neither lock nor intent":           {noLock: true},
		"failures not shared":               {failuresNotShared: true},
		"failures forgotten":                {forgetful: true},
		"in-save retry switched off":        {noSaveRetry: true},
		"nobody warned of the secret's end": {noWarning: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for seed := range 30 {
					if err := newWorld(seed, v).run(t.Context()); err != nil {
						t.Logf("seed %d: %v", seed, err)
						return
					}
				}
				t.Error("survives")
			})
		})
	}
}

func newWorld(seed int, v variant) *twoHosts {
	r := rand.New(rand.NewPCG(uint64(seed), 7))
	w := &twoHosts{
		v: v, r: r, start: time.Now(), p: &idp{}, disk: tokenstore.NewMemoryStore(), dice: rand.New(rand.NewPCG(r.Uint64(), 1)),
		validUntil: map[string]time.Time{}, stored: map[string]bool{}, tries: map[string]int{},
	}
	w.p.clock = w.trueTime
	w.secretEnds = w.start.Add(100 * days).Round(0)
	for range 6 {
		from := w.start.Add(time.Hour + time.Duration(r.Int64N(int64(118*days))))
		w.idpDown = append(w.idpDown, window{from, from.Add(time.Minute + time.Duration(r.Int64N(int64(2*days))))})
	}
	w.p.answer = func(int) error {
		if down(w.idpDown, time.Now()) {
			return errUnavailable
		}
		return nil
	}
	s := simStore{w: w}
	if v.noLock {
		s.strip = append(s.strip, "intent")
	}
	if v.failuresNotShared || v.forgetful {
		s.strip = append(s.strip, "failure")
	}
	locks := connectionLocks{Store: w.disk}
	// Without a lock, a store that cannot be written leaves nothing to keep two instances apart: that one never fails.
	s.calm = v.noLock || seed%3 == 2
	w.store = s
	switch {
	case s.calm:
	case seed%3 == 1:
		w.store = struct {
			tokenstore.Store
			tokenstore.Locker
		}{s, &locks}
	default:
		w.store = struct {
			tokenstore.Store
			tokenstore.Locker
		}{s, w.disk}
	}
	for range 6 {
		from := w.start.Add(time.Duration(r.Int64N(int64(118 * days))))
		o := window{from, from.Add(time.Duration(r.Int64N(int64(6 * time.Hour))))}
		if !s.calm && !down(w.idpDown, o.from) && !down(w.idpDown, o.to) {
			w.storeDown = append(w.storeDown, o)
		}
	}
	for i := range w.hosts {
		w.hosts[i] = &host{w: w, id: i, seen: map[string]time.Time{}}
		w.hosts[i].clock.set(map[int]time.Duration{0: maxError, 1: -maxError}[i])
		w.hosts[i].open()
	}
	return w
}

// run returns the first violation.
func (w *twoHosts) run(ctx context.Context) error {
	defer func() {
		for _, h := range w.hosts {
			if err := h.src.Close(ctx); err != nil {
				w.fail("closing: %w", err)
			}
		}
	}()
	for !w.signIn(ctx, w.hosts[0]) {
		time.Sleep(time.Minute)
	}
	end := w.start.Add(120 * days)
	revokeAt := w.start.Add(time.Duration(w.r.Int64N(int64(100 * days))))
	var revoked, signInAt time.Time
	polls := 0 // of a burst that are left
	deaths, refusedBefore := 0, 0
	for now := time.Now(); now.Before(end) && w.failed() == nil; now = time.Now() {
		if polls == 0 && w.r.IntN(30) == 0 {
			polls = w.r.IntN(60)
		}
		if polls > 0 {
			polls--
			time.Sleep(time.Second)
		} else {
			// Longer than the 31 seconds that an attempt may take which the other instance left behind: it holds this one back once, not twice.
			time.Sleep(35*time.Second + time.Duration(w.r.Int64N(int64(7*time.Minute))))
		}
		now = time.Now()
		storeDown, idpDown := down(w.storeDown, now), down(w.idpDown, now)
		if idpDown || storeDown {
			w.trouble(now)
		}
		if w.r.IntN(300) == 0 { // somebody, or NTP, sets a clock
			h := w.hosts[w.r.IntN(2)]
			h.clock.set(w.asleepFor() + time.Duration(w.r.Int64N(int64(2*maxError))) - maxError)
		}
		if w.r.IntN(400) == 0 {
			w.sleep(time.Duration(w.r.Int64N(int64(map[bool]time.Duration{true: 12 * time.Hour, false: 2 * time.Hour}[w.r.IntN(4) == 0]))))
		}
		if revoked.IsZero() && now.After(revokeAt) && !storeDown && !idpDown {
			revoked, signInAt = now, now.Add(time.Duration(w.r.Int64N(int64(3*days))))
			deaths++
			w.p.revokeAll()
		}
		if !revoked.IsZero() && !signInAt.IsZero() && now.After(signInAt) && !storeDown {
			refusedBefore = w.p.countErrors(errInvalidGrant)
			if !w.signIn(ctx, w.hosts[w.r.IntN(2)]) {
				w.trouble(now)
				continue
			}
			signInAt = time.Time{}
			w.trouble(now) // the other instance sees it within seconds
		}
		dead := !revoked.IsZero() && !signInAt.IsZero()
		everDead := !revoked.IsZero()
		polled := w.hosts[:]
		if w.r.IntN(4) > 0 {
			polled = polled[w.r.IntN(2):][:1]
		}
		var wg sync.WaitGroup
		for _, h := range polled {
			if now.Before(h.awake) {
				continue
			}
			if w.r.IntN(2000) == 0 {
				h.awake = now.Add(time.Duration(w.r.Int64N(int64(5 * days))))
			}
			wg.Go(func() {
				if !h.poll(ctx, dead, everDead) {
					polls = 0
				}
			})
		}
		wg.Wait()
	}
	w.atEnd(deaths, signInAt.IsZero(), refusedBefore)
	return w.failed()
}

func (w *twoHosts) asleepFor() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asleep
}

func (w *twoHosts) signIn(ctx context.Context, h *host) bool {
	tok := w.p.signIn()
	w.issued(tok)
	h.dated(tok)
	return h.src.SignIn(ctx, tok, tokenstore.Account{}) == nil
}

// poll asks for a token and uses it: one that is refused for its age is rejected, and another must come.
func (h *host) poll(ctx context.Context, dead, everDead bool) (well bool) {
	w := h.w
	if w.v.forgetful {
		_ = h.src.Close(ctx)
		h.open()
	}
	for range 4 {
		asleep := w.asleepFor()
		tok, err := h.src.Token(ctx)
		calm := time.Since(w.trouble(time.Time{})) > 10*time.Minute
		switch {
		case err == nil:
			h.bad = 0
			h.judge(tok, asleep)
			if w.valid(tok) {
				h.refused = 0
				return true
			}
			w.mu.Lock()
			w.refused++
			w.mu.Unlock()
			h.src.Reject(ctx, tok, "")
			continue
		case errors.Is(err, tokenstore.ErrNeedsSignIn):
			if !everDead || !dead && calm {
				w.fail("a sign-in is asked for, but the grant lives: %w", err)
			}
		case calm:
			// A failure the other instance noted long ago may hold this one back once, for half a minute.
			if h.bad++; h.bad > 1 {
				w.fail("all is well since %v, but: %w", w.trouble(time.Time{}), err)
			}
			return false
		}
		return true
	}
	// A token may be old when it arrives, the machine having slept meanwhile. The server is not asked again at once, but soon.
	if now := time.Now(); now.Sub(h.refusedAt) > time.Minute {
		h.refusedAt = now
		if h.refused++; h.refused > 3 && now.Sub(w.trouble(time.Time{})) > 10*time.Minute {
			w.fail("host %d has only tokens that the resource server refuses", h.id)
		}
	}
	return true
}

func (w *twoHosts) atEnd(deaths int, signedIn bool, refusedBefore int) {
	invalid := w.p.countErrors(errInvalidGrant)
	if signedIn && deaths > 0 && invalid != refusedBefore || deaths == 0 && invalid > 0 {
		w.fail("the grant was revoked by a replay")
	}
	if err := spacing(w.p.requests, w.failures); err != nil {
		w.fail("%w", err)
	}
	if w.failed() == nil && (w.secretWarned.IsZero() || w.secretEnds.Sub(w.secretWarned) < 10*days) {
		w.fail("the end of the secret at %v was announced at %v", w.secretEnds, w.secretWarned)
	}
	if deaths > 0 && invalid > 0 && w.told == 0 {
		w.fail("nobody was told of a dead refresh token")
	}
}

// spacing looks at consecutive failures: of one instance always, of both unless the note of the failure could not be saved.
func spacing(requests []request, failures []time.Time) error {
	unsaved := func(a, b time.Time) bool {
		for _, f := range failures {
			if !f.Before(a) && !f.After(b) {
				return true
			}
		}
		return false
	}
	for k := range requests {
		for j := k - 1; j >= max(0, k-3); j-- {
			a, b := requests[j], requests[k]
			if a.err == nil || a.refr != b.refr || a.who != b.who && unsaved(a.at, b.at) {
				break
			}
			apart := 30 * time.Second
			if errors.Is(a.err, errInvalidGrant) {
				apart = 15 * time.Minute
			}
			if got := b.at.Sub(a.at); got < apart {
				return fmt.Errorf("%v: a request of %v, %v after one of %v that failed with %w", b.at, b.who, got, a.who, a.err)
			}
		}
	}
	return nil
}

// The owner hears of a refresh token's end while there is time, even if nothing else can be done.
func TestRefreshTokenEndIsAnnounced(t *testing.T) {
	announced := func(warnBefore time.Duration) (out []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			p := &idp{}
			start := time.Now()
			var mu sync.Mutex // an attempt is over for its callers before its last callback is
			src := signedIn(t, tokenstore.NewMemoryStore(), p, &tokenstore.SourceOptions{WarnBefore: warnBefore, OnExpiring: func(_ context.Context, e tokenstore.Expiring) {
				if e.What != "refresh token" || !e.At.Equal(start.Add(90*days)) || e.Key != mailbox {
					t.Errorf("announced %+v", e)
				}
				mu.Lock()
				defer mu.Unlock()
				out = append(out, time.Since(start))
			}})
			p.answer = func(int) error { return errUnavailable } // for three months
			for time.Since(start) < 90*days {
				_, _ = src.Token(t.Context())
				time.Sleep(time.Hour)
			}
			synctest.Wait()
		})
		return out
	}
	got := announced(0)
	require.InDelta(t, 14, len(got), 1, "once a day")
	require.LessOrEqual(t, got[0], 77*days)
	require.Empty(t, announced(-1), "mutant: warning switched off")
}
