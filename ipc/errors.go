package ipc

import (
	"errors"

	"github.com/troupe-go/troupe/internal/shm"
)

// Errors that calls of this package return. Test for them with [errors.Is].
var (
	// ErrClosed is returned by a put into a closed queue, by a get from one that is closed and
	// empty, and by every method of a handle that was detached or closed here.
	ErrClosed = shm.ErrClosed

	// ErrOwnerDied is returned together with what was asked for: the caller has the lock or
	// the permit, and the process that had it before died without giving it back. Look at what
	// it protects before relying on it, and give it back as always.
	ErrOwnerDied = shm.ErrOwnerDied

	// ErrNotOwner is returned by an unlock or a release of what this process does not hold.
	ErrNotOwner = shm.ErrNotOwner

	// ErrBroken is returned by waiting at a [Barrier] that is broken: one of those who waited
	// gave up or died, its action failed, or somebody called Abort or Reset.
	ErrBroken = errors.New("ipc: the barrier is broken: Reset makes it whole again")

	// ErrUnsupported is returned where this system cannot do what was asked for.
	ErrUnsupported = errors.New("ipc: not possible on this system")
)

// errTooMuch says that something would be larger than shared memory can be.
var errTooMuch = errors.New("ipc: that is more than two gigabytes of shared memory: make it in parts")
