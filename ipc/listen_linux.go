package ipc

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// listenPrivate makes a socket that only its user can connect to, from the first instant: the
// file gets the mode that the socket had before.
func listenPrivate(path string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		outer := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) })
		if outer != nil {
			err = outer
		}
		return err
	}}
	return config.Listen(context.Background(), "unix", path)
}

// listenAbstract listens at a name that is not a file.
func listenAbstract(name string) (net.Listener, func(), error) {
	l, err := net.Listen("unix", name)
	return l, func() {}, err
}

func peerUser(fd int) (uint32, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return cred.Uid, nil
}
