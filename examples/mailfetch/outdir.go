package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// outDir is the folder the mail is written to. A file appears under its name only when it is complete and on the disk:
// it is written below a folder of its own first. Everything goes through an os.Root, so no name can lead out of the folder.
// Not safe for concurrent use.
type outDir struct {
	root    *os.Root
	partial string
	count   int
	dirs    map[string]bool // folders written to
}

// savedFile is what was written.
type savedFile struct {
	Name   string // relative to the folder, with slashes
	Bytes  int64
	SHA256 string
}

// openOut creates the folder if it is missing. Mail is private: folders and files are for their owner only.
func openOut(dir string) (*outDir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	removeStale(root)
	// Each run has its own, so that two at once do not meet.
	tmp, err := os.MkdirTemp(dir, unfinished)
	if err != nil {
		root.Close()
		return nil, err
	}
	return &outDir{root: root, partial: filepath.Base(tmp), dirs: map[string]bool{}}, nil
}

const unfinished = ".unfinished-"

// stale is how long nothing must have been written to an unfinished file before its run is taken for dead. A run that was
// only slow makes its folder anew, see write, and starts that one download over.
const stale = time.Hour

// removeStale removes what runs left behind that were killed. What cannot be removed stays: it is in nobody's way.
func removeStale(root *os.Root) {
	dirs, _ := fs.Glob(root.FS(), unfinished+"[0-9]*")
	for _, dir := range dirs {
		info, err := root.Lstat(dir)
		if err != nil || !info.IsDir() {
			continue
		}
		newest := info.ModTime()
		files, _ := fs.ReadDir(root.FS(), dir)
		for _, f := range files {
			if info, err := f.Info(); err == nil && info.ModTime().After(newest) {
				newest = info.ModTime()
			}
		}
		if time.Since(newest) > stale {
			_ = root.RemoveAll(dir)
		}
	}
}

// Close removes what was not finished.
func (o *outDir) Close() error {
	return errors.Join(o.root.RemoveAll(o.partial), o.root.Close())
}

// save writes src to the file name, or beside it (name-2, name-3 ...) when that name is taken by other content: a
// file of an earlier run is never replaced. The same content again is left as it is. On an error nothing is left.
func (o *outDir) save(name string, src io.Reader) (savedFile, error) {
	o.count++
	tmp := fmt.Sprintf("%s/%d", o.partial, o.count)
	file, err := o.write(tmp, src)
	if err != nil {
		return savedFile{}, errors.Join(err, o.remove(tmp))
	}
	dir := path.Dir(name)
	if !o.dirs[dir] {
		if err := o.root.MkdirAll(dir, 0o700); err != nil {
			return savedFile{}, errors.Join(err, o.remove(tmp))
		}
		o.dirs[dir] = true
	}
	file.Name, err = o.place(tmp, name, file)
	return file, errors.Join(err, o.remove(tmp))
}

func (o *outDir) write(tmp string, src io.Reader) (savedFile, error) {
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY
	f, err := o.root.OpenFile(tmp, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // another run took this one for dead
		if err = o.root.MkdirAll(o.partial, 0o700); err == nil {
			f, err = o.root.OpenFile(tmp, flags, 0o600)
		}
	}
	if err != nil {
		return savedFile{}, err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, hash), src)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return savedFile{}, err
	}
	if info, err := o.root.Stat(tmp); err != nil {
		return savedFile{}, err
	} else if info.Size() != n {
		return savedFile{}, fmt.Errorf("%d bytes were written and %d are on the disk", n, info.Size())
	}
	return savedFile{Bytes: n, SHA256: hex.EncodeToString(hash.Sum(nil))}, nil
}

func (o *outDir) place(tmp, name string, file savedFile) (string, error) {
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for try := 1; ; try++ {
		if try > 1 {
			name = fmt.Sprintf("%s-%d%s", stem, try, ext)
		}
		// A link never replaces a file, which a rename does. Some file systems have no links: there the gap between
		// looking and renaming stays.
		err := o.root.Link(tmp, name)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			if _, missing := o.root.Lstat(name); errors.Is(missing, fs.ErrNotExist) {
				return name, o.root.Rename(tmp, name)
			}
		}
		if err == nil || o.holds(name, file) {
			return name, nil
		}
		if try == 10_000 {
			return "", fmt.Errorf("10,000 files named like %s: choose another -out", name)
		}
	}
}

// holds reports whether the file name has the same content.
func (o *outDir) holds(name string, file savedFile) bool {
	info, err := o.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != file.Bytes {
		return false
	}
	f, err := o.root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	return err == nil && hex.EncodeToString(hash.Sum(nil)) == file.SHA256
}

func (o *outDir) remove(name string) error {
	if err := o.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sync puts the folders' entries on the disk too, so that a message may be filed away on the server.
func (o *outDir) sync() error {
	if runtime.GOOS == "windows" {
		return nil // has no such call; NTFS journals the entries
	}
	for dir := range o.dirs {
		for ; ; dir = path.Dir(dir) { // the folder itself may be new
			d, err := o.root.Open(dir)
			if err != nil {
				return err
			}
			if err := errors.Join(d.Sync(), d.Close()); err != nil {
				return fmt.Errorf("-out: %w", err)
			}
			if dir == "." {
				break
			}
		}
	}
	return nil
}
