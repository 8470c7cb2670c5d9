package osproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/child"
)

// Frames of the role "function", after Ready.
const (
	kindResult  byte = 1 + iota // worker: the result
	kindFailure                 // worker: a failure
)

// filler encodes what a worker begins with.
func (f *Func[A, R]) filler(c *codecs[A, R], a A) func(*wire.Encoder) error {
	return func(e *wire.Encoder) error {
		f.address(e, c)
		if err := c.arg.Encode(e, a); err != nil {
			return fmt.Errorf("osproc: the argument of %s cannot be sent: %w", f.name, err)
		}
		return nil
	}
}

// serveFunction is the role of a [Process].
func serveFunction(w *child.Worker, body *wire.Decoder) {
	f, err := find(body)
	if err != nil {
		w.Refuse(err)
	}
	f.serveOne(w, body)
}

func (f *Func[A, R]) serveOne(w *child.Worker, body *wire.Decoder) {
	codecs, err := f.compile()
	if err != nil {
		w.Refuse(err)
	}
	a, err := codecs.arg.Decode(body)
	if err != nil {
		w.Refuse(fmt.Errorf("osproc: the argument of %s cannot be decoded in the worker: %w", f.name, err))
	}
	w.Ready()
	go func() { // the link says nothing more; when it ends, so has the parent
		_, _, _ = w.Link.Receive()
		w.Orphaned()
	}()
	r, err := protect(w.Context(), f.run, a)
	if err == nil {
		err = w.Link.Send(kindResult, func(e *wire.Encoder) error { return codecs.result.Encode(e, r) })
		if err == nil || errors.Is(err, wire.ErrClosed) {
			return
		}
		err = fmt.Errorf("osproc: the result of %s cannot be sent: %w", f.name, err)
	}
	_ = w.Link.Send(kindFailure, func(e *wire.Encoder) error { return encodeFailure(e, err) })
}

// protect calls f, and makes errors of its panics. It does so on a goroutine of its own, since
// the one that runs main must not be ended by Goexit.
func protect[A, R any](ctx context.Context, f func(context.Context, A) (R, error), a A) (r R, err error) {
	done := make(chan struct{})
	go func() {
		returned := false
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				err = panicError(v)
			} else if !returned {
				err = ErrGoexit
			}
		}()
		r, err = f(ctx, a)
		returned = true
	}()
	<-done
	return r, err
}

func panicError(v any) *PanicError {
	p := &PanicError{Value: fmt.Sprint(v), Stack: whereItPanicked(string(debug.Stack()))}
	p.Err, _ = v.(error)
	return p
}

// whereItPanicked takes the frames off a stack that only say how it was recorded.
func whereItPanicked(stack string) string {
	goroutine, frames, _ := strings.Cut(stack, "\n")
	_, frames, found := strings.Cut(frames, "\npanic(")
	_, frames, _ = strings.Cut(frames, "\n") // the rest of its arguments
	_, frames, whole := strings.Cut(frames, "\n")
	if !found || !whole {
		return stack
	}
	return goroutine + "\n" + frames
}

// encodeFailure encodes the error of a function.
func encodeFailure(e *wire.Encoder, err error) error {
	codec, bad := wire.For[error]()
	if bad != nil {
		return bad
	}
	if codec.Encode(e, err) != nil {
		return codec.Encode(e, errors.New(err.Error()))
	}
	return nil
}

// decodeFailure is the other side of encodeFailure.
func decodeFailure(d *wire.Decoder) error {
	codec, bad := wire.For[error]()
	if bad != nil {
		return bad
	}
	err, bad := codec.Decode(d)
	if bad != nil {
		return fmt.Errorf("osproc: the error of a function cannot be decoded: %w", bad)
	}
	return err
}

// A Call is a registered function together with its argument, to be run for its effect,
// such as the set-up of a pool's workers; see [Func.Bind].
type Call struct {
	name string
	fill func(*wire.Encoder) error
}

// Bind joins the function and an argument to a [Call].
func (f *Func[A, R]) Bind(a A) Call {
	return Call{f.name, func(e *wire.Encoder) error {
		codecs, err := f.compile()
		if err != nil {
			return err
		}
		return f.filler(codecs, a)(e)
	}}
}

// encodeCall encodes c, which may be the zero Call.
func encodeCall(e *wire.Encoder, c Call) error {
	if c.fill == nil {
		e.Uint(0)
		return nil
	}
	e.Uint(1)
	return c.fill(e)
}

// decodeCall returns c as something that can be run in the worker.
func decodeCall(d *wire.Decoder) (func(context.Context) error, error) {
	present, err := d.Uint()
	if err != nil || present == 0 {
		return func(context.Context) error { return nil }, err
	}
	f, err := find(d)
	if err != nil {
		return nil, err
	}
	return f.bound(d)
}

// bound decodes an argument and returns the call with it.
func (f *Func[A, R]) bound(d *wire.Decoder) (func(context.Context) error, error) {
	codecs, err := f.compile()
	if err != nil {
		return nil, err
	}
	a, err := codecs.arg.Decode(d)
	if err != nil {
		return nil, fmt.Errorf("osproc: the argument of %s cannot be decoded in the worker (%s): %w", f.name, os.Args[0], err)
	}
	return func(ctx context.Context) error {
		_, err := protect(ctx, f.run, a)
		return err
	}, nil
}
