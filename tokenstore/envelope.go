package tokenstore

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// Errors of encrypted stores, wrapped with the record and the key they are about; test with errors.Is.
var (
	// ErrUnknownKey: the record names a key that is not in the keyring. The text says which.
	ErrUnknownKey = errors.New("tokenstore: the record is encrypted with a key that is not in the keyring")
	// ErrWrongKey: the keyring has a key of that name (or a passphrase), but another one.
	ErrWrongKey = errors.New("tokenstore: wrong encryption key")
	// ErrTruncated: the end of the record is missing.
	ErrTruncated = errors.New("tokenstore: encrypted record is truncated")
	// ErrTampered: the record was changed, or moved here from another name.
	ErrTampered = errors.New("tokenstore: encrypted record was altered or belongs to another name")
	// ErrNotEncrypted: the record is stored in clear; Rewrap with EncryptPlain takes it over.
	ErrNotEncrypted = errors.New("tokenstore: record is not encrypted")
)

// An envelope:
//
//	"tke" 1                     magic and format version
//	kind                        one byte
//	length, key id              one byte, then as many
//	length, param               two bytes, then as many: what leads to the data key, see kind
//	check                       eight bytes: tells a wrong key from an altered record
//	nonce                       twelve bytes, random
//	length                      four bytes: of what follows, so that a missing end is told from an altered one
//	ciphertext and tag          AES-256-GCM (NIST SP 800-38D)
//
// Everything before the ciphertext and the record's name are authenticated as additional data. Numbers are big-endian. Random
// 96-bit nonces are safe for 2^32 records per key: a record an hour for 400,000 years.
const envelopeMagic = "tke"

const (
	envelopeFormat = 1
	checkSize      = 8
	nonceSize      = 12
	tagSize        = 16
)

type envelope struct {
	kind       kind
	keyID      string
	param      []byte
	check      []byte
	nonce      []byte
	head       []byte // all bytes before the ciphertext
	ciphertext []byte
}

func (k *Keyring) seal(ctx context.Context, name string, plain []byte) ([]byte, error) {
	key := k.keys[0]
	secret, param, err := key.source.forSealing(ctx)
	if err != nil {
		return nil, err
	}
	b := append([]byte(envelopeMagic), envelopeFormat, byte(key.source.kind()), byte(len(key.id)))
	b = append(b, key.id...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(param)))
	b = append(b, param...)
	b = append(b, keyCheck(secret)...)
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program instead
	b = append(b, nonce...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(plain)+tagSize))
	return aead(secret).Seal(b, nonce, plain, additionalData(b, name)), nil
}

func (k *Keyring) open(ctx context.Context, name string, sealed []byte) (plain []byte, by *Key, err error) {
	e, err := parseEnvelope(sealed)
	if err != nil {
		return nil, nil, fmt.Errorf("record %q: %w", name, err)
	}
	by, secret, err := k.find(ctx, e)
	if err != nil {
		return nil, nil, fmt.Errorf("record %q: %w", name, err)
	}
	plain, err = aead(secret).Open(nil, e.nonce, e.ciphertext, additionalData(e.head, name))
	if err != nil {
		return nil, nil, fmt.Errorf("record %q: %w", name, ErrTampered)
	}
	by.source.opened(bytes.Clone(e.param))
	return plain, by, nil
}

// find looks for the key the envelope names. Passphrases are tried one after the other, since they have no names.
func (k *Keyring) find(ctx context.Context, e envelope) (*Key, []byte, error) {
	found := false
	for _, key := range k.keys {
		if key.source.kind() != e.kind || key.id != e.keyID {
			continue
		}
		found = true
		secret, err := key.source.forOpening(ctx, e.param)
		if err != nil {
			return nil, nil, err
		}
		if subtle.ConstantTimeCompare(keyCheck(secret), e.check) == 1 {
			return key, secret, nil
		}
	}
	switch {
	case found && e.kind == kindPassphrase:
		return nil, nil, fmt.Errorf("%w: the passphrase is not the one it was encrypted with (key %s)", ErrWrongKey, e.name())
	case found:
		return nil, nil, fmt.Errorf("%w: it was encrypted with another key that is also named %s", ErrWrongKey, e.name())
	}
	return nil, nil, fmt.Errorf("%w: it needs key %s, the keyring holds %s", ErrUnknownKey, e.name(), k.ids())
}

func (e envelope) name() string {
	if e.kind == kindPassphrase {
		return saltName(e.param)
	}
	return e.keyID
}

func parseEnvelope(b []byte) (e envelope, err error) {
	if !bytes.HasPrefix(b, []byte(envelopeMagic)) {
		if len(b) < len(envelopeMagic) && bytes.HasPrefix([]byte(envelopeMagic), b) {
			return e, ErrTruncated
		}
		return e, ErrNotEncrypted
	}
	rest := b[len(envelopeMagic):]
	short := false
	take := func(n int) []byte {
		if short = short || n > len(rest); short {
			return make([]byte, n)
		}
		var out []byte
		out, rest = rest[:n], rest[n:]
		return out
	}
	format := take(1)[0]
	if !short && format != envelopeFormat {
		return e, fmt.Errorf("%w: format %d, this version of the program knows format %d", ErrTampered, format, envelopeFormat)
	}
	e.kind = kind(take(1)[0])
	e.keyID = string(take(int(take(1)[0])))
	e.param = take(int(binary.BigEndian.Uint16(take(2))))
	e.check = take(checkSize)
	e.nonce = take(nonceSize)
	n := binary.BigEndian.Uint32(take(4))
	switch {
	case short || uint64(len(rest)) < uint64(n):
		return e, ErrTruncated
	case uint64(len(rest)) > uint64(n) || n < tagSize || checkKeyID(e.keyID) != nil:
		return e, ErrTampered
	}
	e.head, e.ciphertext = b[:len(b)-len(rest)], rest
	return e, nil
}

func keyCheck(secret []byte) []byte { return derive(secret, "check", checkSize) }

func aead(secret []byte) cipher.AEAD {
	block, err := aes.NewCipher(derive(secret, "AES-256-GCM", KeySize))
	if err == nil {
		var a cipher.AEAD
		if a, err = cipher.NewGCM(block); err == nil {
			return a
		}
	}
	panic(err) // only for keys of a wrong size
}

func additionalData(head []byte, name string) []byte {
	ad := append([]byte("tokenstore envelope\x00"), head...)
	ad = append(ad, 0)
	return append(ad, name...)
}
