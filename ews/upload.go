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
	"sync"
	"time"
)

// maxAtOnce is the largest request that is handed to the transport as memory, to leave together with its header in one packet and one
// system call, which is a tenth of what a small request costs. How far a larger one has got must be known while it is being sent.
const maxAtOnce = 64 << 10

// request builds the HTTP request. The token goes into a header of a request to the configured endpoint and nowhere else.
func (x *exchange) request() *http.Request {
	c := x.m.c
	x.id = requestID()
	h := make(http.Header, len(c.header)+7)
	maps.Copy(h, c.header)
	h["Authorization"] = []string{"Bearer " + x.token.AccessToken}
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
	req := &http.Request{
		Method: http.MethodPost,
		URL:    &url,
		Host:   url.Host,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        h,
		ContentLength: x.env.Len(), // never chunked: some servers and proxies refuse that
	}
	ctx := x.ctx
	body := x.upload
	if c.own && req.ContentLength <= maxAtOnce && x.env.InMemory() {
		ctx = x.traced(ctx)
		body = x.atOnce
	}
	req.Body = body()
	// A connection that turns out dead before the first byte is replaced by the transport without our doing.
	req.GetBody = func() (io.ReadCloser, error) { return body(), nil }
	return req.WithContext(ctx)
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
		WroteRequest: func(httptrace.WroteRequestInfo) { x.watchdog.touch() },
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
		u.x.watchdog.touch() // a large upload takes its time; waiting for the answer starts when it is out
	}
	if err != nil && err != io.EOF {
		u.x.badInput.CompareAndSwap(nil, &err)
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

// watchdog ends a request that waits too long.
type watchdog struct {
	mu    sync.Mutex
	timer *time.Timer
	after time.Duration
}

func (w *watchdog) start(after time.Duration, bark func()) {
	if after < 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.after = after
	w.timer = time.AfterFunc(after, bark)
}

func (w *watchdog) touch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Reset(w.after)
	}
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}
