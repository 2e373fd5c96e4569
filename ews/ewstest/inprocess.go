package ewstest

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Transport returns a new transport whose connections lead to the Server without a network, whatever host is asked for: for a
// Server made by New, and for tests in a testing/synctest bubble, where sockets would keep time from advancing. Everything
// else is as over a socket: chunking, compression, connections that are cut. Close ends the connections.
//
//	s := ewstest.New(nil)
//	client := &http.Client{Transport: s.Transport()}
//	... ews.Config{Endpoint: s.Endpoint(), HTTPClient: client, AllowLoopbackHTTP: true}
func (s *Server) Transport() *http.Transport {
	s.inner.start.Do(func() {
		s.inner.listener = newPipeListener()
		s.inner.server = s.newHTTPServer()
		s.serve.Go(func() { _ = s.inner.server.Serve(s.inner.listener) })
	})
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return s.inner.listener.dial(ctx) }
	return &http.Transport{DialContext: dial, DialTLSContext: dial, ForceAttemptHTTP2: false}
}

// inProcess is the part of a Server behind Transport.
type inProcess struct {
	start    sync.Once
	listener *pipeListener
	server   *http.Server
}

func (p *inProcess) close() {
	p.start.Do(func() {}) // no start after this
	if p.server != nil {
		_ = p.server.Close()
	}
}

// pipeListener hands out net.Pipe connections.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
