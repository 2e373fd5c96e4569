package azureoauth_test

import (
	"bufio"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
)

// startProvider runs the certified provider of .ci/oidc-provider (npm ci --ignore-scripts there), or of the folder that
// OIDC_PROVIDER_DIR names. Without node or the package the test is skipped.
func startProvider(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	dir := os.Getenv("OIDC_PROVIDER_DIR")
	if dir == "" {
		dir = filepath.Join("..", ".ci", "oidc-provider")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "oidc-provider")); err != nil {
		t.Skip("oidc-provider is not installed: run npm ci --ignore-scripts in .ci/oidc-provider")
	}
	arg, err := json.Marshal(map[string]any{"redirect": callback, "jwk": map[string]string{
		"kty": "RSA", "use": "sig", "alg": "PS256",
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "server.mjs", string(arg))
	cmd.Dir = dir
	var errs strings.Builder
	cmd.Stderr = &errs
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // it ends by itself then
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	var ready struct{ Issuer string }
	if err != nil || json.Unmarshal([]byte(line), &ready) != nil {
		t.Fatalf("the provider did not start: %s %s", line, errs.String())
	}
	return ready.Issuer
}

// A server not written here: everything that azuretest plays is done against it too.
func TestCertifiedProvider(t *testing.T) {
	key := testKey()
	issuer := startProvider(t, key)
	m, err := azureoauth.Discover(t.Context(), issuer, &azureoauth.DiscoverOptions{AllowLoopbackHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	withSecret := func() *azureoauth.Config {
		return &azureoauth.Config{ClientID: "helpdesk", ClientSecret: "secret-of-the-helpdesk", AuthURL: m.AuthURL, TokenURL: m.TokenURL, DeviceAuthURL: m.DeviceAuthURL,
			RedirectURL: callback, Scopes: []string{"openid", "EWS.AccessAsUser.All"}, AllowLoopbackHTTP: true}
	}
	withKey := func() *azureoauth.Config {
		c := withSecret()
		cred, err := azureoauth.NewCertificate(newCertificate(t, key, time.Now().Add(time.Hour)), key)
		if err != nil {
			t.Fatal(err)
		}
		c.ClientID, c.ClientSecret, c.Credential = "helpdesk-certificate", "", cred
		return c
	}
	for name, newConfig := range map[string]func() *azureoauth.Config{"secret": withSecret, "private_key_jwt": withKey} {
		t.Run("code, PKCE, iss, rotation with "+name, func(t *testing.T) {
			cfg := newConfig()
			page, p, err := cfg.AuthCodeURL(&azureoauth.SignInOptions{Prompt: "consent"})
			if err != nil {
				t.Fatal(err)
			}
			v := providerSignIn(t, page)
			if v.Get("iss") != issuer {
				t.Fatalf("iss %q", v.Get("iss"))
			}
			evil := url.Values{"code": v["code"], "state": v["state"], "iss": {"http://127.0.0.1:1"}}
			if _, err := cfg.FinishSignIn(t.Context(), p, evil); !errors.Is(err, azureoauth.ErrWrongIssuer) {
				t.Errorf("wrong iss: %v", err)
			}
			s, err := cfg.FinishSignIn(t.Context(), p, v)
			if err != nil {
				t.Fatal(err)
			}
			if s.Account.Username != "helpdesk@contoso.example" || !strings.Contains(strings.Join(s.Scopes, " "), "EWS.AccessAsUser.All") {
				t.Errorf("%+v %v", s.Account, s.Scopes)
			}
			if _, err := newConfig().FinishSignIn(t.Context(), p, v); !errors.Is(err, azureoauth.ErrSignInRequired) {
				t.Errorf("the code twice: %v", err)
			}

			page, p, err = cfg.AuthCodeURL(&azureoauth.SignInOptions{Prompt: "consent"})
			if err != nil {
				t.Fatal(err)
			}
			if s, err = cfg.FinishSignIn(t.Context(), p, providerSignIn(t, page)); err != nil {
				t.Fatal(err)
			}
			second, err := cfg.Refresh(t.Context(), s.Token)
			if err != nil {
				t.Fatal(err)
			}
			if second.RefreshToken == s.Token.RefreshToken || second.AccessToken == s.Token.AccessToken {
				t.Error("nothing was rotated")
			}
			third, err := cfg.Refresh(t.Context(), second)
			if err != nil {
				t.Fatal(err)
			}
			// The used one again: it is refused, and takes its family along.
			_, err = cfg.Refresh(t.Context(), s.Token)
			wantError(t, err, azureoauth.ErrSignInRequired)
			_, err = cfg.Refresh(t.Context(), third)
			wantError(t, err, azureoauth.ErrSignInRequired)
		})
		t.Run("client credentials with "+name, func(t *testing.T) {
			cfg := newConfig()
			cfg.Scopes = []string{"EWS.AccessAsUser.All"}
			src := cfg.AppSource()
			first, err := src.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			src.Reject(t.Context(), first, "")
			if again, err := src.Token(t.Context()); err != nil || again.AccessToken == first.AccessToken {
				t.Errorf("%v", err)
			}
		})
		t.Run("device code with "+name, func(t *testing.T) {
			cfg := newConfig()
			d, err := cfg.DeviceAuth(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			d.Interval = 100 * time.Millisecond
			done := make(chan error, 1)
			go func() { done <- approve(newJar(t), d.VerificationURIComplete) }()
			s, err := cfg.DeviceToken(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if s.Token.AccessToken == "" || s.Account.Username != "helpdesk@contoso.example" {
				t.Errorf("%+v", s.Account)
			}
		})
	}
	t.Run("PKCE mismatch", func(t *testing.T) {
		cfg := withSecret()
		page, p, err := cfg.AuthCodeURL(&azureoauth.SignInOptions{Prompt: "consent"})
		if err != nil {
			t.Fatal(err)
		}
		v := providerSignIn(t, page)
		p.Verifier = azureoauth.Secret(strings.Repeat("x", 43))
		_, err = cfg.FinishSignIn(t.Context(), p, v)
		wantError(t, err, azureoauth.ErrSignInRequired)
	})
	t.Run("wrong secret", func(t *testing.T) {
		cfg := withSecret()
		cfg.ClientSecret = "wrong-secret"
		_, err := cfg.Refresh(t.Context(), refreshOf("x"))
		wantError(t, err, azureoauth.ErrBadCredential)
	})
	t.Run("revocation", func(t *testing.T) {
		cfg := withSecret()
		page, p, err := cfg.AuthCodeURL(&azureoauth.SignInOptions{Prompt: "consent"})
		if err != nil {
			t.Fatal(err)
		}
		s, err := cfg.FinishSignIn(t.Context(), p, providerSignIn(t, page))
		if err != nil {
			t.Fatal(err)
		}
		if err := cfg.Revoke(t.Context(), m.RevocationURL, s.Token); err != nil {
			t.Fatal(err)
		}
		_, err = cfg.Refresh(t.Context(), s.Token)
		wantError(t, err, azureoauth.ErrSignInRequired)
		if err := cfg.Revoke(t.Context(), "", s.Token); !errors.Is(err, azureoauth.ErrNoRevocation) {
			t.Errorf("%v", err)
		}
		if err := cfg.Revoke(t.Context(), "http://127.0.0.1:1/revoke", s.Token); err == nil {
			t.Error("the secret would go to another host")
		}
	})
}

// providerSignIn is a browser that goes on until it would come back to the application.
func providerSignIn(t *testing.T, page string) url.Values {
	t.Helper()
	client := &http.Client{Jar: newJar(t), Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), callback) {
				return http.ErrUseLastResponse
			}
			return nil
		}}
	resp, err := client.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil || to.Query().Get("code") == "" {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("the provider ended with %d: %v %.600s", resp.StatusCode, to, b)
	}
	return to.Query()
}

var hiddenInput = regexp.MustCompile(`name="([a-z_]+)" value="([^"]*)"`)

// approve clicks through the provider's device pages.
func approve(jar http.CookieJar, page string) error {
	client := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute}
	resp, err := client.Get(page)
	if err != nil {
		return err
	}
	for range 3 {
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
		form := url.Values{}
		for _, m := range hiddenInput.FindAllStringSubmatch(string(b), -1) {
			form.Set(m[1], m[2])
		}
		if !form.Has("xsrf") {
			if strings.Contains(string(b), "Success") || resp.StatusCode == 200 {
				return nil
			}
			return errors.New("unexpected page: " + string(b))
		}
		form.Set("confirm", "yes")
		u, _ := url.Parse(page)
		u.RawQuery = ""
		if resp, err = client.PostForm(u.String(), form); err != nil {
			return err
		}
	}
	resp.Body.Close()
	return errors.New("the device pages do not end")
}
