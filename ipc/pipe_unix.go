//go:build linux || darwin

package ipc

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/troupe-go/troupe/internal/wire"
)

// socketPair connects two ends without a name.
func socketPair() (*Conn, *Conn, error) {
	a, b, err := socketPairRaw()
	if err != nil {
		return nil, nil, err
	}
	return newConn(newStream(a), true), newConn(newStream(b), true), nil
}

func socketPairRaw() (a, b net.Conn, err error) {
	syscall.ForkLock.RLock() // where a socket cannot be made close-on-exec at once
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|atOnce, 0)
	if err == nil && atOnce == 0 {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("ipc: make a pipe: %w", err)
	}
	a, errA := connOf(fds[0])
	b, errB := connOf(fds[1])
	switch {
	case errA == nil && errB == nil:
		return a, b, nil
	case errA == nil:
		a.Close()
		return nil, nil, errB
	case errB == nil:
		b.Close()
	}
	return nil, nil, errA
}

// connOf makes a connection of a descriptor, which belongs to the connection then, and is
// closed if that fails.
func connOf(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "ipc")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("ipc: not a connection: %w", err)
	}
	return c, nil
}

// closeWrite makes it impossible to send.
func (s *rawStream) closeWrite() error {
	var err error
	outer := s.conn.Control(func(fd uintptr) { err = unix.Shutdown(int(fd), unix.SHUT_WR) })
	if outer != nil {
		err = outer
	}
	return err
}

// borrow appends the descriptor of the socket.
func (s *rawStream) borrow(e *wire.Encoder) error {
	return s.conn.Control(func(fd uintptr) { e.Files = append(e.Files, int(fd)) })
}
