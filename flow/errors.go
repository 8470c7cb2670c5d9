package flow

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/troupe-go/troupe/csp"
)

// OnError is f with its errors and panics given to handle, which decides what becomes of the
// item: it returns a value to take the result's place, or [Skip] to go on without one, or an
// error (the same, or another) to end the stream. A panic is given as a [*csp.PanicError].
func OnError[A, B any](f func(context.Context, A) (B, error), handle func(ctx context.Context, item A, err error) (B, error)) func(context.Context, A) (B, error) {
	return func(ctx context.Context, a A) (B, error) {
		b, err := call(ctx, f, a)
		if err == nil || err == Skip || ctx.Err() != nil {
			return b, err
		}
		return handle(ctx, a, err)
	}
}

// Backoff says how often and how patiently to try again. The zero Backoff tries three times,
// with pauses of about 100 ms and 200 ms.
type Backoff struct {
	Tries  int           // calls in all; 0 stands for 3
	First  time.Duration // pause after the first failure; 0 stands for 100 ms
	Factor float64       // each further pause is so many times as long; 0 stands for 2
	Max    time.Duration // longest pause; 0 stands for 30 s
	// Jitter is by what part of itself a pause is made longer or shorter at random, from 0
	// for not at all to 1; it keeps many that failed together from trying together.
	Jitter float64
	// Again tells whether an error is worth another try; nil says that all are.
	Again func(error) bool
}

// Retry is f, called again when it returns an error, after a pause that grows. After the last
// try it returns the last error, wrapped. A panic is not tried again: it is a bug, and will be
// there the next time.
func Retry[A, B any](f func(context.Context, A) (B, error), backoff Backoff) func(context.Context, A) (B, error) {
	b := backoff.withDefaults()
	return func(ctx context.Context, a A) (B, error) {
		for try := 1; ; try++ {
			v, err := f(ctx, a)
			if err == nil || err == Skip || ctx.Err() != nil || (b.Again != nil && !b.Again(err)) {
				return v, err
			}
			if try >= b.Tries {
				return v, fmt.Errorf("flow: gave up after %d tries: %w", try, err)
			}
			if !sleep(ctx, b.pause(try)) {
				return v, errors.Join(context.Cause(ctx), err)
			}
		}
	}
}

func (b Backoff) withDefaults() Backoff {
	if b.Tries == 0 {
		b.Tries = 3
	}
	if b.First == 0 {
		b.First = 100 * time.Millisecond
	}
	if b.Factor == 0 {
		b.Factor = 2
	}
	if b.Max == 0 {
		b.Max = 30 * time.Second
	}
	return b
}

// pause returns how long to wait after the given try.
func (b Backoff) pause(try int) time.Duration {
	d := min(float64(b.First)*math.Pow(b.Factor, float64(try-1)), float64(b.Max))
	return time.Duration(d * (1 + b.Jitter*(2*rand.Float64()-1)))
}

// Catch is s and, if that ends with an error or a panic, what handle returns instead: a stream
// to go on with, or an error to end with. It is not called when the flow itself is told to end.
func Catch[T any](s Stream[T], handle func(ctx context.Context, err error) (Stream[T], error)) Stream[T] {
	return Stream[T]{func(r *run, yield func(T) bool) error {
		left := false
		err := s.each(r, func(v T) bool {
			left = !yield(v)
			return !left
		})
		if err == nil || left || r.ctx.Err() != nil {
			return err
		}
		rest, err := call(r.ctx, handle, err)
		if err != nil {
			return err
		}
		return rest.each(r, yield)
	}}
}

// IsPanic reports whether err is, or wraps, a panic of a function of yours.
func IsPanic(err error) bool {
	var p *csp.PanicError
	return errors.As(err, &p)
}
