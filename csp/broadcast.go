package csp

import (
	"context"
	"slices"
	"sync"
)

// Broadcast copies every value of a channel to each of its taps. The next value is not taken
// until every tap has room for this one: the slowest tap sets the pace, unless its buffer
// drops or grows. A tap that has room does not wait for one that has not. Without taps, values
// are thrown away. It is core.async's mult.
//
// All methods may be called by any goroutine.
type Broadcast[T any] struct {
	mu      sync.Mutex
	taps    []tap[T]      // never changed in place, so that the goroutine may hold on to it
	changed chan struct{} // tells the goroutine, should it wait for a tap, that taps are fewer
	over    bool
	err     error // why it is over
}

type tap[T any] struct {
	out  *Chan[T]
	keep bool
}

// NewBroadcast starts copying in until it is closed and empty, or ctx ends. The taps are
// closed then, with the error that in was closed with, if any.
func NewBroadcast[T any](ctx context.Context, in *Chan[T]) *Broadcast[T] {
	b := &Broadcast[T]{changed: make(chan struct{}, 1)}
	go func() {
		b.end(each(ctx, in, func(v T) error { return b.copy(ctx, v) }))
	}()
	return b
}

// Tap makes a channel with the given buffer and copies to it what comes from now on.
func (b *Broadcast[T]) Tap(buffer Buffer) *Chan[T] {
	out := New[T](buffer)
	b.TapTo(out)
	return out
}

// TapTo copies to out what comes from now on. Unless told to [KeepOpen], out is closed when
// the broadcast ends; at once if it has ended. Tapping to a channel that is tapped already
// only changes that. A tap that is closed by anybody is forgotten.
func (b *Broadcast[T]) TapTo(out *Chan[T], opts ...Option) {
	t := tap[T]{out, configured(opts).keepOpen}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		t.close(b.err)
		return
	}
	b.taps = append(without(b.taps, out), t)
}

// Untap stops copying to out, even if the broadcast waits for it at this moment, and leaves
// it open. It reports whether out was a tap. A value that is being copied in this instant may
// still arrive.
func (b *Broadcast[T]) Untap(out *Chan[T]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := without(b.taps, out)
	found := len(left) < len(b.taps)
	b.setFewer(left)
	return found
}

// UntapAll stops copying to any tap and leaves them open.
func (b *Broadcast[T]) UntapAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.setFewer(nil)
}

// Taps returns how many taps there are.
func (b *Broadcast[T]) Taps() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.taps)
}

func (b *Broadcast[T]) setFewer(left []tap[T]) {
	b.taps = left
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

func (b *Broadcast[T]) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over, b.err = true, err
	for _, t := range b.taps {
		t.close(err)
	}
	b.taps = nil
}

func (t tap[T]) close(err error) {
	if !t.keep {
		t.out.CloseWithError(err)
	}
}

// copy gives v to every tap: to those that have room first, then to the others as they get it.
func (b *Broadcast[T]) copy(ctx context.Context, v T) error {
	b.mu.Lock()
	taps := b.taps
	b.mu.Unlock()
	var waiting []*Chan[T]
	for _, t := range taps {
		switch t.out.TryPut(v) {
		case Full:
			waiting = append(waiting, t.out)
		case Closed:
			b.Untap(t.out)
		}
	}
	for len(waiting) > 0 {
		var err error
		if waiting, err = b.copySlow(ctx, waiting, v); err != nil {
			return err
		}
	}
	return nil
}

// copySlow waits until one of waiting has taken v or is a tap no longer, and returns the rest.
func (b *Broadcast[T]) copySlow(ctx context.Context, waiting []*Chan[T], v T) ([]*Chan[T], error) {
	cases := make([]Case, 0, 2*len(waiting)+1)
	for _, out := range waiting {
		cases = append(cases, Send(out, v), RecvC(out.Done(), nil))
	}
	cases = append(cases, RecvC(b.changed, nil))
	i, ok, err := Select(ctx, cases...)
	switch {
	case err != nil:
		return nil, err
	case i == len(cases)-1:
		return b.stillTapped(waiting), nil
	case i%2 == 1 || !ok:
		b.Untap(waiting[i/2])
	}
	return slices.Delete(waiting, i/2, i/2+1), nil
}

func (b *Broadcast[T]) stillTapped(outs []*Chan[T]) []*Chan[T] {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(outs, func(out *Chan[T]) bool {
		return !slices.ContainsFunc(b.taps, func(t tap[T]) bool { return t.out == out })
	})
}

// without returns a copy of taps that lacks out.
func without[T any](taps []tap[T], out *Chan[T]) []tap[T] {
	return slices.DeleteFunc(slices.Clone(taps), func(t tap[T]) bool { return t.out == out })
}
