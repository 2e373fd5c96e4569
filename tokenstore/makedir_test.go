package tokenstore_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// disk holds the directories that were made, and of these what a power loss leaves: those whose parents were synced since.
type disk struct {
	made, safe map[string]bool
	refuses    string // may be entered, but not opened
}

func newDisk(there ...string) *disk {
	d := &disk{made: map[string]bool{}, safe: map[string]bool{}}
	for _, p := range there {
		d.made[p], d.safe[p] = true, true
	}
	return d
}

func (d *disk) Lstat(path string) (fs.FileInfo, error) {
	if !d.made[path] {
		return nil, &fs.PathError{Op: "lstat", Path: path, Err: fs.ErrNotExist}
	}
	return nil, nil
}

func (d *disk) MkdirAll(path string, _ fs.FileMode) error {
	for ; !d.made[path]; path = filepath.Dir(path) {
		d.made[path] = true
	}
	return nil
}

func (d *disk) SyncDir(path string) error {
	if path == d.refuses {
		return &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}
	for p := range d.made {
		if filepath.Dir(p) == path {
			d.safe[p] = true
		}
	}
	return nil
}

// survives reports whether a path is still there after a power loss.
func (d *disk) survives(path string) bool {
	for p := path; ; p = filepath.Dir(p) {
		if !d.safe[p] {
			return false
		}
		if p == filepath.Dir(p) {
			return true
		}
	}
}

type neverSynced struct{ *disk }

func (neverSynced) SyncDir(string) error { return nil }

type lastSynced struct {
	*disk
	only string
}

func (l lastSynced) SyncDir(path string) error {
	if path != l.only {
		return nil
	}
	return l.disk.SyncDir(path)
}

// A directory that was just created survives a power loss, with those above it.
func TestNewDirectorySurvivesPowerLoss(t *testing.T) {
	root := filepath.VolumeName(os.TempDir()) + string(filepath.Separator)
	home := filepath.Join(root, "home")
	path := filepath.Join(home, "a", "b", "tokens")
	for name, c := range map[string]struct {
		on       func(*disk) tokenstore.Paths
		survives bool
	}{
		"shipped":                       {func(d *disk) tokenstore.Paths { return d }, true},
		"mutant: no directory synced":   {func(d *disk) tokenstore.Paths { return neverSynced{d} }, false},
		"mutant: only the last's is":    {func(d *disk) tokenstore.Paths { return lastSynced{d, filepath.Dir(path)} }, false},
		"mutant: only the topmost's is": {func(d *disk) tokenstore.Paths { return lastSynced{d, home} }, false},
	} {
		d := newDisk(root, home)
		require.NoError(t, tokenstore.MakeDir(path, c.on(d)), name)
		require.Equal(t, c.survives, d.survives(path), name)
	}
	d := newDisk(root, home)
	d.refuses = home
	require.NoError(t, tokenstore.MakeDir(path, d), "a parent that may be entered but not opened")
}
