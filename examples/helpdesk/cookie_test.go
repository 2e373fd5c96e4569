package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Behind a proxy with TLS, the cookies of a sign-in and of an admin consent go over TLS only; nowhere can a script read them, and no other site's
// request brings them along.
func TestCookies(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		secure bool
	}{"behind TLS": {[]string{"-url", "https://helpdesk.example.com"}, true}, "on this machine": {nil, false}} {
		t.Run(name, func(t *testing.T) {
			v, _ := start(t, tc.args...)
			for _, path := range []string{"/connect", "/admin-consent"} {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Host = v.app.base.Host
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				answer := httptest.NewRecorder()
				v.app.routes().ServeHTTP(answer, r)
				resp := answer.Result()
				if resp.StatusCode != http.StatusSeeOther || len(resp.Cookies()) != 1 {
					t.Fatalf("%s: %d, %v", path, resp.StatusCode, resp.Cookies())
				}
				if k := resp.Cookies()[0]; k.Secure != tc.secure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.MaxAge > 600 || k.MaxAge <= 0 || k.Domain != "" {
					t.Errorf("%s: %+v", path, k)
				}
			}
		})
	}
}
