package ipc

import (
	"context"
	"sync"

	"github.com/troupe-go/troupe/internal/wire"
)

// RLock is a [Lock] that its owner can lock again. The owner is not a thread, for Go has none
// to speak of: it is whoever has the context that [RLock.Lock] returned, or one derived from
// it. Make one with [NewRLock]; the zero RLock is not usable. It is Python's
// multiprocessing.RLock.
//
//	ctx, err := lock.Lock(ctx)
//	if err != nil {
//		return err
//	}
//	defer lock.Unlock(ctx)
//	return update(ctx) // which may lock it again
//
// Two goroutines that have the same owner's context are the same owner.
type RLock struct {
	b lockBackend
	h *holding
}

// A holding is who holds a reentrant lock within this process.
type holding struct {
	mu  sync.Mutex
	now *hold
}

// A hold is one stay of an owner, which begins with its first lock and ends with its last
// unlock.
type hold struct {
	of    *holding
	depth int
}

// holdingOf returns what this process keeps for a reentrant lock. Backends that can tell that
// two handles are of one lock have the same for both.
func holdingOf(b lockBackend) *holding {
	if l, ok := b.(interface{ holding() *holding }); ok {
		return l.holding()
	}
	return new(holding)
}

// NewRLock makes a lock that nobody holds. It fails if the system has no more descriptors or
// memory to give.
func NewRLock() (*RLock, error) {
	b, err := makeLock()
	if err != nil {
		return nil, err
	}
	return &RLock{b, holdingOf(b)}, nil
}

// Lock locks l, waiting while another owner holds it, and returns the context that carries the
// owner. If ctx carries the owner already, it is returned as it is, and l is locked once more.
//
// Errors are those of [Lock.Lock]. With [ErrOwnerDied] the lock is held, and the context is the
// owner's; with all others the context is ctx.
func (l *RLock) Lock(ctx context.Context) (context.Context, error) {
	if ctx.Err() != nil {
		return ctx, context.Cause(ctx)
	}
	return l.lock(ctx, ctx)
}

// TryLock locks l if that is possible without waiting, and reports whether the caller has it
// now; else see [RLock.Lock].
func (l *RLock) TryLock(ctx context.Context) (owner context.Context, ok bool, err error) {
	owner, err = l.lock(ctx, noWait)
	ok, err = tried(err)
	return owner, ok, err
}

// lock locks l for the owner in ctx, waiting as long as wait allows.
func (l *RLock) lock(ctx, wait context.Context) (context.Context, error) {
	if l.again(ctx) {
		return ctx, nil
	}
	err := l.b.lock(wait)
	if held, _ := tried(err); !held {
		return ctx, err
	}
	h := &hold{of: l.h, depth: 1}
	l.h.mu.Lock()
	l.h.now = h
	l.h.mu.Unlock()
	return context.WithValue(ctx, l.h, h), err
}

// again locks l once more if ctx has its owner.
func (l *RLock) again(ctx context.Context) bool {
	h, _ := ctx.Value(l.h).(*hold)
	if h == nil {
		return false
	}
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if l.h.now != h {
		return false
	}
	h.depth++
	return true
}

// Unlock undoes one Lock by the owner that ctx carries. It returns [ErrNotOwner] if ctx does
// not carry the owner, or no longer.
func (l *RLock) Unlock(ctx context.Context) error {
	h, _ := ctx.Value(l.h).(*hold)
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if h == nil || l.h.now != h {
		return ErrNotOwner
	}
	if h.depth--; h.depth > 0 {
		return nil
	}
	l.h.now = nil
	return l.b.unlock()
}

// release gives up l, however often it is locked, for the time of a wait; see [Locker].
func (l *RLock) release(ctx context.Context) (retake func(context.Context) error, err error) {
	h, _ := ctx.Value(l.h).(*hold)
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if h == nil || l.h.now != h {
		return nil, ErrNotOwner
	}
	l.h.now = nil
	retake = func(ctx context.Context) error {
		err := l.b.lock(ctx)
		if held, _ := tried(err); held {
			l.h.mu.Lock()
			l.h.now = h
			l.h.mu.Unlock()
		}
		return err
	}
	return retake, l.b.unlock()
}

// Detach lets go of this handle; see [Lock.Detach].
func (l *RLock) Detach() error { return l.b.detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module. An owner does
// not travel.
func (l *RLock) EncodeWire(e *wire.Encoder) error {
	if l.b == nil {
		return errUnmade("RLock")
	}
	return l.b.encode(e)
}

// DecodeWire makes l a handle of what [RLock.EncodeWire] encoded.
func (l *RLock) DecodeWire(d *wire.Decoder) error {
	b, err := decodeBackend(d, openLock, openBrokerLock)
	if err == nil {
		l.b, l.h = b, holdingOf(b)
	}
	return err
}
