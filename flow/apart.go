package flow

import (
	"context"
	"sync"

	"github.com/troupe-go/troupe/csp"
)

// apart runs s on a goroutine of its own, which gives its values to a channel with the given
// buffer, while consume reads that channel on the caller's. It returns when both have ended.
// The channel is closed with the error of s; ended tells how it was.
func apart[T any](r *run, s Stream[T], buffer csp.Buffer, consume func(ctx context.Context, c *csp.Chan[T]) error) error {
	ctx, cancel := context.WithCancel(r.ctx)
	var group sync.WaitGroup
	c := csp.New[T](buffer)
	defer func() {
		cancel()
		group.Wait()
		c.Abort(nil) // an elastic one has a goroutine while it is not empty
	}()
	group.Go(func() { c.CloseWithError(pour(r.within(ctx), s, c)) })
	return consume(ctx, c)
}

// pour puts the values of s into c and says how s ended.
func pour[T any](r *run, s Stream[T], c *csp.Chan[T]) (err error) {
	defer recovered(&err)
	err = csp.ErrGoexit
	err = s.each(r, func(v T) bool { return c.Put(r.ctx, v) == nil })
	return err
}

// pourOut gives what comes from c to yield, and says how that ended.
func pourOut[T any](ctx context.Context, c *csp.Chan[T], yield func(T) bool) error {
	for {
		v, ok := c.Get(ctx)
		if !ok {
			return endOf(ctx, c)
		}
		if !yield(v) {
			return nil
		}
	}
}

// endOf says why a get from c reported ok=false.
func endOf[T any](ctx context.Context, c *csp.Chan[T]) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.Err()
}

// Buffer lets what is before it run on a goroutine of its own, ahead of what is after it, by
// as much as the buffer holds; package csp says what happens when it is full.
func Buffer[T any](s Stream[T], buffer csp.Buffer) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		return apart(r, s, buffer, func(ctx context.Context, c *csp.Chan[T]) error {
			return pourOut(ctx, c, yield)
		})
	}}
}
