package ipc

import "context"

// A turn is a lock that can be waited for with a context. It is a channel with room for one.
type turn chan struct{}

// take waits for the turn; it returns the context's cause if ctx ends first.
func (t turn) take(ctx context.Context) error {
	if t.try() {
		return nil
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) try() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t turn) give() { <-t }
