package ipc

import (
	"context"

	"github.com/troupe-go/troupe/internal/wire"
)

// Event is a flag that OS processes can wait for. Make one with [NewEvent]; the zero Event is
// not usable. It is Python's multiprocessing.Event.
type Event struct{ b eventBackend }

// NewEvent makes a flag that is not set. It fails if the system has no more descriptors or
// memory to give.
func NewEvent() (*Event, error) {
	b, err := makeEvent()
	if err != nil {
		return nil, err
	}
	return &Event{b}, nil
}

// Set sets the flag, and wakes all who wait for it. It returns [ErrClosed] if this handle was
// detached.
func (e *Event) Set() error { return e.b.set() }

// Clear takes the flag back. Those whom an earlier Set has woken return from Wait all the same.
func (e *Event) Clear() error { return e.b.clear() }

// IsSet reports whether the flag is set.
func (e *Event) IsSet() (bool, error) { return tried(e.b.wait(noWait)) }

// Wait waits until the flag is set. It returns nil also if the flag has been cleared again by
// then, the context's cause if ctx ended first, and [ErrClosed] if this handle was detached.
func (e *Event) Wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return e.b.wait(ctx)
}

// Poll waits until the flag is set, for [WaitAny].
func (e *Event) Poll(ctx context.Context) error {
	if err := e.b.wait(ctx); err != nil && gaveUp(ctx, err) {
		return err
	}
	return nil
}

// Detach lets go of this handle; see [Lock.Detach].
func (e *Event) Detach() error { return e.b.detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (e *Event) EncodeWire(to *wire.Encoder) error {
	if e.b == nil {
		return errUnmade("Event")
	}
	return e.b.encode(to)
}

// DecodeWire makes e a handle of what [Event.EncodeWire] encoded.
func (e *Event) DecodeWire(d *wire.Decoder) (err error) {
	e.b, err = decodeBackend(d, openEvent, openBrokerEvent)
	return err
}
