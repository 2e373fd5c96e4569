//go:build unix

package sqlstore_test

import (
	"context"
	"database/sql"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
)

type refresher func() (*oauth2.Token, error)

func (r refresher) Refresh(context.Context, *oauth2.Token) (*oauth2.Token, error) { return r() }

// TestRestartInTheMiddleOfARefresh stops the database while the authorization server answers: the caller gets the token all the same, is
// told what is wrong, and the tokens are saved once the database is back, without a restart of the program.
func TestRestartInTheMiddleOfARefresh(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) database{"PostgreSQL": postgres, "MariaDB": mariadb} {
		t.Run(name, func(t *testing.T) {
			d := start(t)
			recovered := refreshThroughRestart(t, d, open(t, d.driver, d.dsn), 2*time.Minute, func(s *sqlstore.Store) tokenstore.Store { return s })
			require.True(t, recovered)
			// The check sees a store that does not find its way back.
			mutant := refreshThroughRestart(t, d, open(t, d.driver, d.dsn), 3*time.Second, func(s *sqlstore.Store) tokenstore.Store {
				return oneConnection{Store: s, conn: conn(t, d)}
			})
			require.False(t, mutant, "mutant: one connection for ever")
		})
	}
}

func refreshThroughRestart(t *testing.T, d database, db *sql.DB, within time.Duration, wrap func(*sqlstore.Store) tokenstore.Store) (recovered bool) {
	ctx := t.Context()
	s, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Table: "restart"})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(ctx))
	src := tokenstore.NewSource(wrap(s), "b", refresher(func() (*oauth2.Token, error) {
		d.server.Stop(syscall.SIGQUIT)
		return &oauth2.Token{AccessToken: "access-2", RefreshToken: "refresh-2", Expiry: time.Now().Add(time.Hour)}, nil
	}), &tokenstore.SourceOptions{SaveTimeout: time.Second})
	require.NoError(t, src.SignIn(ctx, &oauth2.Token{AccessToken: "access-1", RefreshToken: "refresh-1", Expiry: time.Now()}, tokenstore.Account{}))
	tok, err := src.Token(ctx)
	require.NoError(t, err, "the server's answer is not lost with the database")
	require.Equal(t, "access-2", tok.AccessToken)
	_, err = src.Status(ctx)
	var e *tokenstore.Error
	require.ErrorAs(t, err, &e)
	require.True(t, e.Temporary())
	require.Contains(t, err.Error(), "restart", "the error names the table")
	d.server.Start(t, nil)
	for end := time.Now().Add(within); time.Now().Before(end) && !recovered; time.Sleep(50 * time.Millisecond) {
		st, err := src.Status(ctx)
		recovered = err == nil && !st.Unsaved && st.Generation == 2
	}
	closing, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := src.Close(closing); recovered {
		require.NoError(t, err)
	}
	return recovered
}

func conn(t *testing.T, d database) *sql.Conn {
	c, err := open(t, d.driver, d.dsn).Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// oneConnection is a mutant: it writes by one connection, and takes no other when that broke.
type oneConnection struct {
	*sqlstore.Store
	conn *sql.Conn
}

func (o oneConnection) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := o.conn.PingContext(ctx); err != nil {
		return "", err
	}
	return o.Store.Put(ctx, key, r)
}
