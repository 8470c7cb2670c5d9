package ipc

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// listenPrivate makes a socket that only its user can connect to.
func listenPrivate(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func listenAbstract(string) (net.Listener, func(), error) {
	return nil, nil, errors.New("sockets whose names begin with @ exist on Linux only: use a path")
}

func peerUser(fd int) (uint32, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return cred.Uid, nil
}
