package shm

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func dup(t testing.TB, fd int) *os.File {
	t.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(n), "dup")
}
