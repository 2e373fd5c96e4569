package azureoauth_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

func fetch(t testing.TB, page string) (int, string) {
	t.Helper()
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute}).Get(page)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// Strangers that knock on the port do not end the sign-in, nor learn of it.
func TestLoopbackStrangers(t *testing.T) {
	az := newServer(t, nil)
	cfg := registration(az)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s, err := cfg.SignInLoopback(ctx, &azureoauth.LoopbackOptions{Open: func(ctx context.Context, page string) error {
		u, _ := url.Parse(page)
		redirect := u.Query().Get("redirect_uri")
		if code, _ := fetch(t, strings.Replace(redirect, "/callback", "/favicon.ico", 1)); code != 404 {
			t.Errorf("favicon: %d", code)
		}
		for _, q := range []string{"", "?code=x", "?state=&code=x", "?state=wrong&error=access_denied&error_description=call+me"} {
			if code, body := fetch(t, redirect+q); code != 400 || strings.Contains(body, "call me") {
				t.Errorf("%q: %d %s", q, code, body)
			}
		}
		return azuretest.Browser(ctx, page)
	}})
	if err != nil || s.Token.RefreshToken == "" {
		t.Fatal(err)
	}
	if az.TokenRequests() != 1 {
		t.Errorf("%d token requests", az.TokenRequests())
	}
}

func TestLoopbackEnds(t *testing.T) {
	az := newServer(t, nil)
	deadline, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := registration(az).SignInLoopback(deadline, &azureoauth.LoopbackOptions{Open: func(ctx context.Context, _ string) error { <-ctx.Done(); return nil }})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}

	why := errors.New("no display")
	if _, err = registration(az).SignInLoopback(t.Context(), &azureoauth.LoopbackOptions{Open: func(context.Context, string) error { return why }}); !errors.Is(err, why) {
		t.Errorf("no browser: %v", err)
	}

	declining := newServer(t, &azuretest.Options{Interactive: true})
	_, err = registration(declining).SignInLoopback(t.Context(), &azureoauth.LoopbackOptions{Open: func(_ context.Context, page string) error {
		u, _ := url.Parse(page)
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).PostForm(strings.Replace(declining.AuthURL(), "authorize", "approve", 1),
			url.Values{"request": {u.RawQuery}, "upn": {azuretest.DefaultUPN}, "answer": {"cancel"}})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if !strings.Contains(string(body), "Sign-in failed") {
			t.Errorf("page: %s", body)
		}
		return nil
	}})
	wantError(t, err, azureoauth.ErrAccessDenied)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := registration(az)
	taken.RedirectURL = "http://localhost:" + strings.Split(l.Addr().String(), ":")[1] + "/callback"
	_, err = taken.SignInLoopback(t.Context(), nil)
	var ce *azureoauth.ConfigError
	if !errors.As(err, &ce) || len(ce.For("RedirectURL")) != 1 {
		t.Errorf("port taken: %v", err)
	}
	web := registration(az)
	web.RedirectURL = callback
	if _, err = web.SignInLoopback(t.Context(), nil); !errors.Is(err, azureoauth.ErrConfiguration) {
		t.Errorf("no loopback redirect: %v", err)
	}
}
