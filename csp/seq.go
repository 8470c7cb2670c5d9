package csp

import (
	"context"
	"iter"
)

// FromSeq makes a channel of an iterator's values, closed after the last. Values are made as
// they are asked for, one ahead at most: a goroutine holds the next until it is gotten. It
// ends with the iterator, with ctx, or when the channel is closed. If the iterator panics, the
// channel is closed with a [*PanicError].
func FromSeq[T any](ctx context.Context, seq iter.Seq[T]) *Chan[T] {
	out := New[T](Unbuffered())
	go finish(func() error {
		for v := range seq {
			if err := deliver(ctx, out, v); err != nil {
				return err
			}
		}
		return nil
	}, out)
	return out
}

// Of makes a closed channel that holds the given values.
func Of[T any](vs ...T) *Chan[T] {
	out := New[T](Fixed(len(vs)))
	for _, v := range vs {
		out.TryPut(v)
	}
	out.Close()
	return out
}

// Range makes a channel of the integers from start up to, and not including, end.
func Range(ctx context.Context, start, end int) *Chan[int] {
	return FromSeq(ctx, func(yield func(int) bool) {
		for i := start; i < end && yield(i); i++ {
		}
	})
}
