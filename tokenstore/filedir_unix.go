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
