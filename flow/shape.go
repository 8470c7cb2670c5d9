package flow

import "context"

// Take is the first n values. The source is not asked for more than that, unless a stage
// between reads ahead.
func Take[T any](s Stream[T], n int) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		if n <= 0 {
			return nil
		}
		left := n
		return s.each(r, func(v T) bool {
			left--
			return yield(v) && left > 0
		})
	}}
}

// Drop is all but the first n values.
func Drop[T any](s Stream[T], n int) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		left := n
		return s.each(r, func(v T) bool {
			if left > 0 {
				left--
				return true
			}
			return yield(v)
		})
	}}
}

// TakeWhile is the values up to, and not including, the first for which ok returns false.
func TakeWhile[T any](s Stream[T], ok func(T) bool) Stream[T] {
	return failable(s, func(r *run, v T, yield func(T) bool) (bool, error) {
		yes, err := test(r.ctx, ok, v)
		return yes && err == nil && yield(v), err
	})
}

// DropWhile is the values from the first for which ok returns false.
func DropWhile[T any](s Stream[T], ok func(T) bool) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		dropping := true
		return failable(s, func(r *run, v T, yield func(T) bool) (bool, error) {
			if dropping {
				yes, err := test(r.ctx, ok, v)
				if yes || err != nil {
					return err == nil, err
				}
				dropping = false
			}
			return yield(v), nil
		}).each(r, yield)
	}}
}

// Distinct drops a value that is equal to the one before it, as core.async's unique does. To
// drop all that were ever seen would need memory without bound.
func Distinct[T comparable](s Stream[T]) Stream[T] {
	return DistinctBy(s, func(v T) T { return v })
}

// DistinctBy drops a value whose key is equal to that of the one before it.
func DistinctBy[T any, K comparable](s Stream[T], key func(T) K) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		var last K
		any := false
		return failable(s, func(r *run, v T, yield func(T) bool) (bool, error) {
			k, err := test(r.ctx, key, v)
			if err != nil {
				return false, err
			}
			if any && k == last {
				return true, nil
			}
			last, any = k, true
			return yield(v), nil
		}).each(r, yield)
	}}
}

// Scan is the values that f makes of the one it made before, at first init, and each value of
// s. For errors and panics see [Map]; after [Skip], the value before stands.
func Scan[A, B any](s Stream[A], init B, f func(ctx context.Context, before B, v A) (B, error)) Stream[B] {
	return Stream[B]{func(r *run, yield func(B) bool) error {
		acc := init
		return Map(s, func(ctx context.Context, v A) (B, error) {
			next, err := f(ctx, acc, v)
			if err == nil {
				acc = next
			}
			return next, err
		}, Name("Scan")).each(r, yield)
	}}
}

// Slide is a window that moves over the values: slices of size values each, of which each
// begins step values after the one before. It yields full windows only. It panics if size or
// step is less than one.
func Slide[T any](s Stream[T], size, step int) Stream[[]T] {
	if size < 1 || step < 1 {
		panic("flow: Slide: size and step must be at least 1")
	}
	return Stream[[]T]{func(r *run, yield func([]T) bool) error {
		var window []T
		skip := 0
		return s.each(r, func(v T) bool {
			if skip > 0 {
				skip--
				return true
			}
			window = append(window, v)
			if len(window) < size {
				return true
			}
			full := window
			window = append(make([]T, 0, size), full[min(step, size):]...)
			skip = max(0, step-size)
			return yield(full)
		})
	}}
}

// failable is a stage that may fail of itself. f handles one value and reports whether to go on.
func failable[A, B any](s Stream[A], f func(r *run, v A, yield func(B) bool) (bool, error)) Stream[B] {
	return Stream[B]{func(r *run, yield func(B) bool) error {
		var failed error
		err := s.each(r, func(v A) bool {
			var more bool
			more, failed = f(r, v, yield)
			return more && failed == nil
		})
		if failed != nil {
			err = failed
		}
		return err
	}}
}

// test calls a function of the user's that has neither context nor error, but may panic.
func test[A, B any](_ context.Context, f func(A) B, v A) (b B, err error) {
	defer recovered(&err)
	return f(v), nil
}
