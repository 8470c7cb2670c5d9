package shm

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A peer is another process, watched through a pidfd. One goroutine is parked for each; when
// the process has died it rings all bells of the regions that have asked.
type peer struct {
	process
	file *os.File
	raw  syscall.RawConn
	dead atomic.Bool

	// Guarded by peers.Mutex.
	refs    int
	regions map[*Region]struct{}
}

// peers are the processes that some region of this process watches.
var peers = struct {
	sync.Mutex
	m map[process]*peer
}{m: make(map[process]*peer)}

// errGone says that a process has died, or is another one by now.
var errGone = errors.New("ipc: the process is gone")

// openPeer returns the peer for p, to be released by the caller. It returns errGone if p has
// died, and another error if the system cannot give out one more descriptor.
func openPeer(p process) (*peer, error) {
	peers.Lock()
	defer peers.Unlock()
	if q := peers.m[p]; q != nil {
		q.refs++
		return q, nil
	}
	fd, err := unix.PidfdOpen(p.pid, 0)
	switch {
	case errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL): // EINVAL: the pid of a thread by now
		return nil, errGone
	case err != nil:
		return nil, fmt.Errorf("ipc: cannot watch process %d, which has what is waited for: %w", p.pid, err)
	}
	// If the process is still the same one now, the pidfd was opened on it.
	start, err := startTime(p.pid)
	if gone := errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH); gone || err == nil && start != p.start {
		unix.Close(fd)
		return nil, errGone
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("ipc: cannot watch process %d, which has what is waited for: %w", p.pid, err)
	}
	_ = unix.SetNonblock(fd, true) // for os.NewFile to use the poller
	q := &peer{process: p, file: os.NewFile(uintptr(fd), "pidfd"), refs: 1, regions: make(map[*Region]struct{})}
	if q.raw, err = q.file.SyscallConn(); err != nil {
		q.file.Close()
		return nil, err
	}
	peers.m[p] = q
	go q.watch()
	return q, nil
}

// watch waits for the death of the process, or for the release of the peer.
func (p *peer) watch() {
	if p.raw.Read(func(fd uintptr) bool { return exited(int(fd)) }) != nil {
		return
	}
	p.dead.Store(true)
	peers.Lock()
	defer peers.Unlock()
	for r := range p.regions {
		r.ringAll()
	}
}

// gone reports whether the process has died.
func (p *peer) gone() bool {
	if p.dead.Load() {
		return true
	}
	is := false
	_ = p.raw.Control(func(fd uintptr) { is = exited(int(fd)) })
	return is
}

func exited(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1
}

// release ends the interest of r, or of nobody in particular.
func (p *peer) release(r *Region) {
	peers.Lock()
	defer peers.Unlock()
	delete(p.regions, r)
	if p.refs--; p.refs == 0 {
		delete(peers.m, p.process)
		p.file.Close()
	}
}

// peer returns the process behind an owner other than this process, watched on behalf of r. It
// returns errGone if the owner is no more.
func (r *Region) peer(o Owner) (*peer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	who, ok := r.occupant(o)
	if !ok {
		return nil, errGone
	}
	p := r.peers[o.Slot()]
	if p != nil && p.process == who {
		return p, nil
	}
	if p != nil { // a former occupant
		p.release(r)
		delete(r.peers, o.Slot())
	}
	p, err := openPeer(who)
	if err != nil {
		return nil, err
	}
	peers.Lock()
	p.regions[r] = struct{}{}
	peers.Unlock()
	r.peers[o.Slot()] = p
	return p, nil
}
