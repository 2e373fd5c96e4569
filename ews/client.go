package ews

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Client speaks to one EWS endpoint. Its mailboxes share connections and, per mailbox, the knowledge of how much Exchange
// lets through. It is safe for concurrent use.
type Client struct {
	endpoint  *url.URL
	token     TokenSource
	http      *http.Client
	live      *http.Client // for event streams: see liveClient
	own       bool         // http's transport is the package's own
	header    http.Header
	mailbox   string
	userAgent string
	clientID  string
	opening   string // of every envelope, with the version
	version   string
	retry     RetryPolicy
	limits    Limits
	log       *slog.Logger
	paces     paces
	watchdogs watchdogs
	created   habit // of create
	sent      habit // of sendItem

	tokenFacts atomic.Pointer[tokenFacts] // of the last token seen
}

// NewClient returns a Client. It does no input or output: that the endpoint answers and the token is good shows with the
// first call. The error names every wrong field of c, with the fix.
func NewClient(c Config) (*Client, error) {
	u, err := c.check()
	if err != nil {
		return nil, err
	}
	cl := &Client{
		endpoint:  u,
		token:     c.Token,
		mailbox:   c.Mailbox,
		userAgent: c.UserAgent,
		clientID:  c.ClientID,
		version:   c.ServerVersion,
		retry:     c.Retry.withDefaults(),
		limits:    c.Limits.withDefaults(),
		log:       c.Logger,
		paces:     paces{max: c.Concurrency},
	}
	if cl.userAgent == "" {
		cl.userAgent = DefaultUserAgent
	}
	if cl.version == "" {
		cl.version = DefaultServerVersion
	}
	if cl.log == nil {
		cl.log = slog.New(slog.DiscardHandler)
	}
	if cl.paces.max == 0 {
		cl.paces.max = DefaultConcurrency
	}
	cl.opening = envelopeOpening(cl.version)
	cl.header = cl.fixedHeader(c.NoGzip)
	cl.own = c.HTTPClient == nil
	var hc http.Client
	if cl.own {
		hc.Transport = defaultTransport(u)
	} else {
		hc = *c.HTTPClient
	}
	// A redirect would take the token along. Exchange has no good reason to send one; what it means is told in the error.
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cl.http = &hc
	cl.live = liveClient(&hc)
	return cl, nil
}

// liveClient is a Client's http.Client for event streams. A time limit for whole requests would cut each of them, and one of a few
// connections that a transport allows would be occupied for ever, so that with one or two streams no other call came through.
func liveClient(of *http.Client) *http.Client {
	hc := *of
	hc.Timeout = 0 // a stream that falls silent is noticed otherwise
	if t, ok := hc.Transport.(*http.Transport); ok && t.MaxConnsPerHost > 0 {
		t = t.Clone()
		t.MaxConnsPerHost = 0
		t.DisableKeepAlives = true // nothing of it outlives a stream
		hc.Transport = t
	}
	return &hc
}

// Close closes the connections that are kept open for further requests. Requests under way are not touched, and the Client
// can still be used. It always returns nil; the result makes Client an io.Closer.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	c.watchdogs.rest()
	return nil
}

// maxHeaderBytes bounds the headers of an answer. Exchange sends about 4 KiB, with tracing on up to 20.
const maxHeaderBytes = 256 << 10

// defaultTransport bounds every step that can hang. It speaks HTTP/1.1 only: one slow answer then delays no other one, a
// cut connection fails one request, and Exchange binds its back end per connection.
func defaultTransport(endpoint *url.URL) *http.Transport {
	var p http.Protocols
	p.SetHTTP1(true)
	proxy := sync.OnceValues(func() (*url.URL, error) { // the same for all requests of one endpoint
		return http.ProxyFromEnvironment(&http.Request{URL: endpoint})
	})
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  func(*http.Request) (*url.URL, error) { return proxy() },
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    15 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    27, // EWSMaxConcurrency: more cannot be in use for one mailbox
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // the exchange asks for gzip and unpacks it, so that limits hold with every transport
		Protocols:              &p,
	}
}
