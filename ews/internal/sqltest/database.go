// Package sqltest gives tests a database of each kind: SQLite in a file, and private PostgreSQL and MariaDB servers (see
// package servers) that do not wait for the disk.
package sqltest

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// Database is where a test's tables go.
type Database struct {
	Driver string // for sql.Open
	DSN    string // may be opened by other processes, too
}

// Open opens the database. It is closed with the test.
func (d Database) Open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.Driver, d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Kinds are all databases, by name: each call starts one, which ends with the test. A server that is not installed skips the test.
var Kinds = map[string]func(t testing.TB) Database{"sqlite": SQLite, "postgres": PostgreSQL, "mariadb": MariaDB}

// SQLite is a file in write-ahead mode, which survives processes but not the machine.
func SQLite(t testing.TB) Database {
	return Database{"sqlite", "file:" + filepath.Join(t.TempDir(), "test.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_txlock=immediate"}
}
