package ipc

import (
	"context"
	"runtime"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A sharedLock is nothing but the mutex of a region.
type sharedLock struct {
	guarded
	mutex shm.Mutex // a copy of guarded's, nearer by
}

// A directLock is tried before it is called through the interface, which would cost a third of
// the time of an uncontended lock. tryLock and tryUnlock must be small enough to be inlined.
type directLock = sharedLock

func (l *sharedLock) tryLock() bool   { return !l.detached.Load() && l.mutex.TryLock() }
func (l *sharedLock) tryUnlock() bool { return !l.detached.Load() && l.mutex.TryUnlock() }

var lockLayout = shm.Layout{Kind: regionLock, Size: guardedState, Bells: 1}

func makeLock() (lockBackend, error) { return newSharedLock(newShared(shm.Create(lockLayout))) }

func openLock(d *wire.Decoder) (lockBackend, error) { return newSharedLock(openShared(d, lockLayout)) }

func newSharedLock(s *shared, err error) (lockBackend, error) {
	g, err := newGuarded(s, err)
	if err != nil {
		return nil, err
	}
	return &sharedLock{g, *g.mutex}, nil
}

func (l *sharedLock) lock(ctx context.Context) error {
	if l.detached.Load() {
		return ErrClosed
	}
	err := l.mutex.Lock(ctx)
	runtime.KeepAlive(l)
	return err
}

func (l *sharedLock) unlock() error {
	if l.detached.Load() {
		return ErrClosed
	}
	err := l.mutex.Unlock()
	runtime.KeepAlive(l)
	return err
}

// holding is what this process keeps for a reentrant lock, one for all its handles.
func (l *sharedLock) holding() *holding { return &l.local.holding }
