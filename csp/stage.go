package csp

import (
	"context"
)

// Option changes how a combinator treats its output. The only one is [KeepOpen].
type Option func(*stageConfig)

type stageConfig struct{ keepOpen bool }

// KeepOpen leaves an output open when its input ends, for outputs that have other sources.
func KeepOpen() Option { return func(c *stageConfig) { c.keepOpen = true } }

func configured(opts []Option) (c stageConfig) {
	for _, o := range opts {
		o(&c)
	}
	return c
}

// finish runs the body of a goroutine that feeds outs and closes them when it is over: with
// the error that the body returned or with its panic, if any.
func finish[T any](body func() error, outs ...*Chan[T]) {
	var err error
	defer func() { // runs after runtime.Goexit too
		if p := recover(); p != nil {
			err = NewPanicError(p)
		}
		for _, out := range outs {
			if !out.Closed() { // or else err may be no more than that
				out.CloseWithError(err)
			}
		}
	}()
	err = body()
}

// ending says why a get from in reported ok=false: nil if in was closed without an error.
func ending[T any](ctx context.Context, in *Chan[T]) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return in.Err()
}

// deliver is Put, except that it gives up when out is closed while it waits: a stage must not
// outlive a consumer that has closed its channel and left.
func deliver[T any](ctx context.Context, out *Chan[T], v T) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch out.TryPut(v) {
	case Done:
		return nil
	case Closed:
		return out.closedError()
	}
	i, ok, err := Select(ctx, Send(out, v), RecvC(out.Done(), nil))
	if err != nil || (i == 0 && ok) {
		return err
	}
	return out.closedError()
}

// each calls f with every value of in until f fails or in or ctx ends, and says why it ended.
func each[T any](ctx context.Context, in *Chan[T], f func(T) error) error {
	for {
		v, ok := in.Get(ctx)
		if !ok {
			return ending(ctx, in)
		}
		if err := f(v); err != nil {
			return err
		}
	}
}
