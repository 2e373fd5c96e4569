package azureoauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ewsmail/ewsmail/azureoauth"
)

// Whatever a token endpoint answers: a proper token or an error, one line, without the request's secrets.
func FuzzTokenAnswer(f *testing.F) {
	f.Add(200, "application/json", okToken)
	f.Add(200, "application/json", `{"access_token":"AT","token_type":"bearer","expires_in":"9e99","refresh_in":1.5}`)
	f.Add(400, "application/json", `{"error":"invalid_grant","error_codes":[700082],"suberror":"bad_token","claims":"{\"access_token\":{}}","error_description":"AADSTS700082: \u202e"}`)
	f.Add(503, "text/html", "<html>")
	f.Add(200, "application/json", `{"a":1,"A":2}`)
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		if status < 200 || status > 599 {
			return
		}
		const canary = "refresh-token-canary"
		if strings.Contains(body+contentType, canary) {
			return
		}
		c := answering(status, contentType, strings.ReplaceAll(body, "ECHO", canary))
		tok, err := c.Refresh(t.Context(), refreshOf(canary))
		if (tok == nil) == (err == nil) {
			t.Fatalf("%v, %v", tok, err)
		}
		if err != nil {
			if s := everyPrint(err); strings.Contains(s, canary) || strings.ContainsAny(err.Error(), "\r\n\x1b") || len(err.Error()) > 2000 || !utf8.ValidString(err.Error()) {
				t.Fatalf("%s", s)
			}
			return
		}
		req := &http.Request{Header: http.Header{}}
		tok.SetAuthHeader(req)
		if h := req.Header.Get("Authorization"); !strings.HasPrefix(h, "Bearer ") || strings.ContainsAny(h, "\r\n") {
			t.Fatalf("header %q", h)
		}
		if tok.RefreshToken == "" || tok.Expiry.IsZero() || time.Until(tok.Expiry) > 29*time.Hour {
			t.Fatalf("%+v", tok)
		}
	})
}

// Whatever comes to the redirect URL: no panic, no token request without the right state, nothing echoed raw.
func FuzzCallback(f *testing.F) {
	f.Add("GET", "code=a&state=b", "", "")
	f.Add("GET", "error=access_denied&error_description=<script>&state=", "", "")
	f.Add("POST", "", "application/x-www-form-urlencoded", "code=a&state=b&iss=https://x")
	f.Add("GET", "state=%ff%00&code=%0d%0a", "", "")
	f.Fuzz(func(t *testing.T, method, query, contentType, body string) {
		n := 0
		c := against(func(*http.Request) (*http.Response, error) { n++; return jsonAnswer(200, okToken), nil })
		h := (&webApp{t: t, cfg: c})
		h.remake(nil)
		b := browser{}
		h.start(b, "")
		r := httptest.NewRequest(http.MethodGet, callback, strings.NewReader(body))
		r.Method = method
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", contentType)
		resp, page := h.request(b, r)
		if n != 0 || resp.StatusCode < 400 || strings.Contains(page, "<script") {
			t.Fatalf("%d requests, %d: %s", n, resp.StatusCode, page)
		}
	})
}

// Whatever response a pending sign-in gets.
func FuzzFinishSignIn(f *testing.F) {
	f.Add("code=x&state=STATE")
	f.Add("code=x&state=STATE&state=STATE")
	f.Add("error=x&error_description=y&state=STATE&claims={}")
	f.Add("code=x&state=STATE&iss=https://login.microsoftonline.com/x/v2.0")
	f.Fuzz(func(t *testing.T, query string) {
		n := 0
		c := against(func(*http.Request) (*http.Response, error) { n++; return jsonAnswer(200, okToken), nil })
		_, p, err := c.AuthCodeURL(nil)
		if err != nil {
			t.Fatal(err)
		}
		v, err := url.ParseQuery(strings.ReplaceAll(query, "STATE", string(p.State)))
		if err != nil {
			return
		}
		s, err := c.FinishSignIn(t.Context(), p, v)
		proper := len(v["state"]) == 1 && v.Get("state") == string(p.State) && len(v["code"]) == 1 && !v.Has("error")
		if (s == nil) == (err == nil) || s != nil && !proper || n > 1 || n == 1 && !proper {
			t.Fatalf("%v, %v, %d requests", s, err, n)
		}
	})
}

func FuzzChallenges(f *testing.F) {
	f.Add(exchangeChallenge)
	f.Add(`Bearer error="insufficient_claims", claims="e30="`)
	f.Add(`NTLM abc==, Negotiate`)
	f.Fuzz(func(t *testing.T, s string) {
		h := http.Header{"Www-Authenticate": {s}}
		for _, c := range azureoauth.ParseChallenges(h) {
			if c.Scheme == "" || strings.ContainsAny(c.Scheme, " ,\"=") {
				t.Fatalf("scheme %q", c.Scheme)
			}
		}
		if c := azureoauth.ClaimsChallenge(h); c != "" && !strings.HasPrefix(strings.TrimSpace(c), "{") {
			t.Fatalf("claims %q", c)
		}
	})
}

// What ParseScopes accepts can be sent, and parses to itself.
func FuzzParseScopes(f *testing.F) {
	f.Add(azureoauth.DefaultScope)
	f.Add(`"a";'b'` + "\u00a0c")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := azureoauth.ParseScopes(s)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Fatalf("%q", err.Error())
			}
			return
		}
		again, err := azureoauth.ParseScopes(strings.Join(got, " "))
		if err != nil || strings.Join(again, " ") != strings.Join(got, " ") {
			t.Fatalf("%q becomes %q, %v", got, again, err)
		}
	})
}
