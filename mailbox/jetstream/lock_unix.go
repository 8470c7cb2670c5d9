//go:build unix

package jetstream

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/troupe-go/troupe/mailbox"
)

// A dirLock keeps other programs away from a server's files. The system releases it
// when the program ends, however it ends.
type dirLock struct{ f *os.File }

func lockDir(path string) (*dirLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", mailbox.ErrInUse, path)
		}
		return nil, fmt.Errorf("jetstream: locking %s: %w", path, err)
	}
	return &dirLock{f}, nil
}

func (l *dirLock) release() { l.f.Close() }
