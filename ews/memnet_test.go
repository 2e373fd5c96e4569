package ews_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// memNet is a network in memory, for tests under testing/synctest: a listener and its dialer.
type memNet struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	wrap func(net.Conn) net.Conn // if set, what the client's end is changed to

	mu   sync.Mutex
	cut  func() int // bytes that the next stream's answer may have; negative: all. nil: all
	cuts int        // connections cut
	open int        // connections open
}

func newMemNet() *memNet { return &memNet{conns: make(chan net.Conn), done: make(chan struct{})} }

func (n *memNet) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *memNet) Close() error {
	n.once.Do(func() { close(n.done) })
	return nil
}

type memAddr struct{}

func (memAddr) Network() string { return "tcp" }
func (memAddr) String() string  { return "127.0.0.1:80" }

func (n *memNet) Addr() net.Addr { return memAddr{} }

func (n *memNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.conns <- server:
		n.mu.Lock()
		n.open++
		n.mu.Unlock()
		if n.wrap != nil {
			client = n.wrap(client)
		}
		return &memConn{Conn: client, n: n, left: -1}, nil
	case <-n.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *memNet) counts() (cuts, open int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cuts, n.open
}

// memConn is the client's end. It cuts streams where the network says.
type memConn struct {
	net.Conn
	n    *memNet
	once sync.Once

	mu   sync.Mutex
	left int // bytes until the cut; negative: none
}

func (c *memConn) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("<m:GetStreamingEvents>")) {
		left := -1
		c.n.mu.Lock()
		if c.n.cut != nil {
			left = c.n.cut()
		}
		c.n.mu.Unlock()
		c.mu.Lock()
		c.left = left
		c.mu.Unlock()
	}
	return c.Conn.Write(p)
}

func (c *memConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left < 0 {
		return n, err
	}
	if n >= c.left {
		n, c.left = c.left, -1
		c.n.mu.Lock()
		c.n.cuts++
		c.n.mu.Unlock()
		c.Close()
		return n, errors.New("connection reset")
	}
	c.left -= n
	return n, err
}

func (c *memConn) Close() error {
	c.once.Do(func() {
		c.n.mu.Lock()
		c.n.open--
		c.n.mu.Unlock()
	})
	return c.Conn.Close()
}

// memExchange is a server with one mailbox on a network in memory, for use inside a bubble of testing/synctest.
type memExchange struct {
	*ewstest.Server
	net    *memNet
	box    *ewstest.Mailbox
	client *ews.Client
	m      *ews.Mailbox
	http   *http.Transport
}

func newMemExchange(t *testing.T, change func(*ews.Config)) *memExchange {
	t.Helper()
	n := newMemNet()
	x := &memExchange{Server: ewstest.NewServer(&ewstest.Options{Listener: n, NoGzip: true}), net: n}
	x.box = x.AddMailbox(support)
	x.http = &http.Transport{DialContext: n.dial, DisableCompression: true, MaxIdleConnsPerHost: 4}
	cfg := ews.Config{Endpoint: x.Endpoint(), AllowLoopbackHTTP: true, Mailbox: support, Token: &tokens{}, HTTPClient: &http.Client{Transport: x.http}}
	if change != nil {
		change(&cfg)
	}
	var err error
	x.client, err = ews.NewClient(cfg)
	require.NoError(t, err)
	x.m = x.client.Own()
	return x
}

// end closes everything and sees that nothing stays open: a bubble ends only when its goroutines have.
func (x *memExchange) end(t *testing.T) {
	t.Helper()
	x.http.CloseIdleConnections()
	time.Sleep(time.Second) // of the bubble
	if _, open := x.net.counts(); open != 0 {
		t.Errorf("%d connections are still open", open)
	}
	x.Close()
	x.http.CloseIdleConnections()
}
