package ipc

import (
	"context"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A sharedCondition hands out notifications that are not addressed: whoever waits takes one, if
// its ticket was drawn before the last Notify. So there is none that a dead waiter could keep.
// Their number is never larger than that of the living who wait, so that none is left over for
// those who come later.
type sharedCondition struct {
	guarded
	next    *atomic.Uint64 // the next ticket
	bound   *atomic.Uint64 // tickets below may take a notification
	tokens  *atomic.Uint64 // notifications that nobody has taken yet
	waiting tally
}

var conditionLayout = shm.Layout{Kind: regionCondition, Size: guardedState + 64 + tallySize, Bells: 1}

func makeCondition() (conditionBackend, error) {
	return newSharedCondition(newShared(shm.Create(conditionLayout)))
}

func openCondition(d *wire.Decoder) (conditionBackend, error) {
	return newSharedCondition(openShared(d, conditionLayout))
}

func newSharedCondition(s *shared, err error) (conditionBackend, error) {
	g, err := newGuarded(s, err)
	if err != nil {
		return nil, err
	}
	w := g.Words(guardedState, 3)
	return &sharedCondition{g, &w[0], &w[1], &w[2], g.Words(guardedState+64, shm.MaxSlots)}, nil
}

func (s *sharedCondition) enter() (ticket uint64, err error) {
	if err := s.guarded.enter(context.Background()); err != nil {
		return 0, err
	}
	s.count(+1)
	ticket = s.next.Add(1) - 1
	s.leave()
	return ticket, nil
}

// count changes how many wait in this process.
func (s *sharedCondition) count(n int) { s.waiting.set(s.Self(), s.waiting.of(s.Self())+n) }

func (s *sharedCondition) wait(ctx context.Context, ticket uint64) error {
	err := s.guarded.enter(ctx)
	for err == nil && !s.take(ticket) {
		if ctx.Err() != nil {
			s.count(-1)
			s.leave()
			return context.Cause(ctx)
		}
		err = s.sleep(ctx)
	}
	if err == nil {
		s.leave()
		return nil
	}
	// The context has ended, or the handle is closed. A notification may have come meanwhile.
	if !s.enterNow() {
		s.later(func() { s.count(-1) })
		return err
	}
	defer s.leave()
	if s.take(ticket) {
		return nil
	}
	s.count(-1)
	return err
}

// take takes a notification, if there is one for this ticket. The state is locked. Should this
// process die between the two stores, it has left, and the notification is another's.
func (s *sharedCondition) take(ticket uint64) bool {
	if s.tokens.Load() == 0 || ticket >= s.bound.Load() {
		return false
	}
	s.count(-1)
	s.tokens.Add(^uint64(0))
	return true
}

func (s *sharedCondition) notify(n int) error {
	if err := s.guarded.enter(context.Background()); err != nil {
		return err
	}
	defer s.leave()
	living, failed := 0, error(nil)
	s.waiting.each(s.Region, func(o shm.Owner, k int) bool {
		alive, err := s.Alive(o)
		if failed = err; alive {
			living += k
		}
		return err == nil
	})
	if failed != nil {
		return failed
	}
	s.mark.Ring()
	s.bound.Store(s.next.Load())
	s.tokens.Store(uint64(min(living, int(s.tokens.Load())+n)))
	return nil
}
