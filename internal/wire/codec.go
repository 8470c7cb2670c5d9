package wire

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// A Codec encodes and decodes values of type T. It is safe for concurrent use.
type Codec[T any] struct{ plan *plan }

// For returns the codec for T, compiling it if this is the first time. The error
// names the part of T that cannot travel, and says why.
func For[T any]() (*Codec[T], error) {
	p, err := planFor(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	return &Codec[T]{p}, nil
}

// Encode appends v to e. When it fails, e is as before; the error names the part
// of v that it is about.
func (c *Codec[T]) Encode(e *Encoder, v T) error {
	if c.plan.foreign {
		return c.encodeEscaped(e, v)
	}
	return c.plan.encodeTop(e, noescape(unsafe.Pointer(&v)))
}

// encodeEscaped is for types in which methods that are not ours, and may keep what
// they see, are called.
//
//go:noinline
func (c *Codec[T]) encodeEscaped(e *Encoder, v T) error {
	p := new(T)
	*p = v
	return c.plan.encodeTop(e, unsafe.Pointer(p))
}

// Decode takes a value from the front of d, which may hold more. The value shares
// no memory with d. When it fails, what is left in d is unspecified, and the
// descriptors that were not taken are still d's.
func (c *Codec[T]) Decode(d *Decoder) (T, error) {
	if c.plan.foreign {
		return c.decodeEscaped(d)
	}
	var v T
	if err := c.plan.decodeTop(d, noescape(unsafe.Pointer(&v))); err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

//go:noinline
func (c *Codec[T]) decodeEscaped(d *Decoder) (T, error) {
	p := new(T)
	if err := c.plan.decodeTop(d, unsafe.Pointer(p)); err != nil {
		var zero T
		return zero, err
	}
	return *p, nil
}

// Fixed returns the size of T in bytes, and ok=true if T is plain memory without
// pointers, which two processes can share as it is. A type that says for itself
// how it travels as a [Portable] is not plain memory.
func (c *Codec[T]) Fixed() (size int, ok bool) {
	return int(c.plan.size), c.plan.plain
}

// Fingerprint is a hash of T's shape: names, kinds and sizes of all that is in
// it. Programs that give different answers must not exchange values of T.
func (c *Codec[T]) Fingerprint() uint64 { return Shape[T]() }

// noescape hides p from escape analysis: what it points to is used only until the
// call that it is passed to returns.
//
//go:nosplit
func noescape(p unsafe.Pointer) unsafe.Pointer {
	x := uintptr(p)
	return *(*unsafe.Pointer)(unsafe.Pointer(&x))
}

// plans are the compiled plans by type; compiling is one at a time.
var plans struct {
	sync.Map
	compiling sync.Mutex
}

func planFor(t reflect.Type) (*plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	plans.compiling.Lock()
	defer plans.compiling.Unlock()
	c := compiler{building: make(map[reflect.Type]*plan)}
	p, err := c.plan(t, t.String())
	if err != nil {
		return nil, err
	}
	for t, p := range c.building {
		p.foreign = p.reachesForeign(make(map[*plan]bool))
		plans.Store(t, p)
	}
	return p, nil
}

// encodeTop encodes a whole value and leaves e as it was if that fails.
func (pl *plan) encodeTop(e *Encoder, p unsafe.Pointer) (err error) {
	bytes, files, depth := len(e.Bytes), len(e.Files), e.depth
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panicked while it was encoded: %v", r)
		}
		if err != nil {
			e.Bytes, e.Files, e.depth, e.seen = e.Bytes[:bytes], e.Files[:files], depth, nil
			err = pl.explain(err)
		}
	}()
	return pl.encode(e, p)
}

// decodeTop decodes a whole value.
func (pl *plan) decodeTop(d *Decoder, p unsafe.Pointer) (err error) {
	depth := d.depth
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panicked while it was decoded: %v", r)
		}
		if err != nil {
			d.depth = depth
			err = pl.explain(err)
		}
	}()
	return pl.decode(d, p)
}

// A valueError is an error about a part of a value.
type valueError struct {
	path string // from the value to the part, such as ".Jobs[].Done"
	err  error
}

func (e *valueError) Error() string { return "wire: " + e.path + ": " + e.err.Error() }
func (e *valueError) Unwrap() error { return e.err }

// explain makes the error of a whole value of an error about a part.
func (pl *plan) explain(err error) error {
	if v, ok := err.(*partError); ok { //nolint:errorlint // not one that a type of others has wrapped
		return &valueError{pl.typ.String() + v.path, v.err}
	}
	return &valueError{pl.typ.String(), err}
}

// A partError is a valueError on its way up.
type partError struct{ valueError }

// inside adds a step to the path of err.
func inside(step string, err error) error {
	if v, ok := err.(*partError); ok { //nolint:errorlint // as in explain
		if len(v.path) > 200 { // somewhere in a long list
			v.path = v.path[:100] + "..."
		}
		v.path = step + v.path
		return v
	}
	return &partError{valueError{step, err}}
}
