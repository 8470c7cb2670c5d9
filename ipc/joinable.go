package ipc

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/wire"
)

// JoinableQueue carries tasks between OS processes. Get leases a task, which is to be ended by
// [Task.Done] or [Task.Fail]; a task whose consumer dies before that is delivered again. Join
// waits until all are done. Make one with [NewJoinableQueue]; the zero JoinableQueue is not
// usable. It is Python's multiprocessing.JoinableQueue, whose join never returns when a consumer
// was killed.
//
// Tasks are delivered in the order in which they were put; those of a dead consumer come before
// all others, failed ones after all others. What T can be is said at [Queue].
type JoinableQueue[T any] struct {
	b     taskBackend
	codec *wire.Codec[T]
}

// NewJoinableQueue makes a queue in which at most items tasks wait (those that are leased do
// not count, up to 1024 of them), or with 0 as many as there is memory for. At most 64 tasks with
// open files, or larger than an eighth of the memory, can be waiting or leased at the same time.
// Errors are those of [NewQueue].
func NewJoinableQueue[T any](items int, options ...QueueOption) (*JoinableQueue[T], error) {
	codec, limits, err := queueSetup[T]("NewJoinableQueue", items, options)
	if err != nil {
		return nil, err
	}
	b, err := makeTasks(limits)
	if err != nil {
		return nil, err
	}
	return &JoinableQueue[T]{b, codec}, nil
}

// A Task is a value that was leased from a [JoinableQueue]. Any goroutine of the process that
// got it may end it.
type Task[T any] struct {
	Value T
	// Deliveries is how many times the task has been delivered, this time included: more than
	// one after failures, and after the deaths of consumers. A consumer that sees a number too
	// large may call Done, so that the task kills nobody else.
	Deliveries int

	b     leaseBackend
	lease uint64
	ended atomic.Bool
}

// Put puts v into the queue; see [Queue.Put].
func (q *JoinableQueue[T]) Put(ctx context.Context, v T) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return putValue(ctx, q.b, q.codec, v)
}

// TryPut puts v into the queue if there is room, and reports whether it did.
func (q *JoinableQueue[T]) TryPut(v T) (ok bool, err error) {
	return tried(putValue(noWait, q.b, q.codec, v))
}

// Get leases the next task, waiting for one if need be. It returns [ErrClosed] when the queue is
// closed and no task is left, waiting or leased: until then, one may come back. A task that
// cannot be decoded counts as done; the error is the decoder's. Other errors are those of
// [Queue.Get].
func (q *JoinableQueue[T]) Get(ctx context.Context) (*Task[T], error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return q.get(ctx)
}

// TryGet leases the next task if there is one, and reports whether it did.
func (q *JoinableQueue[T]) TryGet() (t *Task[T], ok bool, err error) {
	t, err = q.get(noWait)
	ok, err = tried(err)
	return t, ok, err
}

func (q *JoinableQueue[T]) get(ctx context.Context) (*Task[T], error) {
	d, err := q.b.get(ctx)
	if err != nil {
		return nil, err
	}
	v, err := q.codec.Decode(d.body)
	d.end()
	if err != nil {
		return nil, errors.Join(err, q.b.settle(d.lease, true))
	}
	return &Task[T]{Value: v, Deliveries: d.count, b: q.b, lease: d.lease}, nil
}

// All yields tasks as [JoinableQueue.Get] leases them, until there are none left and the queue
// is closed. Any other error, and the context's cause if ctx ends, is yielded without a task,
// and ends the loop.
func (q *JoinableQueue[T]) All(ctx context.Context) iter.Seq2[*Task[T], error] {
	return func(yield func(*Task[T], error) bool) {
		for {
			t, err := q.Get(ctx)
			if errors.Is(err, ErrClosed) || !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// Done says that the task is done. It returns [ErrNotOwner] if it was ended before, and
// [ErrClosed] if the handle that it came from was detached.
func (t *Task[T]) Done() error { return t.end(true) }

// Fail says that the task is not done, and is to be delivered again, to anybody, after those
// that wait now. Errors are those of [Task.Done].
func (t *Task[T]) Fail() error { return t.end(false) }

func (t *Task[T]) end(done bool) error {
	if !t.ended.CompareAndSwap(false, true) {
		return ErrNotOwner
	}
	return t.b.settle(t.lease, done)
}

// Join waits until no task is left, waiting or leased. It returns the context's cause if ctx
// ends first.
func (q *JoinableQueue[T]) Join(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return q.b.join(ctx)
}

// Poll waits until there is a task to get, or the end of them, for [WaitAny].
func (q *JoinableQueue[T]) Poll(ctx context.Context) error { return pollQueue(ctx, q.b) }

// Close says to everybody that nothing more will be put. Further calls do nothing.
func (q *JoinableQueue[T]) Close() error {
	_, err := q.b.control(true)
	return err
}

// Len returns how many tasks wait at the moment.
func (q *JoinableQueue[T]) Len() (int, error) {
	s, err := q.b.control(false)
	return s.length, err
}

// Unfinished returns how many tasks wait or are leased at the moment.
func (q *JoinableQueue[T]) Unfinished() (int, error) {
	s, err := q.b.control(false)
	return s.unfinished, err
}

// Detach lets go of this handle; see [Lock.Detach]. What this process has leased through it is
// delivered again, unless the process has another handle of the queue.
func (q *JoinableQueue[T]) Detach() error { return q.b.handle().detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (q *JoinableQueue[T]) EncodeWire(e *wire.Encoder) error {
	if q.b == nil {
		return errUnmade("JoinableQueue")
	}
	e.Uint(q.codec.Fingerprint())
	return q.b.handle().encode(e)
}

// DecodeWire makes q a handle of what [JoinableQueue.EncodeWire] encoded.
func (q *JoinableQueue[T]) DecodeWire(d *wire.Decoder) (err error) {
	if q.codec, err = checkType[T](d); err != nil {
		return err
	}
	q.b, err = decodeBackend(d, openTasks, openBrokerTasks)
	return err
}
