//go:build !unix

package sqltest

import "testing"

// PostgreSQL starts a server, on Unix.
func PostgreSQL(t testing.TB) Database { return skip(t) }

// MariaDB starts a server, on Unix.
func MariaDB(t testing.TB) Database { return skip(t) }

func skip(t testing.TB) Database {
	t.Helper()
	t.Skip("tests start their servers on Unix only")
	return Database{}
}
