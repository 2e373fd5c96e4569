package azureoauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
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
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
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

// The lower floor checks for itself, whoever calls it: nothing is sent for a response that does not belong to the sign-in.
func TestFinishSignInRefuses(t *testing.T) {
	az := newServer(t, nil)
	cfg := registration(az)
	other := registration(az)
	other.ClientID = "00000000-1111-2222-3333-444444444444"
	for _, c := range []struct {
		name   string
		change func(p *azureoauth.PendingSignIn, v url.Values)
		with   *azureoauth.Config
		err    error
	}{
		{"no state", func(_ *azureoauth.PendingSignIn, v url.Values) { v.Del("state") }, cfg, azureoauth.ErrWrongState},
		{"empty states on both sides", func(p *azureoauth.PendingSignIn, v url.Values) { v.Set("state", ""); p.State = "" }, cfg, azureoauth.ErrNoPendingSignIn},
		{"wrong state", func(_ *azureoauth.PendingSignIn, v url.Values) { v.Set("state", strings.Repeat("A", 43)) }, cfg, azureoauth.ErrWrongState},
		{"a longer state", func(_ *azureoauth.PendingSignIn, v url.Values) { v.Set("state", v.Get("state")+"A") }, cfg, azureoauth.ErrWrongState},
		{"error with a wrong state", func(_ *azureoauth.PendingSignIn, v url.Values) { v.Set("state", "x"); v.Set("error", "access_denied") }, cfg, azureoauth.ErrWrongState},
		{"two states", func(_ *azureoauth.PendingSignIn, v url.Values) { v.Add("state", "x") }, cfg, azureoauth.ErrResponse},
		{"two issuers", func(_ *azureoauth.PendingSignIn, v url.Values) { v["iss"] = []string{az.IssuerURL(), "x"} }, cfg, azureoauth.ErrResponse},
		{"foreign issuer", func(_ *azureoauth.PendingSignIn, v url.Values) { v.Set("iss", "https://evil.example/v2.0") }, cfg, azureoauth.ErrWrongIssuer},
		{"no code", func(_ *azureoauth.PendingSignIn, v url.Values) { v.Del("code") }, cfg, azureoauth.ErrResponse},
		{"CR LF in the code", func(_ *azureoauth.PendingSignIn, v url.Values) { v.Set("code", "a\r\nb") }, cfg, azureoauth.ErrResponse},
		{"another registration", func(*azureoauth.PendingSignIn, url.Values) {}, other, azureoauth.ErrWrongIssuer},
		{"no verifier", func(p *azureoauth.PendingSignIn, _ url.Values) { p.Verifier = "" }, cfg, azureoauth.ErrNoPendingSignIn},
	} {
		page, p, err := cfg.AuthCodeURL(nil)
		if err != nil {
			t.Fatal(err)
		}
		v := authorize(t, az, page)
		c.change(p, v)
		if _, err := c.with.FinishSignIn(t.Context(), p, v); !errors.Is(err, c.err) || strings.Contains(err.Error(), v.Get("code")) && v.Get("code") != "" {
			t.Errorf("%s: %v", c.name, err)
		}
		if n := az.TokenRequests(); n != 0 {
			t.Fatalf("%s: %d token requests", c.name, n)
		}
	}
	if _, err := cfg.FinishSignIn(t.Context(), nil, nil); !errors.Is(err, azureoauth.ErrNoPendingSignIn) {
		t.Errorf("nothing pending: %v", err)
	}
}

// Several tenants' accounts come back to "organizations"; a tenant's own endpoint takes its own only.
func TestIssuerOfMultiTenantEndpoints(t *testing.T) {
	for tenantPath, ok := range map[string]bool{"organizations": true, "common": true, tenant: false} {
		c := against(func(*http.Request) (*http.Response, error) { return jsonAnswer(200, okToken), nil })
		c.AuthURL, c.TokenURL = strings.Replace(c.AuthURL, tenant, tenantPath, 1), strings.Replace(c.TokenURL, tenant, tenantPath, 1)
		_, p, err := c.AuthCodeURL(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.FinishSignIn(t.Context(), p, url.Values{"state": {string(p.State)}, "code": {"x"}, "iss": {"https://login.microsoftonline.com/00000000-1111-2222-3333-444444444444/v2.0"}})
		if (err == nil) != ok {
			t.Errorf("%s: %v", tenantPath, err)
		}
	}
}

// ID tokens that are not for this sign-in.
func TestIDTokenIsChecked(t *testing.T) {
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
	}
	for name, c := range map[string]struct {
		claims string
		want   string
	}{
		"fine":            {`{"aud":"CLIENT","exp":4102444800,"nonce":"NONCE","preferred_username":"a@b"}`, ""},
		"audience a list": {`{"aud":["x","CLIENT"],"exp":4102444800,"nonce":"NONCE"}`, ""},
		"other audience":  {`{"aud":"x","exp":4102444800,"nonce":"NONCE"}`, "another application"},
		"expired":         {`{"aud":"CLIENT","exp":1,"nonce":"NONCE"}`, "expired"},
		"no expiry":       {`{"aud":"CLIENT","nonce":"NONCE"}`, "expired"},
		"other nonce":     {`{"aud":"CLIENT","exp":4102444800,"nonce":"x"}`, "nonce"},
		"no nonce":        {`{"aud":"CLIENT","exp":4102444800}`, "nonce"},
		"no JSON":         {`x`, "cannot be read"},
	} {
		var p *azureoauth.PendingSignIn
		c2 := pasted()
		c2.HTTPClient = &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
			claims := strings.NewReplacer("CLIENT", c2.ClientID, "NONCE", string(p.Nonce)).Replace(c.claims)
			return jsonAnswer(200, strings.TrimSuffix(okToken, "}")+`,"id_token":"`+jwt(claims)+`"}`), nil
		})}
		var err error
		if _, p, err = c2.AuthCodeURL(nil); err != nil {
			t.Fatal(err)
		}
		_, err = c2.FinishSignIn(t.Context(), p, url.Values{"state": {string(p.State)}, "code": {"x"}})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
