package tokenstore

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// KeySize is the size of a raw encryption key in bytes.
const KeySize = 32

// Key encrypts records, see [Keyring]. It prints as its id, never as the secret. Safe for concurrent use.
type Key struct {
	id     string
	source keySource
}

// ID names the key in records and errors. It is not secret. The id of a passphrase key is "passphrase": what tells
// passphrases apart is the salt, which records carry.
func (k *Key) ID() string { return k.id }

// String prints the id only.
func (k *Key) String() string { return "tokenstore.Key(" + k.id + ")" }

// GoString is String.
func (k *Key) GoString() string { return k.String() }

// LogValue is String.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON gives String as a JSON string.
func (k *Key) MarshalJSON() ([]byte, error) { return redactedJSON(k.String()) }

// Format keeps verbs like %x and %d from reaching into the struct.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// kind says in an envelope how its data key is found.
type kind byte

const (
	kindRaw        kind = 0 // the key itself
	kindPassphrase kind = 1 // Argon2id; the envelope's param holds salt and cost
	kindKMS        kind = 2 // the envelope's param holds the data key, wrapped
)

// keySource yields the 32 bytes that an envelope's keys are derived from.
type keySource interface {
	kind() kind
	// forSealing returns the secret to encrypt with, and the param that leads back to it.
	forSealing(ctx context.Context) (secret, param []byte, err error)
	// forOpening returns the secret that belongs to param.
	forOpening(ctx context.Context, param []byte) (secret []byte, err error)
	// opened tells that a record with this param was opened, so the secret is the right one.
	opened(param []byte)
}

// NewKey makes a key from exactly [KeySize] random bytes. The id names it in records; empty means one derived from the
// key, which two different keys do not share. An id has 1 to 64 printable ASCII characters and no blanks.
func NewKey(id string, secret []byte) (*Key, error) {
	if len(secret) != KeySize {
		return nil, fmt.Errorf("tokenstore: the encryption key has %d bytes; it must have %d", len(secret), KeySize)
	}
	if [KeySize]byte(secret) == [KeySize]byte{} {
		return nil, errors.New("tokenstore: the encryption key is all zeros; use 32 random bytes (openssl rand -hex 32)")
	}
	if id == "" {
		id = "k-" + hex.EncodeToString(derive(secret, "key id", 6))
	}
	if err := checkKeyID(id); err != nil {
		return nil, err
	}
	return &Key{id: id, source: rawSource(append([]byte(nil), secret...))}, nil
}

func checkKeyID(id string) error {
	if id == "" || len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("tokenstore: key id %q: it must have 1 to 64 printable ASCII characters and no blanks", id)
	}
	return nil
}

// derive separates the uses of one secret (RFC 5869, HKDF with SHA-256).
func derive(secret []byte, use string, n int) []byte {
	out, err := hkdf.Key(sha256.New, secret, nil, "tokenstore 1 "+use, n)
	if err != nil {
		panic(err) // only for absurd n
	}
	return out
}

type rawSource []byte

func (rawSource) kind() kind                                                 { return kindRaw }
func (s rawSource) forSealing(context.Context) (secret, p []byte, err error) { return s, nil, nil }
func (s rawSource) forOpening(context.Context, []byte) ([]byte, error)       { return s, nil }
func (rawSource) opened([]byte)                                              {}

// PassphraseKey makes a key from a passphrase by Argon2id (RFC 9106: 3 passes over 64 MiB, about a tenth of a second, once per
// salt and process). The random salt and the cost stand in each record, so another process with the same passphrase finds
// the key; it takes over the salt of the first record it opens. A passphrase is as strong as it is hard to guess: where
// nobody has to remember it, use [NewKey] or [KeyFile].
func PassphraseKey(passphrase string) (*Key, error) {
	if passphrase == "" {
		return nil, errors.New("tokenstore: the passphrase is empty")
	}
	return &Key{id: passphraseID, source: &passphraseSource{
		passphrase: []byte(passphrase),
		derived:    newSecretCache(),
	}}, nil
}

const passphraseID = "passphrase"

type passphraseSource struct {
	passphrase []byte
	current    atomic.Pointer[[]byte] // param used for sealing: the first one opened, else a fresh one
	derived    *secretCache
}

func (*passphraseSource) kind() kind { return kindPassphrase }

func (s *passphraseSource) forSealing(ctx context.Context) (secret, param []byte, err error) {
	if s.current.Load() == nil {
		fresh := argonParam{time: 3, memory: 64 << 10, threads: 4}
		_, _ = rand.Read(fresh.salt[:])
		p := fresh.bytes()
		s.current.CompareAndSwap(nil, &p)
	}
	param = *s.current.Load()
	secret, err = s.forOpening(ctx, param)
	return secret, param, err
}

func (s *passphraseSource) forOpening(ctx context.Context, param []byte) ([]byte, error) {
	p, err := parseArgonParam(param)
	if err != nil {
		return nil, err
	}
	return s.derived.get(ctx, param, func() ([]byte, error) {
		return argon2.IDKey(s.passphrase, p.salt[:], p.time, p.memory, p.threads, KeySize), nil
	})
}

func (s *passphraseSource) opened(param []byte) { s.current.CompareAndSwap(nil, &param) }

// argonParam stands in the envelope as 16 bytes of salt, passes and KiB as 32-bit big-endian numbers, one byte of threads.
type argonParam struct {
	salt         [16]byte
	time, memory uint32
	threads      uint8
}

func (p argonParam) bytes() []byte {
	b := append([]byte(nil), p.salt[:]...)
	b = binary.BigEndian.AppendUint32(b, p.time)
	b = binary.BigEndian.AppendUint32(b, p.memory)
	return append(b, p.threads)
}

// parseArgonParam bounds the cost: whoever can write to the store could otherwise ask for a terabyte.
func parseArgonParam(b []byte) (p argonParam, err error) {
	if len(b) != 25 {
		return p, fmt.Errorf("%w: Argon2id parameters of %d bytes", ErrTampered, len(b))
	}
	copy(p.salt[:], b)
	p.time, p.memory, p.threads = binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:]), b[24]
	if p.time < 1 || p.time > 10 || p.memory < 8<<10 || p.memory > 256<<10 || p.threads < 1 || p.threads > 16 {
		return p, fmt.Errorf("%w: Argon2id parameters out of bounds", ErrTampered)
	}
	return p, nil
}

// saltName names a passphrase key by its salt, for errors: there may be several.
func saltName(param []byte) string {
	return passphraseID + "-" + hex.EncodeToString(param[:min(4, len(param))])
}
