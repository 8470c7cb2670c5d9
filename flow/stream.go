package flow

import (
	"context"
	"iter"
	"sync"

	"github.com/troupe-go/troupe/csp"
	"github.com/troupe-go/troupe/flow/internal/core"
)

// Stream is a flow of values of type T that may end with an error. It is a description: nothing
// runs until it is consumed, by [Stream.All], [Stream.Collect], [Stream.Chan], [Stream.SendTo],
// [ForEach], [Reduce] or [MapReduce]. A Stream is a small value to be copied freely; the zero
// Stream is empty.
//
// A stream may be consumed more than once, also at the same time, if its source can: one made
// from a slice starts anew each time, those who consume one made from a channel share it.
type Stream[T any] struct {
	// run gives all values to yield, on the goroutine that called it, until yield returns
	// false. It returns why the stream ended, nil if by itself or by yield, and only when all
	// goroutines it started have ended.
	run func(r *run, yield func(T) bool) error
}

// run is what the stages of one consumption have in common.
type run struct {
	ctx     context.Context
	monitor *Monitor
	atEnd   *cleanups
}

// cleanups are what is to be done when a consumption is over.
type cleanups struct {
	mu    sync.Mutex
	funcs []func()
}

func (c *cleanups) add(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.funcs = append(c.funcs, f)
}

func (c *cleanups) do() {
	for _, f := range c.funcs {
		f()
	}
}

// within returns a run that is the same, but for its context.
func (r *run) within(ctx context.Context) *run {
	return &run{ctx: ctx, monitor: r.monitor, atEnd: r.atEnd}
}

// goOn reports whether a source may yield its next value, after waiting while the flow is paused.
func (r *run) goOn() bool {
	if r.monitor != nil {
		r.monitor.waitWhilePaused(r.ctx)
	}
	return r.ctx.Err() == nil
}

// ended returns why a run that was told to stop had to, or nil.
func (r *run) ended() error { return context.Cause(r.ctx) }

func (r *run) probe(name string, workers int) *core.Probe {
	if r.monitor == nil {
		return nil
	}
	return r.monitor.add(name, workers)
}

// each gives the stream's values to yield and says why it ended.
func (s Stream[T]) each(r *run, yield func(T) bool) error {
	if s.run == nil {
		return nil
	}
	return s.run(r, yield)
}

// start begins a run and ends it when yield has returned false or the stream has ended.
func (s Stream[T]) start(ctx context.Context, yield func(T) bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &run{ctx: ctx, atEnd: new(cleanups)}
	defer r.atEnd.do()
	defer cancel()
	return s.each(r, yield)
}

// All yields the values and, if the stream ends with an error, at last a zero value with that
// error. When the loop is left, by any way, all goroutines of the stream are told to stop and
// are waited for before the loop is left. If ctx ends, the error is its cause.
func (s Stream[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left := false
		err := s.start(ctx, func(v T) bool {
			left = !yield(v, nil)
			return !left
		})
		if err != nil && !left {
			var none T
			yield(none, err)
		}
	}
}

// Collect returns all values. With an error, it returns those that came before it too.
func (s Stream[T]) Collect(ctx context.Context) ([]T, error) {
	var all []T
	err := s.start(ctx, func(v T) bool {
		all = append(all, v)
		return true
	})
	return all, err
}

// First returns the first value and stops the stream. ok is false if there was none.
func (s Stream[T]) First(ctx context.Context) (v T, ok bool, err error) {
	err = s.start(ctx, func(first T) bool {
		v, ok = first, true
		return false
	})
	return v, ok, err
}

// SendTo sends all values to a native channel, which it does not close, and returns how the
// stream ended.
func (s Stream[T]) SendTo(ctx context.Context, to chan<- T) error {
	done := ctx.Done()
	unsent := false
	err := s.start(ctx, func(v T) bool {
		select { // far cheaper than the one below
		case to <- v:
			return true
		default:
		}
		select {
		case to <- v:
		case <-done:
			unsent = true
		}
		return !unsent
	})
	if err == nil && unsent {
		err = context.Cause(ctx)
	}
	return err
}

// Chan starts the stream on a goroutine and returns a channel of its values, closed at the end
// with the stream's error, if any. The stream ends with ctx, or when the channel is closed by
// whoever reads it.
func (s Stream[T]) Chan(ctx context.Context, buffer csp.Buffer) *csp.Chan[T] {
	out := csp.New[T](buffer)
	go func() {
		err := csp.ErrGoexit
		defer func() {
			if p := recover(); p != nil {
				err = csp.NewPanicError(p)
			}
			out.CloseWithError(err)
		}()
		err = s.start(ctx, func(v T) bool { return give(ctx, out, v) })
		if err == nil && !out.Closed() && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	return out
}

// give puts v into out and reports whether it could: not if out was closed or ctx ended, also
// while waiting.
func give[T any](ctx context.Context, out *csp.Chan[T], v T) bool {
	switch out.TryPut(v) {
	case csp.Done:
		return true
	case csp.Closed:
		return false
	}
	i, ok, _ := csp.Select(ctx, csp.Send(out, v), csp.RecvC(out.Done(), nil))
	return i == 0 && ok
}
