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
	mutex *shm.Mutex // guarded's, nearer by
}

var lockLayout = shm.Layout{Kind: regionLock, Size: guardedState, Bells: 1}

func makeLock() (lockBackend, error) { return newSharedLock(newShared(shm.Create(lockLayout))) }

func openLock(d *wire.Decoder) (lockBackend, error) { return newSharedLock(openShared(d, lockLayout)) }

func newSharedLock(s *shared, err error) (lockBackend, error) {
	g, err := newGuarded(s, err)
	if err != nil {
		return nil, err
	}
	return &sharedLock{g, g.mutex}, nil
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
