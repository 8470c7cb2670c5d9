package ipc

import (
	"context"
	"errors"

	"github.com/troupe-go/troupe/internal/wire"
)

// Variable is a value of any type that can travel, which a [Manager] keeps. Open one with
// [OpenVariable]. For numbers in processes with shared memory, [Value] is thousands of times as
// fast.
//
// All methods may be called by any number of goroutines and processes. They return the
// context's cause if ctx ended first, and errors as in [Manager]; a value of another type, set
// by another program, is a [*TypeError].
type Variable[T any] struct{ m Map[struct{}, T] }

// OpenVariable opens a variable of m; if it is a new one, it is initial. See [Manager.Lock] for
// names.
func OpenVariable[T any](ctx context.Context, m *Manager, name string, initial T) (*Variable[T], error) {
	p, err := openProxy[T](ctx, m, kindTable, name, []byte("variable"), func(e *wire.Encoder) error {
		return keepValue(e, m.r.link, initial)
	})
	if err != nil {
		return nil, err
	}
	return &Variable[T]{Map[struct{}, T]{p}}, nil
}

// Load returns the value.
func (v *Variable[T]) Load(ctx context.Context) (T, error) {
	if err := v.m.usable(ctx); err != nil {
		var zero T
		return zero, err
	}
	if b, ok := v.m.r.copy(); ok {
		return decodeValue[T](b)
	}
	return v.load(ctx)
}

// load asks for the value.
func (v *Variable[T]) load(ctx context.Context) (now T, err error) {
	args, err := v.m.key(struct{}{})
	if err != nil {
		return now, err
	}
	d, err := v.m.ask(ctx, opLoad, args)
	if err != nil {
		return now, err
	}
	defer d.Close()
	version, err := d.Uint()
	switch {
	case err != nil:
		return now, err
	case version == 0:
		return now, errNoVariable
	}
	b, err := takeBlob(d)
	if err != nil {
		return now, err
	}
	v.m.r.keepCopy(b, d)
	now, err = decodeValue[T](b)
	return now, err
}

// errNoVariable says that a variable lost its value.
var errNoVariable = errors.New("ipc: the variable has no value")

// Store sets the value.
func (v *Variable[T]) Store(ctx context.Context, to T) error {
	return v.m.Set(ctx, struct{}{}, to)
}

// Update sets the value to what f makes of it, and returns that. Nobody changes it in between: f
// may be called again for that, and must do nothing else.
func (v *Variable[T]) Update(ctx context.Context, f func(T) T) (T, error) {
	return v.m.Update(ctx, struct{}{}, func(now T, _ bool) T { return f(now) })
}

// Detach lets go of this handle; see [Manager] for how long things exist.
func (v *Variable[T]) Detach() error { return v.m.Detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (v *Variable[T]) EncodeWire(e *wire.Encoder) error { return v.m.EncodeWire(e) }

// DecodeWire makes v a handle of what [Variable.EncodeWire] encoded.
func (v *Variable[T]) DecodeWire(d *wire.Decoder) error { return v.m.DecodeWire(d) }
