package ipc

import "golang.org/x/sys/unix"

// closeOnExec is true: the system cannot receive descriptors that are closed on exec already.
const closeOnExec = true

// atOnce are the flags with which a socket is made.
const atOnce = 0

func (s *rawStream) receive(fd int, p []byte) (n, nc, flags int, err error) {
	if s.in.control == nil {
		s.in.control = make([]byte, controlSize)
	}
	n, nc, flags, _, err = unix.Recvmsg(fd, p, s.in.control, 0)
	return max(n, 0), nc, flags, err
}
