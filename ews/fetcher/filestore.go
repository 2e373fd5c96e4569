package fetcher

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"
	"time"
)

// FileStore is a Store in a directory: a journal for each source, which is written anew now and then. It suits one host, and folders of up
// to some hundred thousand messages, whose keys it keeps in memory (about 400 bytes each). Whoever fetches holds a lock file, which ends
// with its process: another one takes over at once.
//
// A change is synced before the method returns: it survives a power loss. While the disk is full or read-only, nothing that is begun is lost,
// and it goes on when that is repaired. A directory that is removed under a running program, or unmounted, is made again with all that was in
// it. When the files of a source are removed while no program runs nobody knows what was handed out, and the whole folder is handed out again (see
// Options.Backfill and Key). The files hold subjects and senders' addresses; they are readable by their owner only.
type FileStore struct {
	dir directory

	mu      sync.Mutex
	sources map[string]*opened
	kept    map[string]*table // of sources whose files were taken away, until they are opened again
}

// opened is a source that this store holds. Its lock is a channel, since files are written under it.
type opened struct {
	turn   chan struct{} // holds one
	table  *table
	file   journalFile
	lock   heldFile
	bytes  int // in the journal
	base   int // of them the table it began with
	broken bool
}

// NewFileStore opens the directory, and creates it if it is missing.
func NewFileStore(dir string) (*FileStore, error) {
	if dir == "" {
		return nil, errors.New("fetcher: NewFileStore needs a directory")
	}
	d, err := newOSDirectory(dir)
	if err != nil {
		return nil, fmt.Errorf("fetcher: file store: %w", err)
	}
	return newFileStore(d), nil
}

func newFileStore(d directory) *FileStore {
	return &FileStore{dir: d, sources: map[string]*opened{}, kept: map[string]*table{}}
}

func fileName(source string) string { return hex.EncodeToString(hash(source)) }

func (s *FileStore) opened(source string) *opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sources[source]
}

// begin waits for the turn on a source that this store holds; nil: it does not hold it.
func (s *FileStore) begin(ctx context.Context, source string) (*opened, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o := s.opened(source)
	if o == nil {
		return nil, nil
	}
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.opened(source) != o { // given up meanwhile
		<-o.turn
		return nil, nil
	}
	return o, nil
}

func (o *opened) end() { <-o.turn }

// change writes an operation down and applies it, for the holder of the lease.
func (s *FileStore) change(ctx context.Context, source string, epoch int64, op operation) error {
	o, err := s.begin(ctx, source)
	if err != nil {
		return err
	}
	if o == nil {
		return ErrLeaseLost
	}
	defer o.end()
	if err := o.table.held(epoch); err != nil {
		return err
	}
	if err := s.write(source, o, op); err != nil {
		return err
	}
	op.apply(o.table)
	return nil
}

// view reads a source, whoever holds it.
func (s *FileStore) view(ctx context.Context, source string, do func(t *table)) error {
	o, err := s.begin(ctx, source)
	if err != nil {
		return err
	}
	if o != nil {
		defer o.end()
		do(o.table)
		return nil
	}
	t, err := s.load(source)
	if err != nil {
		return err
	}
	do(t)
	return nil
}

func (s *FileStore) load(source string) (*table, error) {
	raw, err := s.dir.ReadFile(fileName(source) + ".journal")
	if errors.Is(err, fs.ErrNotExist) {
		return newTable(), nil
	}
	if err == nil {
		var t *table
		if t, err = replay(raw); err == nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("fetcher: file store: %s: %w", fileName(source)+".journal", err)
}

// Observe implements Store. Of other processes it knows only that they are there, which Take finds out.
func (s *FileStore) Observe(ctx context.Context, source string) (h Holder, err error) {
	o, err := s.begin(ctx, source)
	if o == nil {
		return Holder{}, err
	}
	defer o.end()
	return o.table.Holder, nil
}

// Take implements Store.
func (s *FileStore) Take(ctx context.Context, k Take) (at Position, err error) {
	o, err := s.begin(ctx, k.Source)
	if err != nil {
		return Position{}, err
	}
	ours := o != nil
	if !ours {
		if o, err = s.open(k.Source); err != nil {
			return Position{}, err
		}
		if k.Over == (Holder{}) {
			k.Over = o.table.Holder // the lock file says that it is dead
		}
	}
	defer o.end()
	op := operation{Take: &k}
	if err = ErrHeld; o.table.Holder == k.Over {
		err = s.write(k.Source, o, op)
	}
	if err != nil {
		if !ours {
			err = errors.Join(err, s.close(k.Source, o))
		}
		return Position{}, err
	}
	return o.table.take(k)
}

// close gives a source up.
func (s *FileStore) close(source string, o *opened) (err error) {
	s.mu.Lock()
	delete(s.sources, source)
	s.mu.Unlock()
	if o.file != nil {
		err = o.file.Close()
	}
	return errors.Join(err, o.lock.unlock())
}

// open takes the lock file and reads the journal. It returns with the turn taken.
func (s *FileStore) open(source string) (*opened, error) {
	lock, ok, err := s.dir.Lock(fileName(source) + ".lock")
	if err != nil {
		return nil, fmt.Errorf("fetcher: file store: %w", err)
	}
	if !ok {
		return nil, ErrHeld
	}
	o := &opened{turn: make(chan struct{}, 1), lock: lock, broken: true} // a journal of its own is written first
	o.turn <- struct{}{}
	if o.table, err = s.load(source); err != nil {
		return nil, errors.Join(err, lock.unlock())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources[source] != nil { // another goroutine was faster, which the lock should have prevented
		return nil, errors.Join(ErrHeld, lock.unlock())
	}
	if kept := s.kept[source]; kept != nil && kept.outlives(o.table) {
		o.table = kept
	}
	delete(s.kept, source)
	s.sources[source] = o
	return o, nil
}

// Beat implements Store. The lock file says more than a beat on disk would, as long as it is where others look for it: something that
// tidies the directory up must neither let a second process in nor have what happens written to a file without a name.
func (s *FileStore) Beat(ctx context.Context, source string, epoch int64) error {
	o, err := s.begin(ctx, source)
	if err != nil {
		return err
	}
	if o == nil {
		return ErrLeaseLost
	}
	defer o.end()
	if err := o.table.held(epoch); err != nil {
		return err
	}
	if !o.lock.there() {
		err := fmt.Errorf("%w, or can: somebody removed or replaced the lock file %s", ErrLeaseLost, fileName(source)+".lock")
		s.keep(source, o.table)
		return errors.Join(err, s.close(source, o))
	}
	if o.file != nil && !s.dir.Holds(fileName(source)+".journal", o.file) {
		o.broken = true // the next change writes it anew
	}
	o.table.Holder.Beat++
	return nil
}

// Release implements Store.
func (s *FileStore) Release(ctx context.Context, source string, epoch int64) error {
	o, err := s.begin(ctx, source)
	if err != nil {
		return err
	}
	if o == nil {
		return ErrLeaseLost
	}
	defer o.end()
	if err := o.table.held(epoch); err != nil {
		return err
	}
	if err = s.write(source, o, operation{Release: true}); err != nil || !o.lock.there() {
		s.keep(source, o.table)
	}
	return errors.Join(err, s.close(source, o))
}

// Record implements Store.
func (s *FileStore) Record(ctx context.Context, source string, epoch int64, p Page) (open []Entry, err error) {
	err = s.change(ctx, source, epoch, operation{Page: &p, open: &open})
	return open, err
}

// Save implements Store.
func (s *FileStore) Save(ctx context.Context, source string, epoch int64, e Entry) error {
	return s.change(ctx, source, epoch, operation{Save: &e})
}

// Missing implements Store.
func (s *FileStore) Missing(ctx context.Context, source string, epoch int64, key, item string, now time.Time) (e Entry, err error) {
	if err := s.change(ctx, source, epoch, operation{Missing: &missingItem{key, item, now}}); err != nil {
		return Entry{}, err
	}
	return s.Get(ctx, source, key)
}

// Prune implements Store.
func (s *FileStore) Prune(ctx context.Context, source string, epoch int64, left time.Time) (n int, err error) {
	err = s.change(ctx, source, epoch, operation{Prune: &left, pruned: &n})
	return n, err
}

// Known implements Store.
func (s *FileStore) Known(ctx context.Context, source string, keys []string) (known []bool, err error) {
	err = s.view(ctx, source, func(t *table) {
		for _, key := range keys {
			known = append(known, t.Entries[key] != nil)
		}
	})
	return known, err
}

// Get implements Store.
func (s *FileStore) Get(ctx context.Context, source, key string) (e Entry, err error) {
	found := false
	err = s.view(ctx, source, func(t *table) {
		if r := t.Entries[key]; r != nil {
			e, found = r.entry(), true
		}
	})
	if err == nil && !found {
		err = ErrUnknown
	}
	return e, err
}

// Entries implements Store.
func (s *FileStore) Entries(ctx context.Context, source string, in State) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var list []Entry
		err := s.view(ctx, source, func(t *table) { list = t.in(in) })
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(Entry{}, err)
		}
	}
}
