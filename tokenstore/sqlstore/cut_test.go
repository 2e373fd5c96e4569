//go:build unix

package sqlstore_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
)

// cutter stands between client and server, counts protocol messages, and cuts the connection before or after the one it is told.
type cutter struct {
	l      net.Listener
	server string
	wg     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	seen  int
	at    int  // 0: never
	after bool // forwarded first
	then  func()
}

func newCutter(t *testing.T, server string) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cutter{l: l, server: server, conns: map[net.Conn]bool{}}
	c.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			c.wg.Go(func() { c.serve(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		c.cutAll()
		c.wg.Wait()
	})
	return c
}

func (c *cutter) cutAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		conn.Close()
	}
}

// arm resets the count.
func (c *cutter) arm(at int, after bool, then func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.at, c.after, c.then = 0, at, after, then
}

func (c *cutter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func (c *cutter) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	c.mu.Lock()
	c.conns[client], c.conns[server] = true, true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.conns, client)
		delete(c.conns, server)
	}()
	done := make(chan bool, 2)
	go func() { c.pump(server, client, true); client.Close(); server.Close(); done <- true }()
	go func() { c.pump(client, server, false); client.Close(); server.Close(); done <- true }()
	<-done
	<-done
}

var errCut = errors.New("cut")

// pump forwards message by message (PostgreSQL: Message Formats). The first one of a client has no type byte.
func (c *cutter) pump(to, from net.Conn, startup bool) {
	for {
		head := make([]byte, 5)
		if startup {
			head = head[:4]
		}
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		body := make([]byte, int(binary.BigEndian.Uint32(head[len(head)-4:]))-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		startup = false
		if c.message(func() error { _, err := to.Write(append(head, body...)); return err }) != nil {
			return
		}
	}
}

func (c *cutter) message(forward func() error) error {
	c.mu.Lock()
	c.seen++
	cut, after, then := c.at != 0 && c.seen == c.at, c.after, c.then
	c.mu.Unlock()
	if !cut {
		return forward()
	}
	if after {
		_ = forward()
		time.Sleep(time.Millisecond) // so that the other side gets to act on it
	}
	if then != nil {
		then()
	}
	return errCut
}

// told is what a program was told about a record.
type told struct{ acked, pending, version string }

func (h *told) saves(ctx context.Context, s *sqlstore.Store) error {
	r, err := s.Get(ctx, "a")
	if err != nil {
		return err
	}
	version := r.Version
	for i := range 3 {
		h.pending = fmt.Sprintf("%s %d", r.Data[:1], i)
		if version, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte(h.pending), Version: version}); err != nil {
			return err
		}
		h.acked, h.version, h.pending = h.pending, version, ""
	}
	l, err := s.Lock(ctx, "a")
	if err != nil {
		return err
	}
	if err := l.Check(ctx); err != nil {
		_ = l.Unlock()
		return err
	}
	return l.Unlock()
}

func (h *told) check(t *testing.T, s *sqlstore.Store, what string) {
	t.Helper()
	r, err := s.Get(t.Context(), "a")
	require.NoError(t, err, what)
	got := string(r.Data)
	if got != h.acked && (h.pending == "" || got != h.pending) {
		t.Fatalf("%s: found %q; acknowledged %q, under way %q", what, got, h.acked, h.pending)
	}
	if got == h.acked && h.version != "" {
		require.Equal(t, h.version, r.Version, what+": one state, two versions")
	}
}

func TestPostgresCut(t *testing.T) {
	d := postgres(t)
	proxy := newCutter(t, d.server.Addr)
	direct := d.store(t)
	table := fmt.Sprintf("tokens_%d", tables.Load())
	through := func(t *testing.T) (*sqlstore.Store, *sql.DB) {
		db := open(t, d.driver, strings.Replace(d.dsn, d.server.Addr, proxy.l.Addr().String(), 1))
		s, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Table: table})
		require.NoError(t, err)
		return s, db
	}
	reset := func(t *testing.T) told {
		t.Helper()
		require.NoError(t, direct.Delete(t.Context(), "a"))
		v, err := direct.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x")})
		require.NoError(t, err)
		return told{acked: "x", version: v}
	}
	t.Run("connection", func(t *testing.T) {
		cuts, failed, step := 0, 0, 3
		if long() {
			step = 1
		}
		for i, after := range []bool{false, true} {
			for at := 1 + i; ; at += step {
				h := reset(t)
				s, db := through(t)
				proxy.arm(at, after, nil)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				err := h.saves(ctx, s)
				n := proxy.count()
				proxy.arm(0, false, nil)
				what := fmt.Sprintf("cut at message %d (after %t), error %v", at, after, err)
				h.check(t, direct, what)
				// The same store, without a restart, gets on; a lock cut off is free.
				require.NoError(t, h.saves(ctx, s), what)
				h.check(t, direct, what)
				cancel()
				db.Close()
				if n < at {
					break
				}
				cuts++
				if err != nil {
					failed++
				}
			}
		}
		t.Logf("%d cuts, %d of them seen by the caller", cuts, failed)
		require.Greater(t, cuts, 100/step)
	})
	t.Run("server", func(t *testing.T) {
		stops := 3
		if long() {
			stops = 100
		}
		for i := range stops {
			h := reset(t)
			s, db := through(t)
			stop := syscall.SIGQUIT // immediate stop
			if i%2 == 1 {
				stop = syscall.SIGKILL
			}
			stopped := false
			proxy.arm(20+i*7%60, i%3 == 0, func() { d.server.Stop(stop); stopped = true })
			err := h.saves(t.Context(), s)
			proxy.arm(0, false, nil)
			if stopped {
				d.server.Start(t, nil)
			}
			what := fmt.Sprintf("stop %d (%t), error %v", i, stopped, err)
			h.check(t, direct, what)
			require.NoError(t, h.saves(t.Context(), s), what)
			db.Close()
		}
	})
	t.Run("in the middle of a refresh", func(t *testing.T) {
		db := open(t, d.driver, d.dsn)
		s, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Table: table})
		require.NoError(t, err)
		src := tokenstore.NewSource(s, "b", refresher(func() (*oauth2.Token, error) {
			d.server.Stop(syscall.SIGQUIT)
			return &oauth2.Token{AccessToken: "access-2", RefreshToken: "refresh-2", Expiry: time.Now().Add(time.Hour)}, nil
		}), &tokenstore.SourceOptions{SaveTimeout: 200 * time.Millisecond})
		require.NoError(t, src.SignIn(t.Context(), &oauth2.Token{AccessToken: "access-1", RefreshToken: "refresh-1", Expiry: time.Now()}, tokenstore.Account{}))
		tok, err := src.Token(t.Context())
		require.NoError(t, err, "the server's answer is not lost with the database")
		require.Equal(t, "access-2", tok.AccessToken)
		_, err = src.Status(t.Context())
		require.Error(t, err)
		d.server.Start(t, nil)
		require.Eventually(t, func() bool {
			st, err := src.Status(t.Context())
			return err == nil && !st.Unsaved && st.Generation == 2
		}, 20*time.Second, 50*time.Millisecond, "saved once the database is back, without a restart")
		require.NoError(t, src.Close(t.Context()))
	})
}

type refresher func() (*oauth2.Token, error)

func (r refresher) Refresh(context.Context, *oauth2.Token) (*oauth2.Token, error) { return r() }
