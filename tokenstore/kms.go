package tokenstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
)

// KMS wraps data keys with a key that stays in a key management service or hardware module (envelope encryption).
// Implementations are safe for concurrent use.
type KMS interface {
	// Wrap encrypts a 32-byte data key. The result has at most 4096 bytes and holds all that Unwrap needs.
	Wrap(ctx context.Context, dataKey []byte) (wrapped []byte, err error)
	// Unwrap is the inverse of Wrap.
	Unwrap(ctx context.Context, wrapped []byte) (dataKey []byte, err error)
}

// KMSKey makes a key from a callback. Each process makes one data key, has it wrapped once, and stores the wrapped form in every
// record it writes; it asks to unwrap once per data key it meets. The id follows the rules of [NewKey] and may not be empty.
func KMSKey(id string, kms KMS) (*Key, error) {
	if err := checkKeyID(id); err != nil {
		return nil, err
	}
	if kms == nil {
		return nil, errors.New("tokenstore: KMSKey needs a KMS")
	}
	return &Key{id: id, source: &kmsSource{kms: kms, unwrapped: newSecretCache(), own: newSecretCache()}}, nil
}

type kmsSource struct {
	kms       KMS
	unwrapped *secretCache // by wrapped form
	own       *secretCache // this process's data key followed by its wrapped form, under the empty name
}

func (*kmsSource) kind() kind    { return kindKMS }
func (*kmsSource) opened([]byte) {}

const maxWrapped = 4096

func (s *kmsSource) forSealing(ctx context.Context) (secret, param []byte, err error) {
	both, err := s.own.get(ctx, nil, func() ([]byte, error) {
		dataKey := make([]byte, KeySize)
		_, _ = rand.Read(dataKey)
		wrapped, err := s.kms.Wrap(ctx, bytes.Clone(dataKey))
		if err != nil {
			return nil, fmt.Errorf("tokenstore: the key service cannot wrap a data key: %w", err)
		}
		if len(wrapped) == 0 || len(wrapped) > maxWrapped {
			return nil, fmt.Errorf("tokenstore: the key service returned a wrapped key of %d bytes, 1 to %d are allowed", len(wrapped), maxWrapped)
		}
		return append(dataKey, wrapped...), nil
	})
	if err != nil {
		return nil, nil, err
	}
	return both[:KeySize:KeySize], both[KeySize:], nil
}

func (s *kmsSource) forOpening(ctx context.Context, param []byte) ([]byte, error) {
	return s.unwrapped.get(ctx, param, func() ([]byte, error) {
		dataKey, err := s.kms.Unwrap(ctx, bytes.Clone(param))
		if err != nil {
			return nil, fmt.Errorf("tokenstore: the key service cannot unwrap a data key: %w", err)
		}
		if len(dataKey) != KeySize {
			return nil, fmt.Errorf("tokenstore: the key service returned a data key of %d bytes instead of %d", len(dataKey), KeySize)
		}
		return dataKey, nil
	})
}

// secretCache keeps secrets that are slow to get. One get runs at a time; the others wait, each on its own ctx.
type secretCache struct {
	turn chan struct{}
	mu   sync.Mutex
	m    map[[32]byte][]byte
}

const maxCachedSecrets = 256 // beyond, all are forgotten and fetched again: only a store full of foreign salts gets there

func newSecretCache() *secretCache {
	return &secretCache{turn: make(chan struct{}, 1), m: make(map[[32]byte][]byte)}
}

func (c *secretCache) get(ctx context.Context, name []byte, fetch func() ([]byte, error)) ([]byte, error) {
	id := sha256.Sum256(name)
	if s := c.look(id); s != nil {
		return s, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s := c.look(id); s != nil {
		return s, nil
	}
	s, err := fetch()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) >= maxCachedSecrets {
		clear(c.m)
	}
	c.m[id] = s
	return s, nil
}

func (c *secretCache) look(id [32]byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m[id]
}
