package tokenstore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// Another instance holds the lock and does not let go: the wait for it ends, nothing is refreshed meanwhile, and afterwards all goes on.
func TestSourceLockTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &idp{}
		s := tokenstore.NewMemoryStore()
		src := signedIn(t, s, p, &tokenstore.SourceOptions{LockTimeout: 7 * time.Second})
		time.Sleep(2 * time.Hour) // its access token is long dead
		held, err := s.Lock(t.Context(), mailbox)
		require.NoError(t, err)

		began := time.Now()
		_, err = src.Token(t.Context())
		require.Equal(t, 7*time.Second, time.Since(began))
		var e *tokenstore.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "lock", e.Op)
		require.True(t, e.Temporary())
		require.False(t, errors.Is(err, tokenstore.ErrNeedsSignIn))

		require.NoError(t, held.Unlock())
		time.Sleep(time.Minute) // it waits before the next try
		require.Equal(t, "CANARY-access-2", token(t, src), "one refresh, and that one afterwards")
	})
}

func TestRefreshTokenLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		for lifetime, want := range map[time.Duration]time.Duration{0: 90 * day, 30 * day: 30 * day} {
			src := signedIn(t, tokenstore.NewMemoryStore(), &idp{}, &tokenstore.SourceOptions{RefreshTokenLifetime: lifetime})
			status, err := src.Status(context.Background())
			require.NoError(t, err)
			require.Equal(t, want, status.RefreshTokenExpires.Sub(status.RefreshTokenIssued), "RefreshTokenLifetime: %v", lifetime)
		}
	})
}
