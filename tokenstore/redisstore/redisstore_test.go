//go:build unix

package redisstore_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/internal/leaktest"
	"github.com/ewsmail/ewsmail/internal/servers"
	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/redisstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func start(t testing.TB) (*servers.Server, *redis.Client) {
	s := servers.Redis(t)
	c := redis.NewClient(&redis.Options{Addr: s.Addr})
	t.Cleanup(func() { c.Close() })
	s.Start(t, func(ctx context.Context) error { return c.Ping(ctx).Err() })
	return s, c
}

func TestStore(t *testing.T) {
	server, c := start(t)
	var prefixes atomic.Int32
	open := func(t *testing.T, o redisstore.Options) *redisstore.Store {
		o.Prefix = fmt.Sprintf("test%d:", prefixes.Add(1))
		s, err := redisstore.New(c, &o)
		require.NoError(t, err)
		return s
	}
	t.Run("contract", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) tokenstore.Store {
			return open(t, redisstore.Options{WatchInterval: 5 * time.Millisecond})
		})
	})
	t.Run("TTL", func(t *testing.T) {
		s := open(t, redisstore.Options{TTL: 50 * time.Millisecond})
		v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x")})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			_, err := s.Get(t.Context(), "a")
			return err != nil
		}, time.Minute, 10*time.Millisecond)
		_, err = s.Get(t.Context(), "a")
		require.ErrorIs(t, err, tokenstore.ErrNotFound)
		_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x"), Version: v})
		require.ErrorIs(t, err, tokenstore.ErrConflict)
	})
	t.Run("a lease says so, is renewed, and notices its loss", func(t *testing.T) {
		s := open(t, redisstore.Options{Lease: 3 * time.Second}) // a busy machine may stop the renewal for 2
		l, err := s.Lock(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, tokenstore.WhileLease, l.Tenure())
		time.Sleep(3500 * time.Millisecond)
		require.NoError(t, l.Check(t.Context()), "renewed beyond its length")
		require.NoError(t, c.FlushAll(t.Context()).Err()) // as a failover to an empty replica does
		require.ErrorIs(t, l.Check(t.Context()), tokenstore.ErrLockLost)
		require.NoError(t, l.Unlock())
	})
	t.Run("a restarted server", func(t *testing.T) {
		s := open(t, redisstore.Options{})
		v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x")})
		require.NoError(t, err)
		server.Stop(syscall.SIGKILL)
		_, err = s.Get(t.Context(), "a")
		require.Error(t, err)
		require.NotErrorIs(t, err, tokenstore.ErrNotFound, "a server that is gone is not an absent record")
		server.Start(t, nil)
		r, err := s.Get(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, v, r.Version)
	})
}

// A server that does not answer holds nobody up for longer than the context says.
func TestHangingServer(t *testing.T) {
	server, c := start(t)
	o := *c.Options()
	o.ReadTimeout = time.Minute // far from what a busy machine adds
	patient := redis.NewClient(&o)
	defer patient.Close()
	s, err := redisstore.New(patient, &redisstore.Options{Lease: time.Second})
	require.NoError(t, err)
	v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	l, err := s.Lock(t.Context(), "a")
	require.NoError(t, err)
	defer server.Suspend(t)()
	for name, call := range map[string]func(ctx context.Context) error{
		"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, "a"); return err },
		"Put":    func(ctx context.Context) error { _, err := s.Put(ctx, "a", tokenstore.Record{Version: v}); return err },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, "other") },
		"Lock":   func(ctx context.Context) error { _, err := s.Lock(ctx, "b"); return err },
		"Check":  l.Check,
		"List": func(ctx context.Context) (last error) {
			for _, err := range s.List(ctx) {
				last = err
			}
			return last
		},
		"Watch": func(ctx context.Context) (last error) {
			for _, err := range s.Watch(ctx, "a") {
				last = err
			}
			return last
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		began := time.Now()
		require.ErrorIs(t, call(ctx), context.DeadlineExceeded, name)
		require.Less(t, time.Since(began), 30*time.Second, name) // Lock takes back what it may have got, for a second
		cancel()
	}
	began := time.Now()
	require.NoError(t, l.Unlock())
	require.Less(t, time.Since(began), 30*time.Second)

	// Mutant: go-redis as it is waits for its own timeouts, whatever the context says.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began = time.Now()
	require.Error(t, c.HMGet(ctx, "a", "data").Err())
	require.Greater(t, time.Since(began), 2500*time.Millisecond, "mutant: the context left to the client")
}

// Token bytes stand neither in the append-only file nor in a snapshot, which is Redis' backup.
func TestAtRest(t *testing.T) {
	const secret = "CANARY-refresh-token-4711"
	server, c := start(t)
	plain, err := redisstore.New(c, nil)
	require.NoError(t, err)
	key, err := tokenstore.NewKey("", bytes.Repeat([]byte{9}, 32))
	require.NoError(t, err)
	ring, err := tokenstore.NewKeyring(key)
	require.NoError(t, err)
	count := func() (inFiles map[string]int) {
		require.NoError(t, c.Save(t.Context()).Err())
		inFiles = map[string]int{}
		require.NoError(t, filepath.WalkDir(server.Dir, func(path string, e fs.DirEntry, err error) error {
			require.NoError(t, err)
			if e.Type().IsRegular() {
				b, err := os.ReadFile(path)
				require.NoError(t, err)
				inFiles[filepath.Ext(path)] += bytes.Count(b, []byte(secret))
			}
			return nil
		}))
		return inFiles
	}
	_, err = tokenstore.Encrypt(plain, ring).Put(t.Context(), "a", tokenstore.Record{Data: []byte(secret)})
	require.NoError(t, err)
	got := count()
	require.Zero(t, got[".aof"])
	require.Zero(t, got[".rdb"])
	_, err = plain.Put(t.Context(), "b", tokenstore.Record{Data: []byte(secret)})
	require.NoError(t, err)
	got = count()
	require.NotZero(t, got[".aof"], "mutant: not encrypted")
	require.NotZero(t, got[".rdb"], "mutant: not encrypted")
}

func TestOptions(t *testing.T) {
	_, err := redisstore.New(nil, nil)
	require.Error(t, err)
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer c.Close()
	for _, o := range []redisstore.Options{{Prefix: "a{b}"}, {Prefix: "a*"}, {TTL: -1}, {Lease: time.Millisecond}} {
		_, err := redisstore.New(c, &o)
		require.Error(t, err, "%+v", o)
	}
}
