package azureoauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newCertificate(t testing.TB, key crypto.Signer, notAfter time.Time) *x509.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "helpdesk"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verifier is what Entra does with an assertion: PS256 by the registered certificate, and no jti twice.
func verifier(cert *x509.Certificate) func(assertion, audience string) error {
	seen := map[string]bool{}
	sum := sha256.Sum256(cert.Raw)
	return func(assertion, audience string) error {
		p := strings.Split(assertion, ".")
		if len(p) != 3 {
			return errors.New("no JWT")
		}
		var header map[string]string
		var claims struct {
			Aud, Iss, Sub, Jti string
			Nbf, Exp           int64
		}
		for i, v := range []any{&header, &claims} {
			b, err := base64.RawURLEncoding.DecodeString(p[i])
			if err != nil || json.Unmarshal(b, v) != nil {
				return errors.New("malformed")
			}
		}
		sig, _ := base64.RawURLEncoding.DecodeString(p[2])
		digest := sha256.Sum256([]byte(p[0] + "." + p[1]))
		now := time.Now().Unix()
		switch {
		case header["alg"] != "PS256" || header["x5t#S256"] != base64.RawURLEncoding.EncodeToString(sum[:]):
			return errors.New("header")
		case claims.Aud != audience || claims.Iss != azuretest.DefaultClientID || claims.Sub != claims.Iss:
			return errors.New("claims")
		case claims.Nbf > now || claims.Exp <= now || claims.Exp-now > 600:
			return errors.New("times")
		case claims.Jti == "" || seen[claims.Jti]:
			return errors.New("jti twice")
		}
		seen[claims.Jti] = true
		return rsa.VerifyPSS(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], sig, &rsa.PSSOptions{SaltLength: 32})
	}
}

func certFiles(t testing.TB, key *rsa.PrivateKey, cert *x509.Certificate) map[string][]byte {
	t.Helper()
	block := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	p8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := pkcs12.Modern.Encode(key, cert, nil, "pfx-password-canary")
	if err != nil {
		t.Fatal(err)
	}
	legacy, err := pkcs12.LegacyRC2.Encode(key, cert, nil, "pfx-password-canary")
	if err != nil {
		t.Fatal(err)
	}
	c := block("CERTIFICATE", cert.Raw)
	return map[string][]byte{
		"key first": append(block("PRIVATE KEY", p8), c...), "key last": append(append([]byte("Bag Attributes\n"), c...), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))...),
		"pfx": pfx, "old pfx": legacy,
	}
}

func TestCertificateSignsIn(t *testing.T) {
	key := testKey()
	cert := newCertificate(t, key, time.Now().Add(365*24*time.Hour))
	for name, file := range certFiles(t, key, cert) {
		t.Run(name, func(t *testing.T) {
			app := azuretest.DefaultApp()
			app.Secret, app.VerifyAssertion = "", verifier(cert)
			az := newServer(t, &azuretest.Options{Apps: []azuretest.App{app}})
			cred, err := azureoauth.ParseCertificate(file, "pfx-password-canary")
			if err != nil {
				t.Fatal(err)
			}
			cfg := registration(az)
			cfg.ClientSecret, cfg.Credential = "", cred
			tok := signIn(t, az, cfg, nil).Token
			for range 3 { // a new jti each time
				if tok, err = cfg.Refresh(t.Context(), tok); err != nil {
					t.Fatal(err)
				}
			}
			appOnly := registration(az)
			appOnly.ClientSecret, appOnly.Credential, appOnly.Scopes = "", cred, []string{".default"}
			if _, err := appOnly.AppSource().Token(t.Context()); err != nil {
				t.Error(err)
			}
			if out := everyPrint(cred) + everyPrint(cfg); strings.Contains(out, key.D.String()) || strings.Contains(out, key.Primes[0].String()) {
				t.Error("the private key is printed")
			}
		})
	}
}

func TestCertificateErrors(t *testing.T) {
	key := testKey()
	cert := newCertificate(t, key, time.Now().Add(time.Hour))
	files := certFiles(t, key, cert)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pemCert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	pemKey := func(k any) []byte {
		b, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})
	}
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "neither PEM nor", nil}, {"garbage", "neither PEM nor", []byte("hello")},
		{"wrong password", "password of the PFX file is wrong", files["pfx"]},
		{"no key", "no PRIVATE KEY", pemCert}, {"no certificate", "no CERTIFICATE", pemKey(key)},
		{"foreign key", "another certificate", append(pemKey(other), pemCert...)},
		{"EC key", "not RSA", append(pemKey(ec), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: newCertificate(t, ec, time.Now().Add(time.Hour)).Raw})...)},
		{"two keys", "two private keys", append(append(pemKey(key), pemKey(other)...), pemCert...)},
		{"damaged key", "damaged", append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), pemCert...)},
		{"damaged certificate", "damaged", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})},
		{"encrypted", "openssl pkey", append(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}), pemCert...)},
	} {
		_, err := azureoauth.ParseCertificate(c.data, "wrong-password-canary")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") || strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	dead, err := azureoauth.NewCertificate(newCertificate(t, key, time.Now().Add(-time.Minute)), key)
	if err != nil {
		t.Fatal(err)
	}
	c := pasted()
	c.ClientSecret, c.Credential = "", dead
	_, err = c.Refresh(t.Context(), refreshOf("RT"))
	if e := wantError(t, err, azureoauth.ErrBadCredential); !strings.Contains(e.Error(), "expired on") {
		t.Error(e)
	}
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0], "certificate") || !strings.Contains(w[0], "expired") {
		t.Errorf("warnings %v", w)
	}
}

func TestAssertionFunc(t *testing.T) {
	n := 0
	app := azuretest.DefaultApp()
	app.VerifyAssertion = func(a, aud string) error {
		if a != "header.payload.signature" || !strings.HasSuffix(aud, "/token") {
			return errors.New("wrong")
		}
		return nil
	}
	az := newServer(t, &azuretest.Options{Apps: []azuretest.App{app}})
	cfg := registration(az)
	cfg.Scopes, cfg.ClientSecret = []string{".default"}, ""
	cfg.Credential = azureoauth.AssertionFunc(func(ctx context.Context, clientID, tokenURL string) (string, error) {
		n++
		if clientID != azuretest.DefaultClientID || tokenURL != az.TokenURL() {
			t.Errorf("%s, %s", clientID, tokenURL)
		}
		return "header.payload.signature", ctx.Err()
	})
	src := cfg.AppSource()
	for range 2 {
		tok, err := src.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		src.Reject(t.Context(), tok, "")
	}
	if n != 2 {
		t.Errorf("asked %d times", n)
	}

	path := filepath.Join(t.TempDir(), "token")
	cfg2 := registration(az)
	cfg2.Scopes, cfg2.ClientSecret, cfg2.Credential = []string{".default"}, "", azureoauth.AssertionFile(path)
	_, err := cfg2.AppSource().Token(t.Context())
	if e := wantError(t, err, azureoauth.ErrBadCredential); !strings.Contains(e.Error(), path) || !errors.Is(err, os.ErrNotExist) || strings.Contains(e.Advice(), "secret") || !strings.Contains(e.Advice(), "token file") {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("header.payload.signature\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cfg2.AppSource().Token(t.Context()); err != nil {
		t.Error(err)
	}
}
