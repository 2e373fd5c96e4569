//go:build unix

package sqlstore_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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

// disarm says whether the cut was made, or is being made.
func (c *cutter) disarm() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := c.at != 0 && c.seen >= c.at
	c.seen, c.at = 0, 0
	return made
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
