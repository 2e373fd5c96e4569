//go:build unix

package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/internal/servers"
	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

// database is one kind of database, running.
type database struct {
	dialect     *sqlstore.Dialect
	driver, dsn string
	server      *servers.Server // nil: SQLite
}

func open(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func ping(t testing.TB, driver, dsn string) func(context.Context) error {
	db := open(t, driver, dsn)
	return db.PingContext
}

func sqlite(t testing.TB) database {
	return database{sqlstore.SQLite, "sqlite", "file:" + filepath.ToSlash(filepath.Join(t.TempDir(), "tokens.db")) + "?_pragma=journal_mode(WAL)", nil}
}

func postgres(t testing.TB) database {
	// What is committed without waiting for the disk, as a mutant does it, is not there a moment later by chance.
	s := servers.PostgreSQL(t, "-c", "wal_writer_delay=10s")
	s.Start(t, ping(t, "pgx", s.DSN))
	return database{sqlstore.PostgreSQL, "pgx", s.DSN, s}
}

func mariadb(t testing.TB) database {
	s := servers.MariaDB(t)
	s.Start(t, ping(t, "mysql", s.DSN))
	db := open(t, "mysql", s.DSN)
	_, err := db.Exec("CREATE DATABASE IF NOT EXISTS tokens")
	require.NoError(t, err)
	return database{sqlstore.MySQL, "mysql", strings.TrimSuffix(s.DSN, "mysql") + "tokens", s}
}

var tables atomic.Int32

// store returns a store in a new table.
func (d database) store(t testing.TB) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.New(open(t, d.driver, d.dsn), d.dialect, &sqlstore.Options{Table: fmt.Sprintf("tokens_%d", tables.Add(1)), WatchInterval: 5 * time.Millisecond})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	return s
}

func eachDatabase(t *testing.T, test func(t *testing.T, d database)) {
	for name, start := range map[string]func(testing.TB) database{"SQLite": sqlite, "PostgreSQL": postgres, "MariaDB": mariadb} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		t.Run("contract", func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) tokenstore.Store { return d.store(t) })
		})
		t.Run("migrate", func(t *testing.T) { testMigrate(t, d) })
		t.Run("migrate together", func(t *testing.T) { testMigrateTogether(t, d) })
		t.Run("names", func(t *testing.T) { testNames(t, d) })
		t.Run("schemas", func(t *testing.T) { testSchemas(t, d) })
		t.Run("blocked", func(t *testing.T) { testBlocked(t, d) })
		t.Run("locks and small pools", func(t *testing.T) { testSmallPool(t, d) })
		t.Run("at rest", func(t *testing.T) { testAtRest(t, d) })
	})
}

func testMigrate(t *testing.T, d database) {
	ctx := t.Context()
	db := open(t, d.driver, d.dsn)
	s, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Table: "fresh"})
	require.NoError(t, err)
	_, err = s.Get(ctx, "a")
	require.ErrorContains(t, err, "Migrate", "the table is never made silently, and the error says who makes it")
	require.NotErrorIs(t, err, tokenstore.ErrNotFound)
	done := make(chan error, 4)
	for range cap(done) { // several instances start at once
		go func() { done <- s.Migrate(ctx) }()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(ctx))
	r, err := s.Get(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, "x", string(r.Data))

	// A table of version 1 is brought up to date and keeps its rows.
	types := map[*sqlstore.Dialect]string{sqlstore.PostgreSQL: "bytea", sqlstore.SQLite: "BLOB", sqlstore.MySQL: "VARBINARY(512)"}[d.dialect]
	_, err = db.ExecContext(ctx, fmt.Sprintf("CREATE TABLE first (name %[1]s NOT NULL PRIMARY KEY, data %[1]s NOT NULL, version VARCHAR(64) NOT NULL)", types))
	require.NoError(t, err)
	blob := map[bool]string{true: `'\x61'`, false: `x'61'`}[d.dialect == sqlstore.PostgreSQL]
	_, err = db.ExecContext(ctx, fmt.Sprintf("INSERT INTO first (name, data, version) VALUES (%[1]s, %[1]s, 'v1')", blob))
	require.NoError(t, err)
	s, err = sqlstore.New(db, d.dialect, &sqlstore.Options{Table: "first"})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(ctx))
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("y"), Version: "v1"})
	require.NoError(t, err)
}

func testNames(t *testing.T, d database) {
	db := open(t, d.driver, d.dsn)
	for _, name := range []string{`a"b`, "a`b", "a'b; DROP TABLE x", "select", "a?b", "a%sb", "Ünï", "a.b"} {
		s, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Table: name})
		require.NoError(t, err, name)
		require.NoError(t, s.Migrate(t.Context()), name)
		v, err := s.Put(t.Context(), "k", tokenstore.Record{Data: []byte(name)})
		require.NoError(t, err, name)
		r, err := s.Get(t.Context(), "k")
		require.NoError(t, err, name)
		require.Equal(t, tokenstore.Record{Data: []byte(name), Version: v}.Data, r.Data)
	}
	for _, name := range []string{"a\x00b", "\xff", strings.Repeat("x", 256)} {
		_, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Table: name})
		require.Error(t, err)
		_, err = sqlstore.New(db, d.dialect, &sqlstore.Options{Schema: name})
		require.Error(t, err)
	}
}

// Lock holders never take all connections of the pool: each needs another one for its work.
func testSmallPool(t *testing.T, d database) {
	db := open(t, d.driver, d.dsn)
	db.SetMaxOpenConns(3)
	s, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Table: "small"})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	done := make(chan error, 12)
	for i := range cap(done) {
		go func() {
			key := fmt.Sprint("mailbox ", i)
			l, err := s.Lock(t.Context(), key)
			if err == nil {
				_, err = s.Put(t.Context(), key, tokenstore.Record{Data: []byte("x")})
				if cerr := l.Check(t.Context()); err == nil {
					err = cerr
				}
				_ = l.Unlock()
			}
			done <- err
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	if d.dialect != sqlstore.SQLite {
		db.SetMaxOpenConns(1)
		_, err = s.Lock(t.Context(), "a")
		require.ErrorContains(t, err, "SetMaxOpenConns")
	}
}
