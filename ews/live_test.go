package ews_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

// With EWS_LIVE=1 the suite runs against a real server instead of ewstest. See .github/CONTRIBUTING.md for the variables.
const (
	liveEnv            = "EWS_LIVE"
	liveEndpointEnv    = "EWS_LIVE_ENDPOINT"
	liveMailboxEnv     = "EWS_LIVE_MAILBOX"
	liveTokenEnv       = "EWS_LIVE_TOKEN"
	liveUserEnv        = "EWS_LIVE_USER"
	livePasswordEnv    = "EWS_LIVE_PASSWORD"
	liveImpersonateEnv = "EWS_LIVE_IMPERSONATE"
)

// basic signs in with a password, as test servers on premises without OAuth want it. The library itself never does.
type basic struct {
	user, password string
	next           http.RoundTripper
}

func (b basic) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Del("Authorization")
	r.SetBasicAuth(b.user, b.password)
	return b.next.RoundTrip(r)
}

// suiteMailbox is the mailbox that the suite runs in: one of ewstest, or with EWS_LIVE=1 a real one.
func suiteMailbox(t *testing.T) *ews.Mailbox {
	t.Helper()
	if os.Getenv(liveEnv) != "1" {
		_, _, m := newMailbox(t, nil)
		return m
	}
	need := func(name string) string {
		v := os.Getenv(name)
		if v == "" {
			t.Fatalf("%s=1 needs %s: see .github/CONTRIBUTING.md", liveEnv, name)
		}
		return v
	}
	cfg := ews.Config{Endpoint: need(liveEndpointEnv), Mailbox: need(liveMailboxEnv), AllowLoopbackHTTP: true}
	token := os.Getenv(liveTokenEnv)
	if token == "" {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		t.Cleanup(transport.CloseIdleConnections)
		cfg.HTTPClient = &http.Client{Transport: basic{need(liveUserEnv), need(livePasswordEnv), transport}}
		token = "replaced-by-the-password"
	}
	cfg.Token = ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token, Expiry: time.Now().Add(time.Hour)}))
	c, err := ews.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if os.Getenv(liveImpersonateEnv) == "1" {
		return c.Impersonate(cfg.Mailbox)
	}
	return c.Own()
}
