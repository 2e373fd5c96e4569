package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

func TestOmitAccessToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := &idp{}, tokenstore.NewMemoryStore()
		o := &tokenstore.SourceOptions{OmitAccessToken: true}
		src := signedIn(t, s, p, o)
		require.NotContains(t, rawRecord(t, s), "CANARY-access")
		require.Equal(t, "CANARY-access-2", token(t, src), "a new instance has to refresh")
		require.NotContains(t, rawRecord(t, s), "CANARY-access")
		require.Contains(t, rawRecord(t, s), "CANARY-refresh-2")
		time.Sleep(2 * time.Hour)
		require.Equal(t, "CANARY-access-3", token(t, newSource(t, s, p, o)))
		time.Sleep(time.Minute)
		require.Equal(t, "CANARY-access-4", token(t, src), "with the refresh token the other instance left")
		require.Zero(t, p.countErrors(errInvalidGrant))
	})
}

// countingSource is an app-only token source of x/oauth2.
type countingSource struct {
	n       atomic.Int32
	release chan struct{}
}

func (c *countingSource) Token() (*oauth2.Token, error) {
	if c.release != nil {
		<-c.release
	}
	return &oauth2.Token{AccessToken: fmt.Sprint("app-", c.n.Add(1)), Expiry: time.Now().Add(time.Hour)}, nil
}

func TestAdapters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := tokenstore.NewMemoryStore(), &countingSource{}
		one, two := newSource(t, s, tokenstore.FromTokenSource(c), nil), newSource(t, s, tokenstore.FromTokenSource(c), nil)
		require.Equal(t, "app-1", token(t, one), "no sign-in is needed")
		require.Equal(t, "app-1", token(t, two), "instances share the token")
		tok, err := oauth2.ReuseTokenSource(nil, one.OAuth2(t.Context())).Token()
		require.NoError(t, err)
		require.Equal(t, "app-1", tok.AccessToken)
		time.Sleep(2 * time.Hour)
		require.Equal(t, "app-2", token(t, two))
		require.Equal(t, "app-2", token(t, one))

		hanging := &countingSource{release: make(chan struct{})}
		src := newSource(t, tokenstore.NewMemoryStore(), tokenstore.FromTokenSource(hanging), nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = src.Token(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(hanging.release)

		_, err = tokenstore.FromConfig(&oauth2.Config{}).Refresh(t.Context(), &oauth2.Token{AccessToken: "valid"})
		require.ErrorContains(t, err, "no refresh token")
	})
}

// A refused token is followed by the one before it only where the server does not punish that.
func TestLenientRotation(t *testing.T) {
	for _, lenient := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p, s := &idp{lenient: true}, tokenstore.NewMemoryStore()
			src := signedIn(t, s, p, &tokenstore.SourceOptions{LenientRotation: lenient})
			time.Sleep(2 * time.Hour)
			token(t, src)
			time.Sleep(2 * time.Hour)
			p.mu.Lock()
			p.grants["CANARY-refresh-2"] = &grant{dead: true} // the server lost it, say
			p.mu.Unlock()
			_, err := src.Token(t.Context())
			if lenient {
				require.NoError(t, err)
				require.Equal(t, "CANARY-refresh-1", p.requests[2].refr)
			} else {
				require.ErrorIs(t, err, tokenstore.ErrNeedsSignIn)
				require.Len(t, p.requests, 2)
			}
		})
	}
}

// An older copy of the record, put back under a running source, is reported and replaced.
func TestRollbackIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := &idp{}, tokenstore.NewMemoryStore()
		src := signedIn(t, s, p, nil)
		token(t, src)
		backup := rawRecord(t, s)
		time.Sleep(2 * time.Hour)
		token(t, src)
		r, err := s.Get(t.Context(), mailbox)
		require.NoError(t, err)
		_, err = s.Put(t.Context(), mailbox, tokenstore.Record{Data: []byte(backup), Version: r.Version})
		require.NoError(t, err)
		st, err := src.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, tokenstore.ErrRolledBack.Error(), st.LastError)
		time.Sleep(2 * time.Hour)
		require.Equal(t, "CANARY-access-3", token(t, src))
		st, err = src.Status(t.Context())
		require.NoError(t, err)
		require.Empty(t, st.LastError)
		require.Zero(t, p.countErrors(errInvalidGrant), "the spent token of the backup was not presented")
		require.EqualValues(t, 1, src.Counters().RolledBack)
		// A new sign-in starts a new grant and is no rollback.
		other := newSource(t, s, p, nil)
		require.NoError(t, other.SignIn(t.Context(), p.signIn(), tokenstore.Account{}))
		time.Sleep(2 * time.Hour)
		token(t, src)
		require.EqualValues(t, 1, src.Counters().RolledBack)
	})
}

// A store that cannot be written puts off a refresh that is not urgent.
func TestEarlyRefreshIsPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{}
		s := &faulty{Store: tokenstore.NewMemoryStore()}
		src := signedIn(t, s, p, nil)
		token(t, src)
		s.setBeforePut(func() error { return errors.New("read-only file system") })
		time.Sleep(57 * time.Minute)
		require.Equal(t, "CANARY-access-1", token(t, src))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Zero(t, p.count())
		s.setBeforePut(nil)
		require.Equal(t, "CANARY-access-1", token(t, src))
		synctest.Wait()
		require.Equal(t, 1, p.count())
	})
}

// A server whose tokens are expired on arrival is not asked again at once, and its refresh token is kept.
func TestUselessTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := tokenstore.NewMemoryStore(), 0
		src := newSource(t, s, refreshFunc(func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			n++
			return &oauth2.Token{AccessToken: "late", RefreshToken: fmt.Sprint("r", n), Expiry: time.Now().Add(-time.Second)}, nil
		}), nil)
		require.NoError(t, src.SignIn(t.Context(), &oauth2.Token{RefreshToken: "r0"}, tokenstore.Account{}))
		for range 20 {
			_, err := src.Token(t.Context())
			require.Error(t, err)
			time.Sleep(time.Second)
		}
		require.Equal(t, 1, n)
		require.Contains(t, rawRecord(t, s), `"r1"`)
	})
}

// connectionLocks is a store whose locks could be lost while their holders live.
type connectionLocks struct {
	tokenstore.Store
	lost atomic.Bool
}

func (c *connectionLocks) Lock(ctx context.Context, key string) (tokenstore.Lock, error) {
	l, err := c.Store.(tokenstore.Locker).Lock(ctx, key)
	return connectionLock{l, c}, err
}

type connectionLock struct {
	tokenstore.Lock
	c *connectionLocks
}

func (l connectionLock) Tenure() tokenstore.Tenure { return tokenstore.WhileConnection }
func (l connectionLock) Check(ctx context.Context) error {
	if l.c.lost.Load() {
		return tokenstore.ErrLockLost
	}
	return l.Lock.Check(ctx)
}

// Nothing is sent on the strength of a lock that was lost; an attempt of another instance that may still run is waited for.
func TestLostLockAndForeignIntent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{}
		m := tokenstore.NewMemoryStore()
		s := &connectionLocks{Store: m}
		src := signedIn(t, s, p, nil)
		time.Sleep(2 * time.Hour)
		s.lost.Store(true)
		_, err := src.Token(t.Context())
		require.ErrorIs(t, err, tokenstore.ErrLockLost)
		require.Zero(t, p.count())
		require.NotContains(t, rawRecord(t, m), `"intent"`, "taken back")
		s.lost.Store(false)
		time.Sleep(10 * time.Second)
		require.Equal(t, "CANARY-access-2", token(t, src))

		// Another instance dies between its intent and its save.
		time.Sleep(2 * time.Hour)
		f := &faulty{Store: m}
		puts := 0
		f.beforePut = func() error { // from the second write on nothing gets through: the intent stays
			if puts++; puts > 1 {
				return errors.New("crashed")
			}
			return nil
		}
		crashed := newSource(t, f, p, &tokenstore.SourceOptions{SaveTimeout: time.Millisecond})
		p.answer = func(n int) error {
			if n == 2 {
				return errUnavailable
			}
			return nil
		}
		_, err = crashed.Token(t.Context())
		require.Error(t, err)
		require.Contains(t, rawRecord(t, m), `"intent"`)
		began := time.Now()
		require.Equal(t, "CANARY-access-3", token(t, src))
		require.GreaterOrEqual(t, time.Since(began), 30*time.Second, "the other attempt's time had to pass")
	})
}

func TestStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{}
		s := &faulty{Store: tokenstore.NewMemoryStore()}
		src := signedIn(t, s, p, nil)
		token(t, src)
		s.mu.Lock()
		s.beforeGet = func() error { return errors.New("connection refused") }
		s.mu.Unlock()
		require.Equal(t, "CANARY-access-1", token(t, src), "a fresh token needs no store")
		time.Sleep(2 * time.Hour)
		loads := src.Counters().Loads
		for range 100 {
			_, err := src.Token(t.Context())
			var e *tokenstore.Error
			require.ErrorAs(t, err, &e)
			require.True(t, e.Temporary())
			require.NotErrorIs(t, err, tokenstore.ErrNeedsSignIn)
		}
		require.EqualValues(t, 1, src.Counters().Loads-loads, "callers in between do not hammer the store")
		require.Zero(t, p.count(), "without the record nothing is exchanged")
		s.mu.Lock()
		s.beforeGet = nil
		s.mu.Unlock()
		time.Sleep(5 * time.Second)
		require.Equal(t, "CANARY-access-2", token(t, src))
	})
}

func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{delay: 10 * time.Second}
		src := signedIn(t, tokenstore.NewMemoryStore(), p, nil)
		time.Sleep(2 * time.Hour)
		go func() { _, _ = src.Token(t.Context()) }()
		time.Sleep(time.Second)
		began := time.Now()
		require.NoError(t, src.Close(t.Context()))
		require.Equal(t, 9*time.Second, time.Since(began), "the exchange under way was waited for and saved")
		require.Equal(t, 1, p.count())
		require.NoError(t, src.Close(t.Context()))
		require.ErrorIs(t, src.SignIn(t.Context(), p.signIn(), tokenstore.Account{}), tokenstore.ErrClosed)

		slow := signedIn(t, tokenstore.NewMemoryStore(), p, nil)
		time.Sleep(2 * time.Hour)
		go func() { _, _ = slow.Token(t.Context()) }()
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, slow.Close(ctx), context.DeadlineExceeded)
	})
}

// Case 51: a process dies between the exchange and the save. What it leaves behind is the old record; at a server that accepts spent
// tokens the next start goes on, at one that revokes them it reports that somebody must sign in, and the record is kept.
func TestCrashBetweenExchangeAndSave(t *testing.T) {
	for _, lenient := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := &idp{lenient: lenient}
			f := &faulty{Store: tokenstore.NewMemoryStore()}
			src := signedIn(t, f, p, nil)
			time.Sleep(2 * time.Hour)
			puts := 0
			f.beforePut = func() error { // the intent is written, the tokens never are
				if puts++; puts > 1 {
					return errors.New("crashed")
				}
				return nil
			}
			_, _ = src.Token(t.Context())
			require.Equal(t, 1, p.count())

			left, err := f.Store.Get(t.Context(), mailbox)
			require.NoError(t, err)
			disk := tokenstore.NewMemoryStore() // what the next start finds; the dead process's lock went with it
			_, err = disk.Put(t.Context(), mailbox, tokenstore.Record{Data: left.Data})
			require.NoError(t, err)
			next := newSource(t, disk, p, nil)
			tok, err := next.Token(t.Context())
			if lenient {
				require.NoError(t, err)
				require.Equal(t, "CANARY-access-3", tok.AccessToken)
				return
			}
			require.ErrorIs(t, err, tokenstore.ErrNeedsSignIn)
			require.Contains(t, rawRecord(t, disk), "CANARY-refresh-1", "the record is kept")
		})
	}
}
