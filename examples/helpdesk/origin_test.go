package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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

// Behind a proxy the application has the name that browsers know it by. They send it in small letters and without the usual port, however
// -url is written; no other name is let in.
func TestPublicName(t *testing.T) {
	for public, hosts := range map[string]map[string]int{
		"https://Helpdesk.Example.com:443": {"helpdesk.example.com": http.StatusOK, "helpdesk.example.com.evil.example": http.StatusMisdirectedRequest, "localhost:8025": http.StatusMisdirectedRequest},
		"http://desk.example.com:80":       {"desk.example.com": http.StatusOK},
		"https://desk.example.com:80":      {"desk.example.com:80": http.StatusOK, "desk.example.com": http.StatusMisdirectedRequest},
	} {
		v, _ := start(t, "-url", public)
		for host, want := range hosts {
			r := httptest.NewRequest(http.MethodGet, "/style.css", nil)
			r.Host = host
			w := httptest.NewRecorder()
			v.app.routes().ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("-url %s: %s: %d, not %d", public, host, w.Code, want)
			}
		}
	}
	for _, public := range []string{"helpdesk.example.com", "https://helpdesk.example.com/desk", "https://user:word@helpdesk.example.com", "ftp://helpdesk.example.com", "https://helpdesk.example.com?x"} {
		if _, err := baseURL(options{public: public}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}); err == nil || !strings.Contains(err.Error(), "as in https://") {
			t.Errorf("-url %s: %v", public, err)
		}
	}
}
