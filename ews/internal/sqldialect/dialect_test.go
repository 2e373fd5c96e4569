//go:build unix

package sqldialect_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/internal/sqldialect"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
	"github.com/ewsmail/ewsmail/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// wrapped hides a driver, as tracing libraries do.
type wrapped struct{ driver.Driver }

func (w wrapped) Connect(context.Context) (driver.Conn, error) { return nil, errors.New("not used") }

type connector struct {
	d   driver.Driver
	dsn string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.d.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return wrapped{c.d} }

func each(t *testing.T, test func(t *testing.T, db *sql.DB, d *sqldialect.Dialect)) {
	for name, start := range sqltest.Kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := start(t).Open(t)
			d, err := sqldialect.Of(t.Context(), db)
			require.NoError(t, err)
			test(t, db, d)
		})
	}
}

func TestDatabases(t *testing.T) {
	want := map[string]*sqldialect.Dialect{"sqlite": sqldialect.SQLite, "postgres": sqldialect.PostgreSQL, "mariadb": sqldialect.MySQL}
	for name, start := range sqltest.Kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			where := start(t)
			db := where.Open(t)
			d, err := sqldialect.Of(t.Context(), db)
			require.NoError(t, err)
			require.Same(t, want[name], d, "by driver")
			asked := sql.OpenDB(connector{db.Driver(), where.DSN})
			t.Cleanup(func() { asked.Close() })
			d, err = sqldialect.Of(t.Context(), asked)
			require.NoError(t, err)
			require.Same(t, want[name], d, "by asking")

			t.Run("odd names", func(t *testing.T) { oddNames(t, db, d) })
			t.Run("exact keys", func(t *testing.T) { exactKeys(t, db, d) })
			t.Run("all at once", func(t *testing.T) { allAtOnce(t, db, d) })
			t.Run("now", func(t *testing.T) {
				var a, b int64
				require.NoError(t, db.QueryRowContext(t.Context(), "SELECT "+d.Now()+", "+d.Now()).Scan(&a, &b))
				require.InDelta(t, a, b, 60_000)
				require.Greater(t, a, int64(1_700_000_000_000), "milliseconds since 1970")
			})
		})
	}
}

func oddNames(t *testing.T, db *sql.DB, d *sqldialect.Dialect) {
	for _, name := range []string{"plain", `with "quotes" and ` + "`ticks`", "Größe; DROP TABLE plain", "select", strings.Repeat("n", 63)} {
		table, err := d.Table("", name)
		require.NoError(t, err, name)
		_, err = db.ExecContext(t.Context(), "SELECT * FROM "+table.String())
		require.Error(t, err, "%s: nothing is created unasked", name)
		for range 2 {
			require.NoError(t, table.Create(t.Context(), db, "id {key} NOT NULL PRIMARY KEY, word {word} NOT NULL, n {int}, t {text}, b {bytes}", "word, n"), name)
		}
		_, err = db.ExecContext(t.Context(), table.Insert("id", "word", "n", "t", "b"), []byte("k"), "w", 1, "é\U0001F600", []byte{0, 255})
		require.NoError(t, err, name)
	}
	for _, name := range []string{"", "a\x00b", "\xff", strings.Repeat("n", 256)} {
		_, err := d.Table("", name)
		require.Error(t, err, "%q", name)
		_, err = d.Table(name, "x")
		if name != "" {
			require.Error(t, err, "%q", name)
		}
	}
	schema := map[*sqldialect.Dialect]string{sqldialect.SQLite: "main", sqldialect.PostgreSQL: "public", sqldialect.MySQL: "mysql"}[d]
	table, err := d.Table(schema, "qualified")
	require.NoError(t, err)
	require.NoError(t, table.Create(t.Context(), db, "id {key} NOT NULL PRIMARY KEY, n {int}", "n"))
}

// exactKeys: item ids differ in the case of a letter, and end in bytes that collations ignore.
func exactKeys(t *testing.T, db *sql.DB, d *sqldialect.Dialect) {
	table, err := d.Table("", "exact")
	require.NoError(t, err)
	require.NoError(t, table.Create(t.Context(), db, "id {key} NOT NULL PRIMARY KEY, n {int} NOT NULL", ""))
	keys := []string{"AAMkAD", "AAMkAd", "AAMkAD ", "é", "e\u0301", "ß", "ss", "a\x00", "a", strings.Repeat("x", 512)}
	for i, key := range keys {
		for try := range 2 {
			res, err := db.ExecContext(t.Context(), table.Insert("id", "n"), []byte(key), i+100*try)
			require.NoError(t, err, key)
			n, err := res.RowsAffected()
			require.NoError(t, err)
			require.EqualValues(t, 1-try, n, "%q", key)
		}
	}
	for i, key := range keys {
		var n int
		var got []byte
		require.NoError(t, db.QueryRowContext(t.Context(), d.Bind("SELECT id, n FROM "+table.String()+" WHERE id = ?"), []byte(key)).Scan(&got, &n))
		require.Equal(t, i, n)
		require.Equal(t, key, string(got))
	}
	_, err = db.ExecContext(t.Context(), d.Bind("INSERT INTO "+table.String()+" (id, n) VALUES (?, ?)"), []byte("a"), 1)
	require.True(t, d.Duplicate(err), "%v", err)
	require.False(t, d.Retryable(err), "%v", err)
}

// allAtOnce: transactions that read, think and write what they read.
func allAtOnce(t *testing.T, db *sql.DB, d *sqldialect.Dialect) {
	const workers, rounds = 8, 10
	table, err := d.Table("", "counter")
	require.NoError(t, err)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			if err := table.Create(t.Context(), db, "id {key} NOT NULL PRIMARY KEY, n {int} NOT NULL", "n"); err != nil {
				t.Errorf("creating it together: %v", err)
			}
		})
	}
	group.Wait()
	_, err = db.ExecContext(t.Context(), table.Insert("id", "n"), []byte("x"), 0)
	require.NoError(t, err)
	retried := make([]int, workers)
	for w := range workers {
		group.Go(func() {
			for range rounds {
				err := d.Transact(t.Context(), db, func(tx *sql.Tx) error {
					retried[w]++
					if d == sqldialect.PostgreSQL {
						if _, err := tx.ExecContext(t.Context(), "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"); err != nil {
							return err
						}
					}
					read := "SELECT n FROM " + table.String()
					if d == sqldialect.MySQL {
						read += " LOCK IN SHARE MODE" // two of these deadlock
					}
					var n int
					if err := tx.QueryRowContext(t.Context(), read).Scan(&n); err != nil {
						return err
					}
					_, err := tx.ExecContext(t.Context(), d.Bind("UPDATE "+table.String()+" SET n = ?"), n+1)
					return err
				})
				if err != nil {
					t.Errorf("%v", err)
				}
			}
		})
	}
	group.Wait()
	var n, sum int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT n FROM "+table.String()).Scan(&n))
	require.Equal(t, workers*rounds, n)
	for _, r := range retried {
		sum += r
	}
	if d != sqldialect.SQLite { // whose transactions wait for each other at their beginning
		require.Greater(t, sum, n, "they got in each other's way")
	}
}

func TestTransactRollsBack(t *testing.T) {
	each(t, func(t *testing.T, db *sql.DB, d *sqldialect.Dialect) {
		table, err := d.Table("", "t")
		require.NoError(t, err)
		require.NoError(t, table.Create(t.Context(), db, "id {key} NOT NULL PRIMARY KEY", ""))
		wrong := errors.New("wrong")
		err = d.Transact(t.Context(), db, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(t.Context(), table.Insert("id"), []byte("a")); err != nil {
				return err
			}
			return wrong
		})
		require.ErrorIs(t, err, wrong)
		var n int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table.String()).Scan(&n))
		require.Zero(t, n)
	})
}

type state string

func (s state) Error() string    { return "failed" }
func (s state) SQLState() string { return string(s) }

func TestRetryable(t *testing.T) {
	for _, tc := range []struct {
		d                *sqldialect.Dialect
		err              error
		retry, duplicate bool
	}{
		{sqldialect.PostgreSQL, nil, false, false},
		{sqldialect.PostgreSQL, fmt.Errorf("saving: %w", state("40001")), true, false},
		{sqldialect.PostgreSQL, state("40P01"), true, false},
		{sqldialect.PostgreSQL, state("23505"), false, true},
		{sqldialect.PostgreSQL, state("57P01"), false, false},
		{sqldialect.PostgreSQL, driver.ErrBadConn, false, false},
		{sqldialect.MySQL, errors.New("Error 1213 (40001): Deadlock found when trying to get lock; try restarting transaction"), true, false},
		{sqldialect.MySQL, errors.New("Error 1205 (HY000): Lock wait timeout exceeded; try restarting transaction"), true, false},
		{sqldialect.MySQL, errors.New("Error 1062 (23000): Duplicate entry 'a' for key 'PRIMARY'"), false, true},
		{sqldialect.MySQL, errors.New("invalid connection"), false, false},
		{sqldialect.SQLite, errors.New("database is locked (5) (SQLITE_BUSY)"), true, false},
		{sqldialect.SQLite, errors.New("constraint failed: UNIQUE constraint failed: t.id (1555)"), false, true},
		{sqldialect.SQLite, errors.New("disk I/O error (10)"), false, false},
	} {
		require.Equal(t, tc.retry, tc.d.Retryable(tc.err), "%v: %v", tc.d, tc.err)
		require.Equal(t, tc.duplicate, tc.d.Duplicate(tc.err), "%v: %v", tc.d, tc.err)
	}
}

func TestBind(t *testing.T) {
	require.Equal(t, "a = $1 AND b IN ($2, $3)", sqldialect.PostgreSQL.Bind("a = ? AND b IN (?, ?)"))
	require.Equal(t, "a = ?", sqldialect.SQLite.Bind("a = ?"))
}
