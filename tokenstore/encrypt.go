package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// Encrypt returns a store that keeps its records encrypted in s. Record names and versions stay as they are and are not
// secret. The result has the abilities [Lister], [Locker] and [Watcher] if s has them. It does no I/O itself.
//
// A record opens only under the name it was saved by: one copied to another name is ErrTampered. A store whose records the
// keyring cannot open is never written to: Put and Delete look first at the record in place, the first Put of a new record at the
// store's others (if it is a Lister) until one opens, and fail with the error Get would give. To give up records whose
// key is lost, delete them in s.
//
// Errors: [ErrUnknownKey], [ErrWrongKey], [ErrTruncated], [ErrTampered], [ErrNotEncrypted], and those of s.
func Encrypt(s Store, k *Keyring) Store {
	e := &encrypted{inner: s, ring: k}
	lister, canList := s.(Lister)
	locker, canLock := s.(Locker)
	watcher, canWatch := s.(Watcher)
	switch {
	case canList && canLock && canWatch:
		return &struct {
			*encrypted
			Lister
			Locker
			Watcher
		}{e, lister, locker, watcher}
	case canList && canLock:
		return &struct {
			*encrypted
			Lister
			Locker
		}{e, lister, locker}
	case canList && canWatch:
		return &struct {
			*encrypted
			Lister
			Watcher
		}{e, lister, watcher}
	case canLock && canWatch:
		return &struct {
			*encrypted
			Locker
			Watcher
		}{e, locker, watcher}
	case canList:
		return &struct {
			*encrypted
			Lister
		}{e, lister}
	case canLock:
		return &struct {
			*encrypted
			Locker
		}{e, locker}
	case canWatch:
		return &struct {
			*encrypted
			Watcher
		}{e, watcher}
	}
	return e
}

type encrypted struct {
	inner   Store
	ring    *Keyring
	checked atomic.Bool // some record of the store opened, or none was there
}

func (e *encrypted) Get(ctx context.Context, key string) (Record, error) {
	r, err := e.inner.Get(ctx, key)
	if err != nil {
		return Record{}, err
	}
	plain, _, err := e.ring.open(ctx, key, r.Data)
	if err != nil {
		return Record{}, err
	}
	e.checked.Store(true)
	return Record{Data: plain, Version: r.Version}, nil
}

func (e *encrypted) Put(ctx context.Context, key string, r Record) (string, error) {
	if err := CheckPut(key, r); err != nil {
		return "", err
	}
	old, err := e.Get(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		err = e.checkOther(ctx)
	case err == nil && old.Version != r.Version:
		err = ErrConflict
	}
	if err != nil {
		return "", err
	}
	sealed, err := e.ring.seal(ctx, key, r.Data)
	if err != nil {
		return "", err
	}
	return e.inner.Put(ctx, key, Record{Data: sealed, Version: r.Version})
}

// Delete destroys what is damaged, but not what another key may still open.
func (e *encrypted) Delete(ctx context.Context, key string) error {
	_, err := e.Get(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrTampered) {
		return err
	}
	return e.inner.Delete(ctx, key)
}

// checkOther keeps a wrong key from starting a second set of records beside the first. A damaged record says nothing about the key:
// then the next one is asked.
func (e *encrypted) checkOther(ctx context.Context) error {
	lister, ok := e.inner.(Lister)
	if !ok || e.checked.Load() {
		return nil
	}
	var damaged error
	for key, err := range lister.List(ctx) {
		if err == nil {
			_, err = e.Get(ctx, key)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrNotFound): // deleted meanwhile
		case errors.Is(err, ErrTampered), errors.Is(err, ErrTruncated), errors.Is(err, ErrCorrupt):
			damaged = err
		case errors.Is(err, ErrUnknownKey), errors.Is(err, ErrWrongKey), errors.Is(err, ErrNotEncrypted):
			return fmt.Errorf("tokenstore: nothing is written with a keyring that does not open the store's other records: %w", err)
		default:
			return fmt.Errorf("tokenstore: whether the keyring opens the store's other records cannot be seen: %w", err)
		}
	}
	if damaged != nil {
		return fmt.Errorf("tokenstore: no other record is whole enough to tell whether this is the store's key; restore or delete the damaged ones: %w", damaged)
	}
	e.checked.Store(true)
	return nil
}

// CheckKeys opens every record of s, which must be a [Lister], with the keyring, and returns one error for each that does not
// open, joined. It writes nothing. For the start of a program, and for monitoring.
func CheckKeys(ctx context.Context, s Store, k *Keyring) error {
	lister, ok := s.(Lister)
	if !ok {
		return fmt.Errorf("tokenstore: %T cannot list its records", s)
	}
	e := &encrypted{inner: s, ring: k}
	var errs []error
	for key, err := range lister.List(ctx) {
		if err == nil {
			_, err = e.Get(ctx, key)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
