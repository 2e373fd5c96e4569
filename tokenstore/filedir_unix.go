//go:build unix

package tokenstore

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkPrivate refuses what others than the owner can reach, and what another user owns: that user could read it.
func checkPrivate(path string, info fs.FileInfo, mode string) error {
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o and can be reached by other users; run: chmod %s %s", ErrUnsafeFile, path, perm, mode, path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: %s belongs to user id %d, but this process runs as user id %d", ErrUnsafeFile, path, st.Uid, os.Geteuid())
	}
	return nil
}

// unsafeAbove tells who else could exchange what lies below a directory or a link: its owner, unless that is root, and whoever may write to it,
// unless the sticky bit keeps them from renaming what is not theirs.
func unsafeAbove(path string, info fs.FileInfo, link bool) (all []string) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		all = append(all, fmt.Sprintf("%s belongs to user id %d, who can take the token directory away; run: chown root %[1]s", path, st.Uid))
	}
	if perm := info.Mode().Perm(); !link && perm&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		all = append(all, fmt.Sprintf("%s has mode %04o: users who may write to it can take the token directory away; run: chmod go-w %[1]s", path, perm))
	}
	return all
}
