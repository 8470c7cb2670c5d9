package ipc

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// Barrier is where a number of parties wait for each other, again and again. A party is one
// call of Wait; the calls may come from any number of OS processes. Make one with [NewBarrier];
// the zero Barrier is not usable. It is Python's multiprocessing.Barrier.
//
// A barrier breaks when a party that waits gives up (its context ends) or dies, when the action
// fails, and by [Barrier.Abort]. Then all who wait, and all who come later, get [ErrBroken],
// until [Barrier.Reset].
type Barrier struct {
	b       barrierBackend
	parties int
	action  func() error
}

// NewBarrier makes a barrier for so many parties. It fails if there are none, or more than a
// million, or if the system has no more descriptors or memory to give.
func NewBarrier(parties int) (*Barrier, error) {
	if parties < 1 || parties > maxPermits {
		return nil, fmt.Errorf("ipc: NewBarrier(%d): want between 1 and %d parties", parties, maxPermits)
	}
	b, err := makeBarrier(parties)
	if err != nil {
		return nil, err
	}
	return &Barrier{b: b, parties: parties}, nil
}

// SetAction sets what is done each time all have come, by the party that came last, while the
// others wait. An action that returns an error or panics breaks the barrier. The action does not
// travel: set it in every process, before anybody waits.
func (b *Barrier) SetAction(action func() error) { b.action = action }

// Parties is how many must come.
func (b *Barrier) Parties() int { return b.parties }

// Wait waits until all parties have come. It returns a number from 0 to Parties()-1 that is
// different for each, in the order in which they came. Errors: [ErrBroken]; the action's, to the
// party that ran it; the context's cause if ctx ended first, which breaks the barrier; and
// [ErrClosed] if this handle was detached.
func (b *Barrier) Wait(ctx context.Context) (index int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return b.b.wait(ctx, b.action)
}

// Abort breaks the barrier.
func (b *Barrier) Abort() error { return b.b.mend(false) }

// Reset makes the barrier whole and empty. Those who wait get [ErrBroken].
func (b *Barrier) Reset() error { return b.b.mend(true) }

// State returns how many parties wait at the moment, and whether the barrier is broken.
func (b *Barrier) State() (waiting int, broken bool, err error) { return b.b.state() }

// Detach lets go of this handle; see [Lock.Detach].
func (b *Barrier) Detach() error { return b.b.detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (b *Barrier) EncodeWire(e *wire.Encoder) error {
	if b.b == nil {
		return errUnmade("Barrier")
	}
	e.Uint(uint64(b.parties))
	return b.b.encode(e)
}

// DecodeWire makes b a handle of what [Barrier.EncodeWire] encoded.
func (b *Barrier) DecodeWire(d *wire.Decoder) error {
	n, err := d.Uint()
	if err != nil || n < 1 || n > maxPermits {
		return wire.ErrMalformed
	}
	b.parties = int(n)
	b.b, err = decodeBackend(d, openBarrier, openBrokerBarrier)
	return err
}
