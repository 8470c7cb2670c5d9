package csp

import (
	"context"
	"time"
)

// Close stops the channel from accepting values. What it has accepted, and puts that are
// waiting now, are still delivered; then getters see ok=false. Closing again does nothing.
// Any goroutine may close, producers and consumers alike.
func (c *Chan[T]) Close() { c.shut(closedBit) }

// CloseWithError is [Chan.Close] with a reason, to be read from [Chan.Err] by whoever sees
// the channel end. The first error given counts. A nil error is a plain Close.
func (c *Chan[T]) CloseWithError(err error) {
	c.blame(err)
	c.Close()
}

// Abort closes the channel, throws away what nobody has gotten yet and lets waiting puts
// return err, as [Chan.Err] does from now on. With a nil error, waiting puts return
// [ErrClosed]. A put that returns an error because of an abort may have been delivered in the
// same instant. Abort returns when the channel is empty.
func (c *Chan[T]) Abort(err error) {
	c.blame(err)
	c.shut(closedBit | abortedBit)
	for range c.ch { // ends when the last put in flight has left
		c.dropped.Add(1)
	}
}

// Err returns the error that the channel was closed or aborted with, or nil. It may be
// non-nil while there are values left to get.
func (c *Chan[T]) Err() error {
	if e := c.cause.Load(); e != nil {
		return e.cause
	}
	return nil
}

// Closed reports whether the channel refuses puts. There may be values left to get.
func (c *Chan[T]) Closed() bool { return c.state.Load()&closedBit != 0 }

// Drained reports whether the channel is closed and every value has been taken: from now on
// every get reports ok=false.
func (c *Chan[T]) Drained() bool {
	return c.state.Load()&endedBit != 0 && len(c.ch) == 0
}

// Done returns a channel that is closed when this one is closed, for a producer that wants
// to know before its next put.
func (c *Chan[T]) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.Closed() {
			c.tell()
		}
	}
	return c.done
}

// tell closes done if there is one and it is open. A Done that comes between shut's two steps
// has closed it already. The caller holds the lock.
func (c *Chan[T]) tell() {
	if c.done != nil && !c.told {
		c.told = true
		close(c.done)
	}
}

// Join waits until the channel is drained, see [Chan.Drained], and returns nil, or the cause
// of ctx if that ends first. Getters may receive from the native channel unseen, so Join
// looks once in a while: it may return up to ten milliseconds late.
func (c *Chan[T]) Join(ctx context.Context) error {
	const shortest, longest = 50 * time.Microsecond, 10 * time.Millisecond
	select {
	case <-c.Done():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for wait := shortest; !c.Drained(); wait = min(2*wait, longest) {
		pause.Reset(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (c *Chan[T]) blame(err error) {
	if err != nil {
		c.cause.CompareAndSwap(nil, &closeCause{err})
	}
}

func (c *Chan[T]) shut(flags uint64) {
	before := c.state.Or(flags)
	c.endIfLast(before | flags)
	if before&closedBit != 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell()
}
