package tokenstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

const mailbox = "helpdesk@example.com"

// signedIn returns a source whose store holds the tokens of a fresh sign-in, made by another source.
func signedIn(t testing.TB, s tokenstore.Store, p *idp, o *tokenstore.SourceOptions) *tokenstore.Source {
	t.Helper()
	first := newSource(t, s, p, o)
	require.NoError(t, first.SignIn(context.Background(), p.signIn(), tokenstore.Account{Username: mailbox}))
	return newSource(t, s, p, o)
}

func newSource(t testing.TB, s tokenstore.Store, r tokenstore.Refresher, o *tokenstore.SourceOptions) *tokenstore.Source {
	t.Helper()
	src := tokenstore.NewSource(s, mailbox, r, o)
	t.Cleanup(func() { _ = src.Close(context.Background()) })
	return src
}

func token(t testing.TB, s *tokenstore.Source) string {
	t.Helper()
	tok, err := s.Token(context.Background())
	require.NoError(t, err)
	require.Empty(t, tok.RefreshToken, "callers have no use for the refresh token")
	return tok.AccessToken
}

func TestSourceFirstRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := &idp{}, tokenstore.NewMemoryStore()
		src := newSource(t, s, p, nil)
		_, err := src.Token(t.Context())
		require.ErrorIs(t, err, tokenstore.ErrNoToken)
		require.ErrorIs(t, err, tokenstore.ErrNeedsSignIn)
		require.NoError(t, src.SignIn(t.Context(), p.signIn(), tokenstore.Account{Username: "x"}))
		require.Equal(t, "CANARY-access-1", token(t, src))

		// A second run of the program does not sign in again, and does not refresh a fresh token.
		again := newSource(t, s, p, nil)
		require.Equal(t, "CANARY-access-1", token(t, again))
		require.Zero(t, p.count())

		time.Sleep(2 * time.Hour)
		third := newSource(t, s, p, nil)
		require.Equal(t, "CANARY-access-2", token(t, third))
		require.Equal(t, "CANARY-access-2", token(t, again), "the second source takes the third's token")
		require.Equal(t, 1, p.count())
		require.EqualValues(t, 1, third.Counters().Refreshes)
		require.EqualValues(t, 0, again.Counters().Refreshes)

		require.NoError(t, again.SignOut(t.Context()))
		_, err = again.Token(t.Context())
		require.ErrorIs(t, err, tokenstore.ErrNoToken)
	})
}

// A sign-in elsewhere is seen without a restart and without a request.
//
// Case 53: what another instance stored is looked at before anything is given up.
func TestSourceSeesSignInElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := &idp{}, tokenstore.NewMemoryStore()
		waiting, other := newSource(t, s, p, nil), newSource(t, s, p, nil)
		_, err := waiting.Token(t.Context())
		require.ErrorIs(t, err, tokenstore.ErrNoToken)
		require.NoError(t, other.SignIn(t.Context(), p.signIn(), tokenstore.Account{}))
		time.Sleep(10 * time.Second)
		require.Equal(t, "CANARY-access-1", token(t, waiting))
	})
}

func TestSourceEarlyRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{delay: 10 * time.Second}
		src := signedIn(t, tokenstore.NewMemoryStore(), p, nil)
		require.Equal(t, "CANARY-access-1", token(t, src))
		time.Sleep(52 * time.Minute) // before any jitter
		require.Equal(t, "CANARY-access-1", token(t, src))
		synctest.Wait()
		require.Zero(t, p.count())
		time.Sleep(4 * time.Minute) // inside the window
		before := time.Now()
		require.Equal(t, "CANARY-access-1", token(t, src), "served while the refresh runs")
		require.Zero(t, time.Since(before), "without waiting for it")
		time.Sleep(20 * time.Second)
		require.Equal(t, "CANARY-access-2", token(t, src))
		require.Equal(t, 1, p.count())
	})
}

// A failed early refresh is nobody's error as long as the token lasts.
func TestSourceEarlyRefreshFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{answer: func(int) error { return errUnavailable }}
		src := signedIn(t, tokenstore.NewMemoryStore(), p, nil)
		token(t, src)
		time.Sleep(56 * time.Minute)
		for range 100 {
			require.Equal(t, "CANARY-access-1", token(t, src))
			time.Sleep(time.Second)
		}
		require.InDelta(t, 2, p.count(), 1)
		time.Sleep(3 * time.Minute)
		_, err := src.Token(t.Context())
		var e *tokenstore.Error
		require.ErrorAs(t, err, &e)
		require.True(t, e.Temporary())
		require.False(t, e.NeedsSignIn())
		require.NotZero(t, e.RetryDelay())
	})
}

func TestSourceOneRefreshForAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{delay: time.Second}
		src := signedIn(t, tokenstore.NewMemoryStore(), p, nil)
		time.Sleep(2 * time.Hour)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%10 == 0 { // some leave early, the very first among them; the refresh goes on
					time.AfterFunc(100*time.Millisecond, cancel)
				}
				tok, err := src.Token(ctx)
				if i%10 == 0 {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("a caller that left got %v, %v", tok, err)
					}
				} else if err != nil || tok.AccessToken != "CANARY-access-2" {
					t.Errorf("got %v, %v", tok, err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, p.count())
	})
}

// The rotated refresh token is in the store before anybody sees the access token that came with it.
func TestSourceSavesBeforeHandingOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{}
		slow := &faulty{Store: tokenstore.NewMemoryStore()}
		src := signedIn(t, slow, p, nil)
		time.Sleep(2 * time.Hour)
		var puts atomic.Int32
		slow.beforePut = func() error { puts.Add(1); time.Sleep(time.Second); return nil }
		token(t, src)
		require.EqualValues(t, 2, puts.Load(), "the intent, then the tokens")
		require.Contains(t, rawRecord(t, slow), "CANARY-refresh-2")
	})
}

// Case 50: the exchange succeeds and the save fails.
func TestSourceSaveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{}
		s := &faulty{Store: tokenstore.NewMemoryStore()}
		src := signedIn(t, s, p, nil)
		time.Sleep(2 * time.Hour)
		s.beforePut = func() error { return errors.New("no space left on device") }
		require.Equal(t, "CANARY-access-2", token(t, src), "the caller gets the token all the same")
		require.Contains(t, rawRecord(t, s), "CANARY-refresh-1", "the old record stays")
		st, err := src.Status(t.Context())
		require.NoError(t, err)
		require.True(t, st.Unsaved)
		require.NotEmpty(t, st.LastError)

		// Hours later the store still is full: the token in memory carries on.
		time.Sleep(2 * time.Hour)
		require.Equal(t, "CANARY-access-3", token(t, src))

		s.setBeforePut(nil)
		time.Sleep(2 * time.Minute)
		require.Contains(t, rawRecord(t, s), "CANARY-refresh-3", "saved in the background, without a restart")
		st, err = src.Status(t.Context())
		require.NoError(t, err)
		require.False(t, st.Unsaved)
		require.Zero(t, p.countErrors(errInvalidGrant))
		other := newSource(t, s, p, nil)
		require.Equal(t, "CANARY-access-3", token(t, other))
	})
}

func TestSourceCloseSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{}
		s := &faulty{Store: tokenstore.NewMemoryStore()}
		src := signedIn(t, s, p, nil)
		time.Sleep(2 * time.Hour)
		s.beforePut = func() error { return errors.New("read-only file system") }
		token(t, src)
		s.setBeforePut(nil)
		require.NoError(t, src.Close(t.Context()))
		require.Contains(t, rawRecord(t, s), "CANARY-refresh-2")
		_, err := src.Token(t.Context())
		require.ErrorIs(t, err, tokenstore.ErrClosed, "whatever is left in memory")
	})
}

// Case 53, its other half: nobody else has renewed the tokens, so the refusal counts.
func TestSourceRefusedIsMarkedNotDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := &idp{}, tokenstore.NewMemoryStore()
		var told atomic.Int32
		o := &tokenstore.SourceOptions{OnReauthRequired: func(_ context.Context, st tokenstore.Status) {
			if st.NeedsSignInSince.IsZero() || st.Account.Username != mailbox {
				t.Errorf("told with %+v", st)
			}
			told.Add(1)
		}}
		src := signedIn(t, s, p, o)
		p.revoke("CANARY-refresh-1")
		time.Sleep(2 * time.Hour)
		for range 24 * 60 {
			_, err := src.Token(t.Context())
			require.ErrorIs(t, err, tokenstore.ErrNeedsSignIn)
			require.NotErrorIs(t, err, tokenstore.ErrNoToken)
			time.Sleep(time.Minute)
		}
		require.EqualValues(t, 1, told.Load())
		require.LessOrEqual(t, p.count(), 24*4+1, "one probe in 15 minutes at most")
		require.Contains(t, rawRecord(t, s), "CANARY-refresh-1")
		st, err := src.Status(t.Context())
		require.NoError(t, err)
		require.InDelta(t, 24*time.Hour, time.Since(st.NeedsSignInSince), float64(time.Minute))

		require.NoError(t, src.SignIn(t.Context(), p.signIn(), tokenstore.Account{}))
		require.Equal(t, "CANARY-access-2", token(t, src))
		st, err = src.Status(t.Context())
		require.NoError(t, err)
		require.Zero(t, st.NeedsSignInSince)
		require.Empty(t, st.LastError)
	})
}

func TestSourceReject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := &idp{}, tokenstore.NewMemoryStore()
		src := signedIn(t, s, p, nil)
		other := newSource(t, s, p, nil)
		bad := &oauth2.Token{AccessToken: token(t, src)}
		token(t, other)
		src.Reject(t.Context(), bad, "")
		src.Reject(t.Context(), bad, "")
		require.Equal(t, "CANARY-access-2", token(t, src))
		src.Reject(t.Context(), bad, "") // replaced already
		require.Equal(t, "CANARY-access-2", token(t, src))
		other.Reject(t.Context(), bad, "")
		require.Equal(t, "CANARY-access-2", token(t, other), "the other instance takes it from the store")
		require.Equal(t, 1, p.count())

		// A server that refuses everything does not make us ask again and again.
		for range 10 {
			src.Reject(t.Context(), &oauth2.Token{AccessToken: token(t, src)}, "")
		}
		require.Equal(t, 1, p.count())
		// A claims challenge goes through at once, and once.
		for range 10 {
			src.Reject(t.Context(), &oauth2.Token{AccessToken: token(t, src)}, `{"access_token":{}}`)
		}
		token(t, src)
		require.Equal(t, 2, p.count())
		require.Equal(t, `{"access_token":{}}`, p.requests[1].claims)
		time.Sleep(time.Minute)
		src.Reject(t.Context(), &oauth2.Token{AccessToken: token(t, src)}, "")
		token(t, src)
		require.Equal(t, 3, p.count())
		require.Empty(t, p.requests[2].claims)
	})
}

func TestSourceFreshTokenAllocatesNothing(t *testing.T) {
	p := &idp{}
	src := signedIn(t, tokenstore.NewMemoryStore(), p, nil)
	token(t, src)
	ctx := t.Context()
	n := testing.AllocsPerRun(1000, func() {
		if _, err := src.Token(ctx); err != nil {
			t.Fatal(err)
		}
	})
	require.Zero(t, n)
	require.EqualValues(t, 1, src.Counters().Loads, "the store is read once, not for each call")
}

// faulty is a store that fails on request.
type faulty struct {
	tokenstore.Store
	mu        sync.Mutex
	beforePut func() error
	afterPut  func() error // the write was done, the acknowledgement is lost
	beforeGet func() error
}

func (f *faulty) hook(h *func() error) error {
	f.mu.Lock()
	fn := *h
	f.mu.Unlock()
	if fn == nil {
		return nil
	}
	return fn()
}

func (f *faulty) setBeforePut(fn func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beforePut = fn
}

func (f *faulty) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := f.hook(&f.beforeGet); err != nil {
		return tokenstore.Record{}, err
	}
	return f.Store.Get(ctx, key)
}

func (f *faulty) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := f.hook(&f.beforePut); err != nil {
		return "", err
	}
	v, err := f.Store.Put(ctx, key, r)
	if err == nil {
		err = f.hook(&f.afterPut)
	}
	return v, err
}

func rawRecord(t testing.TB, s tokenstore.Store) string {
	t.Helper()
	r, err := s.Get(context.Background(), mailbox)
	require.NoError(t, err)
	return string(r.Data)
}
