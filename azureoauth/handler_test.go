package azureoauth_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

const callback = "https://helpdesk.example/oauth/callback"

// webApp is an application with a Handler, and a browser's cookies for it.
type webApp struct {
	t       testing.TB
	az      *azuretest.Server
	cfg     *azureoauth.Config
	h       *azureoauth.Handler
	signIns atomic.Int32
	last    *azureoauth.SignIn
	fail    error
}

func newWebApp(t testing.TB, so *azuretest.Options, ho *azureoauth.HandlerOptions) *webApp {
	t.Helper()
	a := &webApp{t: t, az: newServer(t, so)}
	a.cfg = registration(a.az)
	a.cfg.RedirectURL = callback
	a.remake(ho)
	return a
}

func (a *webApp) remake(ho *azureoauth.HandlerOptions) {
	a.t.Helper()
	var o azureoauth.HandlerOptions
	if ho != nil {
		o = *ho
	}
	o.OnSignIn = func(_ context.Context, s *azureoauth.SignIn) error {
		if a.fail != nil {
			return a.fail
		}
		a.signIns.Add(1)
		a.last = s
		return nil
	}
	h, err := azureoauth.NewHandler(a.cfg, &o)
	if err != nil {
		a.t.Fatal(err)
	}
	a.h = h
}

// browser is a jar: cookies by name.
type browser map[string]*http.Cookie

func (b browser) take(resp *http.Response) {
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 {
			delete(b, c.Name)
			continue
		}
		b[c.Name] = c
	}
}

func (b browser) clone() browser {
	n := browser{}
	for k, v := range b {
		n[k] = v
	}
	return n
}

func (a *webApp) start(b browser, query string) *http.Response {
	a.t.Helper()
	w := httptest.NewRecorder()
	a.h.Start(w, httptest.NewRequest(http.MethodGet, "https://helpdesk.example/connect?"+query, nil))
	resp := w.Result()
	if b != nil {
		b.take(resp)
	}
	return resp
}

// begin starts a sign-in and plays the authorization server's page: it returns the response for the callback.
func (a *webApp) begin(b browser, query string) url.Values {
	a.t.Helper()
	resp := a.start(b, query)
	if resp.StatusCode != http.StatusSeeOther {
		body, _ := io.ReadAll(resp.Body)
		a.t.Fatalf("Start answered %d: %s", resp.StatusCode, body)
	}
	return authorize(a.t, a.az, resp.Header.Get("Location"))
}

func (a *webApp) request(b browser, r *http.Request) (*http.Response, string) {
	for _, c := range b {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	w := httptest.NewRecorder()
	a.h.Callback(w, r)
	resp := w.Result()
	if b != nil {
		b.take(resp)
	}
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}

func (a *webApp) callback(b browser, rawQuery string) (*http.Response, string) {
	r := httptest.NewRequest(http.MethodGet, callback, nil)
	r.URL.RawQuery = rawQuery
	return a.request(b, r)
}

// refused checks that nothing was redeemed or stored.
func (a *webApp) refused(name string, resp *http.Response, status int) {
	a.t.Helper()
	if resp.StatusCode != status {
		a.t.Errorf("%s: status %d, want %d", name, resp.StatusCode, status)
	}
	if n := a.az.TokenRequests(); n != 0 {
		a.t.Errorf("%s: %d token requests, want none", name, n)
	}
	if a.signIns.Load() != 0 {
		a.t.Errorf("%s: a sign-in was stored", name)
	}
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		a.t.Errorf("%s: headers %v", name, resp.Header)
	}
}

func handlerKinds() map[string]*azureoauth.HandlerOptions {
	key := bytes.Repeat([]byte{7}, 32)
	return map[string]*azureoauth.HandlerOptions{
		"memory":       nil,
		"cookie":       {CookieKeys: [][]byte{key}},
		"sealed store": {Sessions: azureoauth.NewMemorySessions(), CookieKeys: [][]byte{key}},
	}
}

func TestHandlerSignsIn(t *testing.T) {
	for name, o := range handlerKinds() {
		t.Run(name, func(t *testing.T) {
			a := newWebApp(t, nil, o)
			b := browser{}
			v := a.begin(b, "return_to=/settings%3Fok%3D1")
			resp, body := a.callback(b, v.Encode())
			// Case 25: 303 to a clean URL.
			if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/settings?ok=1" {
				t.Fatalf("callback answered %d, Location %q: %s", resp.StatusCode, resp.Header.Get("Location"), body)
			}
			if a.signIns.Load() != 1 || a.last.Account.Username != azuretest.DefaultUPN || a.last.Token.RefreshToken == "" {
				t.Errorf("sign-in stored: %+v", a.last)
			}
			if len(b) != 0 {
				t.Errorf("cookies left: %v", b)
			}
		})
	}
}

func TestHandlerInstancesShareCookieKeys(t *testing.T) {
	o := &azureoauth.HandlerOptions{CookieKeys: [][]byte{bytes.Repeat([]byte{7}, 32)}}
	a := newWebApp(t, nil, o)
	b := browser{}
	v := a.begin(b, "")
	// A second instance, after a key rotation: the old key still reads.
	a.remake(&azureoauth.HandlerOptions{CookieKeys: [][]byte{bytes.Repeat([]byte{8}, 32), bytes.Repeat([]byte{7}, 32)}})
	if resp, body := a.callback(b, v.Encode()); resp.StatusCode != http.StatusOK {
		t.Fatalf("second instance answered %d: %s", resp.StatusCode, body)
	}
	v = a.begin(b, "")
	a.remake(&azureoauth.HandlerOptions{CookieKeys: [][]byte{bytes.Repeat([]byte{9}, 32)}})
	if resp, _ := a.callback(b, v.Encode()); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a foreign key reads the cookie: %d", resp.StatusCode)
	}
}

// The page sends people to the log: what went wrong must stand there, also where the registration is looked up.
func TestFailuresAreLoggedWithLookup(t *testing.T) {
	var log bytes.Buffer
	a := newWebApp(t, nil, nil)
	a.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	h, err := azureoauth.NewHandler(nil, &azureoauth.HandlerOptions{
		Lookup:   func(context.Context, string) (*azureoauth.Config, error) { return a.cfg, nil },
		OnSignIn: func(context.Context, *azureoauth.SignIn) error { return errors.New("the disk is full") },
	})
	if err != nil {
		t.Fatal(err)
	}
	a.h = h
	b := browser{}
	resp, body := a.callback(b, a.begin(b, "").Encode())
	if resp.StatusCode != 500 || strings.Contains(body, "disk") || !strings.Contains(log.String(), "the disk is full") {
		t.Errorf("%d %s\nlog: %s", resp.StatusCode, body, log.String())
	}
}

// A directory is full of names that somebody chose.
func TestAccountNamesAreEscaped(t *testing.T) {
	a := newWebApp(t, &azuretest.Options{Users: []azuretest.User{{UPN: "<script>alert(1)</script>@contoso.example", Name: "<img src=x>"}}}, nil)
	b := browser{}
	resp, body := a.callback(b, a.begin(b, "").Encode())
	if resp.StatusCode != 200 || strings.Contains(body, "<script") || strings.Contains(body, "<img") || !strings.Contains(body, "&lt;script&gt;") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestHandlerFormPost(t *testing.T) {
	a := newWebApp(t, nil, &azureoauth.HandlerOptions{ResponseMode: "form_post"})
	b := browser{}
	resp := a.start(b, "")
	loc, _ := resp.Location()
	if loc.Query().Get("response_mode") != "form_post" {
		t.Fatal("response_mode is not sent")
	}
	for _, c := range b {
		if c.SameSite != http.SameSiteNoneMode || !c.Secure {
			t.Errorf("cookie %v would not come with a cross-site POST", c)
		}
	}
	q := loc.Query()
	q.Del("response_mode")
	loc.RawQuery = q.Encode()
	v := authorize(t, a.az, loc.String())
	r := httptest.NewRequest(http.MethodPost, callback, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, body := a.request(b, r); resp.StatusCode != http.StatusOK {
		t.Fatalf("callback answered %d: %s", resp.StatusCode, body)
	}
}

// Cases 1 to 4: the authorization request.
func TestAuthorizationRequest(t *testing.T) {
	a := newWebApp(t, nil, nil)
	seen := map[string]bool{}
	for range 100 {
		b := browser{}
		resp := a.start(b, "")
		loc, err := resp.Location()
		if err != nil {
			t.Fatal(err)
		}
		q := loc.Query()
		state := q.Get("state")
		if len(state) < 22 || seen[state] || seen[q.Get("code_challenge")] || seen[q.Get("nonce")] {
			t.Fatalf("state %q is short or came twice", state)
		}
		seen[state], seen[q.Get("code_challenge")], seen[q.Get("nonce")] = true, true, true
		if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Has("code_verifier") {
			t.Fatalf("PKCE: %v", q)
		}
		if q.Get("redirect_uri") != callback || q.Get("response_type") != "code" || q.Get("client_id") != azuretest.DefaultClientID {
			t.Fatalf("request: %v", q)
		}
		if len(b) != 1 {
			t.Fatalf("%d cookies", len(b))
		}
		for name, c := range b {
			if !strings.HasPrefix(name, "__Host-") || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("cookie %v", c)
			}
			if strings.Contains(name+c.Value, state) {
				t.Error("the state stands in the cookie")
			}
		}
	}
	b := browser{}
	v := a.begin(b, "")
	a.callback(b, v.Encode())
	form := url.Values(a.az.Requests()[0].Form)
	if form.Get("redirect_uri") != callback {
		t.Errorf("redeemed with redirect_uri %q", form.Get("redirect_uri"))
	}
	if n := len(form.Get("code_verifier")); n < 43 || n > 128 {
		t.Errorf("verifier has %d characters", n)
	}
	if a.az.Requests()[0].Header.Get("Origin") != "" {
		t.Error("an Origin header was sent: Entra takes the client for a single-page app")
	}
}

// Case 5: a query in the authorization URL is kept.
func TestAuthURLKeepsItsQuery(t *testing.T) {
	az := newServer(t, nil)
	cfg := registration(az)
	cfg.AuthURL += "?domain_hint=contoso.example"
	page, _, err := cfg.AuthCodeURL(nil)
	if err != nil || !strings.Contains(page, "domain_hint=contoso.example&") {
		t.Errorf("%s, %v", page, err)
	}
}

// Case 33: a flood of begun sign-ins is bounded, the oldest go.
func TestPendingSignInsAreBounded(t *testing.T) {
	s := azureoauth.NewMemorySessions()
	for i := range 100_000 {
		if err := s.Put(t.Context(), fmt.Sprint(i), []byte("x"), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	held := 0
	for i := range 100_000 {
		if _, err := s.Take(t.Context(), fmt.Sprint(i)); err == nil {
			held++
		} else if i >= 95_000 {
			t.Fatalf("the recent one %d is gone", i)
		}
	}
	if held > 10_000 {
		t.Errorf("%d are held", held)
	}
}

func TestHandlerOverRealTLS(t *testing.T) {
	mux := http.NewServeMux()
	web := httptest.NewTLSServer(mux)
	t.Cleanup(web.Close)
	app := azuretest.DefaultApp()
	app.RedirectURIs = append(app.RedirectURIs, web.URL+"/oauth/callback")
	az := newServer(t, &azuretest.Options{Apps: []azuretest.App{app}})
	cfg := registration(az)
	cfg.RedirectURL, cfg.HTTPClient = web.URL+"/oauth/callback", nil
	var got *azureoauth.SignIn
	h, err := azureoauth.NewHandler(cfg, &azureoauth.HandlerOptions{OnSignIn: func(_ context.Context, s *azureoauth.SignIn) error { got = s; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("/connect", h.Start)
	mux.HandleFunc("/oauth/callback", h.Callback)
	client := browserClient(t, web.Client().Transport.(*http.Transport).TLSClientConfig)
	resp, err := client.Get(web.URL + "/connect")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || got == nil || !strings.Contains(string(body), azuretest.DefaultUPN) {
		t.Fatalf("%d: %s", resp.StatusCode, body)
	}
}

func browserClient(t testing.TB, conf *tls.Config) *http.Client {
	tr := &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Jar: newJar(t), Timeout: 2 * time.Minute}
}
