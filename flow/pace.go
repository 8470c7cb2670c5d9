package flow

import (
	"context"
	"time"

	"github.com/troupe-go/troupe/csp"
)

// Rate is so many items per so much time.
type Rate struct {
	Items int           // how many at once, too; at least 1
	Per   time.Duration // more than 0
}

// RateLimit delays values so that no more than rate.Items pass in any time of rate.Per. None is
// lost: what is before it has to wait. It panics if the rate is not positive.
func RateLimit[T any](s Stream[T], rate Rate) Stream[T] {
	if rate.Items < 1 || rate.Per <= 0 {
		panic("flow: RateLimit needs a positive rate")
	}
	return Stream[T]{func(r *run, yield func(T) bool) error {
		passed := make([]time.Time, rate.Items) // when the last ones passed, a ring
		n := 0
		return failable(s, func(r *run, v T, yield func(T) bool) (bool, error) {
			last := &passed[n%rate.Items]
			if n >= rate.Items && !sleep(r.ctx, rate.Per-time.Since(*last)) {
				return false, r.ended()
			}
			*last = time.Now()
			n++
			return yield(v), nil
		}).each(r, yield)
	}}
}

// sleep reports whether d has passed, false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Throttle lets a value pass and then throws away those that come within d of it.
func Throttle[T any](s Stream[T], d time.Duration) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		var last time.Time
		return s.each(r, func(v T) bool {
			now := time.Now()
			if !last.IsZero() && now.Sub(last) < d {
				return true
			}
			last = now
			return yield(v)
		})
	}}
}

// Debounce lets a value pass once d has gone by without another; those that are followed
// sooner are thrown away. The last one passes when s ends. s runs on a goroutine of its own.
func Debounce[T any](s Stream[T], d time.Duration) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		return apart(r, s, csp.Unbuffered(), func(ctx context.Context, c *csp.Chan[T]) error {
			return debounce(ctx, c, d, yield)
		})
	}}
}

func debounce[T any](ctx context.Context, c *csp.Chan[T], d time.Duration, yield func(T) bool) error {
	var held csp.Maybe[T]
	quiet := newAlarm(d)
	defer quiet.stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case v, ok := <-c.C():
			if !ok {
				if held.OK && ctx.Err() == nil && !yield(held.Value) {
					return nil
				}
				return endOf(ctx, c)
			}
			held = csp.Maybe[T]{Value: v, OK: true}
			quiet.set()
		case <-quiet.C():
			v := held.Value
			held = csp.Maybe[T]{}
			if !yield(v) {
				return nil
			}
		}
	}
}
