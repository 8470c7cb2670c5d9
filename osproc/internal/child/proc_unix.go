//go:build unix

package child

import (
	"net"
	"os"
	"syscall"
)

func signalGroup(pid int, sig syscall.Signal) error { return syscall.Kill(-pid, sig) }

func statusOf(sys any) Status {
	ws, ok := sys.(syscall.WaitStatus)
	switch {
	case !ok:
		return Status{Code: -1}
	case ws.Signaled():
		return Status{Code: -1, Signal: ws.Signal(), Core: ws.CoreDump()}
	}
	return Status{Code: ws.ExitStatus()}
}

// SocketPair returns two connected sockets: one for this process, one to be given away.
func SocketPair() (*net.UnixConn, *os.File, error) {
	fds, err := socketPair()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "link")
	conn, err := Conn(os.NewFile(uintptr(fds[0]), "link"))
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// Conn makes a connection of a socket, which it closes.
func Conn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, &net.OpError{Op: "file", Net: "unix", Err: syscall.ENOTSOCK}
	}
	return u, nil
}

// readNow reads from a pipe without waiting.
func readNow(f *os.File, b []byte) (n int) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	_ = c.Control(func(fd uintptr) { n, _ = syscall.Read(int(fd), b) })
	return max(n, 0)
}
