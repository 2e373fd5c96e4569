//go:build unix

// Package servers starts private database servers for tests, from the machine's binaries, on free loopback ports.
package servers

import (
	"context"
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

// Server is a server process that can be killed and started again with its data.
type Server struct {
	Addr string // host:port
	DSN  string // for database/sql; Redis: the address
	Dir  string // its data
	args []string
	cred *syscall.Credential
	ping func(ctx context.Context) error
	cmd  *exec.Cmd
	done chan struct{}
	log  *os.File
}

// Start starts the server and waits until it answers.
func (s *Server) Start(t testing.TB, ping func(ctx context.Context) error) {
	t.Helper()
	if ping != nil {
		s.ping = ping
	}
	s.cmd = exec.Command(s.args[0], s.args[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	s.cmd.Dir = s.Dir // which it may enter, whoever it runs as
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", s.args[0], err)
	}
	s.done = make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(s.done) }()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := s.ping(ctx)
		cancel()
		if err == nil {
			return
		}
		select {
		case <-s.done:
			log, _ := os.ReadFile(s.log.Name())
			t.Fatalf("%s ended: %s", s.args[0], log)
		default:
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(s.log.Name())
			t.Fatalf("%s does not answer: %v\n%s", s.args[0], err, log)
		}
	}
}

// Stop ends the server by a signal: SIGTERM shuts down, SIGQUIT is PostgreSQL's immediate stop, SIGKILL kills.
func (s *Server) Stop(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig)
	<-s.done
	s.cmd = nil
}

// Signal sends the server a signal, SIGSTOP say, without waiting for anything.
func (s *Server) Signal(sig syscall.Signal) { _ = s.cmd.Process.Signal(sig) }

func newServer(t testing.TB, name string, args ...string) *Server {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{args: args, log: log}
	t.Cleanup(func() { s.Stop(syscall.SIGKILL); log.Close() })
	return s
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
	d, err := os.MkdirTemp("", "servers-test-")
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

// PostgreSQL prepares a server; Start starts it. The options are further arguments of postgres.
func PostgreSQL(t testing.TB, options ...string) *Server {
	t.Helper()
	bin := "/usr/lib/postgresql/*/bin/"
	initdb, postgres := find(t, "initdb", bin+"initdb"), find(t, "postgres", bin+"postgres")
	var cred *syscall.Credential
	if os.Geteuid() == 0 { // which PostgreSQL refuses
		u, err := user.Lookup("postgres")
		if err != nil {
			if u, err = user.Lookup("nobody"); err != nil {
				t.Skip("postgres does not run as root, and there is no other user")
			}
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	d, p := dir(t, cred), port(t)
	init := exec.Command(initdb, "-D", d+"/data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	init.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	init.Dir = d
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s := newServer(t, "postgres", append([]string{postgres, "-D", d + "/data", "-h", "127.0.0.1", "-p", p, "-k", d,
		"-c", "max_connections=200", "-c", "log_min_messages=fatal", "-c", "shared_buffers=16MB"}, options...)...)
	s.cred = cred
	s.Addr, s.Dir = "127.0.0.1:"+p, d
	s.DSN = fmt.Sprintf("postgres://test@%s/postgres?sslmode=disable", s.Addr)
	return s
}

// MariaDB prepares a server; Start starts it. The options are further arguments of mariadbd.
func MariaDB(t testing.TB, options ...string) *Server {
	t.Helper()
	install, daemon := find(t, "mariadb-install-db"), find(t, "mariadbd")
	d, p := dir(t, nil), port(t)
	as := "--user=" + currentUser(t)
	init := exec.Command(install, "--no-defaults", "--datadir="+d+"/data", "--tmpdir="+d, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", as)
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	s := newServer(t, "mariadbd", append([]string{daemon, "--no-defaults", "--datadir=" + d + "/data", "--tmpdir=" + d, "--bind-address=127.0.0.1", "--port=" + p,
		"--socket=" + d + "/s.sock", "--pid-file=" + d + "/pid", as, "--max-connections=300", "--innodb-buffer-pool-size=32M"}, options...)...)
	s.Addr, s.Dir = "127.0.0.1:"+p, d
	s.DSN = "root@tcp(" + s.Addr + ")/mysql"
	return s
}

func currentUser(t testing.TB) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}
