package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// skewed is an instance's way to the server: its clock is off, so it dates expiries wrongly.
type skewed struct {
	p    *idp
	who  int
	skew time.Duration
}

type whoKey struct{}

func (s skewed) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	tok, err := s.p.Refresh(context.WithValue(ctx, whoKey{}, s.who), old)
	if err == nil {
		tok.Expiry = tok.Expiry.Add(s.skew)
	}
	return tok, err
}

// window is a time during which something is down.
type window struct{ from, to time.Time }

func (w window) has(t time.Time) bool { return !t.Before(w.from) && t.Before(w.to) }

const days = 24 * time.Hour

// TestSimulation runs two instances with clocks 20 minutes apart for 120 days, with outages of the server and the store, machines
// that sleep, and revoked grants, against a server that punishes the replay of a spent token.
func TestSimulation(t *testing.T) {
	seeds := 6
	if long() {
		seeds = 100
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, rand.New(rand.NewPCG(uint64(seed), 7))) })
		})
	}
}

func simulate(t *testing.T, r *rand.Rand) {
	start := time.Now()
	end := start.Add(120 * days)
	var idpDown, storeDown []window
	for range 6 {
		from := start.Add(time.Hour + time.Duration(r.Int64N(int64(118*days))))
		idpDown = append(idpDown, window{from, from.Add(time.Minute + time.Duration(r.Int64N(int64(2*days))))})
	}
	down := func(ws []window, at time.Time) bool {
		for _, w := range ws {
			if w.has(at) {
				return true
			}
		}
		return false
	}
	for range 6 {
		from := start.Add(time.Duration(r.Int64N(int64(118 * days))))
		w := window{from, from.Add(time.Duration(r.Int64N(int64(6 * time.Hour))))}
		if !down(idpDown, w.from) && !down(idpDown, w.to) {
			storeDown = append(storeDown, w)
		}
	}
	p := &idp{}
	p.answer = func(int) error {
		if down(idpDown, time.Now()) {
			return errUnavailable
		}
		return nil
	}
	s := &faulty{Store: tokenstore.NewMemoryStore()}
	lockable := struct {
		tokenstore.Store
		tokenstore.Locker
	}{s, s.Store.(tokenstore.Locker)}
	broken := func() error {
		if down(storeDown, time.Now()) {
			return errors.New("database is down")
		}
		return nil
	}
	s.beforeGet = broken
	// Apart from outages, writes fail in bursts, at any moment of a refresh: sometimes done, with the acknowledgement lost.
	var mu sync.Mutex
	var lastTrouble time.Time
	burst, dice := 0, rand.New(rand.NewPCG(r.Uint64(), 1)) // its own: other goroutines throw them
	var failures []time.Time                               // of writes
	fails := func() error {
		mu.Lock()
		defer mu.Unlock()
		if burst > 0 {
			burst--
			lastTrouble = time.Now()
			failures = append(failures, lastTrouble)
			return errors.New("disk full")
		}
		if dice.IntN(150) == 0 {
			burst = dice.IntN(25)
		}
		return nil
	}
	s.beforePut = func() error { return errors.Join(broken(), fails()) }
	s.afterPut = fails
	trouble := func(now time.Time) time.Time {
		mu.Lock()
		defer mu.Unlock()
		if now.After(lastTrouble) {
			lastTrouble = now
		}
		return lastTrouble
	}

	told := map[int]int{}
	var secretWarned time.Time
	secretEnds := start.Add(100 * days)
	var sources []*tokenstore.Source
	for i, skew := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		src := tokenstore.NewSource(lockable, mailbox, skewed{p, i, skew}, &tokenstore.SourceOptions{
			SecretExpires: secretEnds,
			OnReauthRequired: func(context.Context, tokenstore.Status) {
				mu.Lock()
				defer mu.Unlock()
				told[i]++
			},
			OnExpiring: func(_ context.Context, e tokenstore.Expiring) {
				mu.Lock()
				defer mu.Unlock()
				if e.What == "client secret" && secretWarned.IsZero() {
					secretWarned = time.Now()
				}
			},
		})
		sources = append(sources, src)
	}
	for sources[0].SignIn(t.Context(), p.signIn(), tokenstore.Account{}) != nil {
		time.Sleep(time.Minute)
	}
	revokeAt := start.Add(time.Duration(r.Int64N(int64(100 * days))))
	var revoked, signInAt time.Time
	bad := [2]int{} // failed polls in a row, when all is well
	polls := 0      // of a burst that are left
	deaths, refusedBefore := 0, 0
	sleeping := [2]time.Time{}
	for now := time.Now(); now.Before(end); now = time.Now() {
		if polls == 0 && r.IntN(30) == 0 {
			polls = r.IntN(60)
		}
		if polls > 0 {
			polls--
			time.Sleep(time.Second)
		} else {
			time.Sleep(30*time.Second + time.Duration(r.Int64N(int64(7*time.Minute))))
		}
		now = time.Now()
		if down(idpDown, now) || down(storeDown, now) {
			trouble(now)
		}
		if revoked.IsZero() && now.After(revokeAt) && !down(storeDown, now) && !down(idpDown, now) {
			revoked, signInAt = now, now.Add(time.Duration(r.Int64N(int64(3*days))))
			deaths++
			p.mu.Lock()
			for _, g := range p.grants {
				g.dead = true
			}
			p.mu.Unlock()
		}
		if !revoked.IsZero() && !signInAt.IsZero() && now.After(signInAt) && !down(storeDown, now) {
			refusedBefore = p.countErrors(errInvalidGrant)
			if err := sources[r.IntN(2)].SignIn(t.Context(), p.signIn(), tokenstore.Account{}); err != nil {
				trouble(now)
				continue
			}
			signInAt = time.Time{}
			trouble(now) // the other instance sees it within seconds
		}
		i := r.IntN(2)
		if now.Before(sleeping[i]) {
			continue
		}
		if r.IntN(2000) == 0 {
			sleeping[i] = now.Add(time.Duration(r.Int64N(int64(5 * days))))
		}
		tok, err := sources[i].Token(t.Context())
		now = time.Now()
		calm := now.Sub(trouble(time.Time{})) > 10*time.Minute
		switch {
		case err == nil:
			bad[i] = 0
			if !tok.Expiry.After(now) {
				t.Fatalf("%v: a token known expired at %v was handed out", now, tok.Expiry)
			}
		case errors.Is(err, tokenstore.ErrNeedsSignIn):
			if revoked.IsZero() || signInAt.IsZero() && calm {
				t.Fatalf("%v: a sign-in is asked for, but the grant lives: %v", now, err)
			}
		case calm:
			// A failure the other instance noted long ago may hold this one back once, for half a minute.
			if bad[i]++; bad[i] == 1 {
				polls = 0
			} else {
				t.Fatalf("%v: all is well since %v, but: %v", now, trouble(time.Time{}), err)
			}
		}
	}
	for _, src := range sources {
		if err := src.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if signInAt.IsZero() && deaths > 0 && p.countErrors(errInvalidGrant) != refusedBefore {
		t.Errorf("the grant was revoked by a replay")
	}
	if deaths == 0 && p.countErrors(errInvalidGrant) > 0 {
		t.Errorf("the grant was revoked by a replay")
	}
	checkSpacing(t, p.requests, failures)
	if secretWarned.IsZero() || secretEnds.Sub(secretWarned) < 10*days {
		t.Errorf("the end of the secret at %v was announced at %v", secretEnds, secretWarned)
	}
	if deaths > 0 && p.countErrors(errInvalidGrant) > 0 && told[0]+told[1] == 0 {
		t.Error("nobody was told of a dead refresh token")
	}
}

// checkSpacing looks at consecutive failures: of one instance always, of both unless the note of the failure could not be saved.
func checkSpacing(t *testing.T, requests []request, failures []time.Time) {
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
				t.Fatalf("%v: a request %v after one that failed with %v", b.at, got, a.err)
			}
		}
	}
}

// The owner hears of a refresh token's end while there is time, even if nothing else can be done.
func TestRefreshTokenEndIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{}
		start := time.Now()
		var mu sync.Mutex // an attempt is over for its callers before its last callback is
		var announced []time.Time
		src := signedIn(t, tokenstore.NewMemoryStore(), p, &tokenstore.SourceOptions{OnExpiring: func(_ context.Context, e tokenstore.Expiring) {
			if e.What != "refresh token" || !e.At.Equal(start.Add(90*days)) || e.Key != mailbox {
				t.Errorf("announced %+v", e)
			}
			mu.Lock()
			defer mu.Unlock()
			announced = append(announced, time.Now())
		}})
		p.answer = func(int) error { return errUnavailable } // for three months
		for time.Since(start) < 90*days {
			_, _ = src.Token(t.Context())
			time.Sleep(time.Hour)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(announced) < 13 || len(announced) > 15 || announced[0].Sub(start) > 77*days {
			t.Fatalf("announced %d times, first %v", len(announced), announced[0].Sub(start))
		}
	})
}
