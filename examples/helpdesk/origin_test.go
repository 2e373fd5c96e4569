package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// What browsers of all ages, and pages that use them, can send: only what certainly comes from this site's pages changes something.
func TestWhereRequestsComeFrom(t *testing.T) {
	v, _ := start(t)
	base := v.app.base.String()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for name, tc := range map[string]struct {
		header        map[string]string
		form, connect bool // are let through
	}{
		"a browser of today":                          {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": base, "Referer": base + "/"}, true, true},
		"an address that was typed":                   {map[string]string{"Sec-Fetch-Site": "none"}, true, true}, // no browser sends a form so
		"another site":                                {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, false, false},
		"another site, without an origin":             {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "null"}, false, false},
		"another name of the domain":                  {map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://x.example"}, false, false},
		"a browser of 2020":                           {map[string]string{"Origin": base, "Referer": base + "/settings"}, true, true},
		"a browser of 2020, another site":             {map[string]string{"Origin": "https://evil.example", "Referer": "https://evil.example/"}, false, false},
		"a browser of 2020, a site that hides itself": {map[string]string{"Origin": "null"}, false, false},
		"a name that begins alike":                    {map[string]string{"Origin": base + ".evil.example", "Referer": base + ".evil.example/"}, false, false},
		"an older browser, or none":                   {nil, false, false},
		"an older browser that names its page":        {map[string]string{"Referer": base + "/"}, false, true},
	} {
		send := func(method, path string) int {
			r, err := http.NewRequest(method, base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, value := range tc.header {
				r.Header.Set(k, value)
			}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			return resp.StatusCode
		}
		for path, open := range map[string]bool{"POST /disconnect": tc.form, "POST /settings": tc.form, "GET /connect": tc.connect, "GET /admin-consent": tc.connect, "GET /": true} {
			method, path, _ := strings.Cut(path, " ")
			if status := send(method, path); (status != http.StatusForbidden) != open {
				t.Errorf("%s: %s %s: %d", name, method, path, status)
			}
		}
	}
}

// Only the page with a code in its address must never be named to anybody; the others are named to this site's own pages, which makes browsers name
// the origin of their forms.
func TestReferrerPolicy(t *testing.T) {
	v, _ := start(t)
	for path, want := range map[string]string{"/": "same-origin", "/settings": "same-origin", "/oauth/callback?state=x&code=y": "no-referrer"} {
		resp, err := v.client.Get(v.app.base.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		sameText(t, resp.Header.Get("Referrer-Policy"), want)
	}
}
