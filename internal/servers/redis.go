//go:build unix

package servers

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Redis prepares a server that syncs each write to disk; Start starts it. The options are the configuration file's, in pairs.
func Redis(t testing.TB, options ...string) *Server {
	t.Helper()
	bin := find(t, "redis-server")
	d, p := dir(t, nil), Port(t)
	args := []string{bin, "--port", p, "--bind", "127.0.0.1", "--dir", d, "--appendonly", "yes", "--appendfsync", "always", "--save", ""}
	s := newServer(t, "redis", append(args, options...)...)
	s.Addr, s.Dir = "127.0.0.1:"+p, d
	s.DSN = s.Addr
	return s
}

// RedisReplica prepares a replica of another server.
func RedisReplica(t testing.TB, of *Server) *Server {
	t.Helper()
	_, p, _ := net.SplitHostPort(of.Addr)
	return Redis(t, "--replicaof", "127.0.0.1 "+p, "--repl-diskless-sync-delay", "0")
}

// RedisSentinel prepares a Sentinel that alone decides on the failover of a server, after a minute without an answer: a test that has killed
// the server sets down-after-milliseconds to less, and one on a busy machine does not see it replaced before.
func RedisSentinel(t testing.TB, of *Server, name string) *Server {
	t.Helper()
	bin := find(t, "redis-server")
	d, p := dir(t, nil), Port(t)
	_, master, _ := net.SplitHostPort(of.Addr)
	conf := filepath.Join(d, "sentinel.conf") // which it also writes to
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor %[3]s 127.0.0.1 %s 1\n"+
		"sentinel down-after-milliseconds %[3]s 60000\nsentinel failover-timeout %[3]s 3000\n", p, d, name, master)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, "sentinel", bin, conf, "--sentinel")
	s.Addr, s.Dir = "127.0.0.1:"+p, d
	return s
}

// RedisClusterNode prepares a node without slots, and returns the port of its cluster bus.
func RedisClusterNode(t testing.TB) (s *Server, bus string) {
	t.Helper()
	bus = Port(t)
	return Redis(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000"), bus
}
