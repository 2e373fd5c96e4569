// Package keyringstore keeps token records in the operating system's keyring: Keychain, Windows Credential Manager, or the Secret
// Service of a Linux desktop. For programs that a person runs; on a server, without a desktop session, use
// tokenstore.NewFileStore with tokenstore.Encrypt.
//
// The keyring encrypts; any program of the same user may be able to read it all the same. Records longer than an entry may be
// (2,560 bytes on Windows) are spread over several. Keyrings cannot list: the store has no List.
package keyringstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zalando/go-keyring"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// ErrUnavailable means that no keyring can be used here; the text says why and what to use instead.
var ErrUnavailable = errors.New("keyringstore: no keyring is available; without a desktop session use tokenstore.NewFileStore with tokenstore.Encrypt")

// MaxData is the longest record in bytes; longer ones are tokenstore.ErrTooLarge. A keyring is no database.
const MaxData = 64 << 10

// entrySize keeps an entry below the 2,560 bytes of the Windows Credential Manager, the lowest limit.
const entrySize = 2400

// Backend is a keyring: entries of text by service and user name. The default is github.com/zalando/go-keyring, whose
// errors a backend also uses: keyring.ErrNotFound.
type Backend interface {
	Set(service, user, secret string) error
	Get(service, user string) (string, error)
	Delete(service, user string) error
}

// Options adjusts a [Store]; nil means defaults.
type Options struct {
	// LockDir is a directory for lock files, which make compare-and-swap safe between processes: keyrings cannot.
	// All programs that share a service must use the same. Default: below os.UserCacheDir. It is created with mode 0700.
	LockDir string
	Backend Backend
}

// Store keeps records in the keyring under one service name. It is a tokenstore.Store with the ability Lock, whose locks
// last tokenstore.WhileProcess. Keyring calls cannot be interrupted: when ctx ends first, a method returns, and the call, a dialog asking
// for a password perhaps, goes on by itself.
type Store struct {
	service string
	backend Backend
	locks   *tokenstore.FileStore // of Lock, by record
	entries *tokenstore.FileStore // one lock, held within each method
}

// New returns a store, after writing, reading and deleting a probe entry. service is the program's name as it shows in the keyring.
// Errors: ErrUnavailable, tokenstore.ErrUnsafeFile.
func New(ctx context.Context, service string, o *Options) (*Store, error) {
	if service == "" || strings.ContainsRune(service, 0) {
		return nil, errors.New("keyringstore: New needs a service name")
	}
	s := &Store{service: service, backend: system{}}
	dir := ""
	if o != nil {
		if o.Backend != nil {
			s.backend = o.Backend
		}
		dir = o.LockDir
	}
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("keyringstore: no place for lock files, set Options.LockDir: %w", err)
		}
		sum := sha256.Sum256([]byte(service))
		dir = filepath.Join(cache, "tokenstore-locks-"+hex.EncodeToString(sum[:6]))
	}
	var err error
	if s.locks, err = tokenstore.NewFileStore(dir, nil); err != nil {
		return nil, err
	}
	if s.entries, err = tokenstore.NewFileStore(filepath.Join(dir, "entries"), nil); err != nil {
		return nil, err
	}
	if err := s.call(ctx, s.probe); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) probe() error {
	user, text := "probe-"+rand.Text(), rand.Text()
	if err := s.backend.Set(s.service, user, text); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	got, err := s.backend.Get(s.service, user)
	if derr := s.backend.Delete(s.service, user); err == nil {
		err = derr
	}
	if err == nil && got != text {
		err = errors.New("it returned something else than was stored")
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// An entry "k:<key>", or "h:<hash>" for keys that would not do as a name, holds
//
//	tokenstore 1 <version> <slot> <parts> <sha256 of the data> <data>
//
// with the data as base64 if it fits; else it stands in the entries "<name>#<slot><number>". There are two slots: a save writes the one
// not in use, then switches by the main entry, then clears the old one. A crash in between leaves the old record or the new.

// The Windows Credential Manager does not tell upper case from lower, so keys with capitals are hashed.
func entryName(key string) string {
	awkward := func(r rune) bool { return r <= ' ' || r > '~' || r == '#' || 'A' <= r && r <= 'Z' }
	if len(key) <= 100 && !strings.ContainsFunc(key, awkward) {
		return "k:" + key
	}
	sum := sha256.Sum256([]byte(key))
	return "h:" + hex.EncodeToString(sum[:])
}

func partName(name, slot string, i int) string { return name + "#" + slot + strconv.Itoa(i) }

// head is a main entry, decoded.
type head struct {
	version, slot, sum, inline string
	parts                      int
}

func (s *Store) readHead(name string) (h head, err error) {
	text, err := s.backend.Get(s.service, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return h, tokenstore.ErrNotFound
	}
	if err != nil {
		return h, fmt.Errorf("keyringstore: reading: %w", err)
	}
	f := strings.Split(text, " ")
	if len(f) != 7 || f[0] != "tokenstore" || f[1] != "1" || f[2] == "" || f[3] != "a" && f[3] != "b" {
		return h, fmt.Errorf("%w: keyring entry %q of service %q", tokenstore.ErrCorrupt, name, s.service)
	}
	h = head{version: f[2], slot: f[3], sum: f[5], inline: f[6]}
	if h.parts, err = strconv.Atoi(f[4]); err != nil || h.parts < 0 || h.parts > 2*MaxData/entrySize {
		return h, fmt.Errorf("%w: keyring entry %q of service %q", tokenstore.ErrCorrupt, name, s.service)
	}
	return h, nil
}

func (s *Store) read(name string) (tokenstore.Record, head, error) {
	h, err := s.readHead(name)
	if err != nil {
		return tokenstore.Record{}, h, err
	}
	text := h.inline
	for i := range h.parts {
		part, err := s.backend.Get(s.service, partName(name, h.slot, i))
		if errors.Is(err, keyring.ErrNotFound) {
			break // the checksum tells
		}
		if err != nil {
			return tokenstore.Record{}, h, fmt.Errorf("keyringstore: reading: %w", err)
		}
		text += part
	}
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || sum(data) != h.sum {
		return tokenstore.Record{}, h, fmt.Errorf("%w: keyring entry %q of service %q", tokenstore.ErrCorrupt, name, s.service)
	}
	return tokenstore.Record{Data: data, Version: h.version}, h, nil
}

func sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// Get implements tokenstore.Store.
func (s *Store) Get(ctx context.Context, key string) (r tokenstore.Record, err error) {
	if err := check(ctx, key); err != nil {
		return r, err
	}
	err = s.exclusive(ctx, func() error { // a save in another process would change the parts under the reader
		var err error
		r, _, err = s.read(entryName(key))
		return err
	})
	if err != nil {
		return tokenstore.Record{}, err
	}
	return r, nil
}

// Put implements tokenstore.Store.
func (s *Store) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := check(ctx, key); err != nil {
		return "", err
	}
	if err := tokenstore.CheckPut(key, r); err != nil {
		return "", err
	}
	if len(r.Data) > MaxData {
		return "", fmt.Errorf("%w: %d bytes, a keyring takes %d", tokenstore.ErrTooLarge, len(r.Data), MaxData)
	}
	next, data := tokenstore.NewVersion(), append([]byte(nil), r.Data...)
	err := s.exclusive(ctx, func() error { return s.replace(entryName(key), r.Version, next, data) })
	if err != nil {
		return "", err
	}
	return next, nil
}

func (s *Store) replace(name, version, next string, data []byte) error {
	_, old, err := s.read(name)
	if err != nil && !errors.Is(err, tokenstore.ErrNotFound) {
		return err // never write over what cannot be read: it may be the only copy
	}
	if old.version != version {
		return tokenstore.ErrConflict
	}
	h := head{version: next, slot: "a", sum: sum(data), inline: base64.RawStdEncoding.EncodeToString(data)}
	if old.slot == "a" {
		h.slot = "b"
	}
	if len(h.inline) > entrySize-200 { // what stands before it
		for rest := h.inline; rest != ""; h.parts++ {
			part := rest[:min(len(rest), entrySize)]
			rest = rest[len(part):]
			if err := s.set(partName(name, h.slot, h.parts), part); err != nil {
				return err
			}
		}
		h.inline = ""
	}
	text := fmt.Sprintf("tokenstore 1 %s %s %d %s %s", h.version, h.slot, h.parts, h.sum, h.inline)
	if err := s.set(name, text); err != nil {
		return err
	}
	s.clear(name, old)
	return nil
}

func (s *Store) set(name, text string) error {
	err := s.backend.Set(s.service, name, text)
	if errors.Is(err, keyring.ErrSetDataTooBig) {
		return fmt.Errorf("%w: %w", tokenstore.ErrTooLarge, err)
	}
	if err != nil {
		return fmt.Errorf("keyringstore: saving: %w", err)
	}
	return nil
}

// clear removes parts that nothing refers to; what stays behind is written over by the save after next.
func (s *Store) clear(name string, old head) {
	for i := range old.parts {
		_ = s.backend.Delete(s.service, partName(name, old.slot, i))
	}
}

// Delete implements tokenstore.Store. It also removes an entry that cannot be read.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	return s.exclusive(ctx, func() error {
		name := entryName(key)
		old, err := s.readHead(name)
		if err != nil && !errors.Is(err, tokenstore.ErrCorrupt) {
			if errors.Is(err, tokenstore.ErrNotFound) {
				return nil
			}
			return err
		}
		if err := s.backend.Delete(s.service, name); err != nil && !errors.Is(err, keyring.ErrNotFound) {
			return fmt.Errorf("keyringstore: deleting: %w", err)
		}
		s.clear(name, old)
		return nil
	})
}

// Lock implements tokenstore.Locker.
func (s *Store) Lock(ctx context.Context, key string) (tokenstore.Lock, error) {
	return s.locks.Lock(ctx, key)
}

// exclusive runs do while no other process uses the keyring by this store. The lock is held until do ends, even if ctx ends first.
func (s *Store) exclusive(ctx context.Context, do func() error) error {
	l, err := s.entries.Lock(ctx, "entries")
	if err != nil {
		return err
	}
	return s.call(ctx, func() error {
		defer func() { _ = l.Unlock() }()
		return do()
	})
}

func (s *Store) call(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return tokenstore.CheckKey(key)
}

// system is the operating system's keyring.
type system struct{}

func (system) Set(service, user, secret string) error   { return keyring.Set(service, user, secret) }
func (system) Get(service, user string) (string, error) { return keyring.Get(service, user) }
func (system) Delete(service, user string) error        { return keyring.Delete(service, user) }
