//go:build unix

package sqltest

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
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
	bin := "/usr/lib/postgresql/*/bin/"
	initdb, postgres := find(t, "initdb", bin+"initdb"), find(t, "postgres", bin+"postgres")
	var cred *syscall.Credential
	if os.Geteuid() == 0 { // which PostgreSQL refuses
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("postgres does not run as root, and there is no user of that name")
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	d, p := dir(t, cred), port(t)
	run(t, d, cred, initdb, "-D", d+"/data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	db = Database{"pgx", fmt.Sprintf("postgres://test@127.0.0.1:%s/postgres?sslmode=disable", p)}
	run := func() func(os.Signal) {
		return start(t, db, d, cred, postgres, "-D", d+"/data", "-h", "127.0.0.1", "-p", p, "-k", d, "-c", "max_connections=200", "-c", "shared_buffers=16MB", "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	end := run()
	return db, func(s syscall.Signal) (again func()) {
		end(s)
		return func() { end = run() }
	}
}

// MariaDB starts a server, of which the same holds.
func MariaDB(t testing.TB) Database {
	t.Helper()
	install, daemon := find(t, "mariadb-install-db"), find(t, "mariadbd")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	d, p := dir(t, nil), port(t)
	as := "--user=" + me.Username
	run(t, d, nil, install, "--no-defaults", "--datadir="+d+"/data", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--tmpdir="+d, as)
	db := Database{"mysql", "root@tcp(127.0.0.1:" + p + ")/mysql"}
	start(t, db, d, nil, daemon, "--no-defaults", "--datadir="+d+"/data", "--bind-address=127.0.0.1", "--port="+p, "--socket="+d+"/s.sock",
		"--pid-file="+d+"/pid", "--tmpdir="+d, as, "--max-connections=300", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite")
	return db
}

func run(t testing.TB, dir string, cred *syscall.Credential, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// start starts a server and waits until it answers. stop ends it with a signal.
func start(t testing.TB, db Database, dir string, cred *syscall.Credential, name string, args ...string) (stop func(os.Signal)) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func(s os.Signal) { _ = cmd.Process.Signal(s); <-ended }
	t.Cleanup(func() { stop(os.Kill); log.Close() })
	conn, err := sql.Open(db.Driver, db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if err = conn.PingContext(t.Context()); err == nil {
			return stop
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("%s ended: %s", name, said)
		default:
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("%s does not answer: %v\n%s", name, err, said)
		}
	}
}

func port(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// find looks for a program by PATH and in Debian's folders, or skips the test.
func find(t testing.TB, name string, globs ...string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, g := range append(globs, "/usr/sbin/"+name, "/usr/local/bin/"+name) {
		if m, _ := filepath.Glob(g); len(m) > 0 {
			return slices.Max(m)
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// dir makes a folder for a server's data; it may have to belong to another user.
func dir(t testing.TB, cred *syscall.Credential) string {
	t.Helper()
	d, err := os.MkdirTemp("", "sqltest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(d) })
	if cred != nil {
		if err := os.Chown(d, int(cred.Uid), int(cred.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}
