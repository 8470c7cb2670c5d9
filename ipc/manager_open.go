package ipc

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// What follows opens things of a manager by name: what has the name already, else a new one that
// gets it. Without a name, that is with an empty one, it is always a new one. All return the
// context's cause if ctx ends first, and an error if the name belongs to something of another
// kind, size or type.

// Lock opens a lock.
func (m *Manager) Lock(ctx context.Context, name string) (*Lock, error) {
	b, err := backend[lockBackend](m.open(ctx, kindLock, name))(asLock)
	if err != nil {
		return nil, err
	}
	return &Lock{b}, nil
}

// RLock opens a lock that its owner can lock again. It is the same sort of thing as a [Lock]:
// of one name, open either, not both.
func (m *Manager) RLock(ctx context.Context, name string) (*RLock, error) {
	b, err := backend[lockBackend](m.open(ctx, kindLock, name))(asLock)
	if err != nil {
		return nil, err
	}
	return &RLock{b, holdingOf(b)}, nil
}

// Semaphore opens a semaphore that has so many permits in the beginning.
func (m *Manager) Semaphore(ctx context.Context, name string, permits int) (*Semaphore, error) {
	b, err := m.semaphore(ctx, name, permits, false)
	if err != nil {
		return nil, err
	}
	return &Semaphore{b}, nil
}

// BoundedSemaphore opens a semaphore that never has more permits than in the beginning.
func (m *Manager) BoundedSemaphore(ctx context.Context, name string, permits int) (*BoundedSemaphore, error) {
	b, err := m.semaphore(ctx, name, permits, true)
	if err != nil {
		return nil, err
	}
	return &BoundedSemaphore{Semaphore{b}}, nil
}

func (m *Manager) semaphore(ctx context.Context, name string, permits int, bounded bool) (semaphoreBackend, error) {
	if permits < 0 || permits > maxPermits {
		return nil, fmt.Errorf("ipc: a semaphore with %d permits: want between 0 and %d", permits, maxPermits)
	}
	return backend[semaphoreBackend](m.open(ctx, kindSemaphore, name, flag(bounded), uint64(permits)))(asSemaphore)
}

// Event opens a flag.
func (m *Manager) Event(ctx context.Context, name string) (*Event, error) {
	b, err := backend[eventBackend](m.open(ctx, kindEvent, name))(asEvent)
	if err != nil {
		return nil, err
	}
	return &Event{b}, nil
}

// Condition opens a condition that belongs to l, a lock of the same manager. Whoever opens it
// names the same lock.
func (m *Manager) Condition(ctx context.Context, name string, l Locker) (*Condition, error) {
	b, err := backend[conditionBackend](m.open(ctx, kindCondition, name))(asCondition)
	if err != nil {
		return nil, err
	}
	return &Condition{b, l}, nil
}

// Barrier opens a barrier for so many parties.
func (m *Manager) Barrier(ctx context.Context, name string, parties int) (*Barrier, error) {
	if parties < 1 || parties > maxPermits {
		return nil, fmt.Errorf("ipc: a barrier for %d parties: want between 1 and %d", parties, maxPermits)
	}
	b, err := backend[barrierBackend](m.open(ctx, kindBarrier, name, uint64(parties)))(asBarrier)
	if err != nil {
		return nil, err
	}
	return &Barrier{b: b, parties: parties}, nil
}

// OpenQueue opens a queue of m in which at most items values wait; see [NewQueue] for items and
// options, and [Manager.Lock] for names. The other side must be the same program. Over TCP, values
// can have no open files inside, and no handles: send those over a [Conn].
func OpenQueue[T any](ctx context.Context, m *Manager, name string, items int, options ...QueueOption) (*Queue[T], error) {
	r, codec, err := openQueueOf[T](ctx, m, kindQueue, name, items, options)
	if err != nil {
		return nil, err
	}
	return &Queue[T]{b: brokerQueue{r}, codec: codec}, nil
}

// OpenJoinableQueue opens a queue of tasks, of which at most items wait; see [NewJoinableQueue]
// and [OpenQueue].
func OpenJoinableQueue[T any](ctx context.Context, m *Manager, name string, items int, options ...QueueOption) (*JoinableQueue[T], error) {
	r, codec, err := openQueueOf[T](ctx, m, kindTasks, name, items, options)
	if err != nil {
		return nil, err
	}
	return &JoinableQueue[T]{b: brokerQueue{r}, codec: codec}, nil
}

func openQueueOf[T any](ctx context.Context, m *Manager, k kind, name string, items int, options []QueueOption) (*remote, *wire.Codec[T], error) {
	codec, limits, err := queueSetup[T]("OpenQueue", items, options)
	if err != nil {
		return nil, nil, err
	}
	if !m.r.link.program() {
		return nil, nil, fmt.Errorf("%w: the manager is in another program, with which only variables, lists and maps can be shared", ErrUnsupported)
	}
	r, err := m.open(ctx, k, name, uint64(limits.items), uint64(limits.bytes), codec.Fingerprint())
	return r, codec, err
}

// open opens an object.
func (m *Manager) open(ctx context.Context, k kind, name string, params ...uint64) (*remote, error) {
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case m.r == nil:
		return nil, errUnmade("Manager")
	}
	select {
	case <-m.r.closed:
		return nil, ErrClosed
	default:
		return create(ctx, m.r.link, k, name, params...)
	}
}
