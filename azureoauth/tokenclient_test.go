package azureoauth_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

// tripper answers requests by a function.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r)
}

func jsonAnswer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// against is a registration whose token endpoint is f.
func against(f tripper) *azureoauth.Config {
	c := pasted()
	c.HTTPClient, c.MaxRetries = &http.Client{Transport: f}, -1
	return c
}

func answering(status int, contentType, body string) *azureoauth.Config {
	return against(func(*http.Request) (*http.Response, error) {
		r := jsonAnswer(status, body)
		r.Header.Set("Content-Type", contentType)
		return r, nil
	})
}

const okToken = `{"access_token":"AT","token_type":"Bearer","expires_in":3600,"refresh_token":"RT2","scope":"https://outlook.office365.com/EWS.AccessAsUser.All"}`

// Cases 42 to 47: answers that are no token answers.
func TestTokenAnswers(t *testing.T) {
	at := func(members string) string {
		return `{"access_token":"AT","token_type":"Bearer","expires_in":3600` + members + `}`
	}
	for _, c := range []struct{ name, contentType, body, want string }{
		{"42 text/html", "text/html", "<html>" + okToken, "text/html instead of JSON"},
		{"42 JSON as text", "text/plain", okToken, "text/plain instead of JSON"},
		{"42 no content type", "", okToken, "nothing instead of JSON"},
		{"43 truncated", "application/json", okToken[:40], "malformed"},
		{"43 array", "application/json", "[" + okToken + "]", "malformed"},
		{"43 null", "application/json", "null", "malformed"},
		{"43 empty", "application/json", "", "malformed"},
		{"43 trailing garbage", "application/json", okToken + "x", "malformed"},
		{"43 two objects", "application/json", okToken + okToken, "malformed"},
		{"43 duplicate key", "application/json", at(`,"access_token":"EVIL"`), "twice"},
		{"43 duplicate key in capitals", "application/json", at(`,"ACCESS_TOKEN":"EVIL"`), "twice"},
		{"43 invalid UTF-8", "application/json", at(",\"x\":\"\xff\""), "UTF-8"},
		{"43 access_token a number", "application/json", `{"access_token":1,"token_type":"Bearer"}`, "not a string"},
		{"43 expires_in text", "application/json", `{"access_token":"AT","token_type":"Bearer","expires_in":"abc"}`, "not a number"},
		{"43 expires_in an object", "application/json", `{"access_token":"AT","token_type":"Bearer","expires_in":{}}`, "not a number"},
		{"43 refresh_token a list", "application/json", at(`,"refresh_token":["a"]`), "not a string"},
		{"43 only in capitals", "application/json", `{"ACCESS_TOKEN":"AT","token_type":"Bearer"}`, "access_token is missing"},
		{"45 access_token missing", "application/json", `{"token_type":"Bearer","expires_in":3600}`, "access_token is missing"},
		{"45 access_token empty", "application/json", `{"access_token":"","token_type":"Bearer"}`, "access_token is missing"},
		{"45 access_token with CRLF", "application/json", `{"access_token":"a\r\nX: y","token_type":"Bearer"}`, "characters"},
		{"45 access_token with blank", "application/json", `{"access_token":"a b","token_type":"Bearer"}`, "characters"},
		{"45 access_token not ASCII", "application/json", `{"access_token":"ä","token_type":"Bearer"}`, "characters"},
		{"45 access_token of 100 KB", "application/json", `{"access_token":"` + strings.Repeat("a", 100_000) + `","token_type":"Bearer"}`, "64 KiB"},
		{"45 refresh_token with CRLF", "application/json", at(`,"refresh_token":"a\r\nb"`), "characters"},
		{"46 token_type missing", "application/json", `{"access_token":"AT","expires_in":3600}`, "token_type"},
		{"46 token_type mac", "application/json", `{"access_token":"AT","token_type":"mac"}`, "token_type"},
		{"46 token_type pop", "application/json", `{"access_token":"AT","token_type":"pop"}`, "token_type"},
		{"47 expires_in negative", "application/json", `{"access_token":"AT","token_type":"Bearer","expires_in":-1}`, "negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok, err := answering(200, c.contentType, c.body).Refresh(t.Context(), refreshOf("RT"))
			e := wantError(t, err, azureoauth.ErrResponse)
			if tok != nil || !strings.Contains(e.Error(), c.want) || strings.Contains(e.Error(), "EVIL") || len(e.Error()) > 300 {
				t.Errorf("%v, want %q in it", e, c.want)
			}
			if e.NeedsSignIn() {
				t.Error("a broken answer sends somebody to sign in")
			}
		})
	}
	for _, c := range []struct {
		name, body string
		life       time.Duration
	}{
		{"46 bearer", `{"access_token":"AT","token_type":"bearer","expires_in":3600}`, time.Hour},
		{"46 BEARER", `{"access_token":"AT","token_type":"BEARER","expires_in":3600}`, time.Hour},
		{"47 missing", `{"access_token":"AT","token_type":"Bearer"}`, time.Hour},
		{"47 null", `{"access_token":"AT","token_type":"Bearer","expires_in":null}`, time.Hour},
		{"47 zero", `{"access_token":"AT","token_type":"Bearer","expires_in":0}`, time.Hour},
		{"47 float", `{"access_token":"AT","token_type":"Bearer","expires_in":3599.5}`, 3599500 * time.Millisecond},
		{"47 string", `{"access_token":"AT","token_type":"Bearer","expires_in":"1800"}`, 30 * time.Minute},
		{"47 2^63", `{"access_token":"AT","token_type":"Bearer","expires_in":9223372036854775808}`, 28 * time.Hour},
		{"47 1e400", `{"access_token":"AT","token_type":"Bearer","expires_in":1e400}`, 28 * time.Hour},
		{"47 CAE", `{"access_token":"AT","token_type":"Bearer","expires_in":90000}`, 25 * time.Hour},
		{"42 vendor JSON", `{"access_token":"AT","token_type":"Bearer","expires_in":60}`, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ct := "application/json"
				if strings.Contains(c.name, "vendor") {
					ct = "application/vnd.x+json"
				}
				tok, err := answering(200, ct, c.body).Refresh(t.Context(), refreshOf("RT"))
				if err != nil {
					t.Fatal(err)
				}
				if got := time.Until(tok.Expiry); got != c.life || tok.TokenType != "Bearer" || !tok.Valid() {
					t.Errorf("life %v, type %q", got, tok.TokenType)
				}
				// Case 48: without a new refresh token the old one stays.
				if tok.RefreshToken != "RT" {
					t.Errorf("refresh token %q", tok.RefreshToken)
				}
			})
		})
	}
}

// Case 44: status 200 with an error.
func TestErrorWithStatus200(t *testing.T) {
	_, err := answering(200, "application/json", `{"error":"invalid_grant","error_description":"AADSTS700082: old","error_codes":[700082]}`).Refresh(t.Context(), refreshOf("RT"))
	if e := wantError(t, err, azureoauth.ErrSignInRequired); e.AADSTS != "AADSTS700082" || !e.NeedsSignIn() {
		t.Errorf("%+v", e)
	}
}

// Case 40: large, endless and compressed bodies.
func TestLargeAnswers(t *testing.T) {
	var bomb bytes.Buffer // 16 MiB
	z := gzip.NewWriter(&bomb)
	for range 16 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	var written atomic.Int64
	for name, h := range map[string]http.HandlerFunc{
		"5 MiB": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"`+strings.Repeat("a", 5<<20)+`"}`)
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for chunk := strings.Repeat(" ", 1<<16); ; {
				n, err := io.WriteString(w, chunk)
				if written.Add(int64(n)); err != nil {
					return
				}
			}
		},
		"gzip bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(h)
			defer srv.Close()
			c := pasted()
			c.AuthURL, c.TokenURL, c.AllowLoopbackHTTP, c.MaxRetries = srv.URL+"/t/oauth2/v2.0/authorize", srv.URL+"/t/oauth2/v2.0/token", true, -1
			_, err := c.Refresh(t.Context(), refreshOf("RT"))
			if e := wantError(t, err, azureoauth.ErrResponse); !strings.Contains(e.Error(), "larger than 1 MiB") {
				t.Error(e)
			}
			// What the sockets' buffers hold comes on top of the mebibyte.
			if n := written.Load(); n > 64<<20 {
				t.Errorf("%d bytes were taken", n)
			}
		})
	}
}

// Case 41: a server that does not answer, or drips; the caller's end is at once.
func TestSlowServer(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body/oauth2/v2.0/token" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{")
			w.(http.Flusher).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer srv.Close()
	defer close(release)
	for _, where := range []string{"header", "body"} {
		c := pasted()
		c.AuthURL, c.TokenURL, c.AllowLoopbackHTTP, c.MaxRetries = srv.URL+"/"+where+"/oauth2/v2.0/authorize", srv.URL+"/"+where+"/oauth2/v2.0/token", true, -1
		c.Timeout = 50 * time.Millisecond
		_, err := c.Refresh(t.Context(), refreshOf("RT"))
		if e := wantError(t, err, azureoauth.ErrTemporary); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(e.Error(), "no answer in time") {
			t.Errorf("%s: %v", where, err)
		}
		c.Timeout = -1
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("the user left")
		go func() { time.Sleep(20 * time.Millisecond); cancel(why) }()
		_, err = c.Refresh(ctx, refreshOf("RT"))
		if !errors.Is(err, why) {
			t.Errorf("%s: %v", where, err)
		}
	}
}

func TestServerGone(t *testing.T) {
	const addr = "127.0.0.1:1" // a port that nobody is given
	c := pasted()
	c.AuthURL, c.TokenURL, c.AllowLoopbackHTTP, c.MaxRetries = "http://"+addr+"/t/oauth2/v2.0/authorize", "http://"+addr+"/t/oauth2/v2.0/token", true, -1
	_, err := c.Refresh(t.Context(), refreshOf("RT"))
	if e := wantError(t, err, azureoauth.ErrTemporary); !strings.Contains(e.Error(), "connection refused") || !strings.Contains(e.Advice(), addr) || e.NeedsSignIn() {
		t.Errorf("%v; %s", e, e.Advice())
	}
}

// Case 49: fewer permissions, or those of another resource.
func TestGrantedScopesAreChecked(t *testing.T) {
	for scope, ok := range map[string]bool{
		"https://outlook.office365.com/EWS.AccessAsUser.All":        true,
		"https://outlook.office.com/EWS.AccessAsUser.All":           true, // Entra's other name
		"https://outlook.office365.com/ews.accessasuser.all openid": true,
		"https://outlook.office365.com/Mail.Read":                   false,
		"User.Read": false,
		"https://graph.microsoft.com/EWS.AccessAsUser.All": false,
		"https://mail.evil.example/EWS.AccessAsUser.All":   false,
		"": true, // left out: as requested (RFC 6749 section 5.1)
	} {
		body := strings.Replace(okToken, "https://outlook.office365.com/EWS.AccessAsUser.All", scope, 1)
		_, err := answering(200, "application/json", body).Refresh(t.Context(), refreshOf("RT"))
		if ok && err != nil {
			t.Errorf("%q: %v", scope, err)
		}
		if !ok {
			wantError(t, err, azureoauth.ErrScopeNotGranted)
		}
	}
}

// Case 56: the expiry is wall-clock time, without a monotonic part that a stored token would lose.
func TestExpiryIsWallClock(t *testing.T) {
	tok, err := answering(200, "application/json", okToken).Refresh(t.Context(), refreshOf("RT"))
	if err != nil || tok.Expiry != tok.Expiry.Round(0) { //nolint:staticcheck // compares the monotonic part, on purpose
		t.Errorf("%v, %v", tok.Expiry, err)
	}
}

func TestRefreshWithClaims(t *testing.T) {
	az := newServer(t, nil)
	cfg := registration(az)
	tok := signIn(t, az, cfg, nil).Token
	az.Fail(azuretest.Fault{Error: "interaction_required", SubError: "basic_action", AADSTS: 50076, Claims: `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`})
	_, err := cfg.RefreshWithClaims(t.Context(), tok, `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`)
	e := wantError(t, err, azureoauth.ErrSignInRequired)
	if e.Claims != `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}` {
		t.Errorf("claims %q", e.Claims)
	}
	page, _, err := cfg.AuthCodeURL(&azureoauth.SignInOptions{Claims: e.Claims})
	if err != nil || !strings.Contains(page, "claims=%7B") {
		t.Errorf("%s, %v", page, err)
	}
	// With CAE on, the capability is merged into the challenge.
	cae := registration(az)
	cae.EnableCAE = true
	if _, err := cae.RefreshWithClaims(t.Context(), tok, `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`); err != nil {
		t.Fatal(err)
	}
	reqs := az.Requests()
	if got := url.Values(reqs[len(reqs)-1].Form).Get("claims"); got != `{"access_token":{"nbf":{"essential":true,"value":"1"},"xms_cc":{"values":["cp1"]}}}` {
		t.Errorf("claims sent: %s", got)
	}
	for _, bad := range []string{"x", "[]", "{", strings.Repeat("x", 9000), `{"access_token":` + strings.Repeat(" ", 9000) + `{}}`} {
		if _, err := cfg.RefreshWithClaims(t.Context(), tok, bad); err == nil {
			t.Errorf("claims %.20q are sent", bad)
		}
	}
}

func TestTokenForAnotherResource(t *testing.T) {
	az := newServer(t, nil)
	cfg := registration(az)
	tok := signIn(t, az, cfg, nil).Token
	g, err := cfg.TokenFor(t.Context(), tok, "https://graph.microsoft.com/Mail.ReadWrite")
	if err != nil {
		t.Fatal(err)
	}
	info, err := az.Verify(g.AccessToken)
	if err != nil || info.Audience != azuretest.ResourceGraph || g.RefreshToken == "" {
		t.Errorf("%+v, %v", info, err)
	}
	e, err := cfg.Refresh(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := az.Verify(e.AccessToken); info.Audience != azuretest.ResourceExchange {
		t.Errorf("back: %+v", info)
	}
}

func TestNoRefreshTokenComesBack(t *testing.T) {
	c := answering(200, "application/json", `{"access_token":"AT","token_type":"Bearer","expires_in":3600}`)
	c.RedirectURL = "http://localhost"
	_, p, err := c.AuthCodeURL(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.FinishSignIn(t.Context(), p, url.Values{"state": {string(p.State)}, "code": {"x"}})
	if e := wantError(t, err, azureoauth.ErrNoRefreshToken); !strings.Contains(e.Advice(), "offline_access") {
		t.Error(e.Advice())
	}
	_, err = c.Refresh(t.Context(), &oauth2.Token{AccessToken: "x"})
	wantError(t, err, azureoauth.ErrNoRefreshToken)
	wantError(t, err, azureoauth.ErrSignInRequired)
}
