package flow

import (
	"context"
	"iter"

	"github.com/troupe-go/troupe/csp"
)

// Of is a stream of the given values.
func Of[T any](vs ...T) Stream[T] { return FromSlice(vs) }

// FromSlice is a stream of the values of a slice, which must not change while it is consumed.
func FromSlice[T any](vs []T) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		for _, v := range vs {
			if !r.goOn() {
				return r.ended()
			}
			if !yield(v) {
				return nil
			}
		}
		return nil
	}}
}

// Fail is a stream without values that ends with err.
func Fail[T any](err error) Stream[T] {
	return Stream[T]{func(*run, func(T) bool) error { return err }}
}

// FromSeq is a stream of an iterator's values. If the iterator panics, the stream ends with a
// [*csp.PanicError]. An iterator that blocks cannot be stopped from outside: prefer [Generate].
func FromSeq[T any](seq iter.Seq[T]) Stream[T] {
	return Generate(func(_ context.Context, yield func(T) bool) error {
		seq(yield)
		return nil
	})
}

// FromSeq2 is a stream of an iterator over values and errors, as [Stream.All] is one. It ends
// with the first error.
func FromSeq2[T any](seq iter.Seq2[T, error]) Stream[T] {
	return Generate(func(_ context.Context, yield func(T) bool) error {
		for v, err := range seq {
			if err != nil {
				return err
			}
			if !yield(v) {
				return nil
			}
		}
		return nil
	})
}

// Generate is a stream of what f gives to yield. f should return when yield returns false or
// ctx ends; the error it returns is the stream's. It may be called several times, once each
// time the stream is consumed. If it panics, the stream ends with a [*csp.PanicError].
func Generate[T any](f func(ctx context.Context, yield func(T) bool) error) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) (err error) {
		over, inside := false, false
		defer func() {
			if inside {
				return // a panic of the consumer only passes through
			}
			if p := recover(); p != nil {
				err = csp.NewPanicError(p)
			}
		}()
		err = f(r.ctx, func(v T) bool {
			if over || !r.goOn() {
				over = true
				return false
			}
			inside = true
			over = !yield(v)
			inside = false
			return !over
		})
		if err == nil && r.ctx.Err() != nil {
			err = r.ended()
		}
		return err
	}}
}

// FromChan is a stream of what is received from a native channel until that is closed.
func FromChan[T any](c <-chan T) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		for r.goOn() {
			v, ok := receive(r.ctx, c)
			if !ok {
				break
			}
			if !yield(v) {
				return nil
			}
		}
		return r.ended()
	}}
}

func receive[T any](ctx context.Context, c <-chan T) (v T, ok bool) {
	select { // far cheaper than the one below
	case v, ok = <-c:
		return v, ok
	default:
	}
	select {
	case v, ok = <-c:
	case <-ctx.Done():
	}
	return v, ok
}

// FromCSP is a stream of what is gotten from a channel of package csp until that is closed; it
// ends with the error that the channel was closed with, if any. Consuming only a part of the
// stream leaves the rest in the channel, but for what stages have taken ahead.
func FromCSP[T any](c *csp.Chan[T]) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		for r.goOn() {
			v, ok := c.Get(r.ctx)
			if !ok && r.ctx.Err() == nil {
				return c.Err()
			}
			if !ok {
				break
			}
			if !yield(v) {
				return nil
			}
		}
		return r.ended()
	}}
}
