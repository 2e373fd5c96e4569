package tokenstore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// The tests here are checks that return what they find, run on the shipped code and on mutants that lack the guard in question.
// The mutants are stores around, or instead of, what Encrypt returns.

// undetectedDamage flips each bit of a stored record, cuts it at each length, and returns the first damage that goes unnoticed or without
// one of the documented errors.
func undetectedDamage(ctx context.Context, m *tokenstore.MemoryStore, s tokenstore.Store) error {
	version, err := s.Put(ctx, mailbox, tokenstore.Record{Data: []byte("CANARY-refresh")})
	if err != nil {
		return err
	}
	good, err := m.Get(ctx, mailbox)
	if err != nil {
		return err
	}
	try := func(data []byte) error {
		if version, err = m.Put(ctx, mailbox, tokenstore.Record{Data: data, Version: version}); err != nil {
			return err
		}
		if _, err = s.Get(ctx, mailbox); !isOpenError(err) {
			return fmt.Errorf("opened, or failed with an error that does not say why: %w", err)
		}
		if v, err := s.Put(ctx, mailbox, tokenstore.Record{Data: []byte("x"), Version: version}); err == nil {
			version = v
			return errors.New("written over")
		}
		return nil
	}
	for bit := range 8 * len(good.Data) {
		b := bytes.Clone(good.Data)
		b[bit/8] ^= 1 << (bit % 8)
		if err := try(b); err != nil {
			return fmt.Errorf("bit %d flipped: %w", bit, err)
		}
	}
	for n := range good.Data {
		if err := try(good.Data[:n]); err != nil {
			return fmt.Errorf("cut to %d bytes: %w", n, err)
		}
	}
	return nil
}

func TestDamageMutants(t *testing.T) {
	m := tokenstore.NewMemoryStore()
	require.NoError(t, undetectedDamage(t.Context(), m, tokenstore.Encrypt(m, newRing(t, 1))))
	for name, mutant := range map[string]func(*tokenstore.MemoryStore) tokenstore.Store{
		"encrypted without a tag": func(m *tokenstore.MemoryStore) tokenstore.Store { return untagged{m} },
		"damaged records written over": func(m *tokenstore.MemoryStore) tokenstore.Store {
			return blindPut{tokenstore.Encrypt(m, newRing(t, 1)), m}
		},
		"one error for every kind of damage": func(m *tokenstore.MemoryStore) tokenstore.Store {
			return oneError{tokenstore.Encrypt(m, newRing(t, 1))}
		},
	} {
		m := tokenstore.NewMemoryStore()
		err := undetectedDamage(t.Context(), m, mutant(m))
		require.Error(t, err, "mutant %q survives", name)
		t.Logf("mutant %q: %v", name, err)
	}
}

// untagged is a stream cipher and nothing else.
type untagged struct{ *tokenstore.MemoryStore }

func (untagged) xor(data []byte) []byte {
	pad := sha256.Sum256([]byte("key"))
	out := bytes.Clone(data)
	for i := range out {
		out[i] ^= pad[i%len(pad)]
	}
	return out
}

func (u untagged) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	r, err := u.MemoryStore.Get(ctx, key)
	r.Data = u.xor(r.Data)
	return r, err
}

func (u untagged) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	r.Data = u.xor(r.Data)
	return u.MemoryStore.Put(ctx, key, r)
}

// blindPut writes without having opened what is there.
type blindPut struct {
	tokenstore.Store
	m *tokenstore.MemoryStore
}

func (b blindPut) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	return b.m.Put(ctx, key, r)
}

type oneError struct{ tokenstore.Store }

func (o oneError) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	r, err := o.Store.Get(ctx, key)
	if err != nil && !errors.Is(err, tokenstore.ErrNotFound) {
		err = errors.New("cipher: message authentication failed")
	}
	return r, err
}

// swapped exchanges the stored bytes of two accounts.
func swapped(ctx context.Context, m *tokenstore.MemoryStore, s tokenstore.Store) error {
	raw := map[string]tokenstore.Record{}
	keys := []string{mailbox, "other@example.com"}
	for _, key := range keys {
		if _, err := s.Put(ctx, key, tokenstore.Record{Data: []byte("tokens of " + key)}); err != nil {
			return err
		}
		r, err := m.Get(ctx, key)
		if err != nil {
			return err
		}
		raw[key] = r
	}
	for i, key := range keys {
		if _, err := m.Put(ctx, key, tokenstore.Record{Data: raw[keys[1-i]].Data, Version: raw[key].Version}); err != nil {
			return err
		}
		if _, err := s.Get(ctx, key); !errors.Is(err, tokenstore.ErrTampered) {
			return fmt.Errorf("another account's record under %s: %w", key, err)
		}
	}
	return nil
}

// A record copied to another account's name does not open there.
func TestRecordsAreNotInterchangeable(t *testing.T) {
	m := tokenstore.NewMemoryStore()
	require.NoError(t, swapped(t.Context(), m, tokenstore.Encrypt(m, newRing(t, 1))))
	_, err := tokenstore.Encrypt(m, newRing(t, 1)).Get(t.Context(), "other@example.com")
	require.ErrorContains(t, err, "other@example.com")
	m = tokenstore.NewMemoryStore()
	require.Error(t, swapped(t.Context(), m, nameless{m, tokenstore.Encrypt(renamed{m}, newRing(t, 1))}), "mutant: the name is not authenticated")
}

// nameless encrypts every record as if it had one and the same name.
type nameless struct {
	*tokenstore.MemoryStore
	sealed tokenstore.Store
}

type realName struct{}

func (n nameless) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	return n.sealed.Get(context.WithValue(ctx, realName{}, key), "record")
}

func (n nameless) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	return n.sealed.Put(context.WithValue(ctx, realName{}, key), "record", r)
}

type renamed struct{ m *tokenstore.MemoryStore }

func (r renamed) Get(ctx context.Context, _ string) (tokenstore.Record, error) {
	return r.m.Get(ctx, ctx.Value(realName{}).(string))
}

func (r renamed) Put(ctx context.Context, _ string, rec tokenstore.Record) (string, error) {
	return r.m.Put(ctx, ctx.Value(realName{}).(string), rec)
}

func (r renamed) Delete(ctx context.Context, _ string) error {
	return r.m.Delete(ctx, ctx.Value(realName{}).(string))
}

// The guard against a wrong key that writes, taken away: Encrypt over a store that shows it nothing.
func TestWrongKeyMutant(t *testing.T) {
	m, good := sealed(t, newRing(t, 1))
	_, err := tokenstore.Encrypt(hidden{m}, newRing(t, 2)).Put(t.Context(), mailbox, tokenstore.Record{Data: []byte("x"), Version: good.Version})
	require.NoError(t, err)
	_, err = tokenstore.Encrypt(m, newRing(t, 1)).Get(t.Context(), mailbox)
	require.ErrorIs(t, err, tokenstore.ErrUnknownKey, "mutant: nobody looked first, and the tokens are gone")
}

type hidden struct{ tokenstore.Store }

func (hidden) Get(context.Context, string) (tokenstore.Record, error) {
	return tokenstore.Record{}, tokenstore.ErrNotFound
}

// One damaged record does not keep others from signing in; a store in which nothing tells the key does.
func TestDamagedNeighbour(t *testing.T) {
	ctx := t.Context()
	m, damaged := sealed(t, newRing(t, 1))
	damaged.Data[len(damaged.Data)-1] ^= 1
	_, err := m.Put(ctx, mailbox, damaged)
	require.NoError(t, err)
	_, err = tokenstore.Encrypt(m, newRing(t, 1)).Put(ctx, "new", tokenstore.Record{Data: []byte("x")})
	require.ErrorIs(t, err, tokenstore.ErrTampered)
	require.ErrorContains(t, err, "damaged")
	require.ErrorContains(t, err, mailbox)
	require.NotContains(t, err.Error(), "keyring that does not open")

	whole, _ := sealed(t, newRing(t, 1))
	r, err := whole.Get(ctx, mailbox)
	require.NoError(t, err)
	_, err = whole.Put(ctx, "copied to another name", tokenstore.Record{Data: r.Data})
	require.NoError(t, err)
	for range 10 { // whichever is looked at first
		key := fmt.Sprint("new ", tokenstore.NewVersion())
		_, err = tokenstore.Encrypt(whole, newRing(t, 1)).Put(ctx, key, tokenstore.Record{Data: []byte("x")})
		require.NoError(t, err)
		require.NoError(t, whole.Delete(ctx, key))
	}
}

// rewrapCrashes interrupts a change of keys at each operation of the disk, and returns the first violation.
func rewrapCrashes(t *testing.T, wrap func(*tokenstore.FileStore) tokenstore.Store) (points int, violation error) {
	ctx := t.Context()
	both := newRing(t, 2, 1)
	for n := 1; ; n++ {
		d := newMemDir()
		s, err := tokenstore.NewFileStore("", &tokenstore.FileOptions{Dir: d})
		require.NoError(t, err)
		for _, k := range []string{"a", "b"} {
			_, err := tokenstore.Encrypt(s, newRing(t, 1)).Put(ctx, k, tokenstore.Record{Data: []byte("data of " + k)})
			require.NoError(t, err)
		}
		end := d.ops + n
		off := false
		d.before = func(int, string) error {
			if off {
				return errPowerOff
			}
			return nil
		}
		d.after = func(op int) { off = op >= end }
		_, _ = tokenstore.Rewrap(ctx, wrap(s), both, nil)
		outcomes := 0
		d.outcomes(func(left *memDir) {
			if outcomes++; outcomes%7 != 1 && outcomes > 20 || violation != nil {
				return // torn at every byte is TestCrashEnum's; a sample is enough here
			}
			if err := readableAndFinished(ctx, left, both, newRing(t, 2)); err != nil {
				violation = fmt.Errorf("interrupted after %d operations: %w", n, err)
			}
		})
		if !off || violation != nil {
			return n, violation
		}
	}
}

func readableAndFinished(ctx context.Context, left *memDir, both, only *tokenstore.Keyring) error {
	s, err := tokenstore.NewFileStore("", &tokenstore.FileOptions{Dir: left})
	if err != nil {
		return err
	}
	if err := tokenstore.CheckKeys(ctx, s, both); err != nil {
		return fmt.Errorf("not readable with both keys: %w", err)
	}
	if _, err := tokenstore.Rewrap(ctx, s, both, nil); err != nil {
		return fmt.Errorf("not finished by the next run: %w", err)
	}
	for _, k := range []string{"a", "b"} {
		r, err := tokenstore.Encrypt(s, only).Get(ctx, k)
		if err != nil || string(r.Data) != "data of "+k {
			return fmt.Errorf("record %s with the new key: %d bytes, %w", k, len(r.Data), err)
		}
	}
	return nil
}

// TestRewrapCrashEnum: wherever a change of keys is interrupted, every record stays readable with both keys, and running it again
// finishes it.
func TestRewrapCrashEnum(t *testing.T) {
	points, err := rewrapCrashes(t, func(s *tokenstore.FileStore) tokenstore.Store { return s })
	require.NoError(t, err)
	require.Greater(t, points, 15)
	_, err = rewrapCrashes(t, func(s *tokenstore.FileStore) tokenstore.Store { return deleteAndCreate{s} })
	require.Error(t, err, "mutant: replaced by deleting and creating")
	t.Log(err)
}

type deleteAndCreate struct{ *tokenstore.FileStore }

func (d deleteAndCreate) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := d.Delete(ctx, key); err != nil {
		return "", err
	}
	return d.FileStore.Put(ctx, key, tokenstore.Record{Data: r.Data})
}
