package tokenstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// paths is what makeDir needs of the operating system: the seam through which a test cuts the power.
type paths interface {
	Lstat(path string) (fs.FileInfo, error)
	MkdirAll(path string, perm fs.FileMode) error
	// SyncDir makes what was created in a directory survive a power loss.
	SyncDir(path string) error
}

// makeDir creates what is missing of a path, and syncs the directories above: a power loss must not take the new directory back
// with the tokens in it. Those that this user may enter but not open are left to the operating system.
func makeDir(path string, on paths) error {
	var above []string
	for p := path; ; p = filepath.Dir(p) {
		if _, err := on.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		above = append(above, filepath.Dir(p))
	}
	if len(above) == 0 {
		return nil
	}
	if err := on.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for _, p := range above {
		if err := on.SyncDir(p); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

type osPaths struct{}

func (osPaths) Lstat(path string) (fs.FileInfo, error)       { return os.Lstat(path) }
func (osPaths) MkdirAll(path string, perm fs.FileMode) error { return os.MkdirAll(path, perm) }

// SyncDir does nothing on Windows, see osDir.Sync.
func (osPaths) SyncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return syncAndClose(f)
}
