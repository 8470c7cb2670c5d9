package flow

import (
	"context"
)

// ForEach calls f with every value and returns how the stream ended. With [Parallel], f is
// called by several goroutines at the same time; the first error stops the others. For errors
// and panics see [Map]; [Skip] is as good as nil.
func ForEach[T any](ctx context.Context, s Stream[T], f func(context.Context, T) error, opts ...Option) error {
	c := configure("ForEach", opts)
	done := Map(s, func(ctx context.Context, v T) (struct{}, error) {
		return struct{}{}, f(ctx, v)
	}, c.apply)
	return done.start(ctx, func(struct{}) bool { return true })
}

// Reduce returns what f makes of all values: of init and the first value, then of that and the
// second value, and so on. With an error, it returns what it had until then.
func Reduce[A, B any](ctx context.Context, s Stream[A], init B, f func(ctx context.Context, acc B, v A) (B, error)) (B, error) {
	acc := init
	err := Scan(s, init, f).start(ctx, func(v B) bool {
		acc = v
		return true
	})
	return acc, err
}

// KeyValue is a value and what it is filed under.
type KeyValue[K comparable, V any] struct {
	Key   K
	Value V
}

// MapReduce files what mapper makes of each value under a key, and combines what comes under
// the same key by reducer, in any order. The options are for mapper; reducer is called by one
// goroutine. With an error, it returns what it had until then.
func MapReduce[A any, K comparable, V any](
	ctx context.Context, s Stream[A],
	mapper func(context.Context, A) (KeyValue[K, V], error),
	reducer func(ctx context.Context, a, b V) (V, error),
	opts ...Option,
) (map[K]V, error) {
	c := configure("MapReduce", opts)
	all := map[K]V{}
	_, err := Reduce(ctx, Map(s, mapper, c.apply), all, func(ctx context.Context, all map[K]V, kv KeyValue[K, V]) (map[K]V, error) {
		v := kv.Value
		if before, there := all[kv.Key]; there {
			var err error
			if v, err = reducer(ctx, before, v); err != nil {
				return all, err
			}
		}
		all[kv.Key] = v
		return all, nil
	})
	return all, err
}
