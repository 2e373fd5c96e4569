package azureoauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

const (
	maxResponse     = 1 << 20          // a token answer is some kilobytes
	maxTokenLen     = 64 << 10         // header lines beyond it are refused by servers anyway
	defaultTimeout  = 30 * time.Second // of one request
	defaultLifetime = time.Hour        // of a token whose answer does not say
	maxLifetime     = 28 * time.Hour   // the longest that Entra issues (CAE)
	maxRetryAfter   = time.Hour        // a longer wish is capped, so that a typo does not stop a mailbox for days
)

// newTransport is the transport of a Config without HTTPClient. Requests are one an hour: kept connections would only
// leave goroutines behind.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DisableKeepAlives:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// client is the HTTP client of all requests: never a redirect (x/oauth2 re-posts the secret to wherever a 307 points),
// never a cookie.
func (c *Config) client() *http.Client {
	hc := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if c.HTTPClient != nil {
		hc.Transport, hc.Timeout = c.HTTPClient.Transport, c.HTTPClient.Timeout
	}
	if hc.Transport == nil {
		hc.Transport = c.shared().transport
	}
	return hc
}

// answer is a response that was read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   bool
	sent   bool // the request may have reached the server
	host   string
}

// send makes one request. An error of it is always an *Error.
func (c *Config) send(ctx context.Context, op, method, target string, form url.Values) (*answer, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, configProblem("TokenURL", "is not a URL", "copy it from the app registration's Endpoints page")
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	caller := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	a := &answer{host: u.Host}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// From the first header byte on, the server may act on it.
		WroteHeaderField: func(string, []string) { sent.Store(true) },
		WroteHeaders:     func() { sent.Store(true) },
	})
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, configProblem("TokenURL", "is not a URL", "copy it from the app registration's Endpoints page")
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "ewsmail-azureoauth")
	resp, err := c.client().Do(req)
	a.sent = sent.Load()
	if err != nil {
		// A RoundTripper that is no *http.Transport reports no trace: then nothing is known about what was sent.
		if _, ok := c.client().Transport.(*http.Transport); !ok {
			a.sent = true
		}
		return a, networkError(caller, op, u.Host, err)
	}
	defer resp.Body.Close()
	a.sent, a.status, a.header = true, resp.StatusCode, resp.Header
	if a.status >= 300 && a.status < 400 {
		to := "nowhere"
		if l, err := resp.Location(); err == nil {
			to = l.Host
		}
		return a, responseError(op, u.Host, a.status, "the server redirects to "+cleanText(to, nil, 100)+", which is not followed: correct the URL")
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case len(a.body) > maxResponse:
		return a, responseError(op, u.Host, a.status, "the answer is larger than 1 MiB")
	case err != nil:
		e := networkError(caller, op, u.Host, err)
		e.StatusCode = a.status
		return a, e
	}
	mt, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	a.json = mt == "application/json" || strings.HasSuffix(mt, "+json")
	return a, nil
}

// postForm posts to the token endpoint (or one that answers alike) and returns the JSON object of a 200. secrets are the
// values that must not come back in an error's text. once marks a request that must not be repeated once it may have been
// acted upon: it carries an authorization code, or a refresh token that may be single-use.
func (c *Config) postForm(ctx context.Context, op, target string, build func(context.Context) (url.Values, error), once bool) (object, *answer, error) {
	retries := c.MaxRetries
	if retries == 0 {
		retries = 2
	}
	budget := retryBudget
	for attempt := 0; ; attempt++ {
		// The form is built anew: an assertion may be used once (its jti).
		form, err := build(ctx)
		if err != nil {
			return nil, nil, err
		}
		a, err := c.send(ctx, op, http.MethodPost, target, form)
		var o object
		if err == nil {
			o, err = readAnswer(op, a, form)
		}
		if err == nil {
			return o, a, nil
		}
		var e *Error
		if !errors.As(err, &e) || !e.Temporary() || attempt >= retries || ctx.Err() != nil {
			return nil, a, err
		}
		// An answered 429 or 5xx was not acted upon; silence after sending may hide a rotation.
		if once && e.StatusCode == 0 && a.sent {
			return nil, a, err
		}
		wait := backoff(attempt)
		if e.RetryAfter > 0 {
			wait = e.RetryAfter
		}
		if wait > budget {
			return nil, a, err
		}
		budget -= wait
		c.logger().InfoContext(ctx, "oauth request is repeated", "op", op, "host", e.Host, "status", e.StatusCode, "wait", wait)
		if !sleep(ctx, wait) {
			return nil, a, err
		}
	}
}

// readAnswer turns an answer into its JSON object, or into the *Error it stands for.
func readAnswer(op string, a *answer, form url.Values) (object, error) {
	var retryAfter time.Duration
	if a.status != http.StatusOK {
		retryAfter = parseRetryAfter(a.header.Get("Retry-After"), time.Now())
	}
	o, perr := object(nil), error(nil)
	if a.json {
		o, perr = parseObject(a.body)
	}
	if o != nil {
		if code, err := o.str("error"); code != "" || err != nil || o["error"] != nil {
			// Some servers send an error with status 200 (RFC 6749 wants 400).
			status := a.status
			if status == http.StatusOK {
				status = http.StatusBadRequest
			}
			return nil, errorFrom(o).toError(op, a.host, status, retryAfter, secretsOf(form))
		}
	}
	if a.status != http.StatusOK {
		e := responseError(op, a.host, a.status, "the server answered without an OAuth error")
		e.RetryAfter = retryAfter
		switch {
		case a.status == http.StatusTooManyRequests:
			e.reason = "the server is throttling"
		case a.status >= 500:
			e.reason = "the server failed"
		case a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed:
			e.reason = "there is no such endpoint at this URL"
		}
		return nil, e
	}
	if !a.json {
		mt, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
		if mt == "" {
			mt = "nothing"
		}
		return nil, responseError(op, a.host, a.status, "the server answered "+cleanText(mt, nil, 60)+" instead of JSON: the URL is a web page, or a proxy answers in its place")
	}
	if perr != nil {
		return nil, responseError(op, a.host, a.status, "the server's answer is malformed: "+perr.Error())
	}
	return o, nil
}

func errorFrom(o object) serverError {
	s := serverError{
		code: o.lenient("error"), suberror: o.lenient("suberror"), description: o.lenient("error_description"),
		claims: o.lenient("claims"), correlationID: o.lenient("correlation_id"), traceID: o.lenient("trace_id"),
	}
	s.numbers = o.ints("error_codes")
	return s
}

// secretsOf are the values of a request that no error may repeat: all but the public parameters.
func secretsOf(form url.Values) []string {
	var out []string
	for k, vs := range form {
		switch k {
		case "grant_type", "client_id", "scope", "redirect_uri", "resource", "client_assertion_type":
			continue
		}
		out = append(out, vs...)
		for _, v := range vs {
			out = append(out, url.QueryEscape(v))
		}
	}
	return out
}

// parseRetryAfter reads both forms of RFC 9110 section 10.2.3, capped at an hour; nonsense is 0.
func parseRetryAfter(v string, now time.Time) time.Duration {
	v = strings.TrimSpace(v)
	if v == "" {
		return 0
	}
	var d time.Duration
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		if n > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		d = time.Duration(n) * time.Second
	} else if errors.Is(err, strconv.ErrRange) && !strings.HasPrefix(v, "-") {
		return maxRetryAfter
	} else if t, err := http.ParseTime(v); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// readToken reads a token answer, RFC 6749 section 5.1, as sent after begun.
func readToken(op, host string, o object, begun time.Time) (*oauth2.Token, error) {
	bad := func(reason string) (*oauth2.Token, error) {
		return nil, responseError(op, host, http.StatusOK, "the token answer is malformed: "+reason)
	}
	t := &oauth2.Token{TokenType: "Bearer"}
	var err error
	if t.AccessToken, err = o.str("access_token"); err != nil {
		return bad(err.Error())
	}
	switch {
	case t.AccessToken == "":
		return bad("access_token is missing")
	case len(t.AccessToken) > maxTokenLen:
		return bad("access_token is longer than 64 KiB")
	case !token68(t.AccessToken):
		return bad("access_token contains characters that no header may")
	}
	tt, err := o.str("token_type")
	if err != nil || !strings.EqualFold(tt, "bearer") {
		return bad("token_type is not Bearer")
	}
	if t.RefreshToken, err = o.str("refresh_token"); err != nil {
		return bad(err.Error())
	}
	if len(t.RefreshToken) > maxTokenLen || !vschar(t.RefreshToken) {
		return bad("refresh_token contains characters that it may not, or is longer than 64 KiB")
	}
	life, given, err := o.seconds("expires_in")
	if err != nil {
		return bad(err.Error())
	}
	if !given || life == 0 {
		life = defaultLifetime // x/oauth2 would take it for eternal and never refresh
	}
	life = min(life, maxLifetime)
	// Counted from before the request, on the wall clock alone: a stored expiry has no monotonic part either.
	t.Expiry = begun.Round(0).Add(life)
	t.ExpiresIn = int64(life / time.Second)
	extra := map[string]any{}
	for _, name := range []string{"scope", "id_token"} {
		s, err := o.str(name)
		if err != nil {
			return bad(err.Error())
		}
		if s != "" {
			extra[name] = s
		}
	}
	if in, ok, err := o.seconds("refresh_in"); err == nil && ok && in > 0 && in < life {
		extra["refresh_in"] = int64(in / time.Second)
	}
	return t.WithExtra(extra), nil
}

// token68 is RFC 6750 section 2.1's b64token.
func token68(s string) bool {
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9':
		case strings.IndexByte("-._~+/=", b) >= 0:
		default:
			return false
		}
	}
	return true
}

// vschar is RFC 6749 appendix A.17's alphabet.
func vschar(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

func grantedScopes(t *oauth2.Token) []string {
	s, _ := t.Extra("scope").(string)
	return strings.Fields(s)
}
