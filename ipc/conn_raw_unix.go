//go:build linux || darwin

package ipc

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/troupe-go/troupe/internal/wire"
)

// maxVectors is how many pieces of memory one system call is given.
const maxVectors = 64

// A rawStream reads and writes a socket with system calls of its own, under Go's poller. The
// fields in and out are the parameters and results of the calls that poller makes.
type rawStream struct {
	conn  syscall.RawConn
	local bool // a unix socket: descriptors can go along
	in    struct {
		call       func(fd uintptr) bool
		p, control []byte
		wait       bool
		n, nc      int
		flags      int
		err        error
	}
	out struct {
		call    func(fd uintptr) bool
		bufs    [][]byte
		control []byte
		wait    bool
		n       int
		err     error
	}
}

// newRawStream returns nil if c is no plain socket.
func newRawStream(c net.Conn) *rawStream {
	s := new(rawStream)
	var err error
	switch c := c.(type) {
	case *net.UnixConn:
		s.local = true
		s.conn, err = c.SyscallConn()
	case *net.TCPConn:
		s.conn, err = c.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	s.in.call, s.out.call = s.readOnce, s.writeOnce
	return s
}

// read reads what there is; with wait, it waits if there is nothing.
func (s *rawStream) read(p []byte, wait bool) (n int, b batch, err error) {
	in := &s.in
	in.p, in.wait = p, wait
	err = s.conn.Read(in.call)
	in.p = nil
	switch {
	case err != nil:
		return 0, b, err
	case errors.Is(in.err, unix.EAGAIN):
		return 0, b, errWouldBlock
	case in.err != nil:
		return 0, b, in.err
	}
	if in.nc > 0 || in.flags&unix.MSG_CTRUNC != 0 {
		b = parseBatch(in.control[:in.nc])
		b.cut = b.cut || in.flags&unix.MSG_CTRUNC != 0
	}
	if in.n == 0 {
		b.close()
		return 0, batch{}, io.EOF
	}
	return in.n, b, nil
}

func (s *rawStream) readOnce(fd uintptr) bool {
	in := &s.in
	for {
		if s.local {
			in.n, in.nc, in.flags, in.err = s.receive(int(fd), in.p)
		} else {
			in.n, in.err = unix.Read(int(fd), in.p)
		}
		if !errors.Is(in.err, unix.EINTR) {
			return !in.wait || !errors.Is(in.err, unix.EAGAIN)
		}
	}
}

func parseBatch(control []byte) (b batch) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		b.cut = true
	}
	for _, m := range messages {
		if fds, err := unix.ParseUnixRights(&m); err == nil {
			b.files = append(b.files, fds...)
		}
	}
	for _, fd := range b.files {
		if closeOnExec {
			unix.CloseOnExec(fd)
		}
	}
	return b
}

// write writes some of bufs; with wait, it waits if there is no room.
func (s *rawStream) write(bufs [][]byte, files []int, wait bool) (int, error) {
	out := &s.out
	out.bufs, out.wait, out.control = bufs[:min(len(bufs), maxVectors)], wait, nil
	if len(files) > 0 {
		out.control = unix.UnixRights(files...)
	}
	err := s.conn.Write(out.call)
	out.bufs = nil
	switch {
	case err != nil:
		return 0, err
	case errors.Is(out.err, unix.EAGAIN):
		return 0, errWouldBlock
	case out.err != nil:
		return 0, out.err
	}
	return out.n, nil
}

func (s *rawStream) writeOnce(fd uintptr) bool {
	out := &s.out
	for {
		switch {
		case out.control != nil:
			out.n, out.err = unix.SendmsgBuffers(int(fd), out.bufs, out.control, nil, 0)
		case len(out.bufs) == 1:
			out.n, out.err = unix.Write(int(fd), out.bufs[0])
		default:
			out.n, out.err = unix.SendmsgBuffers(int(fd), out.bufs, nil, nil, 0)
		}
		if !errors.Is(out.err, unix.EINTR) {
			return !out.wait || !errors.Is(out.err, unix.EAGAIN)
		}
	}
}

// controlSize is the room for the descriptors of one message.
var controlSize = unix.CmsgSpace(4 * wire.MaxFiles)
