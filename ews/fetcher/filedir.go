package fetcher

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
)

// directory is what FileStore needs of a file system: the seam at which tests cut the power.
type directory interface {
	ReadFile(name string) ([]byte, error) // os.ErrNotExist
	Create(name string) (journalFile, error)
	Rename(from, to string) error
	Sync() error                                       // of the names
	Lock(name string) (l heldFile, ok bool, err error) // without waiting
	Holds(name string, f journalFile) (there bool)     // whether the file is still found under that name
}

// heldFile is a lock file.
type heldFile struct {
	unlock func() error
	there  func() bool // whether others would find it
}

type journalFile interface {
	io.WriteCloser
	Sync() error
}

type osDirectory struct{ path string }

func newOSDirectory(path string) (*osDirectory, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return &osDirectory{abs}, os.MkdirAll(abs, 0o700)
}

func (d *osDirectory) ReadFile(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(d.path, name))
}

func (d *osDirectory) Create(name string) (journalFile, error) {
	return os.OpenFile(filepath.Join(d.path, name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

func (d *osDirectory) Rename(from, to string) error {
	return os.Rename(filepath.Join(d.path, from), filepath.Join(d.path, to))
}

// Sync does nothing on Windows, which journals renames itself.
func (d *osDirectory) Sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d *osDirectory) Lock(name string) (held heldFile, ok bool, err error) {
	l := flock.New(filepath.Join(d.path, name), flock.SetPermissions(0o600))
	ok, err = l.TryLock()
	if errors.Is(err, os.ErrNotExist) && os.MkdirAll(d.path, 0o700) == nil { // somebody removed the directory
		ok, err = l.TryLock()
	}
	if err != nil || !ok {
		return heldFile{}, false, err
	}
	return heldFile{l.Unlock, func() bool { return d.same(name, l) }}, true, nil
}

func (d *osDirectory) Holds(name string, f journalFile) bool {
	of, ok := f.(*os.File)
	return ok && d.same(name, of)
}

// same reports whether a file that is open is the one of that name: somebody may have removed it, or put another one in its place.
func (d *osDirectory) same(name string, open interface{ Stat() (os.FileInfo, error) }) bool {
	ours, err := open.Stat()
	if err != nil {
		return false
	}
	theirs, err := os.Stat(filepath.Join(d.path, name))
	return err == nil && os.SameFile(ours, theirs)
}
