package ipc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// sharedMemory is a region of which nothing but the data is used.
type sharedMemory struct {
	*shared
	mu    sync.Mutex
	names []net.Listener
}

var memoryLayout = shm.Layout{Kind: regionMemory}

func makeMemory(size int) (memoryBackend, error) {
	l := memoryLayout
	l.Size = size
	return newSharedMemory(newShared(shm.Create(l)))
}

func openMemory(d *wire.Decoder) (memoryBackend, error) {
	return newSharedMemory(openShared(d, memoryLayout))
}

func newSharedMemory(s *shared, err error) (memoryBackend, error) {
	if err != nil {
		return nil, err
	}
	// The region stays mapped until it is detached, because nobody knows who uses the bytes.
	s.cleanup.Stop()
	return &sharedMemory{shared: s}, nil
}

func (m *sharedMemory) bytes() []byte {
	if m.detached.Load() {
		return nil
	}
	return m.Data()
}

func (m *sharedMemory) detach() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.names {
		_ = l.Close()
	}
	m.names = nil
	return m.shared.detach()
}

// publish listens on a unix socket without a file, which the system removes together with the
// process, and hands the memory to whoever connects.
func (m *sharedMemory) publish(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.detached.Load() {
		return ErrClosed
	}
	l, err := net.ListenUnix("unix", memoryAddress(name))
	if err != nil {
		return fmt.Errorf("ipc: cannot publish memory as %q; is the name taken? %w", name, err)
	}
	m.names = append(m.names, l)
	go m.serve(l)
	return nil
}

// serve gives the memory to whoever connects.
func (m *sharedMemory) serve(l *net.UnixListener) {
	for {
		c, err := l.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no descriptor is left, for a while
			time.Sleep(10 * time.Millisecond)
			continue
		case sameUser(c):
			_, _, _ = c.WriteMsgUnix([]byte{byte(originMemory)}, unix.UnixRights(m.Files()...), nil)
		}
		_ = c.Close()
	}
}

func memoryAddress(name string) *net.UnixAddr {
	return &net.UnixAddr{Net: "unix", Name: "@troupe-memory/" + strconv.Itoa(os.Getuid()) + "/" + name}
}

// sameUser reports whether the process at the other end belongs to the same user.
func sameUser(c *net.UnixConn) bool {
	same := false
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
			same = err == nil && int(cred.Uid) == os.Getuid()
		})
	}
	return same
}

func findMemory(ctx context.Context, name string) (memoryBackend, error) {
	var dialer net.Dialer
	nc, err := dialer.DialContext(ctx, "unix", memoryAddress(name).Name)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("ipc: no memory is published as %q: %w", name, err)
	}
	defer nc.Close()
	c := nc.(*net.UnixConn)
	if !sameUser(c) {
		return nil, fmt.Errorf("ipc: the memory %q was published by another user", name)
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := c.ReadMsgUnix(b, oob)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	files := rights(oob[:oobn])
	if err != nil || n == 0 || len(files) != 1 {
		_ = (&wire.Decoder{Files: files}).Close()
		return nil, fmt.Errorf("ipc: opening the memory %q: no descriptor came: %w", name, err)
	}
	return openMemory(&wire.Decoder{Files: files})
}

// rights returns the descriptors in a control message.
func rights(oob []byte) (files []int) {
	all, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range all {
		fds, err := unix.ParseUnixRights(&all[i])
		if err == nil {
			files = append(files, fds...)
		}
	}
	return files
}
