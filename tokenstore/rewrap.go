package tokenstore

import (
	"context"
	"errors"
	"fmt"
)

// RewrapOptions adjusts [Rewrap]; nil means defaults.
type RewrapOptions struct {
	// EncryptPlain also takes over records that are stored in clear. Programs that still read them in clear will fail afterwards.
	// Nothing is taken over while another record needs a key that the keyring lacks: it may be the wrong keyring.
	EncryptPlain bool
}

// RewrapReport counts what [Rewrap] did.
type RewrapReport struct {
	Current   int // were under the encrypting key already
	Rewrapped int // were under an older key
	Encrypted int // were in clear
	Failed    int // could not be opened or written, see the error
}

// Rewrap re-encrypts every record of s, the store given to [Encrypt], that is not under the keyring's encrypting key. It is
// idempotent, can be interrupted anywhere and run again, and can run while programs use the store: it replaces by
// compare-and-swap and looks again when a record changed under it. A record that fails is left as it is and does not stop the others;
// the error joins all failures. When it returns nil, the older keys can be dropped.
func Rewrap(ctx context.Context, s Store, k *Keyring, o *RewrapOptions) (RewrapReport, error) {
	var report RewrapReport
	lister, ok := s.(Lister)
	if !ok {
		return report, fmt.Errorf("tokenstore: %T cannot list its records", s)
	}
	var keys []string // first all names: a store may not like writes inside its listing
	for key, err := range lister.List(ctx) {
		if err != nil {
			return report, err
		}
		keys = append(keys, key)
	}
	plainToo := o != nil && o.EncryptPlain
	if plainToo {
		foreign, err := needsOtherKey(ctx, s, k, keys)
		if err != nil {
			return report, err
		}
		plainToo = !foreign
	}
	var errs []error
	for _, key := range keys {
		count, err := rewrapOne(ctx, s, k, key, plainToo, &report)
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
		if err != nil {
			report.Failed++
			errs = append(errs, err)
		} else if count != nil {
			*count++
		}
	}
	return report, errors.Join(errs...)
}

// needsOtherKey reports whether a record is under a key that the keyring lacks. Other damage says nothing about the key, and is
// found again later.
func needsOtherKey(ctx context.Context, s Store, k *Keyring, keys []string) (bool, error) {
	e := &encrypted{inner: s, ring: k}
	for _, key := range keys {
		_, err := e.Get(ctx, key)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrWrongKey) {
			return true, nil
		}
	}
	return false, nil
}

func rewrapOne(ctx context.Context, s Store, k *Keyring, key string, plainToo bool, report *RewrapReport) (count *int, err error) {
	for range 10 {
		r, err := s.Get(ctx, key)
		if errors.Is(err, ErrNotFound) {
			return nil, nil // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		count = &report.Rewrapped
		plain, by, err := k.open(ctx, key, r.Data)
		switch {
		case errors.Is(err, ErrNotEncrypted) && plainToo:
			plain, count = r.Data, &report.Encrypted
		case err != nil:
			return nil, err
		case by == k.keys[0]:
			return &report.Current, nil
		}
		sealed, err := k.seal(ctx, key, plain)
		if err != nil {
			return nil, err
		}
		_, err = s.Put(ctx, key, Record{Data: sealed, Version: r.Version})
		if err == nil {
			return count, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, fmt.Errorf("record %q: %w", key, err)
		}
	}
	return nil, fmt.Errorf("record %q: %w, ten times in a row", key, ErrConflict)
}
