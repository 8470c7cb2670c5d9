package csp

import (
	"context"
	"slices"
	"sync"
)

// The functions of this file start goroutines that end when their inputs are closed and
// empty, when all their outputs are closed, or when their context ends. They then close their
// outputs, with the error that their input was closed with, if any. A value that has been
// taken from an input when the context ends, or when the only output is closed, is lost.

// Pipe moves every value of in to out and returns out. With [KeepOpen], out stays open when
// in ends.
func Pipe[T any](ctx context.Context, in, out *Chan[T], opts ...Option) *Chan[T] {
	owned := []*Chan[T]{out}
	if configured(opts).keepOpen {
		owned = nil
	}
	go finish(func() error {
		return each(ctx, in, func(v T) error { return deliver(ctx, out, v) })
	}, owned...)
	return out
}

// Merge returns a channel of the values of all ins, in the order in which they come. It is
// closed when all ins have ended, and with an error as soon as one has ended with an error.
func Merge[T any](ctx context.Context, ins ...*Chan[T]) *Chan[T] {
	out := New[T](Unbuffered())
	ctx, cancel := context.WithCancelCause(ctx)
	var live sync.WaitGroup
	for _, in := range ins {
		live.Go(func() {
			err := each(ctx, in, func(v T) error { return deliver(ctx, out, v) })
			if err != nil {
				cancel(err)
			}
		})
	}
	go finish(func() error {
		live.Wait()
		err := context.Cause(ctx)
		cancel(nil)
		return err
	}, out)
	return out
}

// Distribute puts each value of in into exactly one of outs: whichever is ready first, at
// random if several are. An out that is closed takes no further part; when all are closed,
// Distribute ends and leaves what remains in in. With [KeepOpen], outs stay open when in ends.
func Distribute[T any](ctx context.Context, in *Chan[T], outs []*Chan[T], opts ...Option) {
	owned := slices.Clone(outs)
	if configured(opts).keepOpen {
		owned = nil
	}
	live := slices.Clone(outs)
	go finish(func() error {
		return each(ctx, in, func(v T) error {
			var err error
			live, err = deliverToOne(ctx, live, v)
			return err
		})
	}, owned...)
}

// deliverToOne returns those of outs that are still open.
func deliverToOne[T any](ctx context.Context, outs []*Chan[T], v T) ([]*Chan[T], error) {
	for len(outs) > 0 {
		cases := make([]Case, 0, 2*len(outs))
		for _, out := range outs {
			cases = append(cases, Send(out, v), RecvC(out.Done(), nil))
		}
		i, ok, err := Select(ctx, cases...)
		if err != nil || (i%2 == 0 && ok) {
			return outs, err
		}
		outs = slices.Delete(outs, i/2, i/2+1)
	}
	return nil, ErrClosed
}

// Split sends the values of in for which yes holds to the first channel it returns, the
// others to the second. Each waits for the slower of the two, so give them buffers that suit.
// If one of them is closed, its values are thrown away. If yes panics, both are closed with a
// [*PanicError].
func Split[T any](ctx context.Context, in *Chan[T], yes func(T) bool, buffer Buffer) (ayes, noes *Chan[T]) {
	ayes, noes = New[T](buffer), New[T](buffer)
	go finish(func() error {
		return each(ctx, in, func(v T) error {
			out := noes
			if yes(v) {
				out = ayes
			}
			err := deliver(ctx, out, v)
			if out.Closed() && !(ayes.Closed() && noes.Closed()) && ctx.Err() == nil {
				return nil
			}
			return err
		})
	}, ayes, noes)
	return ayes, noes
}
