package shm

import "errors"

// The errors of this package, besides those of the system. Package ipc returns them as its own,
// which is why they, like all errors from here, begin with its name.
var (
	// ErrClosed says that the region was released by its last user in this process.
	ErrClosed = errors.New("ipc: closed")
	// ErrOwnerDied is returned together with a mutex whose former owner died holding it.
	ErrOwnerDied = errors.New("ipc: acquired, but its former owner died while it had it: check what it protects")
	// ErrNotOwner is returned by unlocking a mutex that this process does not hold.
	ErrNotOwner = errors.New("ipc: this process does not hold it: lock before unlocking, acquire before releasing")
)
