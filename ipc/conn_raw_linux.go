package ipc

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// closeOnExec is false: descriptors are received with MSG_CMSG_CLOEXEC.
const closeOnExec = false

// atOnce are the flags with which a socket is made.
const atOnce = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK

// receive is recvmsg without the allocations of its wrapper.
func (s *rawStream) receive(fd int, p []byte) (n, nc, flags int, err error) {
	if s.in.control == nil {
		s.in.control = make([]byte, controlSize)
	}
	vector := unix.Iovec{Base: unsafe.SliceData(p)}
	vector.SetLen(len(p))
	header := unix.Msghdr{Iov: &vector, Control: unsafe.SliceData(s.in.control)}
	header.SetIovlen(1)
	header.SetControllen(len(s.in.control))
	r, _, errno := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&header)), unix.MSG_CMSG_CLOEXEC)
	if errno != 0 {
		return 0, 0, 0, errno
	}
	return int(r), int(header.Controllen), int(header.Flags), nil
}
