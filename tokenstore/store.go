package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"
)

// Limits every store keeps, so that a program can move from one to another.
const (
	MaxKeyLen = 512     // bytes in a record's key; any byte values
	MaxData   = 1 << 20 // bytes in a record; a store with a lower limit says so
)

// Errors a store returns, possibly wrapped; test with errors.Is.
var (
	ErrNotFound   = errors.New("tokenstore: no such record")
	ErrConflict   = errors.New("tokenstore: the record was changed by somebody else")
	ErrInvalidKey = errors.New("tokenstore: invalid record key")
	ErrTooLarge   = errors.New("tokenstore: record too large")
	// ErrCorrupt means that what lies in the store was not written by it, or was damaged.
	ErrCorrupt = errors.New("tokenstore: damaged record")
	ErrClosed  = errors.New("tokenstore: closed")
	// ErrLockLost means that a lock ended under its holder, who must not send or write anything on its strength.
	ErrLockLost = errors.New("tokenstore: lock lost")
)

// Record is one stored value. It prints without its data, which is secret.
type Record struct {
	Data []byte
	// Version names this state of the record. It is opaque, never empty once stored, and never used again for the
	// same key, not even after a delete.
	Version string
}

func (r Record) redacted() string {
	return fmt.Sprintf("tokenstore.Record{Data: %d bytes redacted, Version: %q}", len(r.Data), r.Version)
}

// String keeps the data out of logs, errors and dumps.
func (r Record) String() string { return r.redacted() }

// GoString is String.
func (r Record) GoString() string { return r.redacted() }

// LogValue is String.
func (r Record) LogValue() slog.Value { return slog.StringValue(r.redacted()) }

// MarshalJSON gives String as a JSON string.
func (r Record) MarshalJSON() ([]byte, error) { return redactedJSON(r.redacted()) }

// Format keeps verbs like %x and %d from reaching into the struct.
func (r Record) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.redacted())) }

// Store keeps records by key. Implementations are safe for concurrent use by goroutines and, unless they say otherwise, by
// processes. Keys are 1 to [MaxKeyLen] bytes of any value and are told apart byte by byte (no case folding, no trimming).
//
// Every method honours ctx. A write whose ctx ends may or may not have happened: Get tells.
type Store interface {
	// Get returns the record. Errors: ErrNotFound, ErrInvalidKey, ErrCorrupt.
	Get(ctx context.Context, key string) (Record, error)

	// Put stores r.Data if the record's version still is r.Version (compare-and-swap), and returns the new version. An empty
	// r.Version means that the record must not exist. When Put returns nil the data has reached stable storage, as far as the
	// store's medium can promise it. Errors: ErrConflict, ErrTooLarge, ErrInvalidKey. After any other error the record holds
	// either the old data or the new, whole; Get tells which.
	Put(ctx context.Context, key string, r Record) (version string, err error)

	// Delete removes the record whatever its version. Deleting what is absent is not an error.
	Delete(ctx context.Context, key string) error
}

// Lister is an optional ability of a [Store], found by type assertion.
type Lister interface {
	// List yields every key once, in no order; the last pair carries the error, if any. Records put or deleted
	// meanwhile may or may not appear. Breaking off releases everything, and the loop's body may use the store.
	List(ctx context.Context) iter.Seq2[string, error]
}

// Locker is an optional ability of a [Store], found by type assertion.
type Locker interface {
	// Lock waits until it holds the exclusive lock named key, or ctx ends. It is not reentrant. It excludes other lockers only,
	// not Put: versions protect writes. ctx bounds the wait, not the lock.
	Lock(ctx context.Context, key string) (Lock, error)
}

// Lock is a lock held. Its methods are safe for concurrent use.
type Lock interface {
	// Check returns nil while the lock is certainly held, as far as its holder can know, else an error that Is ErrLockLost.
	// To be called just before doing what cannot be undone.
	Check(ctx context.Context) error
	// Tenure says what ends the lock besides Unlock.
	Tenure() Tenure
	// Unlock releases the lock. A second call does nothing and returns nil.
	Unlock() error
}

// Tenure says for how long a [Lock] is held if its holder never unlocks it.
type Tenure int

const (
	// WhileProcess: until the holder's process ends, however long it is paused. Safe.
	WhileProcess Tenure = iota
	// WhileConnection: until the connection to the server ends, which a network failure can bring about while the holder lives.
	WhileConnection
	// WhileLease: until a time. A paused holder loses it without noticing; what it guards must be guarded otherwise as well.
	WhileLease
)

// String is the tenure in words: "while the process lives", say.
func (t Tenure) String() string {
	switch t {
	case WhileProcess:
		return "while the process lives"
	case WhileConnection:
		return "while the connection lives"
	case WhileLease:
		return "lease"
	}
	return fmt.Sprintf("Tenure(%d)", int(t))
}

// CheckKey returns nil if key may name a record, else an error that Is [ErrInvalidKey]. For authors of stores.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	case len(key) > MaxKeyLen:
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrInvalidKey, len(key), MaxKeyLen)
	}
	return nil
}

// CheckPut returns nil if the record may be stored under key, else an error that Is [ErrInvalidKey] or [ErrTooLarge].
// For authors of stores.
func CheckPut(key string, r Record) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if len(r.Data) > MaxData {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrTooLarge, len(r.Data), MaxData)
	}
	return nil
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
