//go:build linux || darwin

package ipc

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/troupe-go/troupe/internal/wire"
)

// copyFiles returns descriptors of its own for the same files.
func copyFiles(files []int) ([]int, error) {
	copies := make([]int, 0, len(files))
	for _, fd := range files {
		c, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			(&wire.Decoder{Files: copies}).Close()
			return nil, fmt.Errorf("ipc: an open file cannot be kept: %w", err)
		}
		copies = append(copies, c)
	}
	return copies, nil
}
