package ipc

import (
	"context"

	"github.com/troupe-go/troupe/internal/wire"
)

// SimpleQueue is a [Queue] with less to it: it holds as much as there is memory for, and has no
// tries. Make one with [NewSimpleQueue]; the zero SimpleQueue is not usable. It is Python's
// multiprocessing.SimpleQueue.
type SimpleQueue[T any] struct{ q Queue[T] }

// NewSimpleQueue makes a queue. Errors are those of [NewQueue].
func NewSimpleQueue[T any]() (*SimpleQueue[T], error) {
	q, err := NewQueue[T](0)
	if err != nil {
		return nil, err
	}
	return &SimpleQueue[T]{*q}, nil
}

// Put puts v into the queue; see [Queue.Put].
func (q *SimpleQueue[T]) Put(ctx context.Context, v T) error { return q.q.Put(ctx, v) }

// Get takes the next value, waiting for one if need be; see [Queue.Get].
func (q *SimpleQueue[T]) Get(ctx context.Context) (T, error) { return q.q.Get(ctx) }

// Poll waits until there is a value to get, or the end of them, for [WaitAny].
func (q *SimpleQueue[T]) Poll(ctx context.Context) error { return q.q.Poll(ctx) }

// Empty reports whether no value waits at the moment.
func (q *SimpleQueue[T]) Empty() (bool, error) {
	n, err := q.q.Len()
	return n == 0, err
}

// Close says to everybody that nothing more will be put; see [Queue.Close].
func (q *SimpleQueue[T]) Close() error { return q.q.Close() }

// Detach lets go of this handle; see [Queue.Detach].
func (q *SimpleQueue[T]) Detach() error { return q.q.Detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (q *SimpleQueue[T]) EncodeWire(e *wire.Encoder) error { return q.q.EncodeWire(e) }

// DecodeWire makes q a handle of what [SimpleQueue.EncodeWire] encoded.
func (q *SimpleQueue[T]) DecodeWire(d *wire.Decoder) error { return q.q.DecodeWire(d) }
