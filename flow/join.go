package flow

import (
	"context"
	"iter"
	"sync"

	"github.com/troupe-go/troupe/csp"
)

// Join is the streams one after the other.
func Join[T any](streams ...Stream[T]) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		more := true
		for _, s := range streams {
			err := s.each(r, func(v T) bool {
				more = yield(v)
				return more
			})
			if err != nil || !more {
				return err
			}
		}
		return nil
	}}
}

// Merge is the values of all streams as they come, each stream on a goroutine of its own. The
// first error of any stops them all, and is yielded after the values that came before it.
func Merge[T any](streams ...Stream[T]) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		return together(r, csp.Unbuffered(), yield, func(r *run, out *csp.Chan[T], start func(func() error)) {
			for _, s := range streams {
				start(func() error { return pour(r, s, out) })
			}
		})
	}}
}

// together gives to yield what functions on goroutines of their own put into one channel. They
// are started by begin, by means of start. The first error stops them all; what they have put
// until then is still yielded.
func together[T any](r *run, buffer csp.Buffer, yield func(T) bool, begin func(r *run, out *csp.Chan[T], start func(func() error))) error {
	ctx, cancel := context.WithCancelCause(r.ctx)
	out := csp.New[T](buffer)
	var live, group sync.WaitGroup
	defer func() {
		cancel(nil)
		group.Wait()
		out.Abort(nil) // an elastic one has a goroutine while it is not empty
	}()
	begin(r.within(ctx), out, func(f func() error) {
		live.Go(func() {
			if err := f(); err != nil {
				cancel(err)
			}
		})
	})
	group.Go(func() {
		live.Wait()
		out.CloseWithError(context.Cause(ctx))
	})
	return pourOut(r.ctx, out, yield)
}

// Pair is a value of each of two streams, or the mark that one of them had ended.
type Pair[A, B any] struct {
	Left  csp.Maybe[A]
	Right csp.Maybe[B]
}

// Zip is the pairs of the first values of a and b, of the second ones, and so on, until the
// longer of them has ended; what is missing of the shorter is not OK. Use [TakeWhile] to stop
// with the shorter.
func Zip[A, B any](a Stream[A], b Stream[B]) Stream[Pair[A, B]] {
	return Stream[Pair[A, B]]{func(r *run, yield func(Pair[A, B]) bool) error {
		z := zipper[B]{}
		next, stop := iter.Pull(func(yield func(B) bool) { z.err = b.each(r, yield) })
		defer stop()
		z.next = next
		more := true
		err := a.each(r, func(v A) bool {
			right, ok := z.pull()
			more = ok && yield(Pair[A, B]{csp.Maybe[A]{Value: v, OK: true}, right})
			return more
		})
		for err == nil && more {
			right, ok := z.pull()
			if !ok || !right.OK {
				break
			}
			more = yield(Pair[A, B]{Right: right})
		}
		if err == nil {
			err = z.err
		}
		return err
	}}
}

// zipper pulls from the right stream of a Zip.
type zipper[B any] struct {
	next func() (B, bool)
	over bool
	err  error
}

// pull returns the next value, or none if the stream has ended; false if with an error.
func (z *zipper[B]) pull() (m csp.Maybe[B], ok bool) {
	if !z.over {
		v, there := z.next()
		z.over = !there
		m = csp.Maybe[B]{Value: v, OK: there}
	}
	return m, z.err == nil
}

// Tee is s, with every value also given to a branch: a stream that side consumes on a goroutine
// of its own. The slower of the two sets the pace; the branch's buffer lets it fall behind. If
// side returns early, the rest is not given to it any more; its error ends the whole stream.
// The stream does not end before side has returned.
func Tee[T any](s Stream[T], buffer csp.Buffer, side func(ctx context.Context, branch Stream[T]) error) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		ctx, cancel := context.WithCancelCause(r.ctx)
		branch := csp.New[T](buffer)
		result := make(chan error, 1)
		go func() {
			err := csp.ErrGoexit
			defer func() {
				branch.Abort(nil)
				if err != nil {
					cancel(err)
				}
				result <- err
			}()
			_, err = call(ctx, func(ctx context.Context, s Stream[T]) (struct{}, error) {
				return struct{}{}, side(ctx, s)
			}, FromCSP(branch))
		}()
		returned := false
		defer func() { // also when yield panics
			if !returned {
				cancel(nil)
				<-result //nolint:errcheck // yield panicked: its panic is what is heard
			}
		}()
		left := false
		err := s.each(r.within(ctx), func(v T) bool {
			if !give(ctx, branch, v) && ctx.Err() != nil {
				return false
			}
			left = !yield(v)
			return !left
		})
		branch.CloseWithError(err)
		if left {
			cancel(nil)
		}
		sideErr := <-result
		returned = true
		cancel(nil)
		if err == nil && !left {
			err = sideErr
		}
		return err
	}}
}
