//go:build unix

package sqltest

import (
	"database/sql"
	"syscall"
	"testing"

	"github.com/ewsmail/ewsmail/internal/servers"
)

// PostgreSQL starts a server. Its data survive the processes that use it, and itself, but not the machine: it does not wait for the disk.
func PostgreSQL(t testing.TB) Database {
	t.Helper()
	db, _ := StoppablePostgreSQL(t)
	return db
}

// StoppablePostgreSQL starts a server that can be shut down: stop ends it with a signal (SIGINT: it ends its clients' transactions, and
// itself in good order; SIGQUIT: at once, as after a crash), and again starts it at the same place, with the same data.
func StoppablePostgreSQL(t testing.TB) (db Database, stop func(s syscall.Signal) (again func())) {
	t.Helper()
	s := servers.PostgreSQL(t, "-c", "fsync=off", "-c", "full_page_writes=off")
	return start(t, "pgx", s), func(sig syscall.Signal) (again func()) {
		s.Stop(sig)
		return func() { s.Start(t, nil) }
	}
}

// MariaDB starts a server, of which the same holds.
func MariaDB(t testing.TB) Database {
	t.Helper()
	return start(t, "mysql", servers.MariaDB(t, "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite"))
}

func start(t testing.TB, driver string, s *servers.Server) Database {
	t.Helper()
	ping, err := sql.Open(driver, s.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ping.Close() })
	ping.SetMaxIdleConns(0)
	s.Start(t, ping.PingContext)
	return Database{driver, s.DSN}
}
