package ews

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
)

// maxAtOnce is the largest request that is handed to the transport as memory, to leave together with its header in one packet and one
// system call, which is a tenth of what a small request costs. How far a larger one has got must be known while it is being sent.
const maxAtOnce = 64 << 10

// request builds the HTTP request. The token goes into a header of a request to the configured endpoint and nowhere else.
func (x *exchange) request() *http.Request {
	c := x.m.c
	x.id = requestID()
	x.sentID[0] = x.id
	h := maps.Clone(c.header) // of which up to eight fields are one piece of memory, copied whole
	h["Authorization"] = c.authorization(x.token.AccessToken)
	h["Client-Request-Id"] = x.sentID[:]
	if a := x.m.anchor(); a != "" {
		h["X-Anchormailbox"] = []string{a}
	}
	if p := x.m.publicMailbox; p != "" {
		h["X-Publicfoldermailbox"] = []string{p}
	}
	if x.c.affinity {
		h["X-Preferserveraffinity"] = []string{"true"}
	}
	if x.c.live {
		h["Accept-Encoding"] = []string{"identity"}
	}
	x.c.backEnd.ask(h)
	ctx := x.ctx
	length := x.env.Len()
	x.atOnce = c.own && length <= maxAtOnce && x.env.InMemory()
	if x.atOnce {
		ctx = x.traced(ctx)
	} else if !c.own {
		ctx = x.tracedQueue(ctx)
	}
	x.req = *new(http.Request).WithContext(ctx)
	req := &x.req
	req.Method, req.URL, req.Host = http.MethodPost, c.endpoint, c.endpoint.Host
	if !c.own { // a RoundTripper of others might change it
		url := *c.endpoint
		req.URL = &url
	}
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	req.Header = h
	req.ContentLength = length // never chunked: some servers and proxies refuse that
	req.Body = x.requestBody()
	// A connection that turns out dead before the first byte is replaced by the transport without our doing.
	req.GetBody = x.reopen
	return req
}

// requestBody is a fresh pass over the request. That of a small one is of a type that net/http knows to be in memory.
func (x *exchange) requestBody() io.ReadCloser {
	switch {
	case !x.atOnce:
	case x.reopened.Load(): // the first pass may be under way yet
		return io.NopCloser(bytes.NewReader(x.env.Bytes()))
	default:
		x.pass.Reset(x.env.Bytes())
		return io.NopCloser(&x.pass)
	}
	return &upload{x.env.NewReader(), x}
}

func (x *exchange) reopen() (io.ReadCloser, error) {
	x.reopened.Store(true)
	return x.requestBody(), nil
}

// send sends a request. What http.Client adds to a transport of our own is copies of the header for redirects, which are not followed.
func (c *Client) send(req *http.Request, live bool) (*http.Response, error) {
	switch {
	case c.own:
		return c.http.Transport.RoundTrip(req)
	case live:
		return c.live.Do(req)
	}
	return c.http.Do(req)
}

// authorization is the header field of a token, made once for all of its requests. Nothing changes it.
func (c *Client) authorization(token string) []string {
	if f := c.tokenFacts.Load(); f != nil && f.token == token {
		return f.authorization
	}
	return []string{"Bearer " + token}
}

// fixedHeader is what all requests of a Client have in common. It is shared between them: nothing of it is changed.
func (c *Client) fixedHeader(noGzip bool) http.Header {
	h := http.Header{}
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("Accept", "text/xml")
	h.Set("Accept-Encoding", "gzip")
	if noGzip {
		h.Set("Accept-Encoding", "identity")
	}
	h.Set("User-Agent", c.userAgent)
	h.Set("return-client-request-id", "true")
	return h
}

// traced lets net/http report what reading the body would tell. Other RoundTrippers need not do so: for them upload reports it.
func (x *exchange) traced(ctx context.Context) context.Context {
	x.trace.WroteHeaders = x.wroteHeaders
	x.trace.WroteRequest = x.wroteRequest
	return httptrace.WithClientTrace(ctx, &x.trace)
}

// wroteHeaders: they may have left; they lie in the buffer that is written next.
func (x *exchange) wroteHeaders() { x.sent.Store(true) }

func (x *exchange) wroteRequest(i httptrace.WroteRequestInfo) {
	x.touch()
	x.written.Store(i.Err == nil)
}

// tracedQueue notes whether the request waits for one of the connections that a transport of the caller's allows.
func (x *exchange) tracedQueue(ctx context.Context) context.Context {
	x.trace.GetConn = func(string) { x.queued.Store(true) }
	x.trace.GotConn = func(httptrace.GotConnInfo) { x.queued.Store(false) }
	return httptrace.WithClientTrace(ctx, &x.trace)
}

// upload is the request's body on its way out.
type upload struct {
	io.ReadCloser
	x *exchange
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if n > 0 {
		u.x.sent.Store(true)
		u.x.touch() // a large upload takes its time; waiting for the answer starts when it is out
	}
	if err != nil && err != io.EOF {
		bad := err // err itself would go to the heap with every Read
		u.x.badInput.CompareAndSwap(nil, &bad)
	}
	return n, err
}

// requestID returns a random UUID (RFC 9562 version 4). It is a name and no secret: the runtime's ChaCha8 does, which takes no system call.
func requestID() string {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(b[8:], rand.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var id [36]byte
	hex.Encode(id[:], b[:4])
	hex.Encode(id[9:], b[4:6])
	hex.Encode(id[14:], b[6:8])
	hex.Encode(id[19:], b[8:10])
	hex.Encode(id[24:], b[10:])
	id[8], id[13], id[18], id[23] = '-', '-', '-', '-'
	return string(id[:])
}
