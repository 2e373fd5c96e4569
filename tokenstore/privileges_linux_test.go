package tokenstore_test

import (
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

// dropPrivileges makes permission bits count for root, in this test's thread, which ends with the test: capset(2) with no capability.
func dropPrivileges(t *testing.T) {
	runtime.LockOSThread()
	header := struct {
		version uint32
		pid     int32
	}{version: 0x20080522}
	var none [2]struct{ effective, permitted, inheritable uint32 }
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0); errno != 0 {
		t.Fatal(errno)
	}
}
