package ipc

import (
	"context"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A sharedEvent is one word: how often the flag was set, and in the lowest bit whether it is.
type sharedEvent struct {
	guarded
	flag *atomic.Uint64
}

var eventLayout = shm.Layout{Kind: regionEvent, Size: guardedState + 64, Bells: 1}

func makeEvent() (eventBackend, error) { return newSharedEvent(newShared(shm.Create(eventLayout))) }

func openEvent(d *wire.Decoder) (eventBackend, error) {
	return newSharedEvent(openShared(d, eventLayout))
}

func newSharedEvent(s *shared, err error) (eventBackend, error) {
	g, err := newGuarded(s, err)
	if err != nil {
		return nil, err
	}
	return &sharedEvent{g, g.Word(guardedState)}, nil
}

func (s *sharedEvent) set() error {
	if err := s.enter(context.Background()); err != nil {
		return err
	}
	if f := s.flag.Load(); f&1 == 0 {
		s.mark.Ring()
		s.Order().Published()
		s.flag.Store(f + 3) // one more, and set
	}
	s.leave()
	return nil
}

func (s *sharedEvent) clear() error {
	if err := s.enter(context.Background()); err != nil {
		return err
	}
	s.flag.Store(s.flag.Load() &^ 1)
	s.leave()
	return nil
}

func (s *sharedEvent) wait(ctx context.Context) error {
	if s.detached.Load() {
		return ErrClosed
	}
	before := s.flag.Load()
	if before&1 != 0 {
		s.Order().Observed()
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	for s.flag.Load() == before {
		if err := s.sleep(ctx); err != nil {
			return err
		}
	}
	s.leave()
	return nil
}
