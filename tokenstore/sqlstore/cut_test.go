//go:build unix

package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
)

// told is what a program was told about a record.
type told struct{ acked, pending, version string }

type lockingStore interface {
	tokenstore.Store
	tokenstore.Locker
}

func (h *told) saves(ctx context.Context, s lockingStore) error {
	r, err := s.Get(ctx, "a")
	if err != nil {
		return err
	}
	version := r.Version
	for i := range 3 {
		h.pending = fmt.Sprintf("%s %d", r.Data[:1], i)
		if version, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte(h.pending), Version: version}); err != nil {
			return err
		}
		h.acked, h.version, h.pending = h.pending, version, ""
	}
	l, err := s.Lock(ctx, "a")
	if err != nil {
		return err
	}
	if err := l.Check(ctx); err != nil {
		_ = l.Unlock()
		return err
	}
	return l.Unlock()
}

// check looks at what is there, by another connection.
func (h *told) check(ctx context.Context, s tokenstore.Store) error {
	r, err := s.Get(ctx, "a")
	if err != nil {
		return fmt.Errorf("unreadable: %w", err)
	}
	got := string(r.Data)
	switch {
	case got != h.acked && (h.pending == "" || got != h.pending):
		return fmt.Errorf("lost: found %q; acknowledged %q, under way %q", got, h.acked, h.pending)
	case (got == h.acked) != (r.Version == h.version):
		return errors.New("one version for two states, or two for one")
	}
	return nil
}

// mutant is a store without one of its guards.
type mutant struct {
	*sqlstore.Store
	db  *sql.DB
	put func(ctx context.Context, db *sql.DB, next string, r tokenstore.Record) error
}

func (m mutant) Put(ctx context.Context, _ string, r tokenstore.Record) (string, error) {
	next := tokenstore.NewVersion()
	return next, m.put(ctx, m.db, next, r)
}

var cutMutants = map[string]func(ctx context.Context, db *sql.DB, next string, r tokenstore.Record) error{
	"lost acknowledgement taken for a success": func(ctx context.Context, db *sql.DB, next string, r tokenstore.Record) error {
		_, _ = db.ExecContext(ctx, "UPDATE cut SET data = $1, version = $2 WHERE version = $3", r.Data, next, r.Version)
		return nil
	},
	"data and version in two statements": func(ctx context.Context, db *sql.DB, next string, r tokenstore.Record) error {
		_, err := db.ExecContext(ctx, "UPDATE cut SET data = $1 WHERE version = $2", r.Data, r.Version)
		if err == nil {
			_, err = db.ExecContext(ctx, "UPDATE cut SET version = $1 WHERE version = $2", next, r.Version)
		}
		return err
	},
}

// cutting is a PostgreSQL server behind a cutter.
type cutting struct {
	d      database
	proxy  *cutter
	direct *sqlstore.Store
}

func newCutting(t *testing.T) *cutting {
	d := postgres(t)
	c := &cutting{d: d, proxy: newCutter(t, d.server.Addr)}
	var err error
	c.direct, err = sqlstore.New(open(t, d.driver, d.dsn), d.dialect, &sqlstore.Options{Table: "cut"})
	require.NoError(t, err)
	require.NoError(t, c.direct.Migrate(t.Context()))
	return c
}

// through returns a store behind the cutter; name is that of a mutant, or empty.
func (c *cutting) through(t *testing.T, name, parameters string) (lockingStore, *sql.DB) {
	db := open(t, c.d.driver, strings.Replace(c.d.dsn, c.d.server.Addr, c.proxy.l.Addr().String(), 1)+parameters)
	s, err := sqlstore.New(db, c.d.dialect, &sqlstore.Options{Table: "cut"})
	require.NoError(t, err)
	if put := cutMutants[name]; put != nil {
		return mutant{s, db, put}, db
	}
	return s, db
}

func (c *cutting) reset(t *testing.T) told {
	t.Helper()
	require.NoError(t, c.direct.Delete(t.Context(), "a"))
	v, err := c.direct.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	return told{acked: "x", version: v}
}

// TestPostgresCut cuts the connection before and after every protocol message of some saves, and stops the server hard in the middle
// of them: no record is unreadable, no acknowledged save is lost, no version names two states, and the same store gets on.
func TestPostgresCut(t *testing.T) {
	t.Parallel()
	c := newCutting(t)
	t.Run("connection", func(t *testing.T) {
		step := 3
		if long() {
			step = 1
		}
		cuts, failed, err := c.everyMessage(t, "", 1, step)
		require.NoError(t, err)
		t.Logf("%d cuts, %d of them seen by the caller", cuts, failed)
		require.Greater(t, cuts, 100/step)
	})
	for name := range cutMutants {
		t.Run("mutant "+name, func(t *testing.T) {
			_, _, err := c.everyMessage(t, name, 30, 1)
			require.Error(t, err, "the mutant survives")
			t.Log(err)
		})
	}
	t.Run("server", func(t *testing.T) {
		stops := 3
		if long() {
			stops = 100
		}
		require.NoError(t, c.stopServer(t, "", 0, stops))
	})
	t.Run("mutant commits not waited for", func(t *testing.T) {
		err := c.stopServer(t, "&synchronous_commit=off", 5, 20)
		require.Error(t, err, "the mutant survives")
		t.Log(err)
	})
}

// everyMessage returns the first violation.
func (c *cutting) everyMessage(t *testing.T, mutant string, from, step int) (cuts, failed int, violation error) {
	for i, after := range []bool{false, true} {
		for at := from + i; ; at += step {
			h := c.reset(t)
			s, db := c.through(t, mutant, "")
			c.proxy.arm(at, after, nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			err := h.saves(ctx, s)
			n := c.proxy.count()
			c.proxy.arm(0, false, nil)
			violation := h.check(ctx, c.direct)
			if violation == nil {
				// The same store, without a restart, gets on; a lock cut off is free.
				if violation = h.saves(ctx, s); violation == nil {
					violation = h.check(ctx, c.direct)
				}
			}
			cancel()
			db.Close()
			if violation != nil {
				return cuts, failed, fmt.Errorf("cut at message %d (after %t), error %v: %w", at, after, err, violation) //nolint:errorlint // of two, one to unwrap
			}
			if n < at {
				break
			}
			cuts++
			if err != nil {
				failed++
			}
		}
	}
	return cuts, failed, nil
}

// stopServer returns the first violation.
func (c *cutting) stopServer(t *testing.T, parameters string, from, to int) error {
	for i := from; i < to; i++ {
		h := c.reset(t)
		s, db := c.through(t, "", parameters)
		stop := syscall.SIGQUIT // immediate stop
		if i%2 == 1 {
			stop = syscall.SIGKILL
		}
		ended := make(chan struct{})
		c.proxy.arm(20+i*7%60, i%3 == 0, func() { c.d.server.Stop(stop); close(ended) })
		err := h.saves(t.Context(), s)
		stopped := c.proxy.disarm()
		if stopped { // the connection breaks before the last of the server's processes has ended
			<-ended
			c.d.server.Start(t, nil)
		}
		violation := h.check(t.Context(), c.direct)
		if violation == nil {
			violation = h.saves(t.Context(), s)
		}
		db.Close()
		if violation != nil {
			return fmt.Errorf("stop %d (%t), error %v: %w", i, stopped, err, violation) //nolint:errorlint // of two, one to unwrap
		}
	}
	return nil
}
