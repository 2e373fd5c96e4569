package azuretest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"sync"
)

// keys are derived from the seed, so that servers with one seed understand each other.
type keys struct {
	seal cipher.AEAD // codes and refresh tokens
	mac  []byte      // ties access tokens to the seed
}

func newKeys(seed string) *keys {
	key := func(use string, n int) []byte {
		k, err := hkdf.Key(sha256.New, []byte(seed), nil, "azuretest "+use, n)
		if err != nil {
			panic(err) // only for absurd lengths
		}
		return k
	}
	block, err := aes.NewCipher(key("seal", 32))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &keys{seal: aead, mac: key("mac", 32)}
}

var b64 = base64.RawURLEncoding

// sealed makes an opaque token of a kind out of v; open reads it back.
func (k *keys) sealed(kind, prefix string, v any) string {
	plain, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return prefix + b64.EncodeToString(k.seal.Seal(nil, nil, plain, []byte(kind)))
}

var errToken = errors.New("azuretest: the token is not one of this server")

func (k *keys) open(kind, prefix, token string, v any) error {
	rest, ok := strings.CutPrefix(token, prefix)
	if !ok {
		return errToken
	}
	b, err := b64.DecodeString(rest)
	if err != nil {
		return errToken
	}
	plain, err := k.seal.Open(nil, nil, b, []byte(kind))
	if err != nil {
		return errToken
	}
	return json.Unmarshal(plain, v)
}

// uti is Entra's unique token identifier; here it also carries the seed's mark.
func (k *keys) uti() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	return b64.EncodeToString(append(b, k.mark(b)...))
}

func (k *keys) mark(b []byte) []byte {
	h := hmac.New(sha256.New, k.mac)
	h.Write(b)
	return h.Sum(nil)[:8]
}

func (k *keys) owns(uti string) bool {
	b, err := b64.DecodeString(uti)
	return err == nil && len(b) == 16 && subtle.ConstantTimeCompare(k.mark(b[:8]), b[8:]) == 1
}

// signingKey is one RSA key for all servers of all processes, made once from a constant: generating one per server would be
// most of a test's time, and crypto/rsa does not generate from a given source.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	stream := newKeyStream("azuretest signing key")
	e := big.NewInt(65537)
	one := big.NewInt(1)
	prime := func() *big.Int {
		b := make([]byte, 128)
		for {
			stream(b)
			b[0] |= 0xc0
			b[127] |= 1
			p := new(big.Int).SetBytes(b)
			if p.ProbablyPrime(20) && new(big.Int).Mod(new(big.Int).Sub(p, one), e).Sign() != 0 {
				return p
			}
		}
	}
	p, q := prime(), prime()
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	k := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q},
	}
	k.Precompute()
	if err := k.Validate(); err != nil {
		panic(err)
	}
	return k
})

// newKeyStream is SHA-256 in counter mode.
func newKeyStream(label string) func([]byte) {
	n := 0
	return func(b []byte) {
		for i := 0; i < len(b); i += sha256.Size {
			n++
			sum := sha256.Sum256([]byte(label + string(rune(n))))
			copy(b[i:], sum[:])
		}
	}
}

func keyID() string {
	sum := sha256.Sum256(signingKey().N.Bytes())
	return b64.EncodeToString(sum[:20])
}

// sign makes an RS256 JWT.
func sign(claims map[string]any) string {
	header, _ := json.Marshal(map[string]string{"typ": "JWT", "alg": "RS256", "kid": keyID()})
	body, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	input := b64.EncodeToString(header) + "." + b64.EncodeToString(body)
	sum := sha256.Sum256([]byte(input))
	sig, err := rsa.SignPKCS1v15(nil, signingKey(), crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return input + "." + b64.EncodeToString(sig)
}

// verify reads a JWT of sign.
func verify(jwt string, claims any) error {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return errToken
	}
	sig, err := b64.DecodeString(parts[2])
	if err != nil {
		return errToken
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(&signingKey().PublicKey, crypto.SHA256, sum[:], sig) != nil {
		return errToken
	}
	body, err := b64.DecodeString(parts[1])
	if err != nil {
		return errToken
	}
	return json.Unmarshal(body, claims)
}
