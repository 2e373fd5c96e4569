package autodiscover_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews/autodiscover"
	"github.com/ewsmail/ewsmail/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// world is the internet of a test: what its hosts answer, by "https://host/path" in lower case, and its SRV records.
type world struct {
	pages map[string]page
	srv   map[string][]*net.SRV

	mu    sync.Mutex
	log   []string // "METHOD https://host/path", in order
	token []string // hosts that were sent the token
}

type page func(r *http.Request) (*http.Response, error)

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	at := r.URL.Scheme + "://" + r.URL.Host + r.URL.Path
	w.mu.Lock()
	w.log = append(w.log, r.Method+" "+at)
	if r.Header.Get("Authorization") != "" {
		w.token = append(w.token, r.URL.Host)
		if r.URL.Scheme != "https" {
			w.token = append(w.token, "IN CLEAR")
		}
	}
	w.mu.Unlock()
	for _, key := range []string{at, r.URL.Scheme + "://" + r.URL.Host} {
		if p := w.pages[key]; p != nil {
			return p(r)
		}
	}
	for key := range w.pages {
		if strings.HasPrefix(key, "https://"+r.URL.Host+"/") && r.URL.Scheme == "https" {
			return say(404, "not here")(r)
		}
	}
	return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
}

func (w *world) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	key := "_" + service + "._" + proto + "." + name
	if r, ok := w.srv[key]; ok {
		return key, r, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: key, IsNotFound: true}
}

func say(status int, body string, header ...string) page {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Add(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: -1}, nil
	}
}

func redirect(to string) page { return say(302, "", "Location", to) }

func untrusted(*http.Request) (*http.Response, error) {
	return nil, &tls.CertificateVerificationError{Err: errors.New("x509: certificate is valid for *.outlook.com")}
}

// signedIn answers only requests that carry the token.
func signedIn(p page) page {
	return func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") != "Bearer secret-token" {
			return say(401, "", "WWW-Authenticate", "Bearer")(r)
		}
		return p(r)
	}
}

func v2(url string) page { return say(200, `{"Protocol":"EWS","Url":"`+url+`"}`) }

func soap(code, redirect string, settings ...string) page {
	var b strings.Builder
	for i := 0; i+1 < len(settings); i += 2 {
		fmt.Fprintf(&b, `<UserSetting i:type="StringSetting"><Name>%s</Name><Value>%s</Value></UserSetting>`, settings[i], settings[i+1])
	}
	return signedIn(say(200, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses><UserResponse><ErrorCode>`+
		code+`</ErrorCode><ErrorMessage>as told</ErrorMessage><RedirectTarget>`+redirect+`</RedirectTarget><UserSettingErrors/><UserSettings>`+b.String()+`</UserSettings></UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`))
}

func pox(account string) page {
	return signedIn(say(200, `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">`+account+`</Response></Autodiscover>`))
}

type source string

func (s source) Token(context.Context) (*oauth2.Token, error) {
	if s == "" {
		return nil, errors.New("sign in first")
	}
	return &oauth2.Token{AccessToken: string(s)}, nil
}

// find searches the world with a token, unless change takes it away.
func (w *world) find(t testing.TB, address string, change func(*autodiscover.Options)) (*autodiscover.Result, error) {
	t.Helper()
	o := &autodiscover.Options{Token: source("secret-token"), HTTPClient: &http.Client{Transport: w}, Resolver: w}
	if change != nil {
		change(o)
	}
	return autodiscover.Find(t.Context(), address, o)
}
