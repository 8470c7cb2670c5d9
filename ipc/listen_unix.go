//go:build linux || darwin

package ipc

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// listenUnix listens at a path, in place of a dead listener if need be.
func listenUnix(path string) (l net.Listener, remove func(), err error) {
	if strings.HasPrefix(path, "@") || path == "" {
		return listenAbstract(path)
	}
	unlock := lockFolder(path)
	defer unlock()
	l, err = listenPrivate(path)
	if errors.Is(err, unix.EADDRINUSE) && removeStale(path) {
		l, err = listenPrivate(path)
	}
	if err != nil {
		return nil, nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	ours, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, nil, err
	}
	return l, func() { removeOurs(path, ours) }, nil
}

// removeOurs removes the socket's file, unless it has become that of somebody else.
func removeOurs(path string, ours fs.FileInfo) {
	unlock := lockFolder(path)
	defer unlock()
	if now, err := os.Lstat(path); err == nil && os.SameFile(now, ours) {
		_ = os.Remove(path)
	}
}

// removeStale removes a socket at which nobody listens, and nothing else.
func removeStale(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return false
	}
	return errors.Is(err, unix.ECONNREFUSED) && os.Remove(path) == nil
}

// lockFolder keeps others who listen in the same folder from finding a socket stale that is
// just being made. It leaves nothing behind. Without the lock, if the folder cannot be read,
// or is locked for long by somebody else, two who start at the same instant may be in each
// other's way.
func lockFolder(path string) (unlock func()) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return func() {}
	}
	for range 100 {
		err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return func() { folder.Close() }
}

// checkUser turns away processes of other users. The superuser's are welcome.
func checkUser(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return fmt.Errorf("ipc: whose process is on the other side: %w", err)
	}
	var uid uint32
	var failure error
	err = raw.Control(func(fd uintptr) { uid, failure = peerUser(int(fd)) })
	switch err := errors.Join(err, failure); {
	case err != nil:
		return fmt.Errorf("ipc: whose process is on the other side: %w", err)
	case uid != 0 && uid != uint32(os.Geteuid()):
		return fmt.Errorf("%w: the process on the other side is of user %d", ErrAuth, uid)
	}
	return nil
}
