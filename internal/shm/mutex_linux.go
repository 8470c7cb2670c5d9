package shm

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// A Mutex is a lock whose owner is a process. Its word is 0 when it is free, else
//
//	bits  0–41  the owner
//	bits 42–51  who waits: 0 nobody, the slot + 1 of the only process, or several
//	bit  52     somebody is hungry: has waited for longer than hungerAfter
//
// Only the owner clears the owner and the waiters (Unlock), or, if the owner is dead, the one
// process that swaps in itself. Either way every process that has left its mark in the word
// hears of it: it is rung by an Unlock that finds marks, and it watches the owner, whose
// death rings. Then it looks again. So no wake-up can be lost, whoever dies where:
//
//   - in front of the swap that unlocks: the owner is still in the word, and dead;
//   - between that swap and the ring: those who wait watch the same owner, and its death rings;
//   - having been woken: everybody else was woken too.
//
// A free word may be taken by whoever comes first, which makes for long runs without a system
// call. A hungry bit keeps newcomers from taking it, so that nobody starves.
type Mutex struct {
	word   *atomic.Uint64
	self   uint64
	region *Region
	bell   *Bell

	line  chan struct{} // has room for one: the goroutine that waits for this process
	local chan struct{} // wakes it when this process unlocks
}

const (
	waiterShift = ownerBits
	waiterMask  = slotMask << waiterShift
	several     = waiterMask
	hungry      = 1 << (ownerBits + slotBits)

	hungerAfter = time.Millisecond
)

// NewMutex returns the mutex at an offset of the data. All goroutines of a process must use
// one Mutex for it, or copies of that; see [Region.Local]. Processes are woken by the i-th bell.
func (r *Region) NewMutex(offset, bell int) *Mutex {
	return &Mutex{
		word: r.Word(offset), self: uint64(r.self), region: r, bell: r.bells[bell],
		line: make(chan struct{}, 1), local: make(chan struct{}, 1),
	}
}

// Lock locks m. It first tries and only then looks at ctx, whose cause it returns if ctx ends
// before m is locked. It returns [ErrOwnerDied] with m locked if the process that had it died;
// [ErrClosed] if the region is released here; and an error of the system if the owner cannot be
// watched, for want of descriptors.
func (m *Mutex) Lock(ctx context.Context) error {
	if m.TryLock() {
		return nil
	}
	err := m.lockSlow(ctx)
	m.region.order.Observed()
	return err
}

// TryLock locks m if that is a matter of one instruction. If not, [Mutex.Lock] may know better.
func (m *Mutex) TryLock() bool {
	ok := m.word.CompareAndSwap(0, m.self)
	m.region.order.Observed()
	runtime.KeepAlive(m)
	return ok
}

// Unlock unlocks m, which any goroutine of the owning process may do. Others get [ErrNotOwner].
func (m *Mutex) Unlock() error {
	if m.TryUnlock() {
		return nil
	}
	return m.unlockSlow()
}

// TryUnlock unlocks m if that is a matter of one instruction. If not, [Mutex.Unlock] does it.
func (m *Mutex) TryUnlock() bool {
	m.region.order.Published()
	ok := m.word.CompareAndSwap(m.self, 0)
	runtime.KeepAlive(m)
	return ok
}

// Free reports that nobody has m, and nobody waits for it.
func (m *Mutex) Free() bool { return m.word.Load() == 0 }

func (m *Mutex) unlockSlow() error {
	for {
		w := m.word.Load()
		if w&ownerMask != m.self {
			return ErrNotOwner
		}
		if !m.word.CompareAndSwap(w, w&hungry) {
			continue
		}
		waiters := w & waiterMask
		if waiters == m.mark() || waiters == several {
			select {
			case m.local <- struct{}{}:
			default:
			}
		}
		if waiters != 0 && waiters != m.mark() {
			m.bell.strike()
		}
		return nil
	}
}

// mark is how this process is named among the waiters.
func (m *Mutex) mark() uint64 { return m.self & slotMask << waiterShift }

// lockSlow stands in line behind other goroutines of this process, so that one at a time waits
// for it among the processes.
func (m *Mutex) lockSlow(ctx context.Context) error {
	select {
	case m.line <- struct{}{}:
	default:
		select {
		case m.line <- struct{}{}:
		case <-m.region.done:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer func() { <-m.line }()
	var since time.Time
	for {
		starving := !since.IsZero() && time.Since(since) > hungerAfter
		w := m.word.Load()
		owner := Owner(w & ownerMask)
		alive, err := owner != 0, error(nil)
		if alive {
			alive, err = m.region.Alive(owner)
		}
		switch {
		case err != nil:
			return err
		case owner == 0 && (w&hungry == 0 || starving):
			if m.word.CompareAndSwap(w, w&waiterMask|m.self) {
				return nil
			}
			continue
		case owner != 0 && !alive:
			if m.word.CompareAndSwap(w, m.self) {
				return ErrOwnerDied
			}
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if since.IsZero() {
			since = time.Now()
		}
		if marked := m.marked(w, starving); marked != w && !m.word.CompareAndSwap(w, marked) {
			continue
		} else if err := m.park(ctx, marked); err != nil {
			return err
		}
	}
}

// marked adds this process to the waiters in w.
func (m *Mutex) marked(w uint64, starving bool) uint64 {
	switch w & waiterMask {
	case 0, m.mark():
		w |= m.mark()
	default:
		w |= several
	}
	if starving {
		w |= hungry
	}
	return w
}

// park waits until the word may have changed from seen, or its owner has died.
func (m *Mutex) park(ctx context.Context, seen uint64) error {
	owner := Owner(seen & ownerMask)
	if uint64(owner) == m.self { // only this process can unlock
		select {
		case <-m.local:
			return nil
		case <-m.region.done:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if owner == 0 { // kept for the hungry, who may be dead by now
		brief, cancel := context.WithTimeout(ctx, hungerAfter)
		defer cancel()
		err := m.bell.Wait(brief, func() bool { return m.word.Load() != seen })
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
			return nil
		}
		return err
	}
	p, err := m.region.peer(owner)
	if err != nil { // gone, which the next look will find out
		if errors.Is(err, errGone) {
			return nil
		}
		return err
	}
	return m.bell.Wait(ctx, func() bool {
		return m.word.Load() != seen || p.dead.Load() || !m.region.occupies(owner)
	})
}
