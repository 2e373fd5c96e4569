package azureoauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

// Cases 9 to 37 of the bad inputs of a redirect handler, by number, for each way of keeping pending sign-ins.
func TestCallbackCases(t *testing.T) {
	for kind, o := range handlerKinds() {
		t.Run(kind, func(t *testing.T) { callbackCases(t, o) })
	}
}

func callbackCases(t *testing.T, o *azureoauth.HandlerOptions) {
	fresh := func(t *testing.T) (*webApp, browser, url.Values) {
		a := newWebApp(t, nil, o)
		b := browser{}
		return a, b, a.begin(b, "")
	}
	set := func(v url.Values, k, x string) string { v.Set(k, x); return v.Encode() }
	t.Run("09 no state", func(t *testing.T) {
		a, b, v := fresh(t)
		v.Del("state")
		resp, _ := a.callback(b, v.Encode())
		a.refused("no state", resp, 400)
	})
	t.Run("10 empty state, nothing pending", func(t *testing.T) {
		a := newWebApp(t, nil, o)
		for _, q := range []string{"", "state=&code=x", "code=x"} {
			resp, _ := a.callback(browser{}, q)
			a.refused(q, resp, 400)
		}
		// A cookie whose value is empty is no session either.
		resp, _ := a.callback(browser{"x": {Name: "__Host-ewsmail-signin-", Value: ""}}, "state=&code=x")
		a.refused("empty cookie", resp, 400)
	})
	t.Run("11 wrong state", func(t *testing.T) {
		a, b, v := fresh(t)
		resp, _ := a.callback(b, set(v, "state", strings.Repeat("A", 43)))
		a.refused("wrong state", resp, 400)
	})
	t.Run("12 other browser", func(t *testing.T) {
		a, _, v := fresh(t)
		other := browser{}
		a.begin(other, "") // it has a pending sign-in of its own
		resp, _ := a.callback(other, v.Encode())
		a.refused("other browser", resp, 400)
		resp, _ = a.callback(browser{}, v.Encode())
		a.refused("no cookies", resp, 400)
		// A cookie of the right name, as somebody who has seen the state could plant it.
		a, b, v := fresh(t)
		for _, c := range b {
			c.Value = strings.Repeat("A", 43)
		}
		resp, _ = a.callback(b, v.Encode())
		a.refused("a forged cookie", resp, 400)
	})
	t.Run("13 state twice", func(t *testing.T) {
		a, b, v := fresh(t)
		old := b.clone()
		if resp, body := a.callback(b, v.Encode()); resp.StatusCode != 200 {
			t.Fatalf("first: %d %s", resp.StatusCode, body)
		}
		resp, body := a.callback(old, v.Encode())
		if resp.StatusCode != 400 || a.az.TokenRequests() != 1 || !strings.Contains(body, "Start the sign-in again") {
			t.Errorf("second: %d, %d token requests: %s", resp.StatusCode, a.az.TokenRequests(), body)
		}
	})
	t.Run("15 malformed state", func(t *testing.T) {
		a, b, v := fresh(t)
		for _, s := range []string{strings.Repeat("x", 1<<20), "a\x00b", "a\xff\xfe", "a\r\nSet-Cookie: x=1"} {
			resp, body := a.callback(b, set(v, "state", s))
			if len(s) < 100 && strings.Contains(body, s) {
				t.Error("the state is echoed")
			}
			if resp.StatusCode != 400 && resp.StatusCode != 414 {
				t.Errorf("status %d", resp.StatusCode)
			}
			a.refused("malformed", resp, resp.StatusCode)
		}
	})
	t.Run("17 parameters twice", func(t *testing.T) {
		for _, twice := range []string{"state", "code"} {
			a, b, v := fresh(t)
			v.Add(twice, v.Get(twice))
			resp, _ := a.callback(b, v.Encode())
			a.refused(twice, resp, 400)
		}
	})
	t.Run("18 no code, no error", func(t *testing.T) {
		a, b, v := fresh(t)
		v.Del("code")
		resp, body := a.callback(b, v.Encode())
		a.refused("nothing", resp, 400)
		// Case 31: a fragment never reaches the server; the text says so.
		if !strings.Contains(body, "fragment") {
			t.Errorf("response_mode is not explained: %s", body)
		}
	})
	t.Run("19 code and error", func(t *testing.T) {
		a, b, v := fresh(t)
		resp, body := a.callback(b, set(v, "error", "access_denied"))
		a.refused("both", resp, 403)
		if !strings.Contains(body, "access_denied") {
			t.Errorf("page: %s", body)
		}
	})
	t.Run("20 access denied", func(t *testing.T) {
		var got error
		var oo azureoauth.HandlerOptions
		if o != nil {
			oo = *o
		}
		oo.Failure = func(w http.ResponseWriter, _ *http.Request, status int, _ string, err error) {
			got = err
			w.WriteHeader(status)
		}
		a := newWebApp(t, nil, &oo)
		b := browser{}
		v := a.begin(b, "")
		v.Del("code")
		old := b.clone()
		resp, _ := a.callback(b, set(v, "error", "access_denied"))
		a.refused("denied", resp, 403)
		if !errors.Is(got, azureoauth.ErrAccessDenied) {
			t.Errorf("error %v", got)
		}
		_, _ = a.callback(old, v.Encode())
		if !errors.Is(got, azureoauth.ErrNoPendingSignIn) {
			t.Errorf("the pending sign-in was not consumed: %v", got)
		}
	})
	t.Run("21 error with a foreign state", func(t *testing.T) {
		a, b, _ := fresh(t)
		resp, body := a.callback(b, "state=zzz&error=access_denied&error_description=call+this+number")
		a.refused("foreign error", resp, 400)
		if strings.Contains(body, "access_denied") || strings.Contains(body, "call this number") {
			t.Errorf("shown as the provider's word: %s", body)
		}
	})
	t.Run("22 23 24 hostile error texts", func(t *testing.T) {
		for _, text := range []string{"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, strings.Repeat("A", 40<<10), "\u202egnp\x1b[31m"} {
			a, b, v := fresh(t)
			v.Set("error", "server_error")
			v.Set("error_description", text)
			v.Set("error_uri", "javascript:alert(1)")
			resp, body := a.callback(b, v.Encode())
			a.refused("hostile", resp, 502)
			if strings.Contains(body, "<script") || strings.Contains(body, "<img") || strings.Contains(body, "javascript:") || strings.ContainsAny(body, "\u202e\x1b") || len(body) > 4096 {
				t.Errorf("page: %.600s", body)
			}
			for k, want := range map[string]string{
				"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
				"Referrer-Policy": "no-referrer", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
			} {
				if resp.Header.Get(k) != want {
					t.Errorf("%s: %q", k, resp.Header.Get(k))
				}
			}
		}
	})
	t.Run("26 open redirect", func(t *testing.T) {
		for in, want := range map[string]string{
			"//evil.example": "", `/\evil.example`: "", "https:evil.example": "", "/%2f%2fevil.example": "", "javascript:alert(1)": "", "/a\r\nX: y": "",
			"https://evil.example/": "", `/%5cevil.example`: "", "evil": "", "/\tevil": "", "///evil": "",
			"/ok": "/ok", "/ok?a=b#c": "/ok?a=b#c", "/a//b": "/a//b",
		} {
			a := newWebApp(t, nil, o)
			b := browser{}
			resp := a.start(b, url.Values{"return_to": {in}}.Encode())
			if strings.Contains(resp.Header.Get("Location"), "evil") {
				t.Errorf("%q: the return target travels to the server", in)
			}
			v := authorize(t, a.az, resp.Header.Get("Location"))
			resp, _ = a.callback(b, v.Encode())
			if got := resp.Header.Get("Location"); got != want {
				t.Errorf("%q leads to %q, want %q", in, got, want)
			}
		}
	})
	t.Run("27 34 methods", func(t *testing.T) {
		a, b, v := fresh(t)
		for _, m := range []string{"HEAD", "PUT", "DELETE", "OPTIONS"} {
			r := httptest.NewRequest(m, callback+"?"+v.Encode(), nil)
			resp, _ := a.request(b, r)
			if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, POST" {
				t.Errorf("%s: %d", m, resp.StatusCode)
			}
		}
		for ct, status := range map[string]int{"application/json": 415, "": 415, "text/plain": 415} {
			r := httptest.NewRequest("POST", callback, strings.NewReader(v.Encode()))
			r.Header.Set("Content-Type", ct)
			if resp, _ := a.request(b, r); resp.StatusCode != status {
				t.Errorf("POST %q: %d", ct, resp.StatusCode)
			}
		}
		r := httptest.NewRequest("POST", callback, strings.NewReader(v.Encode()+"&x="+strings.Repeat("x", 1<<20)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if resp, _ := a.request(b, r); resp.StatusCode != 413 {
			t.Errorf("large POST: %d", resp.StatusCode)
		}
		// A scanner without the cookie used nothing up, nor did HEAD.
		if resp, _ := a.callback(nil, v.Encode()); resp.StatusCode != 400 {
			t.Errorf("scanner: %d", resp.StatusCode)
		}
		if resp, body := a.callback(b, v.Encode()); resp.StatusCode != 200 {
			t.Errorf("the sign-in was used up: %d %s", resp.StatusCode, body)
		}
	})
	t.Run("28 issuer", func(t *testing.T) {
		for iss, status := range map[string]int{
			"": 200, "RIGHT": 200, "RIGHT/": 400, "https://login.evil.example/x/v2.0": 400, "http://127.0.0.1:1/" + azuretest.DefaultTenantID + "/v2.0": 400, "right-but-other-tenant": 400,
		} {
			a, b, v := fresh(t)
			right := a.az.IssuerURL()
			switch {
			case iss == "right-but-other-tenant":
				iss = a.az.URL + "/00000000-0000-0000-0000-000000000000/v2.0"
			default:
				iss = strings.Replace(iss, "RIGHT", right, 1)
			}
			if iss != "" {
				v.Set("iss", iss)
			}
			if resp, _ := a.callback(b, v.Encode()); resp.StatusCode != status {
				t.Errorf("iss %q: %d, want %d", iss, resp.StatusCode, status)
			}
		}
		var oo azureoauth.HandlerOptions
		if o != nil {
			oo = *o
		}
		oo.RequireIssuer = true
		a := newWebApp(t, nil, &oo)
		b := browser{}
		resp, _ := a.callback(b, a.begin(b, "").Encode())
		a.refused("required and missing", resp, 400)
	})
	t.Run("29 mix-up", func(t *testing.T) {
		a := newWebApp(t, nil, o)
		other := newServer(t, nil)
		cfgB := registration(other)
		cfgB.RedirectURL = callback
		which := a.cfg
		var oo azureoauth.HandlerOptions
		if o != nil {
			oo = *o
		}
		oo.Lookup = func(context.Context, string) (*azureoauth.Config, error) { return which, nil }
		a.remake(&oo)
		b := browser{}
		v := a.begin(b, "")
		which = cfgB // the pending entry is of A, the answer would go to B
		resp, _ := a.callback(b, v.Encode())
		a.refused("mix-up", resp, 400)
		if other.TokenRequests() != 0 {
			t.Error("A's code went to B")
		}
	})
	t.Run("30 code injection", func(t *testing.T) {
		a, b, v := fresh(t)
		attacker := a.begin(browser{}, "")
		v.Set("code", attacker.Get("code"))
		resp, _ := a.callback(b, v.Encode())
		if resp.StatusCode != 403 || a.signIns.Load() != 0 {
			t.Errorf("an injected code: %d, %d stored", resp.StatusCode, a.signIns.Load())
		}
	})
	t.Run("32 host header", func(t *testing.T) {
		a := newWebApp(t, nil, o)
		r := httptest.NewRequest("GET", "https://evil.example/connect", nil)
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("Forwarded", "host=evil.example")
		w := httptest.NewRecorder()
		a.h.Start(w, r)
		loc, _ := w.Result().Location()
		if got := loc.Query().Get("redirect_uri"); got != callback {
			t.Errorf("redirect_uri %q", got)
		}
	})
	t.Run("35 failing server and panicking store", func(t *testing.T) {
		a, b, v := fresh(t)
		a.az.Fail(azuretest.Fault{Cut: true})
		old := b.clone()
		if resp, _ := a.callback(b, v.Encode()); resp.StatusCode != 502 {
			t.Errorf("cut: %d", resp.StatusCode)
		}
		// The pending sign-in is gone: the code may be used up.
		if resp, _ := a.callback(old, v.Encode()); resp.StatusCode != 400 || a.az.TokenRequests() != 1 {
			t.Errorf("again: %d, %d token requests", resp.StatusCode, a.az.TokenRequests())
		}
		a.fail = errors.New("disk full at /var/secret-path")
		v = a.begin(b, "")
		resp, body := a.callback(b, v.Encode())
		if resp.StatusCode != 500 || strings.Contains(body, "secret-path") {
			t.Errorf("OnSignIn failed: %d %s", resp.StatusCode, body)
		}
	})
	t.Run("36 duplicates at once", func(t *testing.T) {
		a, b, v := fresh(t)
		var wg sync.WaitGroup
		var ok atomic.Int32
		for range 20 {
			wg.Go(func() {
				if resp, _ := a.callback(b.clone(), v.Encode()); resp.StatusCode == 200 {
					ok.Add(1)
				}
			})
		}
		wg.Wait()
		if ok.Load() != 1 || a.az.TokenRequests() != 1 || a.signIns.Load() != 1 {
			t.Errorf("%d successes, %d token requests, %d stored", ok.Load(), a.az.TokenRequests(), a.signIns.Load())
		}
	})
	t.Run("37 wrong account", func(t *testing.T) {
		var got error
		var oo azureoauth.HandlerOptions
		if o != nil {
			oo = *o
		}
		oo.Begin = func(*http.Request) (*azureoauth.SignInOptions, error) {
			return &azureoauth.SignInOptions{ExpectedAccount: "boss@contoso.example", LoginHint: azuretest.DefaultUPN}, nil
		}
		oo.Failure = func(w http.ResponseWriter, _ *http.Request, status int, _ string, err error) {
			got = err
			w.WriteHeader(status)
		}
		a := newWebApp(t, nil, &oo)
		b := browser{}
		resp, _ := a.callback(b, a.begin(b, "").Encode())
		e := wantError(t, got, azureoauth.ErrAccountMismatch)
		if resp.StatusCode != 403 || a.signIns.Load() != 0 || !strings.Contains(e.Error(), azuretest.DefaultUPN) {
			t.Errorf("%d, %d stored, %v", resp.StatusCode, a.signIns.Load(), e)
		}
	})
}
