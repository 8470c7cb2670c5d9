package ipc

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// Kinds of regions, so that one is not taken for another.
const (
	regionLock = iota + 1
	regionSemaphore
	regionEvent
	regionCondition
	regionBarrier
	regionCells
	regionMemory
	regionQueue
	regionTasks
)

// shared is the handle of a region. The region is released by detach, or when nothing in this
// process refers to the handle any more; whoever works with the region says so with
// [runtime.KeepAlive].
type shared struct {
	*shm.Region
	detached atomic.Bool
	cleanup  runtime.Cleanup
}

func newShared(r *shm.Region, err error) (*shared, error) {
	if err != nil {
		return nil, err
	}
	s := &shared{Region: r}
	s.cleanup = runtime.AddCleanup(s, func(r *shm.Region) { r.Release() }, r)
	return s, nil
}

// openShared takes the descriptors of a region from d.
func openShared(d *wire.Decoder, l shm.Layout) (*shared, error) {
	n := 1 + l.Bells + l.Extra
	files := make([]int, 0, n)
	for range n {
		fd, err := d.TakeFile()
		if err != nil {
			(&wire.Decoder{Files: files}).Close()
			return nil, err
		}
		files = append(files, fd)
	}
	return newShared(shm.Open(l, files))
}

func (s *shared) encode(e *wire.Encoder) error {
	if s.detached.Load() {
		return ErrClosed
	}
	e.Bytes = append(e.Bytes, byte(originMemory))
	e.Files = append(e.Files, s.Files()...)
	e.Hold(s)
	return nil
}

func (s *shared) detach() error {
	if s.detached.CompareAndSwap(false, true) {
		s.cleanup.Stop()
		s.Release()
	}
	return nil
}

// guarded is what most primitives are: state in a region under one mutex, and one bell for
// those who wait for the mutex and for the state. The mutex has the first 64 bytes of the
// data, the mark the next, and the rest begins at guardedState.
type guarded struct {
	*shared
	*local
	repair func() // makes the state whole after a death; the mutex is held
}

// local is what all handles of one region in this process have in common.
type local struct {
	mutex *shm.Mutex
	mark  *shm.Mark
	line  turn          // for those who wait one behind the other
	ends  atomic.Uint64 // of processes, when the state was locked
	holding
}

const guardedState = 128

func newGuarded(s *shared, err error) (guarded, error) {
	if err != nil {
		return guarded{}, err
	}
	l := s.Local(func() any {
		return &local{mutex: s.NewMutex(0, 0), mark: s.Mark(64, 0), line: make(turn, 1)}
	})
	return guarded{shared: s, local: l.(*local), repair: func() {}}, nil
}

// patience is how long a try waits for those who are at work on the state.
const patience = 50 * time.Millisecond

// enter locks the state.
func (g *guarded) enter(ctx context.Context) error {
	if g.detached.Load() {
		return ErrClosed
	}
	err := g.mutex.Lock(ctx)
	if errors.Is(err, errBusy) { // which only noWait can cause: the state is never locked for long
		brief, cancel := context.WithTimeoutCause(context.Background(), patience, errBusy)
		defer cancel()
		err = g.mutex.Lock(brief)
	}
	return g.entered(err)
}

// entered ends an attempt to lock the state.
func (g *guarded) entered(err error) error {
	if err != nil && !errors.Is(err, ErrOwnerDied) {
		return err
	}
	g.ends.Store(g.Ends()) // before anybody looks who is alive
	if err != nil {
		g.mend()
	}
	return nil
}

// enterNow locks the state if that is possible at once: for those who give up.
func (g *guarded) enterNow() bool {
	if g.detached.Load() {
		return false
	}
	return g.entered(g.mutex.Lock(noWait)) == nil
}

// later calls f with the state locked, when that is possible.
func (g *guarded) later(f func()) {
	go func() {
		if g.enter(context.Background()) == nil {
			f()
			g.leave()
		}
	}()
}

// mend makes the state whole after a death.
func (g *guarded) mend() {
	g.mark.Renew()
	g.repair()
}

// leave unlocks the state. It is a method's last step and keeps the region until then.
func (g *guarded) leave() {
	_ = g.mutex.Unlock()
	runtime.KeepAlive(g.shared)
}

// sleep unlocks the state and waits for the next ring. It returns with the state locked, or
// with an error and the state not locked.
func (g *guarded) sleep(ctx context.Context) error {
	t := g.mark.SetSince(g.ends.Load())
	g.leave()
	err := g.mark.Wait(ctx, t)
	if err == nil {
		err = g.enter(ctx)
	}
	runtime.KeepAlive(g.shared)
	return err
}

// A tally is how often each process has something: a row for each slot, with the generation
// of the owner in the upper half and the number in the lower. What a row says is written in one
// store, so that it is never half true.
type tally []atomic.Uint64

const tallySize = 8 * shm.MaxSlots

func (t tally) of(o shm.Owner) int {
	w := t[o.Slot()].Load()
	if uint32(w>>32) != o.Gen() {
		return 0
	}
	return int(uint32(w))
}

func (t tally) set(o shm.Owner, n int) {
	t[o.Slot()].Store(uint64(o.Gen())<<32 | uint64(uint32(n)))
}

// stale reports that the row of o still has what somebody left who had the slot before.
func (t tally) stale(o shm.Owner) bool {
	w := t[o.Slot()].Load()
	return uint32(w) != 0 && uint32(w>>32) != o.Gen()
}

// each calls f for every owner that has something, be it dead or alive, until f returns false.
func (t tally) each(r *shm.Region, f func(o shm.Owner, n int) bool) {
	for i := range r.Used() {
		if w := t[i].Load(); uint32(w) != 0 && !f(shm.OwnerOf(i, uint32(w>>32)), int(uint32(w))) {
			return
		}
	}
}

// sum is how much there is in all.
func (t tally) sum(r *shm.Region) (n int) {
	t.each(r, func(_ shm.Owner, k int) bool { n += k; return true })
	return n
}
