package jetstream

import (
	"context"
	"sync"
)

// rounds counts the rounds of a worker that takes all that waits at once, so that others
// can wait until something has been done.
type rounds struct {
	mu     sync.Mutex
	begun  uint64
	ended  uint64
	some   bool          // something waits for the next round
	wake   chan struct{} // there is something to do
	change chan struct{} // closed at the end of a round
}

func (r *rounds) init() { r.wake, r.change = make(chan struct{}, 1), make(chan struct{}) }

// add does f, which leaves something to the next round.
func (r *rounds) add(f func()) {
	r.mu.Lock()
	f()
	r.some = true
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// take begins a round: f takes what waits. It reports false if nothing does.
func (r *rounds) take(f func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.some {
		return false
	}
	r.some = false
	r.begun++
	f()
	return true
}

// end ends a round.
func (r *rounds) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = r.begun
	close(r.change)
	r.change = make(chan struct{})
}

// settled waits until all that waits now has been done.
func (r *rounds) settled(ctx, alive context.Context) error {
	r.mu.Lock()
	goal := r.begun
	if r.some {
		goal++
	}
	for r.ended < goal {
		change := r.change
		r.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-alive.Done():
			return errClosed
		}
		r.mu.Lock()
	}
	r.mu.Unlock()
	return nil
}
