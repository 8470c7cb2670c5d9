package ipc

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// Lock is a lock between OS processes, and between the goroutines of each. Make one with
// [NewLock]; the zero Lock is not usable. It is Python's multiprocessing.Lock, except that it
// survives its holder, and that only the process which holds it can unlock it.
//
// A holder that is killed leaves the lock to the next, who is told with [ErrOwnerDied]; see
// [Lock.Lock]. Uncontended it costs about as much as a [sync.Mutex]. It is not fair at short
// notice, which makes it fast, but nobody waits for much longer than a millisecond while others
// who came later get it.
type Lock struct{ b lockBackend }

// NewLock makes a lock that nobody holds. It fails if the system has no more descriptors or
// memory to give.
func NewLock() (*Lock, error) {
	b, err := makeLock()
	if err != nil {
		return nil, err
	}
	return &Lock{b}, nil
}

// Lock locks l, waiting while it is held. It returns
//
//   - nil: the caller has the lock;
//   - an error that is [ErrOwnerDied]: the caller has the lock, and its former holder died
//     holding it. What the lock protects may be half done. Unlock as always;
//   - the context's cause, if ctx ended first; [ErrClosed] if this handle was detached; or an
//     error of the system, if it has no descriptor left with which to watch the holder.
//
// A goroutine that locks what it holds already waits for itself; see [RLock].
func (l *Lock) Lock(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d, ok := l.b.(*directLock); ok && d.tryLock() {
		return nil
	}
	return l.b.lock(ctx)
}

// TryLock locks l if that is possible without waiting, and reports whether the caller has it
// now. The error is as in [Lock.Lock]; with [ErrOwnerDied] ok is true.
func (l *Lock) TryLock() (ok bool, err error) { return tried(l.b.lock(noWait)) }

// Unlock unlocks l. Any goroutine of the process that holds it may do so; it returns
// [ErrNotOwner] if that is not this process.
func (l *Lock) Unlock() error {
	if d, ok := l.b.(*directLock); ok && d.tryUnlock() {
		return nil
	}
	return l.b.unlock()
}

// Detach lets go of this handle, as the garbage collector does with one that nobody refers to.
// Other processes keep theirs. If this was the process's last handle of the lock and the process
// holds it, the next who locks it gets [ErrOwnerDied]. Further calls do nothing.
func (l *Lock) Detach() error { return l.b.detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (l *Lock) EncodeWire(e *wire.Encoder) error {
	if l.b == nil {
		return errUnmade("Lock")
	}
	return l.b.encode(e)
}

// DecodeWire makes l a handle of what [Lock.EncodeWire] encoded.
func (l *Lock) DecodeWire(d *wire.Decoder) (err error) {
	l.b, err = decodeBackend(d, openLock, openBrokerLock)
	return err
}

// release gives up l for the time of a wait; see [Locker].
func (l *Lock) release(context.Context) (retake func(context.Context) error, err error) {
	return l.b.lock, l.b.unlock()
}

// errUnmade says that a zero value was used.
func errUnmade(name string) error {
	return fmt.Errorf("ipc: a %s that was not made: use New%s, or one that came from another process", name, name)
}
