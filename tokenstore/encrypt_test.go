package tokenstore_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// sealed puts one encrypted record into a fresh memory store.
func sealed(t testing.TB, ring *tokenstore.Keyring) (*tokenstore.MemoryStore, tokenstore.Record) {
	t.Helper()
	m := tokenstore.NewMemoryStore()
	_, err := tokenstore.Encrypt(m, ring).Put(t.Context(), mailbox, tokenstore.Record{Data: []byte("CANARY-refresh")})
	require.NoError(t, err)
	r, err := m.Get(t.Context(), mailbox)
	require.NoError(t, err)
	require.NotContains(t, string(r.Data), "CANARY")
	return m, r
}

var openErrors = []error{tokenstore.ErrUnknownKey, tokenstore.ErrWrongKey, tokenstore.ErrTruncated, tokenstore.ErrTampered, tokenstore.ErrNotEncrypted}

func isOpenError(err error) bool {
	for _, target := range openErrors {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func rings(t testing.TB) map[string]*tokenstore.Keyring {
	pass, err := tokenstore.PassphraseKey("correct horse battery staple")
	require.NoError(t, err)
	kms, err := tokenstore.KMSKey("vault/helpdesk", &fakeKMS{})
	require.NoError(t, err)
	out := map[string]*tokenstore.Keyring{"raw": newRing(t, 1)}
	for name, k := range map[string]*tokenstore.Key{"passphrase": pass, "KMS": kms} {
		out[name], err = tokenstore.NewKeyring(k)
		require.NoError(t, err)
	}
	return out
}

// Each bit of a record flipped, each byte of its end missing, and bytes added: never opened.
//
// Case 62: every kind of damage has its error.
func TestEnvelopeDamage(t *testing.T) {
	for name, ring := range rings(t) {
		t.Run(name, func(t *testing.T) {
			m, good := sealed(t, ring)
			s := tokenstore.Encrypt(m, ring)
			try := func(what string, n int, data []byte) error {
				version := good.Version
				v, err := m.Put(t.Context(), mailbox, tokenstore.Record{Data: data, Version: version})
				require.NoError(t, err)
				good.Version = v
				r, err := s.Get(t.Context(), mailbox)
				if err == nil || !isOpenError(err) && !errors.Is(err, errKMS) {
					t.Fatalf("%s %d: got %v, error %v", what, n, r, err)
				}
				// And nothing is written over it.
				if _, err := s.Put(t.Context(), mailbox, tokenstore.Record{Data: []byte("x"), Version: v}); err == nil {
					t.Fatalf("%s %d: written over", what, n)
				}
				return err
			}
			step := 1
			if name == "passphrase" || raceEnabled {
				step = 13 // each flipped bit of salt or cost is another slow derivation; 13 and 8 have no common factor
			}
			for bit := 0; bit < 8*len(good.Data); bit += step {
				b := bytes.Clone(good.Data)
				b[bit/8] ^= 1 << (bit % 8)
				_ = try("bit", bit, b)
			}
			for n := range good.Data {
				want := tokenstore.ErrTruncated
				if err := try("length", n, good.Data[:n]); !errors.Is(err, want) {
					t.Fatalf("cut to %d bytes: %v, want %v", n, err, want)
				}
			}
			require.ErrorIs(t, try("longer by", 1, append(bytes.Clone(good.Data), 0)), tokenstore.ErrTampered)
			require.ErrorIs(t, try("clear", 0, []byte(`{"format":1}`)), tokenstore.ErrNotEncrypted)
			last := bytes.Clone(good.Data)
			last[len(last)-1] ^= 1
			require.ErrorIs(t, try("tag", 0, last), tokenstore.ErrTampered)
		})
	}
}

func TestWrongKeyNeverWrites(t *testing.T) {
	right := newRing(t, 1)
	m, good := sealed(t, right)
	same, err := tokenstore.NewKey(newKey(t, 1).ID(), bytes.Repeat([]byte{7}, 32)) // another key of that name
	require.NoError(t, err)
	sameName, err := tokenstore.NewKeyring(same)
	require.NoError(t, err)
	pass, err := tokenstore.PassphraseKey("guess")
	require.NoError(t, err)
	passRing, err := tokenstore.NewKeyring(pass)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		ring *tokenstore.Keyring
		want error
	}{
		"another key":                  {newRing(t, 2), tokenstore.ErrUnknownKey},
		"another key of the same name": {sameName, tokenstore.ErrWrongKey},
		"a passphrase":                 {passRing, tokenstore.ErrUnknownKey},
	} {
		s := tokenstore.Encrypt(m, tt.ring)
		_, err := s.Get(t.Context(), mailbox)
		require.ErrorIs(t, err, tt.want, name)
		require.ErrorContains(t, err, newKey(t, 1).ID(), "the error names the key")
		_, err = s.Put(t.Context(), mailbox, tokenstore.Record{Data: []byte("x"), Version: good.Version})
		require.ErrorIs(t, err, tt.want, name)
		_, err = s.Put(t.Context(), "a new record", tokenstore.Record{Data: []byte("x")})
		require.ErrorIs(t, err, tt.want, "no second set of records beside the first")
		require.ErrorIs(t, s.Delete(t.Context(), mailbox), tt.want)
		require.ErrorIs(t, tokenstore.CheckKeys(t.Context(), m, tt.ring), tt.want)
		_, err = tokenstore.Rewrap(t.Context(), m, tt.ring, nil)
		require.ErrorIs(t, err, tt.want)

		src := newSource(t, s, &idp{}, nil)
		_, err = src.Token(t.Context())
		require.ErrorIs(t, err, tt.want)
		require.NotErrorIs(t, err, tokenstore.ErrNoToken, "a wrong key is not the same as no token")
		require.NotErrorIs(t, err, tokenstore.ErrNeedsSignIn)
		require.ErrorIs(t, src.SignIn(t.Context(), (&idp{}).signIn(), tokenstore.Account{}), tt.want)
	}
	r, err := m.Get(t.Context(), mailbox)
	require.NoError(t, err)
	require.Equal(t, good.Version, r.Version)
	require.Equal(t, good.Data, r.Data)
	require.NoError(t, tokenstore.CheckKeys(t.Context(), m, right))
}

// Two processes with the same passphrase, which share nothing but the store.
func TestPassphraseFindsItsSalt(t *testing.T) {
	m := tokenstore.NewMemoryStore()
	ring := func(text string) *tokenstore.Keyring {
		k, err := tokenstore.PassphraseKey(text)
		require.NoError(t, err)
		r, err := tokenstore.NewKeyring(k)
		require.NoError(t, err)
		return r
	}
	first, second := tokenstore.Encrypt(m, ring("a b c")), tokenstore.Encrypt(m, ring("a b c"))
	_, err := first.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	_, err = second.Put(t.Context(), "b", tokenstore.Record{Data: []byte("y")})
	require.NoError(t, err)
	r, err := first.Get(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, "y", string(r.Data))
	salt := func(key string) string {
		r, err := m.Get(t.Context(), key)
		require.NoError(t, err)
		return hex.EncodeToString(r.Data[18:34])
	}
	require.Equal(t, salt("a"), salt("b"), "the second process took over the first one's salt")
	_, err = tokenstore.Encrypt(m, ring("a b d")).Get(t.Context(), "a")
	require.ErrorIs(t, err, tokenstore.ErrWrongKey)
	require.ErrorContains(t, err, "passphrase-"+salt("a")[:8])
}

// Case 63: keys rotate with overlap.
func TestRewrap(t *testing.T) {
	ctx := t.Context()
	m := tokenstore.NewMemoryStore()
	plain := map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}
	old := tokenstore.Encrypt(m, newRing(t, 1))
	for _, k := range []string{"a", "b"} {
		_, err := old.Put(ctx, k, tokenstore.Record{Data: []byte(plain[k])})
		require.NoError(t, err)
	}
	_, err := m.Put(ctx, "c", tokenstore.Record{Data: []byte(plain["c"])})
	require.NoError(t, err)
	both := newRing(t, 2, 1)
	_, err = tokenstore.Encrypt(m, both).Put(ctx, "d", tokenstore.Record{Data: []byte(plain["d"])})
	if err != nil { // the record in clear may be the one looked at
		require.ErrorIs(t, err, tokenstore.ErrNotEncrypted)
	}
	report, err := tokenstore.Rewrap(ctx, m, both, nil)
	require.ErrorIs(t, err, tokenstore.ErrNotEncrypted, "records in clear are not taken over silently")
	require.Equal(t, 1, report.Failed)
	require.Equal(t, 2, report.Rewrapped)
	report, err = tokenstore.Rewrap(ctx, m, both, &tokenstore.RewrapOptions{EncryptPlain: true})
	require.NoError(t, err)
	require.Equal(t, 1, report.Encrypted)
	report, err = tokenstore.Rewrap(ctx, m, both, &tokenstore.RewrapOptions{EncryptPlain: true})
	require.NoError(t, err)
	require.Zero(t, report.Rewrapped+report.Encrypted, "idempotent")
	only := tokenstore.Encrypt(m, newRing(t, 2)) // the old key is gone
	for _, k := range []string{"a", "b", "c"} {
		r, err := only.Get(ctx, k)
		require.NoError(t, err)
		require.Equal(t, plain[k], string(r.Data))
	}
}

func TestKMS(t *testing.T) {
	kms := &fakeKMS{}
	k, err := tokenstore.KMSKey("kms", kms)
	require.NoError(t, err)
	ring, err := tokenstore.NewKeyring(k)
	require.NoError(t, err)
	m := tokenstore.NewMemoryStore()
	s := tokenstore.Encrypt(m, ring)
	for _, key := range []string{"a", "b", "c"} {
		_, err := s.Put(t.Context(), key, tokenstore.Record{Data: []byte(key)})
		require.NoError(t, err)
		_, err = s.Get(t.Context(), key)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, kms.wraps.Load(), "one data key per process")
	require.EqualValues(t, 1, kms.unwraps.Load())

	kms.down.Store(true)
	_, err = s.Get(t.Context(), "a")
	require.NoError(t, err, "known data keys need no service")
	k2, err := tokenstore.KMSKey("kms", kms)
	require.NoError(t, err)
	ring2, err := tokenstore.NewKeyring(k2)
	require.NoError(t, err)
	_, err = tokenstore.Encrypt(m, ring2).Get(t.Context(), "a")
	require.ErrorIs(t, err, errKMS)
	require.False(t, isOpenError(err), "a service that is down is not a wrong key")
}

var errKMS = errors.New("key service: no such key")

// fakeKMS "wraps" by xor and a checksum byte.
type fakeKMS struct {
	wraps, unwraps atomic.Int32
	down           atomic.Bool
}

func (k *fakeKMS) Wrap(_ context.Context, dataKey []byte) ([]byte, error) {
	if k.down.Load() {
		return nil, errKMS
	}
	k.wraps.Add(1)
	out := []byte{0}
	for _, c := range dataKey {
		out = append(out, c^0x5a)
		out[0] += c
	}
	return out, nil
}

func (k *fakeKMS) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	if k.down.Load() || len(wrapped) != 33 {
		return nil, errKMS
	}
	k.unwraps.Add(1)
	var out []byte
	var sum byte
	for _, c := range wrapped[1:] {
		out = append(out, c^0x5a)
		sum += c ^ 0x5a
	}
	if sum != wrapped[0] {
		return nil, errKMS
	}
	return out, nil
}

func TestParseKey(t *testing.T) {
	dir := t.TempDir()
	raw := bytes.Repeat([]byte{0xab, 0x01}, 16)
	hexText := hex.EncodeToString(raw)
	const b64, b64url = "qwGrAasBqwGrAasBqwGrAasBqwGrAasBqwGrAasBqwE=", "qwGrAasBqwGrAasBqwGrAasBqwGrAasBqwGrAasBqwE"
	id := func(text string) string {
		k, err := tokenstore.ParseKey(text)
		require.NoError(t, err, "%q", text)
		return k.ID()
	}
	want := id(hexText)
	require.Equal(t, want, id(strings.ToUpper(hexText)))
	for name, content := range map[string]string{"hex": hexText + "\n", "b64": b64, "raw": string(raw)} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.Equal(t, want, id(path))
		require.Equal(t, want, id("file:"+path))
	}
	for _, text := range []string{b64, b64url, "base64:" + b64, "hex:" + hexText, "  " + hexText + "\n"} {
		require.Equal(t, want, id(text), text)
	}
	for _, text := range []string{
		"key one", "correct horse", "correct horse battery staple", "I said so. Twice.", "either/or, not both", "version 1.2", strings.Repeat("z", 44),
		"pass:" + hexText, "pass:x", "pass:nokey.hex", "pass:/none", "pass:" + hexText[1:],
	} {
		require.Equal(t, "passphrase", id(text), text)
	}
	open := filepath.Join(dir, "open")
	require.NoError(t, os.WriteFile(open, []byte(hexText), 0o600))
	require.NoError(t, os.Chmod(open, 0o644))
	unsafe := []string{open}
	if runtime.GOOS == "windows" {
		unsafe = nil // an access control list says who may read it, not these bits
	}
	for _, text := range append(unsafe,
		"", "  ", "hex:abcd", "base64:abcd", "hex:"+strings.Repeat("00", 32), "file:"+dir+"/none", dir+"/none", "./none", "~/none",
		`C:\none`, "pass:", "file:"+dir,
	) {
		_, err := tokenstore.ParseKey(text)
		require.Error(t, err, "%q", text)
	}
	// What was meant as a key or a file never becomes a passphrase. The error says what it was taken for, and how to say otherwise.
	for text, want := range map[string]string{
		hexText[1:]: "63 hexadecimal digits", hexText + "0": "65 hexadecimal digits", hexText[32:]: "32 hexadecimal digits",
		b64[1:]: "looks like base64", "q80BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR": "looks like base64", "q80BAgMEBQYHCAkKCwwNDg==": "looks like base64",
		"nokey.hex": "name of a file", "my key.pem": "name of a file", "keys/helpdesk": "name of a file", `keys\helpdesk`: "name of a file",
		"/nop": "name of a file", "k.hex": "name of a file", "x": "too short", "12345": "too short",
	} {
		_, err := tokenstore.ParseKey(text)
		require.ErrorContains(t, err, "the encryption key ", text)
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, `write "pass:" before it`, text)
		if len(text) > 1 {
			require.NotContains(t, err.Error(), text)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	_, err := tokenstore.KeyFile(open)
	require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)
	require.ErrorContains(t, err, "chmod 600")
}
