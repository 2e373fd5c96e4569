package autodiscover

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds an answer. POX answers of mailboxes with many delegates have about 50 KiB.
const maxAnswer = 1 << 20

// defaultTransport is shared by all searches; it keeps no connections.
var defaultTransport http.RoundTripper = func() *http.Transport {
	var p http.Protocols
	p.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		DisableKeepAlives:      true,
		Protocols:              &p,
	}
}()

// answer is what a server said.
type answer struct {
	status   int
	location string
	body     []byte
}

// trouble is an error of the way to a server, or of the server.
type trouble struct {
	what      string
	err       error
	temporary bool
}

func (t *trouble) Error() string {
	if t.err == nil {
		return t.what
	}
	return t.what + ": " + t.err.Error()
}

func (t *trouble) Unwrap() error { return t.err }

// fetch makes one request, which is never redirected. token "" sends none.
func (f *finder) fetch(ctx context.Context, method string, u *url.URL, address, token, contentType string, body []byte) (*answer, error) {
	if f.dead[u.Host] {
		return nil, errors.New("skipped: the host could not be reached before")
	}
	key := method + " " + u.String() + " " + address
	if f.visited[key] {
		return nil, errors.New("skipped: it was asked before")
	}
	f.visited[key] = true
	if f.o.StepTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.o.StepTimeout, fmt.Errorf("no answer within %v", f.o.StepTimeout))
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the request could not be built")
	}
	req.Header.Set("User-Agent", f.o.UserAgent)
	req.Header.Set("Accept-Encoding", "identity")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := f.http.Do(req)
	if err != nil {
		return nil, f.unreachable(ctx, u, err)
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, location: resp.Header.Get("Location")}
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1)); err != nil {
		return nil, &trouble{"the answer was cut", cause(ctx, err), true}
	}
	if len(a.body) > maxAnswer {
		return nil, fmt.Errorf("the answer is larger than %d KiB", maxAnswer>>10)
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, fmt.Errorf("the answer is packed (%.20q), which was not asked for", e)
	}
	return a, nil
}

func (f *finder) unreachable(ctx context.Context, u *url.URL, err error) error {
	f.dead[u.Host] = true
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return &trouble{"it could not be reached", cause(ctx, err), true}
	case errors.As(err, &cert):
		return &trouble{"its certificate is not trusted", err, false}
	case errors.As(err, &dns) && dns.IsNotFound:
		return &trouble{"there is no such host", nil, false}
	}
	return &trouble{"it could not be reached", err, true}
}

func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// refused explains a status that is neither success nor redirect.
func refused(a *answer) error {
	switch {
	case a.status == http.StatusUnauthorized:
		return errors.New("it refuses the token (HTTP 401)")
	case a.status == http.StatusTooManyRequests || a.status >= 500:
		return &trouble{fmt.Sprintf("the server failed (HTTP %d)", a.status), nil, true}
	}
	return fmt.Errorf("there is no such service (HTTP %d)", a.status)
}

// plain returns a URL for errors and results: without the query, which holds the address.
func bare(u *url.URL) string {
	c := *u
	c.RawQuery = ""
	return c.String()
}

// next returns where a redirect of an https answer leads to.
func (f *finder) next(u *url.URL, a *answer) (*url.URL, error) {
	to, err := u.Parse(a.location)
	if err != nil || a.location == "" {
		return nil, errors.New("a redirect to nowhere")
	}
	if to, err = checkURL(to.String()); err != nil {
		return nil, err
	}
	return to, f.turn()
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
