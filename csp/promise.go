package csp

import (
	"context"
	"sync"
)

// Promise is a value that will be known once: the first put wins, and every get returns that
// value, also after a close, however often it is asked. Make one with [NewPromise]. All its
// methods may be called by any goroutine. It is core.async's promise-chan.
type Promise[T any] struct {
	done  chan struct{}
	once  sync.Once
	value T
	ok    bool
}

// NewPromise makes a promise without a value.
func NewPromise[T any]() *Promise[T] {
	return &Promise[T]{done: make(chan struct{})}
}

// Put gives the promise its value and reports whether it did: false means that it had one, or
// was closed without. Any value will do, zero values and nil included.
func (p *Promise[T]) Put(v T) bool { return p.settle(v, true) }

// Close ends a promise that has no value: gets report ok=false. One that has keeps it.
func (p *Promise[T]) Close() {
	var none T
	p.settle(none, false)
}

func (p *Promise[T]) settle(v T, ok bool) (first bool) {
	p.once.Do(func() {
		p.value, p.ok, first = v, ok, true
		close(p.done)
	})
	return first
}

// Done returns a channel that is closed when the promise has a value or never will, for use
// in Go's own select; Get then returns at once.
func (p *Promise[T]) Done() <-chan struct{} { return p.done }

// Get waits for the value. It reports ok=false if the promise was closed without one, or if
// ctx ended first; ctx.Err tells which. A promise that is kept is returned even when ctx has
// ended, for there is nothing to wait for.
func (p *Promise[T]) Get(ctx context.Context) (v T, ok bool) {
	select {
	case <-p.done:
		return p.value, p.ok
	default:
	}
	select {
	case <-p.done:
		return p.value, p.ok
	case <-ctx.Done():
		return v, false
	}
}

// TryGet returns the value if there is one, and says [Done], [Empty] or [Closed].
func (p *Promise[T]) TryGet() (v T, s Status) {
	select {
	case <-p.done:
		if !p.ok {
			return v, Closed
		}
		return p.value, Done
	default:
		return v, Empty
	}
}
