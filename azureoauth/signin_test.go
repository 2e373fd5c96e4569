package azureoauth_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

func TestSignInRefreshAndVerify(t *testing.T) {
	az := newServer(t, nil)
	cfg := registration(az)
	s := signIn(t, az, cfg, nil)
	if s.Account.Username != azuretest.DefaultUPN {
		t.Errorf("account %q", s.Account.Username)
	}
	if diff := cmp.Diff([]string{"https://outlook.office365.com/EWS.AccessAsUser.All"}, s.Scopes); diff != "" {
		t.Errorf("granted scopes (-want +got):\n%s", diff)
	}
	n, err := cfg.Refresh(t.Context(), s.Token)
	if err != nil {
		t.Fatal(err)
	}
	if n.RefreshToken == "" || n.RefreshToken == s.Token.RefreshToken {
		t.Error("the refresh token was not rotated")
	}
	info, err := az.Verify(n.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if info.Audience != azuretest.ResourceExchange || info.UPN != azuretest.DefaultUPN || info.AppOnly {
		t.Errorf("token says %+v", info)
	}
	if d := time.Until(n.Expiry); d < 74*time.Minute || d > 75*time.Minute {
		t.Errorf("expires in %v", d)
	}
}

func TestSignInLoopback(t *testing.T) {
	az := newServer(t, nil)
	for _, redirect := range []string{"", "http://localhost", "http://localhost/callback", "http://127.0.0.1/callback"} {
		cfg := registration(az)
		cfg.RedirectURL, cfg.HTTPClient = redirect, nil
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		s, err := cfg.SignInLoopback(ctx, &azureoauth.LoopbackOptions{Open: azuretest.Browser})
		cancel()
		if err != nil {
			t.Fatalf("redirect %q: %v", redirect, err)
		}
		if s.Token.RefreshToken == "" {
			t.Errorf("redirect %q: no refresh token", redirect)
		}
	}
}

func TestTokensOfAnEarlierProcess(t *testing.T) {
	first := newServer(t, &azuretest.Options{Seed: "one"})
	token := signIn(t, first, registration(first), nil).Token
	second := newServer(t, &azuretest.Options{Seed: "one"})
	if _, err := second.Verify(token.AccessToken); err != nil {
		t.Errorf("access token: %v", err)
	}
	if _, err := registration(second).Refresh(t.Context(), token); err != nil {
		t.Errorf("refresh token: %v", err)
	}
	other := newServer(t, &azuretest.Options{Seed: "two"})
	if _, err := other.Verify(token.AccessToken); err == nil {
		t.Error("a server with another seed takes the access token")
	}
	_, err := registration(other).Refresh(t.Context(), token)
	wantError(t, err, azureoauth.ErrSignInRequired)
}

func TestAppSource(t *testing.T) {
	az := newServer(t, nil)
	cfg := registration(az)
	cfg.Scopes = []string{"full_access_as_app"}
	src := cfg.AppSource()
	tok, err := src.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := az.Verify(tok.AccessToken)
	if err != nil || !info.AppOnly || cmp.Diff([]string{"full_access_as_app"}, info.Roles) != "" {
		t.Errorf("token says %+v, %v", info, err)
	}
	again, err := src.Token(t.Context())
	if err != nil || again != tok || az.TokenRequests() != 1 {
		t.Errorf("a fresh token was not served from memory: %v, %d requests", err, az.TokenRequests())
	}
	src.Reject(t.Context(), tok, "")
	again, err = src.Token(t.Context())
	if err != nil || again.AccessToken == tok.AccessToken {
		t.Errorf("after Reject the same token came again: %v", err)
	}
}
