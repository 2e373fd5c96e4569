package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
)

// Dir is the directory a [FileStore] works in: the seam through which tests cut the power at every step. Names are plain file
// names without separators. Errors are those of package os; methods are safe for concurrent use.
type Dir interface {
	// Names lists the files.
	Names() ([]string, error)
	// Open opens a file for reading, and refuses anything but a regular file that only its owner can read (ErrUnsafeFile).
	Open(name string) (io.ReadCloser, error)
	// Create creates a file that must not exist yet, readable by its owner only.
	Create(name string) (DirFile, error)
	// Rename replaces newname by oldname in one step.
	Rename(oldname, newname string) error
	// Remove removes a file; one that is absent is fs.ErrNotExist.
	Remove(name string) error
	// Sync makes creations, renames and removals survive a power loss.
	Sync() error
	// Lock waits for the exclusive lock named name, between processes, until ctx ends.
	Lock(ctx context.Context, name string) (Lock, error)
}

// DirFile is a file being written.
type DirFile interface {
	io.WriteCloser
	// Sync makes what was written survive a power loss.
	Sync() error
}

// ErrUnsafeFile means that a file or directory is not private to its owner, or is not what it should be (a symbolic link, say).
var ErrUnsafeFile = errors.New("tokenstore: refused for safety")

// osDir is a directory of the operating system. The directory is opened and checked at each operation, so that a store
// outlives its directory being replaced, and notices when it was opened to others.
type osDir struct{ path string }

func newOSDir(path string) (*osDir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("tokenstore: %w", err)
	}
	if err := makeDir(abs, osPaths{}); err != nil {
		return nil, fmt.Errorf("tokenstore: creating the token directory: %w", err)
	}
	d := &osDir{abs}
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	return d, root.Close()
}

func (d *osDir) open() (*os.Root, error) {
	before, err := os.Lstat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		// Not as fs.ErrNotExist: a volume that is not mounted must not look like a record that is not there.
		return nil, fmt.Errorf("tokenstore: the token directory %s is gone; was it removed, or its volume not mounted?", d.path)
	}
	if err != nil {
		return nil, err
	}
	if before.Mode()&fs.ModeSymlink != 0 {
		return nil, fmt.Errorf("%w: %s is a symbolic link; name the directory it points to", ErrUnsafeFile, d.path)
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("%w: %s is not a directory", ErrUnsafeFile, d.path)
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err == nil && !os.SameFile(before, info) {
		err = fmt.Errorf("%w: %s was exchanged while it was opened", ErrUnsafeFile, d.path)
	}
	if err == nil {
		err = checkPrivate(d.path, info, "700")
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

func (d *osDir) Names() ([]string, error) {
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (d *osDir) Open(name string) (io.ReadCloser, error) {
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return openPrivate(root, d.path, name)
}

// openPrivate opens a regular file that only its owner can read. The check before keeps a FIFO from blocking the open and names a
// symbolic link; the check after closes the gap between the two.
func openPrivate(root *os.Root, dir, name string) (*os.File, error) {
	path := filepath.Join(dir, name)
	before, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if before.Mode()&fs.ModeSymlink != 0 {
		return nil, fmt.Errorf("%w: %s is a symbolic link", ErrUnsafeFile, path)
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrUnsafeFile, path)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is not a regular file", ErrUnsafeFile, path)
	}
	if err == nil {
		err = checkPrivate(path, info, "600")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (d *osDir) Create(name string) (DirFile, error) {
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// Rename is tried for a while on Windows, where it fails as long as another process has the target open for reading.
func (d *osDir) Rename(oldname, newname string) error {
	root, err := d.open()
	if err != nil {
		return err
	}
	defer root.Close()
	for wait := time.Millisecond; ; wait *= 2 {
		err = root.Rename(oldname, newname)
		if err == nil || runtime.GOOS != "windows" || wait > time.Second {
			return err
		}
		time.Sleep(wait)
	}
}

func (d *osDir) Remove(name string) error {
	root, err := d.open()
	if err != nil {
		return err
	}
	defer root.Close()
	return root.Remove(name)
}

// Sync does nothing on Windows, which has no such call for directories and journals renames itself.
func (d *osDir) Sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	root, err := d.open()
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	return syncAndClose(f)
}

func syncAndClose(f *os.File) error {
	err := f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Lock polls: the operating systems' blocking calls cannot be called off. Lock files stay behind; removing one would let two
// processes lock two files of the same name.
func (d *osDir) Lock(ctx context.Context, name string) (Lock, error) {
	for wait := time.Millisecond; ; wait = min(wait*2, 50*time.Millisecond) {
		if err := d.checkLockFile(name); err != nil {
			return nil, err
		}
		l := flock.New(filepath.Join(d.path, name), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
		ok, err := l.TryLock()
		if err != nil {
			return nil, fmt.Errorf("tokenstore: locking %s: %w", name, err)
		}
		if ok {
			fl := &fileLock{l}
			if fl.Check(context.WithoutCancel(ctx)) == nil {
				return fl, nil
			}
			_ = l.Unlock() // the file was replaced between opening and locking it: try the one that lies there now
		}
		if err := sleep(ctx, wait/2+rand.N(wait)); err != nil {
			return nil, fmt.Errorf("tokenstore: waiting for the lock %s: %w", name, err)
		}
	}
}

// checkLockFile keeps the lock file from being made or opened elsewhere, through a symbolic link.
func (d *osDir) checkLockFile(name string) error {
	root, err := d.open()
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: the lock file %s is not a regular file; remove it", ErrUnsafeFile, filepath.Join(d.path, name))
	}
	return nil
}

type fileLock struct{ l *flock.Flock }

// Check notices that the lock file was removed or exchanged, so that others may hold a lock of the same name.
func (f *fileLock) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	held, err := f.l.Stat()
	if err != nil || !f.l.Locked() {
		return ErrLockLost
	}
	there, err := os.Lstat(f.l.Path())
	if err != nil || !os.SameFile(held, there) {
		return fmt.Errorf("%w: the file %s was removed or replaced", ErrLockLost, f.l.Path())
	}
	return nil
}

func (f *fileLock) Tenure() Tenure { return WhileProcess }
func (f *fileLock) Unlock() error  { return f.l.Unlock() }
