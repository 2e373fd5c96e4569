package fetcher

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"slices"
)

// Disk is a directory that forgets, at a power loss, what was not synced: bytes written to a file since its last Sync, torn anywhere, and each
// change of a name since the directory's. It counts its operations.
type Disk struct {
	Ops    int
	Before func(n int) error // its error is the operation's
	NoSync bool              // the mutant: Sync of files does nothing
	NoDir  bool              // the mutant: Sync of the directory does nothing
	Deaf   bool              // the mutant: nobody hears that a write failed

	names, durable map[string]*diskFile
	pending        []diskChange
	locked         map[string]bool
}

type diskFile struct {
	data   []byte
	synced int
	d      *Disk
}

// diskChange is a name that is to stand for a file, and one that it had before.
type diskChange struct {
	name, old string
	file      *diskFile
}

// NewDisk returns an empty one.
func NewDisk() *Disk {
	return &Disk{names: map[string]*diskFile{}, durable: map[string]*diskFile{}, locked: map[string]bool{}}
}

// Store opens a FileStore on it.
func (d *Disk) Store() *FileStore { return newFileStore(d) }

func (d *Disk) op() error {
	d.Ops++
	if d.Before != nil {
		return d.Before(d.Ops)
	}
	return nil
}

// ReadFile is part of directory, as are the methods below.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	if err := d.op(); err != nil {
		return nil, err
	}
	f := d.names[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(f.data), nil
}

func (d *Disk) change(c diskChange) {
	c.on(d.names)
	d.pending = append(d.pending, c)
}

func (c diskChange) on(names map[string]*diskFile) {
	delete(names, c.old)
	names[c.name] = c.file
}

func (d *Disk) Create(name string) (journalFile, error) {
	if err := d.op(); err != nil {
		return nil, err
	}
	f := &diskFile{d: d}
	d.change(diskChange{name: name, file: f})
	return f, nil
}

func (d *Disk) Rename(from, to string) error {
	if err := d.op(); err != nil {
		return err
	}
	d.change(diskChange{name: to, old: from, file: d.names[from]})
	return nil
}

func (d *Disk) Sync() error {
	if err := d.op(); err != nil || d.NoDir {
		return err
	}
	d.durable, d.pending = maps.Clone(d.names), nil
	return nil
}

func (d *Disk) Lock(name string) (heldFile, bool, error) {
	if d.locked[name] {
		return heldFile{}, false, nil
	}
	d.locked[name] = true
	return heldFile{func() error { delete(d.locked, name); return nil }, func() bool { return true }}, true, nil
}

func (d *Disk) Holds(string, journalFile) bool { return true }

// Blind makes a store that does not see when its files are removed.
func Blind(s *FileStore) { s.dir = blindDirectory{s.dir} }

type blindDirectory struct{ directory }

func (d blindDirectory) Lock(name string) (heldFile, bool, error) {
	l, ok, err := d.directory.Lock(name)
	l.there = func() bool { return true }
	return l, ok, err
}

func (d blindDirectory) Holds(string, journalFile) bool { return true }

func (f *diskFile) Write(p []byte) (int, error) {
	if err := f.d.op(); err != nil {
		n := len(p) / 2 // what a full disk leaves
		f.data = append(f.data, p[:n]...)
		if f.d.Deaf {
			return len(p), nil
		}
		return n, err
	}
	f.data = append(f.data, p...)
	return len(p), nil
}

func (f *diskFile) Sync() error {
	if err := f.d.op(); err != nil && !f.d.Deaf {
		return err
	}
	if !f.d.NoSync {
		f.synced = len(f.data)
	}
	return nil
}

func (f *diskFile) Close() error { return nil }

// Outcomes yields the disks that a power loss now could leave behind: with each combination of changed names, and the files cut at their
// last sync, at their end, and at some places in between.
func (d *Disk) Outcomes(yield func(*Disk)) {
	pending := d.pending[max(0, len(d.pending)-6):]
	for subset := range 1 << len(pending) {
		names := maps.Clone(d.durable)
		for i, c := range pending {
			if subset>>i&1 == 1 {
				c.on(names)
			}
		}
		for cut := range 5 {
			out := NewDisk()
			for _, name := range slices.Sorted(maps.Keys(names)) {
				if f := names[name]; f != nil {
					n := f.synced + (len(f.data)-f.synced)*cut/4
					out.names[name] = &diskFile{data: bytes.Clone(f.data[:n]), synced: n, d: out}
				}
			}
			out.durable = maps.Clone(out.names)
			yield(out)
		}
	}
}

// ErrDisk is a failed operation.
var ErrDisk = errors.New("input/output error")
