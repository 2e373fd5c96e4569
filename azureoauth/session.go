package azureoauth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// SessionStore keeps pending sign-ins between Start and Callback, for a Handler. Several instances of a program share one
// (Redis, a database) when a browser may come back to another instance. data is opaque; with HandlerOptions.CookieKeys it
// is encrypted. Implementations are safe for concurrent use.
type SessionStore interface {
	// Put keeps data under key for at least ttl, and drops it some time after.
	Put(ctx context.Context, key string, data []byte, ttl time.Duration) error
	// Take returns the data and removes it, in one step: of two concurrent callers one gets it. Absent: ErrNoPendingSignIn.
	Take(ctx context.Context, key string) ([]byte, error)
}

// maxPending bounds the memory of NewMemorySessions: at about 1 KB each, 10 MB.
const maxPending = 10000

// NewMemorySessions returns a SessionStore in memory, for one instance. It holds at most 10,000 pending sign-ins: the oldest
// goes when another begins, so that a flood of beginnings costs no more.
func NewMemorySessions() SessionStore { return &memorySessions{m: map[string]*memorySession{}} }

type memorySessions struct {
	mu    sync.Mutex
	m     map[string]*memorySession
	queue []*memorySession // oldest first; taken ones stay until they reach the front
}

type memorySession struct {
	key   string
	data  []byte
	until time.Time
}

func (s *memorySessions) Put(_ context.Context, key string, data []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	e := &memorySession{key, data, now.Add(ttl)}
	s.m[key] = e
	s.queue = append(s.queue, e)
	for len(s.queue) > 0 {
		old := s.queue[0]
		gone := s.m[old.key] != old
		if !gone && len(s.queue) <= maxPending && now.Before(old.until) {
			break
		}
		if !gone {
			delete(s.m, old.key)
		}
		s.queue[0] = nil
		s.queue = s.queue[1:]
	}
	return nil
}

func (s *memorySessions) Take(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.m[key]
	delete(s.m, key)
	if e == nil || !time.Now().Before(e.until) {
		return nil, ErrNoPendingSignIn
	}
	return e.data, nil
}

// pendingWire is PendingSignIn with its secrets, which its own MarshalJSON would hide.
type pendingWire struct {
	State, Verifier, Nonce, Redirect, Server, Browser string
	Options                                           SignInOptions
	Created                                           time.Time
}

func encodePending(p *PendingSignIn, browser string) ([]byte, error) {
	return json.Marshal(pendingWire{string(p.State), string(p.Verifier), string(p.Nonce), p.RedirectURL, p.Server, browser, p.Options, p.CreatedAt})
}

func decodePending(b []byte) (p *PendingSignIn, browser string, err error) {
	var w pendingWire
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, "", ErrNoPendingSignIn
	}
	return &PendingSignIn{State: Secret(w.State), Verifier: Secret(w.Verifier), Nonce: Secret(w.Nonce), RedirectURL: w.Redirect,
		Server: w.Server, Options: w.Options, CreatedAt: w.Created}, w.Browser, nil
}

// sealer encrypts and authenticates pending sign-ins: the first key seals, all of them open.
type sealer []cipher.AEAD

func newSealer(keys [][]byte) (sealer, error) {
	var s sealer
	for i, k := range keys {
		if len(k) < 32 {
			return nil, fmt.Errorf("azureoauth: CookieKeys[%d]: %d bytes; use at least 32 random ones", i, len(k))
		}
		// Derived, so that a key shared with another purpose does no harm.
		dk, err := hkdf.Key(sha256.New, k, nil, "azureoauth pending sign-in v1", 32)
		if err != nil {
			return nil, fmt.Errorf("azureoauth: CookieKeys[%d]: %w", i, err)
		}
		block, err := aes.NewCipher(dk)
		if err != nil {
			return nil, fmt.Errorf("azureoauth: CookieKeys[%d]: %w", i, err)
		}
		a, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("azureoauth: CookieKeys[%d]: %w", i, err)
		}
		s = append(s, a)
	}
	return s, nil
}

// seal binds data to a name: a cookie's or a store key's.
func (s sealer) seal(data []byte, name string) []byte {
	if len(s) == 0 {
		return data
	}
	return s[0].Seal(nil, nil, data, []byte(name))
}

func (s sealer) open(data []byte, name string) ([]byte, error) {
	if len(s) == 0 {
		return data, nil
	}
	for _, a := range s {
		if b, err := a.Open(nil, nil, data, []byte(name)); err == nil {
			return b, nil
		}
	}
	return nil, errors.New("azureoauth: the pending sign-in cannot be decrypted")
}

// hashText is how secrets become store keys and cookie names: the store's keys alone give no sign-in away.
func hashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func b64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unb64url(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }
