package azureoauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// ClientCredential proves the application's identity at the token endpoint with a signed JWT instead of a secret
// (RFC 7521, RFC 7523 section 2.2). Assertion is called for each request; tokenURL is the audience the server expects.
// Implementations are safe for concurrent use and print no key material.
type ClientCredential interface {
	Assertion(ctx context.Context, clientID, tokenURL string) (string, error)
}

// AssertionFunc makes a ClientCredential of a function that returns an assertion signed elsewhere: by another identity
// provider (workload identity federation), a key vault, a hardware module. It is called for each token request and bounded by
// its context.
type AssertionFunc func(ctx context.Context, clientID, tokenURL string) (string, error)

// Assertion calls f.
func (f AssertionFunc) Assertion(ctx context.Context, clientID, tokenURL string) (string, error) {
	return f(ctx, clientID, tokenURL)
}

// AssertionFile reads the assertion from a file at each request: a Kubernetes service account token, which the kubelet renews
// (the path stands in AZURE_FEDERATED_TOKEN_FILE).
func AssertionFile(path string) ClientCredential {
	return AssertionFunc(func(context.Context, string, string) (string, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			// The path alone: it is what the admin can act on.
			var pe *fs.PathError
			if errors.As(err, &pe) {
				err = pe.Err
			}
			return "", fmt.Errorf("federated token file %s: %w", path, err)
		}
		s := strings.TrimSpace(string(b))
		if s == "" || len(s) > maxTokenLen || !token68(s) {
			return "", fmt.Errorf("federated token file %s holds no JWT", path)
		}
		return s, nil
	})
}

// assertionLifetime is Microsoft's recommendation: minutes, so that a captured assertion is soon worth nothing.
const assertionLifetime = 5 * time.Minute

// Certificate is a ClientCredential that signs with a certificate's key: PS256 with x5t#S256, as Entra asks for, and a new jti
// each time. Safe for concurrent use.
type Certificate struct {
	cert *x509.Certificate
	key  crypto.Signer
	x5t  string
}

// NewCertificate uses a key that need not be in memory (a hardware module, a key vault). It must be RSA, of 2048 bits or more,
// and belong to the certificate.
func NewCertificate(cert *x509.Certificate, key crypto.Signer) (*Certificate, error) {
	if cert == nil || key == nil {
		return nil, errors.New("azureoauth: certificate: certificate or private key is missing")
	}
	pub, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("azureoauth: certificate: the key is not RSA, which Entra demands")
	}
	if pub.N.BitLen() < 2048 {
		return nil, fmt.Errorf("azureoauth: certificate: the RSA key has %d bits; use 2048 or more", pub.N.BitLen())
	}
	if !pub.Equal(cert.PublicKey) {
		return nil, errors.New("azureoauth: certificate: the private key belongs to another certificate")
	}
	sum := sha256.Sum256(cert.Raw)
	return &Certificate{cert: cert, key: key, x5t: base64.RawURLEncoding.EncodeToString(sum[:])}, nil
}

// ParseCertificate reads certificate and private key from a PEM file (in any order, among other blocks) or a PFX (PKCS #12)
// file. password opens a PFX; encrypted PEM keys are refused, with the command that decrypts them. No error repeats the
// password or key.
func ParseCertificate(data []byte, password Secret) (*Certificate, error) {
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		key, cert, _, err := pkcs12.DecodeChain(data, string(password))
		switch {
		case errors.Is(err, pkcs12.ErrIncorrectPassword):
			return nil, errors.New("azureoauth: certificate: the password of the PFX file is wrong")
		case err != nil:
			return nil, errors.New("azureoauth: certificate: neither PEM nor a PFX file with one certificate and key")
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, errors.New("azureoauth: certificate: the PFX file's key cannot sign")
		}
		return NewCertificate(cert, signer)
	}
	var certs []*x509.Certificate
	var key crypto.Signer
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, errors.New("azureoauth: certificate: a certificate in the PEM file is damaged")
			}
			certs = append(certs, c)
		case "PRIVATE KEY", "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errEncryptedPEM
			}
			k, err := parseKey(block.Bytes)
			if err != nil {
				return nil, err
			}
			if key != nil {
				return nil, errors.New("azureoauth: certificate: two private keys in the PEM file")
			}
			key = k
		case "ENCRYPTED PRIVATE KEY":
			return nil, errEncryptedPEM
		}
	}
	switch {
	case len(certs) == 0:
		return nil, errors.New("azureoauth: certificate: no CERTIFICATE block in the PEM file")
	case key == nil:
		return nil, errors.New("azureoauth: certificate: no PRIVATE KEY block in the PEM file; the private key's part is needed too")
	}
	for _, c := range certs {
		if pub, ok := c.PublicKey.(*rsa.PublicKey); ok && pub.Equal(key.Public()) {
			return NewCertificate(c, key) // the others are its chain
		}
	}
	return NewCertificate(certs[0], key)
}

var errEncryptedPEM = errors.New("azureoauth: certificate: the PEM file's key is encrypted; decrypt it (openssl pkey -in in.pem -out out.pem) or use a PFX file")

func parseKey(der []byte) (crypto.Signer, error) {
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("azureoauth: certificate: the private key in the PEM file is damaged")
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New("azureoauth: certificate: the private key cannot sign")
	}
	return s, nil
}

// Expires is when the certificate ends; Config.Warnings tells of it ahead of time.
func (c *Certificate) Expires() time.Time { return c.cert.NotAfter }

// Thumbprint is the certificate's SHA-256 in base64url, as it is sent (x5t#S256). The portal shows another one, the SHA-1 in
// hex.
func (c *Certificate) Thumbprint() string { return c.x5t }

// Format prints subject and thumbprint, never the key.
func (c *Certificate) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "azureoauth.Certificate("+cleanText(c.cert.Subject.String(), nil, 200)+", "+c.x5t+")")
}

// MarshalJSON is the thumbprint.
func (c *Certificate) MarshalJSON() ([]byte, error) { return json.Marshal(c.x5t) }

// Assertion signs a JWT for the token endpoint. Microsoft: "Microsoft identity platform application authentication certificate
// credentials".
func (c *Certificate) Assertion(_ context.Context, clientID, tokenURL string) (string, error) {
	now := time.Now()
	if now.After(c.cert.NotAfter) {
		return "", fmt.Errorf("the certificate expired on %s: upload a new one under Certificates & secrets", c.cert.NotAfter.Format(time.DateOnly))
	}
	header, err := json.Marshal(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": c.x5t})
	if err != nil {
		return "", err
	}
	// Entra refuses nbf and iat that lie ahead; a clock that is a little fast must not matter.
	begin := now.Add(-30 * time.Second).Unix()
	claims, err := json.Marshal(map[string]any{
		"aud": tokenURL, "iss": clientID, "sub": clientID, "jti": string(randomText()),
		"iat": begin, "nbf": begin, "exp": now.Add(assertionLifetime).Unix(),
	})
	if err != nil {
		return "", err
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(input))
	sig, err := c.key.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	if err != nil {
		return "", fmt.Errorf("signing with the certificate's key failed: %w", err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}
