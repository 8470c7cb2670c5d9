package flow

import (
	"context"

	"github.com/troupe-go/troupe/csp"
	"github.com/troupe-go/troupe/flow/internal/core"
)

// Skip is returned by a stage's function to say that there is no result for this item. It is
// not a failure: the stream goes on.
var Skip = core.Skip

// Map is the stream of what f returns for each value of s. An error of f ends the stream with
// that error, a panic with a [*csp.PanicError]; with [Ordered], the results of the items
// before it are delivered first. f's context ends when the stream ends. f may return [Skip].
func Map[A, B any](s Stream[A], f func(context.Context, A) (B, error), opts ...Option) Stream[B] {
	c := configure("Map", opts)
	return MapWith(s, func(context.Context) (Worker[A, B], error) { return Worker[A, B]{Do: f}, nil }, c.apply)
}

// apply is a configuration as an option.
func (c config) apply(to *config) { *to = c }

// Worker is one worker of a stage, with whatever state its functions share: no two of its calls
// happen at the same time.
type Worker[A, B any] struct {
	Do    func(context.Context, A) (B, error) // works on one item
	Close func() error                        // called once at the end; may be nil
}

// MapWith is [Map] with workers that have a state, such as a connection or a buffer. open makes
// one; it is called once for each worker and each time the stream is consumed, on the
// worker's goroutine. Its error ends the stream; that of Close too, if there is no other.
func MapWith[A, B any](s Stream[A], open func(context.Context) (Worker[A, B], error), opts ...Option) Stream[B] {
	c := configure("MapWith", opts)
	if c.parallel == 1 {
		return inline(s, c, open)
	}
	return Stream[B]{func(r *run, yield func(B) bool) error {
		return core.Run(r.ctx, c.engine(r),
			func(ctx context.Context, push func(A) bool) error { return s.each(r.within(ctx), push) },
			func(ctx context.Context) (core.Work[A, B], error) {
				w, err := open(ctx)
				return core.Work[A, B](w), err
			},
			yield)
	}}
}

// inline is a stage with one worker, on the goroutine of the consumer.
func inline[A, B any](s Stream[A], c config, open func(context.Context) (Worker[A, B], error)) Stream[B] {
	return Stream[B]{func(r *run, yield func(B) bool) (err error) {
		ctx, cancel := context.WithCancel(r.ctx)
		w, err := call(ctx, func(ctx context.Context, _ struct{}) (Worker[A, B], error) { return open(ctx) }, struct{}{})
		defer func() {
			cancel()
			if cerr := closeWorker(w); err == nil {
				err = cerr
			}
		}()
		if err != nil {
			return err
		}
		p := r.probe(c.name, 1)
		p.WaitingIn(1)
		defer p.WaitingIn(-1)
		var failed error
		err = s.each(r, func(a A) (more bool) {
			more, failed = workInline(ctx, p, w.Do, a, yield)
			return more
		})
		if failed != nil {
			err = failed
		}
		return err
	}}
}

func workInline[A, B any](ctx context.Context, p *core.Probe, do func(context.Context, A) (B, error), a A, yield func(B) bool) (more bool, err error) {
	p.WaitingIn(-1)
	p.In()
	begin := p.Begin()
	b, err := call(ctx, do, a)
	p.End(begin)
	p.Out()
	switch err {
	case nil:
		p.WaitingOut(1)
		more = yield(b)
		p.WaitingOut(-1)
	case Skip:
		more, err = true, nil
	}
	p.WaitingIn(1)
	return more, err
}

func closeWorker[A, B any](w Worker[A, B]) (err error) {
	if w.Close != nil {
		defer recovered(&err)
		err = w.Close()
	}
	return err
}

// call calls f and turns a panic into an error.
func call[A, B any](ctx context.Context, f func(context.Context, A) (B, error), a A) (b B, err error) {
	defer recovered(&err)
	return f(ctx, a)
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = csp.NewPanicError(p)
	}
}

// Filter is the stream of those values of s for which keep returns true. For errors and panics
// see [Map].
func Filter[T any](s Stream[T], keep func(context.Context, T) (bool, error), opts ...Option) Stream[T] {
	c := configure("Filter", opts)
	return Map(s, func(ctx context.Context, v T) (T, error) {
		yes, err := keep(ctx, v)
		if err == nil && !yes {
			err = Skip
		}
		return v, err
	}, c.apply)
}

// Flatten is the stream of the elements of the slices of s; empty ones yield nothing.
func Flatten[T any](s Stream[[]T]) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		return s.each(r, func(vs []T) bool {
			for _, v := range vs {
				if !yield(v) {
					return false
				}
			}
			return true
		})
	}}
}
