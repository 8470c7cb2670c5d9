package flow

import (
	"context"

	"github.com/troupe-go/troupe/csp"
)

// FlatMap is the values of the streams that f returns for the values of s. Without options,
// one stream comes after the other. With [Parallel], that many streams run at the same time,
// their values mixed; with [Ordered] too, the values of each are held in memory until those of
// the streams before it are through. For errors, panics and [Skip] see [Map].
func FlatMap[A, B any](s Stream[A], f func(context.Context, A) (Stream[B], error), opts ...Option) Stream[B] {
	c := configure("FlatMap", opts)
	switch {
	case c.parallel == 1:
		return flatOneByOne(Map(s, f, c.apply))
	case c.ordered:
		return Flatten(Map(s, func(ctx context.Context, a A) ([]B, error) {
			sub, err := f(ctx, a)
			if err != nil {
				return nil, err
			}
			return sub.Collect(ctx)
		}, c.apply))
	}
	return Stream[B]{func(r *run, yield func(B) bool) error {
		return together(r, csp.Unbuffered(), yield, func(r *run, out *csp.Chan[B], start func(func() error)) {
			subs := csp.New[Stream[B]](csp.Unbuffered())
			start(func() error {
				err := pour(r, Map(s, f, Name(c.name)), subs)
				subs.Close()
				return err
			})
			for range c.parallel {
				start(func() error {
					for sub := range subs.All(r.ctx) {
						if err := pour(r, sub, out); err != nil {
							return err
						}
					}
					return nil
				})
			}
		})
	}}
}

func flatOneByOne[T any](streams Stream[Stream[T]]) Stream[T] {
	return failable(streams, func(r *run, sub Stream[T], yield func(T) bool) (bool, error) {
		more := true
		err := sub.each(r, func(v T) bool {
			more = yield(v)
			return more
		})
		return more, err
	})
}

// Group is the values of a stream that have the same key.
type Group[K comparable, T any] struct {
	Key   K
	Items Stream[T] // to be consumed once
}

// GroupBy is a stream of groups, each yielded when the first value with its key comes. The
// buffer is that of each group: when a group's is full, the whole stream waits for whoever
// consumes that group. So groups must be consumed while the stream goes on (by [ForEach] with
// at least as many workers as there are keys at a time, for instance), or have a buffer that
// drops or grows. What comes for a group whose consumer has left is thrown away.
//
// There are as many groups open as there are keys; only use it where their number is bounded.
func GroupBy[T any, K comparable](s Stream[T], key func(T) K, buffer csp.Buffer) Stream[Group[K, T]] {
	return Stream[Group[K, T]]{func(r *run, yield func(Group[K, T]) bool) error {
		// Elastic, so that a new group never waits for the consumer of an old one.
		return together(r, csp.Elastic(), yield, func(r *run, out *csp.Chan[Group[K, T]], start func(func() error)) {
			start(func() error { return group(r, s, key, buffer, out) })
		})
	}}
}

func group[T any, K comparable](r *run, s Stream[T], key func(T) K, buffer csp.Buffer, out *csp.Chan[Group[K, T]]) (err error) {
	groups := map[K]*csp.Chan[T]{}
	defer func() {
		recoveredInto(&err, recover())
		for _, c := range groups {
			c.CloseWithError(err)
		}
	}()
	return s.each(r, func(v T) bool {
		k := key(v)
		c := groups[k]
		if c == nil {
			c = csp.New[T](buffer)
			groups[k] = c
			r.atEnd.add(func() { c.Abort(nil) })
			if out.Put(r.ctx, Group[K, T]{k, ownedBy(c)}) != nil {
				return false
			}
		}
		return give(r.ctx, c, v) || r.ctx.Err() == nil
	})
}

func recoveredInto(err *error, p any) {
	if p != nil {
		*err = csp.NewPanicError(p)
	}
}

// ownedBy is a stream of a channel that is closed when its consumer leaves.
func ownedBy[T any](c *csp.Chan[T]) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		defer c.Close()
		return FromCSP(c).each(r, yield)
	}}
}
