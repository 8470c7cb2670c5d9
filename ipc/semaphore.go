package ipc

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// Semaphore is a number of permits that OS processes share. Make one with [NewSemaphore]; the
// zero Semaphore is not usable. It is Python's multiprocessing.Semaphore, except for what
// happens at a death.
//
// The permits that a process has acquired and nobody has released come back when it dies, or
// detaches its last handle, but never so many that there are more than at the beginning. Whoever
// gets such a permit is told with [ErrOwnerDied].
type Semaphore struct{ b semaphoreBackend }

// NewSemaphore makes a semaphore with permits to begin with. It fails if permits is negative or
// more than a million, or if the system has no more descriptors or memory to give.
func NewSemaphore(permits int) (*Semaphore, error) {
	b, err := newSemaphore("NewSemaphore", permits, false)
	if err != nil {
		return nil, err
	}
	return &Semaphore{b}, nil
}

func newSemaphore(name string, permits int, bounded bool) (semaphoreBackend, error) {
	if permits < 0 || permits > maxPermits {
		return nil, fmt.Errorf("ipc: %s(%d): want between 0 and %d permits", name, permits, maxPermits)
	}
	return makeSemaphore(permits, bounded)
}

const maxPermits = 1_000_000

// Acquire takes a permit, waiting for one if need be. The errors are those of [Lock.Lock]; with
// [ErrOwnerDied] the caller has the permit.
func (s *Semaphore) Acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.b.acquire(ctx)
}

// TryAcquire takes a permit if there is one, and reports whether it did; with [ErrOwnerDied] ok
// is true.
func (s *Semaphore) TryAcquire() (ok bool, err error) { return tried(s.b.acquire(noWait)) }

// Release gives a permit back, or adds one. A process that holds none gives back one that
// another holds, if there is such, as in Python.
func (s *Semaphore) Release() error { return s.b.release(1) }

// ReleaseN is Release, n times over, at once.
func (s *Semaphore) ReleaseN(n int) error {
	if n < 0 || n > maxPermits {
		return fmt.Errorf("ipc: ReleaseN(%d): want between 0 and %d permits", n, maxPermits)
	}
	return s.b.release(n)
}

// Value returns how many permits can be acquired at the moment.
func (s *Semaphore) Value() (int, error) { return s.b.value() }

// Detach lets go of this handle; see [Lock.Detach].
func (s *Semaphore) Detach() error { return s.b.detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (s *Semaphore) EncodeWire(e *wire.Encoder) error {
	if s.b == nil {
		return errUnmade("Semaphore")
	}
	return s.b.encode(e)
}

// DecodeWire makes s a handle of what [Semaphore.EncodeWire] encoded.
func (s *Semaphore) DecodeWire(d *wire.Decoder) (err error) {
	s.b, err = decodeBackend(d, openSemaphore, openBrokerSemaphore)
	return err
}

// BoundedSemaphore is a [Semaphore] whose permits belong to the process that acquired them:
// only that process can release them, and there are never more of them than at the beginning.
// Make one with [NewBoundedSemaphore]; the zero BoundedSemaphore is not usable.
type BoundedSemaphore struct{ s Semaphore }

// NewBoundedSemaphore makes a semaphore with so many permits. Errors are those of
// [NewSemaphore].
func NewBoundedSemaphore(permits int) (*BoundedSemaphore, error) {
	b, err := newSemaphore("NewBoundedSemaphore", permits, true)
	if err != nil {
		return nil, err
	}
	return &BoundedSemaphore{Semaphore{b}}, nil
}

// Acquire takes a permit, waiting for one if need be; see [Semaphore.Acquire].
func (s *BoundedSemaphore) Acquire(ctx context.Context) error { return s.s.Acquire(ctx) }

// TryAcquire takes a permit if there is one; see [Semaphore.TryAcquire].
func (s *BoundedSemaphore) TryAcquire() (ok bool, err error) { return s.s.TryAcquire() }

// Release gives a permit back. It returns [ErrNotOwner] if this process has none.
func (s *BoundedSemaphore) Release() error { return s.s.Release() }

// Value returns how many permits can be acquired at the moment.
func (s *BoundedSemaphore) Value() (int, error) { return s.s.Value() }

// Detach lets go of this handle; see [Lock.Detach].
func (s *BoundedSemaphore) Detach() error { return s.s.Detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (s *BoundedSemaphore) EncodeWire(e *wire.Encoder) error {
	if s.s.b == nil {
		return errUnmade("BoundedSemaphore")
	}
	return s.s.EncodeWire(e)
}

// DecodeWire makes s a handle of what [BoundedSemaphore.EncodeWire] encoded.
func (s *BoundedSemaphore) DecodeWire(d *wire.Decoder) error { return s.s.DecodeWire(d) }
