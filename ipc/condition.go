package ipc

import (
	"context"
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// Locker is what a [Condition] belongs to: a [*Lock] or an [*RLock].
type Locker interface {
	wire.Portable
	// Detach lets go of the handle.
	Detach() error
	// release unlocks for the time of a wait, after which retake locks again. The context is
	// the one that carries the owner of an RLock.
	release(ctx context.Context) (retake func(context.Context) error, err error)
}

// Condition lets OS processes wait for a change of what a lock protects. Make one with
// [NewCondition]; the zero Condition is not usable. It is Python's multiprocessing.Condition.
//
// A notification is for whoever was waiting when it was given, and lives: a waiter that is
// killed takes none along, and one whose context ends at that moment either has it or leaves it
// to another.
type Condition struct {
	b conditionBackend
	l Locker
}

// NewCondition makes a condition that belongs to l. It fails if the system has no more
// descriptors or memory to give.
func NewCondition(l Locker) (*Condition, error) {
	b, err := makeCondition()
	if err != nil {
		return nil, err
	}
	return &Condition{b, l}, nil
}

// Locker returns the lock that the condition belongs to.
func (c *Condition) Locker() Locker { return c.l }

// Wait unlocks the lock, waits for a notification, and locks it again. The caller holds the
// lock; of an [RLock], ctx carries the owner, which holds it as often as before when Wait
// returns.
//
// When ctx ends, the wait is over, and Wait returns the context's cause; but it always returns
// with the lock held, also then, so that an Unlock that was deferred is right. It is the holder of the
// lock whom it then waits for. An error that is [ErrOwnerDied] says that the holder died; the
// lock is held. Only with [ErrNotOwner] (the caller did not have the lock) and [ErrClosed] it is
// not.
//
// As always with conditions, what was waited for may have changed again: use [Condition.WaitFor]
// or a loop.
func (c *Condition) Wait(ctx context.Context) error {
	ticket, err := c.b.enter()
	if err != nil {
		return err
	}
	retake, err := c.l.release(ctx)
	if err != nil {
		_ = c.b.wait(noWait, ticket)
		return err
	}
	err = c.b.wait(ctx, ticket)
	if again := retake(context.WithoutCancel(ctx)); again != nil && (err == nil || !errors.Is(again, ErrOwnerDied)) {
		return again
	}
	return err
}

// WaitFor waits until what reports true. It calls what with the lock held, first without
// waiting. Otherwise it is [Condition.Wait]; [ErrOwnerDied] ends it too.
func (c *Condition) WaitFor(ctx context.Context, what func() bool) error {
	for !what() {
		if err := c.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Notify wakes n of those who wait, or all if there are fewer. The caller need not hold the
// lock, but should have changed under it what the others wait for.
func (c *Condition) Notify(n int) error {
	if n < 0 {
		return fmt.Errorf("ipc: Notify(%d): want how many to wake", n)
	}
	return c.b.notify(n)
}

// NotifyAll wakes all who wait.
func (c *Condition) NotifyAll() error { return c.b.notify(1 << 30) }

// Detach lets go of this handle, not of the lock's; see [Lock.Detach].
func (c *Condition) Detach() error { return c.b.detach() }

// EncodeWire gives another process a handle, together with the lock's; it is for the codecs of
// this module.
func (c *Condition) EncodeWire(e *wire.Encoder) error {
	if c.b == nil {
		return errUnmade("Condition")
	}
	if err := c.b.encode(e); err != nil {
		return err
	}
	kind := byte(0)
	if _, ok := c.l.(*RLock); ok {
		kind = 1
	}
	e.Bytes = append(e.Bytes, kind)
	return c.l.EncodeWire(e)
}

// DecodeWire makes c a handle of what [Condition.EncodeWire] encoded.
func (c *Condition) DecodeWire(d *wire.Decoder) error {
	b, err := decodeBackend(d, openCondition, openBrokerCondition)
	if err != nil {
		return err
	}
	switch {
	case len(d.Bytes) == 0:
		err = wire.ErrMalformed
	case d.Bytes[0] == 0:
		c.l = new(Lock)
	default:
		c.l = new(RLock)
	}
	if err == nil {
		d.Bytes = d.Bytes[1:]
		err = c.l.DecodeWire(d)
	}
	if err != nil {
		_ = b.detach()
		return err
	}
	c.b = b
	return nil
}
