package tokenstore

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Warnings names what is unsafe above the directory, with the fix, one line each: directories and symbolic links by which other users could take
// the token directory away, or put an earlier one back. None of that lets them read tokens: another directory in its place is
// refused unless it is this user's own and private. That is why it is for an administrator to judge, as GnuPG does it, and not refused, as sshd
// does: the volumes of containers are often writable by all. nil: all is well, or the system tells nothing (Windows).
// It reads the state of the moment.
func (s *FileStore) Warnings() []string {
	d, ok := s.dir.(*osDir)
	if !ok {
		return nil
	}
	var all []string
	seen := map[string]bool{d.path: true}
	look := func(path string) {
		for p := filepath.Dir(path); !seen[p]; p = filepath.Dir(p) {
			seen[p] = true
			if info, err := os.Lstat(p); err == nil {
				all = append(all, unsafeAbove(p, info, info.Mode()&fs.ModeSymlink != 0)...)
			}
		}
	}
	look(d.path)
	if real, err := filepath.EvalSymlinks(d.path); err == nil { // the links' targets lie in directories, too
		look(real)
	}
	return all
}
