package tokenstore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// TestSourceWatch: what one instance does, the others know at once, whether they held a token, a failure or nothing.
func TestSourceWatch(t *testing.T) {
	for _, omit := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			store := tokenstore.NewMemoryStore()
			var asked int
			r := refreshFunc(func(_ context.Context, old *oauth2.Token) (*oauth2.Token, error) {
				asked++
				if old.RefreshToken == "dead" {
					return nil, &oauth2.RetrieveError{ErrorCode: "invalid_grant"}
				}
				return &oauth2.Token{AccessToken: "for " + old.RefreshToken, RefreshToken: old.RefreshToken, Expiry: time.Now().Add(time.Hour)}, nil
			})
			told := 0
			here := tokenstore.NewSource(store, mailbox, r, &tokenstore.SourceOptions{OmitAccessToken: omit})
			there := tokenstore.NewSource(store, mailbox, r, &tokenstore.SourceOptions{
				OmitAccessToken: omit, Watch: true, OnReauthRequired: func(context.Context, tokenstore.Status) { told++ },
			})
			defer func() {
				require.NoError(t, here.Close(ctx))
				require.NoError(t, there.Close(ctx))
			}()
			_, err := there.Token(ctx)
			require.ErrorIs(t, err, tokenstore.ErrNoToken)

			signIn := func(refresh string, expiry time.Time) {
				tok := &oauth2.Token{AccessToken: "with " + refresh, RefreshToken: refresh, Expiry: expiry}
				require.NoError(t, here.SignIn(ctx, tok, tokenstore.Account{}))
				synctest.Wait()
			}
			signIn("one", time.Now().Add(time.Hour))
			tok, err := there.Token(ctx)
			require.NoError(t, err, "a sign-in ends the failure of having none")
			require.Contains(t, tok.AccessToken, "one")

			signIn("two", time.Now().Add(time.Hour))
			tok, err = there.Token(ctx)
			require.NoError(t, err)
			require.Contains(t, tok.AccessToken, "two", "not the first person's token, though it is still valid")

			require.NoError(t, here.SignOut(ctx))
			synctest.Wait()
			_, err = there.Token(ctx)
			require.ErrorIs(t, err, tokenstore.ErrNoToken, "the token in memory is not served after a sign-out elsewhere")

			before := asked
			signIn("dead", time.Now().Add(-time.Hour))
			_, err = here.Token(ctx)
			require.ErrorIs(t, err, tokenstore.ErrNeedsSignIn)
			synctest.Wait()
			require.Equal(t, 1, told, "another instance's refused refresh token is reported here, too")
			_, err = there.Token(ctx)
			require.ErrorIs(t, err, tokenstore.ErrNeedsSignIn)
			require.Equal(t, before+1, asked, "watching asks the authorization server nothing")
		})
	}
}

func TestNewSourceWithoutRefresher(t *testing.T) {
	require.Panics(t, func() { tokenstore.NewSource(tokenstore.NewMemoryStore(), mailbox, nil, nil) })
	require.Panics(t, func() { tokenstore.NewSource(nil, mailbox, refreshFunc(nil), nil) })
}

// A store that fails for a while is asked less often, and no change is lost.
func TestWatchByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		start, looks, version := time.Now(), 0, "v1"
		look := func(context.Context) (string, error) {
			looks++
			switch since := time.Since(start); {
			case since > time.Hour:
				return "v2", nil
			case since > time.Minute:
				return "", down
			}
			return version, nil
		}
		errs := 0
		var got []string
		for v, err := range tokenstore.WatchByPolling(t.Context(), mailbox, time.Second, look) {
			if err != nil {
				require.ErrorIs(t, err, down)
				errs++
				continue
			}
			if got = append(got, v); v == "v2" {
				break
			}
		}
		require.Equal(t, []string{"v1", "v2"}, got)
		require.Less(t, errs, 80)
		require.Greater(t, looks, 60)
		require.Less(t, time.Since(start), 62*time.Minute)
	})
}

// A closed source serves nothing, not even what it has; and Close tried again saves what the first try could not.
func TestCloseAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := &failingPuts{MemoryStore: tokenstore.NewMemoryStore()}
		src := tokenstore.NewSource(store, mailbox, refreshFunc(func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			store.fail = true
			return &oauth2.Token{AccessToken: "b", RefreshToken: "s", Expiry: time.Now().Add(time.Hour)}, nil
		}), nil)
		require.NoError(t, src.SignIn(ctx, &oauth2.Token{AccessToken: "a", RefreshToken: "r", Expiry: time.Now().Add(-time.Hour)}, tokenstore.Account{}))
		tok, err := src.Token(ctx)
		require.NoError(t, err)
		require.Equal(t, "b", tok.AccessToken)
		require.ErrorIs(t, src.Close(ctx), errPut)
		_, err = src.Token(ctx)
		require.ErrorIs(t, err, tokenstore.ErrClosed)
		require.ErrorIs(t, src.Close(ctx), errPut, "still not saved: still an error")
		store.fail = false
		require.NoError(t, src.Close(ctx))
		r, err := store.Get(ctx, mailbox)
		require.NoError(t, err)
		require.Contains(t, string(r.Data), `"s"`)
	})
}

var errPut = errors.New("the store is down")

type failingPuts struct {
	*tokenstore.MemoryStore
	fail bool
}

func (f *failingPuts) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if f.fail {
		return "", errPut
	}
	return f.MemoryStore.Put(ctx, key, r)
}
