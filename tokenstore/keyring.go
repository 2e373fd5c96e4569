package tokenstore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Keyring holds the key that encrypts and those that may still decrypt. To change keys: put the new one first, keep the old
// one behind it, run [Rewrap], then drop the old one. It prints as the keys' ids.
type Keyring struct {
	keys []*Key // the first one encrypts
}

// NewKeyring makes a keyring of one encrypting key and any number of older ones that only decrypt. Two keys may not share
// an id; passphrases may.
func NewKeyring(encrypting *Key, decrypting ...*Key) (*Keyring, error) {
	k := &Keyring{}
	seen := make(map[string]bool)
	for _, key := range append([]*Key{encrypting}, decrypting...) {
		if key == nil {
			return nil, errors.New("tokenstore: a keyring needs a key to encrypt with, and no nil keys")
		}
		if seen[key.id] && key.source.kind() != kindPassphrase {
			return nil, fmt.Errorf("tokenstore: two keys in the keyring have the id %q", key.id)
		}
		seen[key.id] = true
		k.keys = append(k.keys, key)
	}
	return k, nil
}

func (k *Keyring) ids() string {
	ids := make([]string, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.id
	}
	return strings.Join(ids, ", ")
}

// String prints the ids only.
func (k *Keyring) String() string { return "tokenstore.Keyring(" + k.ids() + ")" }

// GoString is String.
func (k *Keyring) GoString() string { return k.String() }

// LogValue is String.
func (k *Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON gives String as a JSON string.
func (k *Keyring) MarshalJSON() ([]byte, error) { return redactedJSON(k.String()) }

// Format keeps verbs like %x and %d from reaching into the struct.
func (k *Keyring) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }
