//go:build unix

package wire

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

func closeFile(fd int) { _ = syscall.Close(fd) }

// copyFiles returns copies of descriptors, which programs started meanwhile do not
// inherit.
func copyFiles(files []int) ([]int, error) {
	if len(files) == 0 {
		return nil, nil
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copies := make([]int, 0, len(files))
	for _, fd := range files {
		c, err := syscall.Dup(fd)
		if err != nil {
			for _, c := range copies {
				closeFile(c)
			}
			return nil, fmt.Errorf("wire: an open file cannot be sent along: %w", err)
		}
		syscall.CloseOnExec(c)
		copies = append(copies, c)
	}
	return copies, nil
}

// A trial writes what the socket takes at once. It is made once for a link, so
// that trying needs no memory.
type trial struct {
	c      syscall.RawConn
	do     func(fd uintptr) bool
	b      []byte
	rights []byte
	n      int
	err    error
}

func newTrial(c *net.UnixConn) *trial {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	t := &trial{c: raw}
	t.do = func(fd uintptr) bool {
		if t.rights != nil {
			t.n, t.err = syscall.SendmsgN(int(fd), t.b, t.rights, nil, 0)
		} else {
			t.n, t.err = syscall.Write(int(fd), t.b)
		}
		return true
	}
	return t
}

// write writes b, with descriptors attached to the first byte. Nothing, and no
// error, means that the socket takes nothing now.
func (t *trial) write(b []byte, files []int) (n int, err error) {
	t.b, t.rights = b, nil
	if len(files) > 0 {
		t.rights = syscall.UnixRights(files...)
	}
	if err := t.c.Write(t.do); err != nil {
		return 0, err
	}
	t.b = nil
	if errors.Is(t.err, syscall.EAGAIN) || errors.Is(t.err, syscall.EINTR) || errors.Is(t.err, syscall.ETOOMANYREFS) {
		return 0, nil
	}
	return max(t.n, 0), t.err
}

// tooManyWait is how long a message waits while the system has too many
// descriptors on their way.
const tooManyWait = 10 * time.Second

// writeWithFiles writes b, with descriptors attached to its first byte.
func writeWithFiles(c *net.UnixConn, b []byte, files []int) error {
	rights := syscall.UnixRights(files...)
	var waited time.Duration
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		n, _, err := c.WriteMsgUnix(b, rights, nil)
		if n > 0 { // then the descriptors have gone
			b = b[n:]
			break
		}
		if !errors.Is(err, syscall.ETOOMANYREFS) || waited > tooManyWait {
			return err
		}
		time.Sleep(wait)
		waited += wait
	}
	if len(b) == 0 {
		return nil
	}
	_, err := c.Write(b)
	return err
}

var oobSize = syscall.CmsgSpace(MaxFiles * 4)

// readWithFiles reads once, with the descriptors that come along.
func readWithFiles(c *net.UnixConn, b []byte, oob *[]byte) (int, fileGroup, error) {
	if *oob == nil {
		*oob = make([]byte, oobSize)
	}
	n, oobn, flags, _, err := c.ReadMsgUnix(b, *oob) // with close-on-exec
	g := fileGroup{lost: flags&syscall.MSG_CTRUNC != 0}
	if oobn == 0 {
		return n, g, err
	}
	messages, bad := syscall.ParseSocketControlMessage((*oob)[:oobn])
	g.lost = g.lost || bad != nil
	for i := range messages {
		files, bad := syscall.ParseUnixRights(&messages[i])
		if bad == nil {
			g.files = append(g.files, files...)
		}
	}
	return n, g, err
}
