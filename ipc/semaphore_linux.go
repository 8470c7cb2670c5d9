package ipc

import (
	"context"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A sharedSemaphore is a tally of the permits that each process holds, and how many there are
// in all. What can be acquired is the difference, kept at hand in free and counted anew after a
// death. Every change is committed by one store: into a row of held, into total, or into the will.
type sharedSemaphore struct {
	guarded
	initial *atomic.Uint64 // permits at the beginning; the lowest bit: bounded
	total   *atomic.Uint64
	free    *atomic.Uint64
	orphans *atomic.Uint64 // permits that came back from the dead, and nobody was told
	will    []atomic.Uint64
	held    tally
}

var semaphoreLayout = shm.Layout{Kind: regionSemaphore, Size: guardedState + 64 + tallySize, Bells: 1}

func makeSemaphore(permits int, bounded bool) (semaphoreBackend, error) {
	s, err := newSharedSemaphore(newShared(shm.Create(semaphoreLayout)))
	if err != nil {
		return nil, err
	}
	initial := uint64(permits) << 1
	if bounded {
		initial |= 1
	}
	s.initial.Store(initial)
	s.total.Store(uint64(permits))
	s.free.Store(uint64(permits))
	return s, nil
}

func openSemaphore(d *wire.Decoder) (semaphoreBackend, error) {
	return newSharedSemaphore(openShared(d, semaphoreLayout))
}

func newSharedSemaphore(s *shared, err error) (*sharedSemaphore, error) {
	g, err := newGuarded(s, err)
	if err != nil {
		return nil, err
	}
	w := g.Words(guardedState, 4+willSize)
	sem := &sharedSemaphore{guarded: g, initial: &w[0], total: &w[1], free: &w[2], orphans: &w[3], will: w[4:],
		held: g.Words(guardedState+64, shm.MaxSlots)}
	sem.repair = sem.recount
	return sem, nil
}

// The words of a will, which says what becomes of a dead process's permits: it is written down
// first, and then carried out, if need be by another.
const (
	willSlot    = iota // whose permits they were, + 1, or 0
	willTotal          // what total is to be
	willOrphans        // what orphans is to be
	willSize
)

// carryOut does what the will says, again if it was begun before.
func (s *sharedSemaphore) carryOut() {
	if i := s.will[willSlot].Load(); i > 0 && i <= shm.MaxSlots {
		s.total.Store(s.will[willTotal].Load())
		s.orphans.Store(s.will[willOrphans].Load())
		s.held[i-1].Store(0)
	}
	s.will[willSlot].Store(0)
}

// recount makes the state whole after a death.
func (s *sharedSemaphore) recount() {
	s.carryOut()
	s.free.Store(uint64(max(0, int(s.total.Load())-s.held.sum(s.Region))))
}

func (s *sharedSemaphore) acquire(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	if s.free.Load() == 0 || s.held.stale(s.Self()) {
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
	err := s.take()
	s.leave()
	return err
}

// take takes a permit, of which there is one. The state is locked.
func (s *sharedSemaphore) take() error {
	s.held.set(s.Self(), s.held.of(s.Self())+1)
	s.free.Add(^uint64(0))
	if s.orphans.Load() > 0 {
		s.orphans.Add(^uint64(0))
		return ErrOwnerDied
	}
	return nil
}

// wait waits until there is a permit. The state is locked, and locked again when wait returns
// nil. Of several in this process one waits, and the others behind it.
func (s *sharedSemaphore) wait(ctx context.Context) error {
	for waiting := false; ; {
		if err := s.reclaim(); err != nil {
			s.leave()
			return err
		}
		if s.free.Load() > 0 {
			return nil
		}
		if ctx.Err() != nil {
			s.leave()
			return context.Cause(ctx)
		}
		if !waiting {
			s.leave()
			if err := s.line.take(ctx); err != nil {
				return err
			}
			defer s.line.give()
			waiting = true
			if err := s.enter(ctx); err != nil {
				return err
			}
			continue
		}
		if err := s.sleep(ctx); err != nil {
			return err
		}
	}
}

// reclaim takes back the permits of the dead, and has the others watched, so that their death
// rings. The state is locked.
func (s *sharedSemaphore) reclaim() (err error) {
	s.held.each(s.Region, func(o shm.Owner, n int) bool {
		var alive bool
		if alive, err = s.Alive(o); err != nil {
			return false
		}
		if !alive {
			initial, others := int(s.initial.Load()>>1), int(s.total.Load())-n
			back := min(n, max(0, initial-others)) // others: free, or held by the living
			s.will[willTotal].Store(uint64(others + back))
			s.will[willOrphans].Store(s.orphans.Load() + uint64(back))
			s.will[willSlot].Store(uint64(o.Slot() + 1))
			s.carryOut()
			s.free.Add(uint64(back))
		}
		return true
	})
	return err
}

func (s *sharedSemaphore) release(n int) error {
	if err := s.enter(context.Background()); err != nil {
		return err
	}
	defer s.leave()
	mine := s.held.of(s.Self())
	if s.initial.Load()&1 != 0 && mine < n {
		return ErrNotOwner
	}
	s.mark.Ring()
	s.giveBack(s.Self(), min(mine, n))
	n -= min(mine, n)
	s.held.each(s.Region, func(o shm.Owner, k int) bool {
		s.giveBack(o, min(k, n))
		n -= min(k, n)
		return n > 0
	})
	s.total.Add(uint64(n))
	s.free.Add(uint64(n))
	return nil
}

// giveBack gives back n permits of o's.
func (s *sharedSemaphore) giveBack(o shm.Owner, n int) {
	if n > 0 {
		s.held.set(o, s.held.of(o)-n)
		s.free.Add(uint64(n))
	}
}

func (s *sharedSemaphore) value() (int, error) {
	if err := s.enter(context.Background()); err != nil {
		return 0, err
	}
	defer s.leave()
	err := s.reclaim()
	return int(s.free.Load()), err
}
