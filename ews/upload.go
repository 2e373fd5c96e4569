package ews

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"maps"
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
	h := make(http.Header, 8) // what most requests have, and the largest map that is one piece of memory
	maps.Copy(h, c.header)
	h["Authorization"] = c.authorization(x.token.AccessToken)
	h["Client-Request-Id"] = []string{x.id}
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
	url := *c.endpoint // a RoundTripper of others might change it
	ctx := x.ctx
	body := x.upload
	length := x.env.Len()
	if c.own && length <= maxAtOnce && x.env.InMemory() {
		ctx = x.traced(ctx)
		body = x.atOnce
	} else if !c.own {
		ctx = x.tracedQueue(ctx)
	}
	req := new(http.Request).WithContext(ctx)
	req.Method, req.URL, req.Host = http.MethodPost, &url, url.Host
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	req.Header = h
	req.ContentLength = length // never chunked: some servers and proxies refuse that
	req.Body = body()
	// A connection that turns out dead before the first byte is replaced by the transport without our doing.
	req.GetBody = func() (io.ReadCloser, error) {
		x.reopened.Store(true)
		return body(), nil
	}
	return req
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

// atOnce is the body of a small request, of a type that net/http knows to be in memory.
func (x *exchange) atOnce() io.ReadCloser { return io.NopCloser(bytes.NewReader(x.env.Bytes())) }

// traced lets net/http report what reading the body would tell. Other RoundTrippers need not do so: for them upload reports it.
func (x *exchange) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { x.sent.Store(true) }, // they may be: they lie in the buffer that is written next
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			x.touch()
			x.written.Store(i.Err == nil)
		},
	})
}

// tracedQueue notes whether the request waits for one of the connections that a transport of the caller's allows.
func (x *exchange) tracedQueue(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { x.queued.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { x.queued.Store(false) },
	})
}

// upload is the request's body on its way out.
type upload struct {
	io.ReadCloser
	x *exchange
}

func (x *exchange) upload() io.ReadCloser { return &upload{x.env.NewReader(), x} }

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

// requestID returns a random UUID (RFC 9562 version 4).
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	id := make([]byte, 0, 36)
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		if i > 0 {
			id = append(id, '-')
		}
		id = hex.AppendEncode(id, b[(len(id)-i)/2:end])
	}
	return string(id)
}
