package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"time"
)

// FileOptions adjusts a [FileStore]; nil means defaults.
type FileOptions struct {
	// Dir replaces the operating system's directory; for tests. The path given to NewFileStore is then not used.
	Dir Dir
	// WatchInterval is how often Watch looks. Default 1 second.
	WatchInterval time.Duration
}

// FileStore keeps one file per record in a directory. It has the abilities [Lister], [Locker] and [Watcher]; its
// locks last [WhileProcess]. Files have mode 0600 in a directory of mode 0700; looser ones, symbolic links and other users' files are refused
// with [ErrUnsafeFile]; for the directories above see [FileStore.Warnings]. On Windows choose a directory below the user's profile, whose access control list keeps others out.
//
// A save is written beside the old record, synced, renamed over it, and the directory synced: after a crash or power loss there is
// the old record or the new one, and a save that was acknowledged stays. Any number of processes on one host may share the
// directory. On network file systems this holds if they implement locks, rename and fsync (NFSv4 does).
type FileStore struct {
	dir           Dir
	local         MemoryStore // its locks only: goroutines queue here, so that processes alone compete for the lock file
	watchInterval time.Duration
}

const (
	recordSuffix = ".token"
	lockSuffix   = ".lock"
	putTemp      = "put.tmp"  // one name is enough: writers exclude each other
	putLock      = "put.lock" // held for the length of one Put or Delete; no record's file name can equal these, see fileName
)

// NewFileStore opens the directory, and creates it (mode 0700) if it is missing. Errors: [ErrUnsafeFile] with the fix, or the
// operating system's.
func NewFileStore(dir string, o *FileOptions) (*FileStore, error) {
	if o == nil {
		o = &FileOptions{}
	}
	s := &FileStore{dir: o.Dir, watchInterval: o.WatchInterval}
	if s.watchInterval <= 0 {
		s.watchInterval = time.Second
	}
	if s.dir != nil {
		return s, nil
	}
	if dir == "" {
		return nil, errors.New("tokenstore: no directory given for the token files")
	}
	d, err := newOSDir(dir)
	if err != nil {
		return nil, err
	}
	s.dir = d
	return s, nil
}

// Get implements [Store].
func (s *FileStore) Get(ctx context.Context, key string) (Record, error) {
	if err := checkCtxKey(ctx, key); err != nil {
		return Record{}, err
	}
	r, err := s.read(key)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, ErrNotFound
	}
	return r, err
}

func (s *FileStore) read(key string) (Record, error) {
	stored, r, err := s.readFile(fileName(key) + recordSuffix)
	if err == nil && stored != key {
		err = fmt.Errorf("%w: file %s holds the record of another key", ErrCorrupt, fileName(key)+recordSuffix)
	}
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

func (s *FileStore) readFile(name string) (key string, r Record, err error) {
	f, err := s.dir.Open(name)
	if err != nil {
		return "", Record{}, readError(err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", Record{}, readError(err)
	}
	key, r, err = decodeFile(raw)
	if err != nil {
		return "", Record{}, fmt.Errorf("%w: file %s: %w", ErrCorrupt, name, err)
	}
	return key, r, nil
}

func readError(err error) error {
	if errors.Is(err, ErrUnsafeFile) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("tokenstore: reading: %w", err)
}

// Put implements [Store].
func (s *FileStore) Put(ctx context.Context, key string, r Record) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := CheckPut(key, r); err != nil {
		return "", err
	}
	unlock, err := s.lockForWriting(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()

	old, err := s.read(key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err // never write over what cannot be read: it may be the only copy
	}
	if old.Version != r.Version {
		return "", ErrConflict
	}
	next := Record{Data: r.Data, Version: NewVersion()}
	if err := s.write(fileName(key)+recordSuffix, encodeFile(key, next)); err != nil {
		return "", fmt.Errorf("tokenstore: saving: %w", err)
	}
	return next.Version, nil
}

func (s *FileStore) write(name string, raw []byte) error {
	if err := s.dir.Remove(putTemp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // left by a crash, and not removable
	}
	f, err := s.dir.Create(putTemp)
	if err != nil {
		return err
	}
	n, err := f.Write(raw)
	if err == nil && n < len(raw) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = s.dir.Rename(putTemp, name)
	}
	if err != nil {
		return errors.Join(err, ignoreAbsent(s.dir.Remove(putTemp)))
	}
	return s.dir.Sync()
}

// Delete implements [Store].
func (s *FileStore) Delete(ctx context.Context, key string) error {
	if err := checkCtxKey(ctx, key); err != nil {
		return err
	}
	unlock, err := s.lockForWriting(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	// The directory is synced even if the file is gone already: an earlier Delete may have failed to.
	err = ignoreAbsent(s.dir.Remove(fileName(key) + recordSuffix))
	if err == nil {
		err = s.dir.Sync()
	}
	if err != nil {
		return fmt.Errorf("tokenstore: deleting: %w", err)
	}
	return nil
}

// List implements [Lister].
func (s *FileStore) List(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		names, err := s.dir.Names()
		if err != nil {
			yield("", fmt.Errorf("tokenstore: listing: %w", err))
			return
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			if !strings.HasSuffix(name, recordSuffix) {
				continue
			}
			key, err := s.keyOf(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if !yield(key, err) || err != nil {
				return
			}
		}
	}
}

func (s *FileStore) keyOf(name string) (string, error) {
	if key, ok := fileKey(strings.TrimSuffix(name, recordSuffix)); ok {
		return key, nil
	}
	key, _, err := s.readFile(name) // a shortened name: the key stands in the file
	if err == nil && fileName(key)+recordSuffix != name {
		err = fmt.Errorf("%w: file %s holds the record of another key", ErrCorrupt, name)
	}
	return key, err
}

// Lock implements [Locker].
func (s *FileStore) Lock(ctx context.Context, key string) (Lock, error) {
	if err := checkCtxKey(ctx, key); err != nil {
		return nil, err
	}
	return s.lock(ctx, fileName(key)+lockSuffix)
}

func (s *FileStore) lock(ctx context.Context, name string) (Lock, error) {
	local, err := s.local.Lock(ctx, name)
	if err != nil {
		return nil, err
	}
	l, err := s.dir.Lock(ctx, name)
	if err != nil {
		_ = local.Unlock()
		return nil, err
	}
	return &fileStoreLock{Lock: l, local: local}, nil
}

type fileStoreLock struct {
	Lock
	local Lock
}

func (l *fileStoreLock) Check(ctx context.Context) error {
	if err := l.local.Check(ctx); err != nil {
		return err
	}
	return l.Lock.Check(ctx)
}

func (l *fileStoreLock) Unlock() error {
	if l.local.Check(context.Background()) != nil {
		return nil // unlocked before
	}
	err := l.Lock.Unlock()
	_ = l.local.Unlock()
	return err
}

// lockForWriting bounds the wait by ctx; what follows is short and is not interrupted half-way.
func (s *FileStore) lockForWriting(ctx context.Context) (unlock func(), err error) {
	l, err := s.lock(ctx, putLock)
	if err != nil {
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil // the lock ends with the descriptor even if closing it reports an error
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
