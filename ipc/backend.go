package ipc

import (
	"context"
	"errors"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// Every public type that synchronises stands on one of the small interfaces below. There are
// two families behind them: shared memory (files named shm*.go, Linux), and the broker (files
// named broker*.go, everywhere, and whatever belongs to a Manager). A test table runs the same
// conformance tests against both.
//
// What all of them keep to:
//
//   - A method with a context first tries, and only then looks at the context, so that noWait
//     asks for a try. If the context ends the wait, the method returns its cause, and nothing
//     has happened. The public type has already refused a context that had ended before.
//   - An error that is ErrOwnerDied comes with what was asked for.
//   - Methods of a handle that was detached return ErrClosed.

// A handle is what all backends have in common.
type handle interface {
	// encode appends what another process needs for a handle of its own, the origin first.
	encode(*wire.Encoder) error
	// detach lets go of the handle; others keep theirs. Further calls return nil.
	detach() error
}

// origin is the first byte of an encoded handle: which family is to decode it.
type origin byte

const (
	originMemory origin = 1
	originBroker origin = 2
)

// decodeBackend reads the origin of an encoded handle and has its family decode the rest.
func decodeBackend[B any](d *wire.Decoder, memory, broker func(*wire.Decoder) (B, error)) (b B, err error) {
	if len(d.Bytes) == 0 {
		return b, wire.ErrMalformed
	}
	from := origin(d.Bytes[0])
	d.Bytes = d.Bytes[1:]
	switch from {
	case originMemory:
		return memory(d)
	case originBroker:
		return broker(d)
	}
	return b, wire.ErrMalformed
}

// lockBackend is a lock that an OS process holds.
type lockBackend interface {
	handle
	lock(ctx context.Context) error
	unlock() error // ErrNotOwner if this process does not hold it
}

// semaphoreBackend counts permits. A bounded one, made so, refuses a release above its initial
// value.
type semaphoreBackend interface {
	handle
	acquire(ctx context.Context) error
	release(n int) error
	value() (int, error)
}

// eventBackend is a flag that can be waited for. wait returns nil if the flag was set at some
// time since it was called, even if it has been cleared since.
type eventBackend interface {
	handle
	set() error
	clear() error
	wait(ctx context.Context) error
}

// conditionBackend hands out notifications to those who entered before. The lock that belongs
// to the condition is none of its business.
type conditionBackend interface {
	handle
	enter() (ticket uint64, err error)
	// wait ends the stay of ticket, notified (nil) or not.
	wait(ctx context.Context, ticket uint64) error
	// notify hands out n notifications, at most one for each live waiter.
	notify(n int) error
}

// barrierBackend lets parties pass together.
type barrierBackend interface {
	handle
	// wait returns the index of this party: 0 for the one that came first. The one that comes
	// last runs action while the others wait. An action that fails breaks the barrier.
	wait(ctx context.Context, action func() error) (index int, err error)
	// mend breaks the barrier for those who wait, and leaves it whole or broken.
	mend(whole bool) error
	state() (waiting int, broken bool, err error)
}

// queueBackend carries messages, bytes and descriptors.
type queueBackend interface {
	handle() handle
	// put accepts the message as a whole, or returns an error. The encoder stays the caller's.
	put(ctx context.Context, e *wire.Encoder) error
	// get takes the next message. The decoder is the caller's, who closes it.
	get(ctx context.Context) (delivery, error)
	// ready waits until get would not wait. It takes nothing.
	ready(ctx context.Context) error
	// control closes the queue to further puts if asked to, and returns its state.
	control(close bool) (queueState, error)
}

// A delivery is a message that was taken from a queue.
type delivery struct {
	body   *wire.Decoder
	lease  uint64              // names the task, in queues with leases
	count  int                 // how many times it has been delivered, this time included
	parcel interface{ free() } // what body lies in, if that is to be used again
}

// end ends the use of the body.
func (d delivery) end() {
	_ = d.body.Close()
	if d.parcel != nil {
		d.parcel.free()
	}
}

// queueState is what can be seen of a queue at one moment.
type queueState struct {
	length     int // messages waiting
	unfinished int // and those leased, in queues with leases
	closed     bool
}

// leaseBackend is the other half of a queue with leases: its get leases a message, which comes
// back if it is neither done nor failed when the process ends.
type leaseBackend interface {
	// settle ends a lease: the task is done, or is to be delivered again.
	settle(lease uint64, done bool) error
	// join waits until no message is waiting or leased.
	join(ctx context.Context) error
}

// taskBackend is a queue with leases.
type taskBackend interface {
	queueBackend
	leaseBackend
}

// cellsBackend is memory divided into cells of equal size: one for a Value, many for an Array.
type cellsBackend interface {
	handle() handle
	shape() (size, count int)
	// load copies one cell, which is never seen half written.
	load(ctx context.Context, i int, into []byte) error
	// update calls f with a copy of the cell, under the lock of the cells, and writes it back as
	// a whole unless f returns false. f may be called more than once.
	update(ctx context.Context, i int, f func(cell []byte) bool) error
	// view calls f with all of the cells, under the lock. It returns ErrOwnerDied, once and
	// without having called f, after a process died within it.
	view(ctx context.Context, f func(all []byte) error) error
}

// memoryBackend is bare memory, which a broker cannot give.
type memoryBackend interface {
	handle
	bytes() []byte // nil once detached
	publish(name string) error
}

// queueLimits are how much a queue holds: messages, and bytes of memory for them. A backend may
// find another place for a message that is larger than that.
type queueLimits struct{ items, bytes int }

// noWait is a context for which backends try once: it has ended, with errBusy as its cause.
var noWait context.Context = ended{}

// errBusy is the cause of noWait: what was asked for was not to be had.
var errBusy = errors.New("ipc: busy")

type ended struct{}

func (ended) Deadline() (t time.Time, ok bool) { return time.Time{}, false }
func (ended) Done() <-chan struct{}            { return endedDone }
func (ended) Err() error                       { return errBusy }
func (ended) Value(any) any                    { return nil }

var endedDone = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// tried makes the two results of a Try method of a backend's error.
func tried(err error) (bool, error) {
	switch {
	case err == nil || errors.Is(err, ErrOwnerDied):
		return true, err
	case errors.Is(err, errBusy):
		return false, nil
	}
	return false, err
}
