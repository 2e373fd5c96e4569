package azureoauth_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ewsmail/ewsmail/azureoauth"
)

// Case 39: no redirect is followed, and nothing but the first request carries a secret.
func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, where := range []string{"/elsewhere", "http://127.0.0.2:1/token"} {
			var n atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				if r.URL.Path != "/t/oauth2/v2.0/token" {
					t.Errorf("%d: a request came to %s", status, r.URL)
				}
				http.Redirect(w, r, where, status)
			}))
			c := pasted()
			c.AuthURL, c.TokenURL, c.AllowLoopbackHTTP = srv.URL+"/t/oauth2/v2.0/authorize", srv.URL+"/t/oauth2/v2.0/token", true
			// A client that follows redirects is given, and still none is.
			c.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			_, err := c.Refresh(t.Context(), refreshOf("RT"))
			e := wantError(t, err, azureoauth.ErrResponse)
			if n.Load() != 1 || !strings.Contains(e.Error(), "redirect") || e.StatusCode != status {
				t.Errorf("%d: %d requests, %v", status, n.Load(), e)
			}
			srv.Close()
		}
	}
}

// Case 57: TLS 1.2 at least, certificates are checked, an own CA can be given.
func TestTLS(t *testing.T) {
	serve := func(conf *tls.Config) *httptest.Server {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, okToken)
		}))
		srv.Config.ErrorLog = discardLog()
		srv.TLS = conf
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	at := func(srv *httptest.Server) *azureoauth.Config {
		c := pasted()
		c.AuthURL, c.TokenURL, c.MaxRetries = srv.URL+"/t/oauth2/v2.0/authorize", srv.URL+"/t/oauth2/v2.0/token", -1
		return c
	}
	srv := serve(nil)
	_, err := at(srv).Refresh(t.Context(), refreshOf("RT"))
	// The advice is about the certificate: the registration is not to be doubted.
	if e := wantError(t, err, azureoauth.ErrConfiguration); !strings.Contains(e.Error(), "unknown authority") || !strings.Contains(e.Advice(), "CA certificate") || strings.Contains(e.Advice(), "client ID") {
		t.Error(e)
	}
	c := at(srv)
	c.HTTPClient = srv.Client()
	defer srv.Client().CloseIdleConnections()
	if _, err := c.Refresh(t.Context(), refreshOf("RT")); err != nil {
		t.Errorf("own CA: %v", err)
	}
	var offered atomic.Uint32                                                                                                      // the lowest version; a refused certificate alone would prove nothing
	old := serve(&tls.Config{MinVersion: tls.VersionTLS10, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) { //nolint:gosec // that is the test
		offered.Store(uint32(slices.Min(h.SupportedVersions)))
		return nil, nil
	}})
	if _, err := at(old).Refresh(t.Context(), refreshOf("RT")); err == nil || offered.Load() != tls.VersionTLS12 {
		t.Errorf("TLS %#x is offered, %v", offered.Load(), err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	c = at(srv)
	c.AuthURL, c.TokenURL = strings.Replace(plain.URL, "http", "https", 1)+"/t/oauth2/v2.0/authorize", strings.Replace(plain.URL, "http", "https", 1)+"/t/oauth2/v2.0/token"
	_, err = c.Refresh(t.Context(), refreshOf("RT"))
	wantError(t, err, azureoauth.ErrConfiguration)
}

// Case 58: a proxy's password stays out of errors.
func TestProxyPassword(t *testing.T) {
	c := pasted()
	c.MaxRetries = -1
	c.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: func(*http.Request) (*url.URL, error) {
		return url.Parse("http://user:proxy-canary@127.0.0.1:1")
	}}}
	_, err := c.Refresh(t.Context(), refreshOf("RT"))
	if everyPrint(err); err == nil || strings.Contains(everyPrint(err), "proxy-canary") {
		t.Errorf("%s", everyPrint(err))
	}
	c.HTTPClient.Transport.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) {
		return nil, errors.New(`invalid proxy address "http://user:proxy-canary@:x"`)
	}
	_, err = c.Refresh(t.Context(), refreshOf("RT2"))
	if err == nil || strings.Contains(everyPrint(err), "proxy-canary") {
		t.Errorf("%s", everyPrint(err))
	}
}
