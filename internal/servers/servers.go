//go:build unix

// Package servers starts private database servers for tests, from the machine's binaries, on free loopback ports.
package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	// before is how much stood in the log when the process was started.
	before int
}

// Start starts the server and waits until it answers.
func (s *Server) Start(t testing.TB, ping func(ctx context.Context) error) {
	t.Helper()
	if ping != nil {
		s.ping = ping
	}
	s.launch(t)
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := s.ping(ctx)
		cancel()
		if err == nil {
			return
		}
		log, _ := os.ReadFile(s.log.Name())
		said := log[min(len(log), s.before):]
		select {
		case <-s.done:
			// The processes of a PostgreSQL that was killed end one by one when they notice, and no other one starts before the last has.
			busy := bytes.Contains(said, []byte("is still in use")) || bytes.Contains(said, []byte("could not create any TCP/IP sockets"))
			if time.Now().After(end) || !busy {
				t.Fatalf("%s ended: %s", s.args[0], log)
			}
			s.launch(t)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not answer: %v\n%s", s.args[0], err, log)
		}
	}
}

func (s *Server) launch(t testing.TB) {
	t.Helper()
	if log, err := s.log.Stat(); err == nil {
		s.before = int(log.Size())
	}
	cmd, done := exec.Command(s.args[0], s.args[1:]...), make(chan struct{})
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	cmd.Dir = s.Dir // which it may enter, whoever it runs as
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", s.args[0], err)
	}
	s.cmd, s.done = cmd, done
	go func() { _ = cmd.Wait(); close(done) }()
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

// Suspend stops the server by SIGSTOP until resume is called. The signal takes effect thread by thread: Suspend waits for the last of them,
// which a busy machine takes its time for.
func (s *Server) Suspend(t testing.TB) (resume func()) {
	t.Helper()
	pid := s.cmd.Process.Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
	for errors.Is(err, syscall.EINTR) {
		_, err = syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
	}
	if err != nil || !status.Stopped() {
		t.Fatalf("process %d is not stopped: status %#x, %v", pid, status, err)
	}
	return func() { _ = syscall.Kill(pid, syscall.SIGCONT) }
}

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
	d, p := dir(t, cred), Port(t)
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
	d, p := dir(t, nil), Port(t)
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
