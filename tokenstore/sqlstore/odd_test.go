//go:build unix

package sqlstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
)

// Names of schemas are quoted as safely as those of tables.
func testSchemas(t *testing.T, d database) {
	ctx := t.Context()
	db := open(t, d.driver, d.dsn)
	if d.dialect == sqlstore.SQLite {
		db.SetMaxOpenConns(1) // databases are attached to connections
	}
	quote, create := `"`, "CREATE SCHEMA %s"
	switch d.dialect {
	case sqlstore.SQLite:
		create = "ATTACH DATABASE ':memory:' AS %s"
	case sqlstore.MySQL:
		quote, create = "`", "CREATE DATABASE %s"
	}
	for _, schema := range []string{`a"b`, "a`b", "a'b; DROP TABLE x", "select", "q?m%s", "Ünï"} {
		_, err := db.ExecContext(ctx, fmt.Sprintf(create, quote+strings.ReplaceAll(schema, quote, quote+quote)+quote))
		require.NoError(t, err, schema)
		s, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Schema: schema, Table: `to"k` + "`ens?"})
		require.NoError(t, err, schema)
		_, err = s.Get(ctx, "k")
		require.ErrorContains(t, err, "Migrate", schema)
		require.NoError(t, s.Migrate(ctx), schema)
		v, err := s.Put(ctx, "k", tokenstore.Record{Data: []byte(schema)})
		require.NoError(t, err, schema)
		_, err = s.Put(ctx, "k", tokenstore.Record{Data: []byte("x"), Version: v})
		require.NoError(t, err, schema)
		var keys []string
		for key, err := range s.List(ctx) {
			require.NoError(t, err)
			keys = append(keys, key)
		}
		require.Equal(t, []string{"k"}, keys)
		l, err := s.Lock(ctx, "k")
		require.NoError(t, err)
		require.NoError(t, l.Check(ctx))
		require.NoError(t, l.Unlock())
		require.NoError(t, s.Delete(ctx, "k"))
	}
}

// Instances that start together all migrate, each over connections of its own: from nothing, and from version 1.
func testMigrateTogether(t *testing.T, d database) {
	ctx := t.Context()
	types := map[*sqlstore.Dialect]string{sqlstore.PostgreSQL: "bytea", sqlstore.SQLite: "BLOB", sqlstore.MySQL: "VARBINARY(512)"}[d.dialect]
	first := open(t, d.driver, d.dsn)
	const instances = 4
	for round := range 8 {
		table := fmt.Sprint("together_", round)
		if round%2 == 1 {
			_, err := first.ExecContext(ctx, fmt.Sprintf("CREATE TABLE %s (name %[2]s NOT NULL PRIMARY KEY, data %[2]s NOT NULL, version VARCHAR(64) NOT NULL)", table, types))
			require.NoError(t, err)
		}
		done := make(chan error, instances)
		for i := range instances {
			s, err := sqlstore.New(open(t, d.driver, d.dsn), d.dialect, &sqlstore.Options{Table: table})
			require.NoError(t, err)
			go func() {
				err := s.Migrate(ctx)
				if err == nil {
					_, err = s.Put(ctx, fmt.Sprint("by ", i), tokenstore.Record{Data: []byte("x")})
				}
				done <- err
			}()
		}
		for range instances {
			require.NoError(t, <-done)
		}
	}
}

// A call that the database holds up ends with its context.
func testBlocked(t *testing.T, d database) {
	db := open(t, d.driver, d.dsn)
	s, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Table: "blocked", WatchInterval: time.Hour})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	lock, unlock := "LOCK TABLE blocked IN ACCESS EXCLUSIVE MODE", "COMMIT"
	begin := "BEGIN"
	switch d.dialect {
	case sqlstore.MySQL:
		begin, lock, unlock = "SELECT 1", "LOCK TABLES blocked WRITE", "UNLOCK TABLES"
	case sqlstore.SQLite:
		begin, lock = "BEGIN IMMEDIATE", "UPDATE blocked SET data = data"
	}
	conn, err := open(t, d.driver, d.dsn).Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for _, q := range []string{begin, lock} {
		_, err := conn.ExecContext(t.Context(), q)
		require.NoError(t, err)
	}
	calls := map[string]func(ctx context.Context) error{
		"Put": func(ctx context.Context) error {
			_, err := s.Put(ctx, "a", tokenstore.Record{Data: []byte("y"), Version: v})
			return err
		},
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, "other") },
	}
	if d.dialect != sqlstore.SQLite { // whose readers do not wait in WAL mode
		calls["Get"] = func(ctx context.Context) error { _, err := s.Get(ctx, "a"); return err }
		calls["Migrate"] = s.Migrate
		calls["List"] = func(ctx context.Context) (last error) {
			for _, err := range s.List(ctx) {
				last = err
			}
			return last
		}
		calls["Watch"] = func(ctx context.Context) (last error) {
			for _, err := range s.Watch(ctx, "a") {
				last = err
			}
			return last
		}
	}
	for name, call := range calls {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		began := time.Now()
		require.ErrorIs(t, call(ctx), context.DeadlineExceeded, name)
		require.Less(t, time.Since(began), 8*time.Second, name)
		cancel()
	}
	_, err = conn.ExecContext(t.Context(), unlock)
	require.NoError(t, err)
	// What was given up may still happen on the server, but not in part, and nothing stays blocked.
	require.Eventually(t, func() bool {
		r, err := s.Get(t.Context(), "a")
		if err == nil {
			require.Contains(t, []string{"x", "y"}, string(r.Data))
			_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("z"), Version: r.Version})
		}
		return err == nil
	}, 20*time.Second, time.Millisecond)
}
