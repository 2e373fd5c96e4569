package azureoauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

func newServer(t testing.TB, o *azuretest.Options) *azuretest.Server {
	t.Helper()
	az, err := azuretest.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(az.Close)
	return az
}

// registration is the registration an admin would paste for az.
func registration(az *azuretest.Server) *azureoauth.Config {
	return &azureoauth.Config{
		ClientID: azuretest.DefaultClientID, ClientSecret: azuretest.DefaultClientSecret,
		AuthURL: az.AuthURL(), TokenURL: az.TokenURL(), RedirectURL: "http://localhost/callback",
		Scopes: []string{"EWS.AccessAsUser.All", "offline_access"}, AllowLoopbackHTTP: true,
		HTTPClient: &http.Client{Transport: az.Transport()}, MaxRetries: -1,
	}
}

// authorize plays the browser: it opens the page and returns the response that would go to the redirect URI.
func authorize(t testing.TB, az *azuretest.Server, page string) url.Values {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, page, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := az.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		t.Fatalf("the authorization endpoint answered %d without redirecting", resp.StatusCode)
	}
	return to.Query()
}

// signIn makes a whole sign-in without a browser.
func signIn(t testing.TB, az *azuretest.Server, cfg *azureoauth.Config, o *azureoauth.SignInOptions) *azureoauth.SignIn {
	t.Helper()
	page, p, err := cfg.AuthCodeURL(o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := cfg.FinishSignIn(context.Background(), p, authorize(t, az, page))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantError(t testing.TB, err error, sentinel error) *azureoauth.Error {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("error is %v, want one that is %q", err, sentinel)
	}
	var e *azureoauth.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *Error", err)
	}
	return e
}

func refreshOf(token string) *oauth2.Token { return &oauth2.Token{RefreshToken: token} }

func newJar(t testing.TB) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

// everyPrint is v in every way that programs print things.
func everyPrint(v any) string {
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	if j, err := json.Marshal(v); err == nil {
		b.Write(j)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "v", v, slog.Group("g", "v", v))
	}
	if err, ok := v.(error); ok {
		for e := err; e != nil; e = errors.Unwrap(e) {
			fmt.Fprintf(&b, "%v %+v %#v\n", e, e, e)
		}
	}
	return b.String()
}
