package shm

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Bell wakes goroutines in all processes that wait for it. Of those in one process, one, the
// leader, is parked on the descriptor under Go's poller; it passes every ring on to the others.
// Waking a second goroutine to pass on the ring to the first would double the time of a round
// trip between two processes.
type Bell struct {
	fd     int
	region *Region

	mu     sync.RWMutex // held for writing to change what follows, for reading to strike
	file   *os.File     // made for the first who waits; owns fd from then on
	raw    syscall.RawConn
	closed bool

	lead sync.Mutex    // guards what follows
	led  bool          // there is a leader
	next chan struct{} // closed at the next ring, or when the leader leaves; nil if nobody follows
}

var once uint64 = 1 // what a ring adds to an eventfd

// strike rings the bell.
func (b *Bell) strike() {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if !b.closed {
		_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(b.fd), uintptr(unsafe.Pointer(&once)), unsafe.Sizeof(once))
	}
}

// Wait returns nil after the bell was rung, or when changed reports true, which is asked after
// every ring and once before: what was rung since changed first began to be true is never
// missed. It may also return for no reason. It returns the context's cause if ctx ends, and
// [ErrClosed] if the region is released. changed must not wait for anything.
func (b *Bell) Wait(ctx context.Context, changed func() bool) error {
	if err := b.open(); err != nil {
		return err
	}
	b.lead.Lock()
	if !b.led {
		b.led = true
		b.lead.Unlock()
		return b.waitLeading(ctx, changed)
	}
	if b.next == nil {
		b.next = make(chan struct{})
	}
	next := b.next
	b.lead.Unlock()
	if changed() {
		return nil
	}
	select {
	case <-next:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waitLeading parks this goroutine on the descriptor.
func (b *Bell) waitLeading(ctx context.Context, changed func() bool) error {
	defer func() {
		b.lead.Lock()
		defer b.lead.Unlock()
		b.led = false
		b.wakeFollowers()
	}()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { _ = b.file.SetReadDeadline(longAgo) })
		defer stop()
	}
	for {
		rung := false
		err := b.raw.Read(func(uintptr) bool {
			// The first call comes after the poller was reset, when a ring may have been lost.
			if rung || changed() {
				return true
			}
			rung = true
			b.lead.Lock()
			defer b.lead.Unlock()
			b.wakeFollowers()
			return false
		})
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return ErrClosed
		}
		// The end of a context: this one's, or of one that was leading before.
		_ = b.file.SetReadDeadline(time.Time{})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

var longAgo = time.Unix(1, 0)

// wakeFollowers lets them look for themselves. The bell's lead is locked.
func (b *Bell) wakeFollowers() {
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// open puts the descriptor under Go's poller. Until a process waits for the first time, rings
// do not disturb it.
func (b *Bell) open() error {
	b.mu.RLock()
	ready, closed := b.raw != nil, b.closed
	b.mu.RUnlock()
	switch {
	case closed:
		return ErrClosed
	case ready:
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return ErrClosed
	case b.raw != nil:
		return nil
	case b.file == nil:
		b.file = os.NewFile(uintptr(b.fd), "bell")
	}
	if err := b.file.SetReadDeadline(time.Time{}); err != nil {
		return errors.New("ipc: the descriptor of a bell cannot be waited for: is the same program on the other side?")
	}
	raw, err := b.file.SyscallConn()
	b.raw = raw
	return err
}

// close wakes those who wait in this process.
func (b *Bell) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.file != nil {
		_ = b.file.Close()
	} else {
		_ = unix.Close(b.fd)
	}
	b.lead.Lock()
	defer b.lead.Unlock()
	b.wakeFollowers()
}

// A Mark is the half of a [Bell] that lies in shared memory, for those who wait for a state
// that a mutex guards. It is two words.
type Mark struct {
	bell    *Bell
	waiting *atomic.Uint64 // somebody may be waiting
	rings   *atomic.Uint64 // how often it was rung
	region  *Region
}

// Mark returns the mark of the i-th bell at an offset of the data.
func (r *Region) Mark(offset, bell int) *Mark {
	return &Mark{r.bells[bell], r.Word(offset), r.Word(offset + 8), r}
}

// MarkSize is how many bytes a Mark takes.
const MarkSize = 16

// A Ticket is the right to wait for the next ring, or the next end of a process. It is the sum of
// both numbers, which only grow.
type Ticket uint64

// Set says that the caller is about to wait. The caller holds the mutex that guards the state,
// has found that it must wait, and unlocks before it does.
func (m *Mark) Set() Ticket { return m.SetSince(m.region.Ends()) }

// SetSince is Set for those for whom it matters who is alive: ends is what [Region.Ends] said
// before they looked. An end that came after that, and before the wait, is not missed.
func (m *Mark) SetSince(ends uint64) Ticket {
	m.waiting.Store(1)
	return Ticket(m.rings.Load() + ends)
}

// Wait waits for the next ring since Set. The errors are those of [Bell.Wait].
func (m *Mark) Wait(ctx context.Context, t Ticket) error {
	return m.bell.Wait(ctx, func() bool { return m.rings.Load()+m.region.Ends() != uint64(t) })
}

// Ring wakes those who wait. The caller holds the mutex that guards the state, and changes the
// state only after Ring: if it dies in between, those who wake find a mutex whose owner died.
func (m *Mark) Ring() {
	if m.waiting.Load() == 0 {
		return
	}
	m.rings.Add(1)
	m.bell.strike()
	m.waiting.Store(0)
}

// Renew makes the next Ring ring, whatever a process that died has left. It belongs into every
// repair.
func (m *Mark) Renew() { m.waiting.Store(1) }
