package csp

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
)

// Chan is a channel that any number of goroutines may put into, get from and close at the
// same time. Make one with [New]; the zero Chan is not usable.
//
// It is a thin coat over a native Go channel. What it adds is a character when full (see
// [Buffer]), a Close that nobody can get wrong, contexts, and numbers. The semantics of
// closing are those of core.async: values accepted before the close, and puts that were
// waiting at that moment, are still delivered; puts that come later are refused.
type Chan[T any] struct {
	ch     chan T
	buffer Buffer

	// state is written by every put, so it lives on a cache line of its own: getters only
	// ever read the line above.
	_     [64]byte
	state atomic.Uint64 // see the constants below
	_     [56]byte

	wraps   atomic.Uint64 // times the total in state overflowed
	dropped atomic.Uint64
	cause   atomic.Pointer[closeCause]

	mu       sync.Mutex // serialises sliding and elastic puts; guards what follows
	overflow []T        // elastic: accepted, not yet in ch
	pumping  bool       // elastic: a goroutine is moving overflow into ch
	backlog  atomic.Int64
	done     chan struct{} // made when somebody asks for it
	told     bool          // done is closed

	callbacks callbacks[T]
}

// The state word of a Chan holds, from the lowest bit: how many puts are in flight (24 bits),
// three flags, and how many puts have succeeded (the rest, overflowing into Chan.wraps). One
// atomic add therefore enters a put and tells it whether the channel is closed, and one more
// leaves it and counts it. The last put to leave a closed channel closes the native one; that
// is why no put can ever meet a closed native channel.
const (
	flight     = 1
	flightMask = 1<<24 - 1
	closedBit  = 1 << 24
	endedBit   = 1 << 25 // the native channel is closed
	abortedBit = 1 << 26
	success    = 1 << 27
)

// New makes a channel with the given buffer.
func New[T any](buffer Buffer) *Chan[T] {
	return &Chan[T]{ch: make(chan T, buffer.size), buffer: buffer}
}

// C returns the native channel below, for use in Go's own select and range. It is closed once
// the channel is closed and its last value has been accepted by the native channel. Values
// received from it count as gotten.
func (c *Chan[T]) C() <-chan T { return c.ch }

// Put puts v into the channel, waiting while it is full if its buffer is [Fixed]. It returns
// nil once the channel has accepted v; an error that is [ErrClosed] if the channel was closed
// before; and the context's cause if ctx ended first, in which case v is never delivered.
//
// A put that is waiting when the channel is closed goes on waiting and is delivered if
// somebody gets it. A put that is waiting when the channel is aborted returns the error given
// to [Chan.Abort].
func (c *Chan[T]) Put(ctx context.Context, v T) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.state.Add(flight)&closedBit != 0 {
		return c.refuse()
	}
	if c.buffer.kind != fixed {
		return c.putAtOnce(v)
	}
	select { // far cheaper than the blocking one, and mostly enough
	case c.ch <- v:
		return c.accepted()
	default:
		return c.putWaiting(ctx, v)
	}
}

func (c *Chan[T]) putWaiting(ctx context.Context, v T) error {
	select {
	case c.ch <- v:
		return c.accepted()
	case <-ctx.Done():
		c.leave()
		return context.Cause(ctx)
	}
}

// Add puts several values, one after the other, and returns how many were accepted, with the
// error of the first that was not; see [Chan.Put].
func (c *Chan[T]) Add(ctx context.Context, vs ...T) (int, error) {
	for i, v := range vs {
		if err := c.Put(ctx, v); err != nil {
			return i, err
		}
	}
	return len(vs), nil
}

// Get takes the next value, waiting for one if need be. It reports ok=false when the channel
// is closed and has no value left, or when ctx ended first; ctx.Err tells which. A value is
// never taken and lost: ok=false means that nothing was taken.
func (c *Chan[T]) Get(ctx context.Context) (v T, ok bool) {
	if ctx.Err() != nil {
		return v, false
	}
	select { // far cheaper than the blocking one, and mostly enough
	case v, ok = <-c.ch:
		return v, ok
	default:
		return c.getWaiting(ctx)
	}
}

func (c *Chan[T]) getWaiting(ctx context.Context) (v T, ok bool) {
	select {
	case v, ok = <-c.ch:
		return v, ok
	case <-ctx.Done():
		return v, false
	}
}

// All yields the channel's values until it is closed and empty or ctx ends. Leaving the loop
// takes nothing more from the channel.
func (c *Chan[T]) All(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, ok := c.Get(ctx)
			if !ok || !yield(v) {
				return
			}
		}
	}
}

// accepted leaves a put that succeeded.
func (c *Chan[T]) accepted() error {
	s := c.state.Add(success - flight)
	if s&closedBit == 0 && s >= success {
		return nil
	}
	return c.acceptedLate(s)
}

// acceptedLate is the rare half of accepted: the total wrapped round, or the channel was
// closed while the put was in flight.
func (c *Chan[T]) acceptedLate(s uint64) error {
	if s < success {
		c.wraps.Add(1)
	}
	c.endIfLast(s)
	if s&abortedBit != 0 {
		return c.closedError()
	}
	return nil
}

// leave leaves a put that did not succeed.
func (c *Chan[T]) leave() { c.endIfLast(c.state.Add(^uint64(0))) }

func (c *Chan[T]) refuse() error {
	c.leave()
	return c.closedError()
}

func (c *Chan[T]) closedError() error {
	if cause := c.cause.Load(); cause != nil {
		return cause
	}
	return ErrClosed
}

// endIfLast closes the native channel if s, the state just reached, says that the channel is
// closed and no put is in flight. A put that enters after s was read makes the swap fail, and
// closes the native channel itself when it leaves.
func (c *Chan[T]) endIfLast(s uint64) {
	if s&(closedBit|endedBit|flightMask) == closedBit && c.state.CompareAndSwap(s, s|endedBit) {
		close(c.ch)
	}
}
