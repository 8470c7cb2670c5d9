package wire

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// A Watch says when there is something to receive on a link, to a goroutine that does
// not receive. It costs a system call to set and one to unset, and a descriptor.
//
// It is a second place, besides the poller of the runtime, where the system notes that
// the socket is readable; the poller looks into it as into any other descriptor.
type Watch struct {
	l    *Link
	raw  syscall.RawConn // of the socket
	f    *os.File        // the second place
	fd   int             // its descriptor
	wait syscall.RawConn // of f

	set, unset func(fd uintptr) // set and unset, made once
	looked     func(fd uintptr) bool
	failed     error
}

// NewWatch makes a Watch, which is not set. It belongs to the receiver, who closes it;
// a link has one at most at any time.
func (l *Link) NewWatch() (*Watch, error) {
	raw, err := l.c.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err == nil {
		err = syscall.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, fmt.Errorf("wire: the link cannot be watched: %w", err)
	}
	w := &Watch{l: l, raw: raw, fd: fd, f: os.NewFile(uintptr(fd), "watch")}
	w.set = func(socket uintptr) { w.failed = w.control(syscall.EPOLL_CTL_MOD, socket, syscall.EPOLLIN) }
	w.unset = func(socket uintptr) { w.failed = w.control(syscall.EPOLL_CTL_MOD, socket, 0) }
	var events [1]syscall.EpollEvent
	w.looked = func(uintptr) bool {
		n, err := syscall.EpollWait(w.fd, events[:], 0)
		return n > 0 || err != nil && err != syscall.EINTR
	}
	add := func(socket uintptr) { err = w.control(syscall.EPOLL_CTL_ADD, socket, 0) }
	if bad := raw.Control(add); bad != nil {
		err = bad
	}
	if err == nil {
		w.wait, err = w.f.SyscallConn()
	}
	if err == nil {
		err = w.f.SetDeadline(never) // only the poller has deadlines
	}
	if err != nil {
		_ = w.f.Close()
		return nil, fmt.Errorf("wire: the link cannot be watched: %w", err)
	}
	l.watch.Store(w)
	return w, nil
}

func (w *Watch) control(op int, socket uintptr, events uint32) error {
	return syscall.EpollCtl(w.fd, op, int(socket), &syscall.EpollEvent{Events: events | syscall.EPOLLONESHOT, Fd: int32(socket)})
}

// Set makes [Watch.Wait] return when there is something to receive, also if it has been
// there for long. Set and Unset must not be called at the same time.
func (w *Watch) Set() {
	if err := w.raw.Control(w.set); err != nil || w.failed != nil || w.l.closed.Load() {
		w.Wake()
	}
}

// Unset undoes Set.
func (w *Watch) Unset() { _ = w.raw.Control(w.unset) }

// Wake makes Wait return.
func (w *Watch) Wake() { _ = w.f.SetReadDeadline(longAgo) }

// Wait waits. It may return for no reason.
func (w *Watch) Wait() {
	if err := w.wait.Read(w.looked); errors.Is(err, os.ErrDeadlineExceeded) {
		_ = w.f.SetReadDeadline(never)
	}
}

// Close lets go of the Watch.
func (w *Watch) Close() {
	w.l.watch.CompareAndSwap(w, nil)
	_ = w.f.Close()
}
