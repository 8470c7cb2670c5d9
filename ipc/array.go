package ipc

import (
	"context"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/troupe-go/troupe/internal/wire"
)

// Array is a fixed number of T that OS processes share. Make one with [NewArray]; the zero
// Array is not usable. It is Python's multiprocessing.Array, with its lock. What T can be is
// said at [Value].
type Array[T any] struct{ b cellsBackend }

// NewArray makes an Array of n zero values. It fails if n is less than one, if T is not of a
// fixed size or has pointers, or if the system has no more descriptors or memory to give.
func NewArray[T any](n int) (*Array[T], error) {
	if n < 1 {
		return nil, fmt.Errorf("ipc: NewArray(%d): want at least one element", n)
	}
	b, err := newCells[T](n)
	if err != nil {
		return nil, err
	}
	return &Array[T]{b}, nil
}

// Len is how many elements there are.
func (a *Array[T]) Len() int {
	_, n := a.b.shape()
	return n
}

// Load returns the i-th element, which is never seen half changed, except by a View whose
// process died. It returns the context's cause if ctx ended before it was its turn, and
// [ErrClosed] if this handle was detached. It panics if there is no such element.
func (a *Array[T]) Load(ctx context.Context, i int) (v T, err error) {
	a.check(i)
	return v, a.b.load(ctx, i, bytesOf(&v))
}

// Store sets the i-th element. Errors are those of [Array.Load].
func (a *Array[T]) Store(ctx context.Context, i int, v T) error {
	a.check(i)
	return a.b.update(ctx, i, func(cell []byte) bool { copy(cell, bytesOf(&v)); return true })
}

// Update sets the i-th element to what f makes of it, and returns that. Nobody changes the
// array in between. f must be quick, and must not use the array. If the process dies in f,
// nothing has happened. Errors are those of [Array.Load].
func (a *Array[T]) Update(ctx context.Context, i int, f func(T) T) (v T, err error) {
	a.check(i)
	return v, a.b.update(ctx, i, func(cell []byte) bool {
		copy(bytesOf(&v), cell)
		v = f(v)
		copy(cell, bytesOf(&v))
		return true
	})
}

// View calls f with the elements themselves, to read and to change, and returns f's error.
// Nobody else loads or changes any of them until f returns. The slice must not be used after
// that; f must not use the array otherwise.
//
// If a process died in a View, the next View returns [ErrOwnerDied], once, and does not call
// f: the elements may be half changed. Other errors are those of [Array.Load].
func (a *Array[T]) View(ctx context.Context, f func(elements []T) error) error {
	return a.b.view(ctx, func(all []byte) error {
		return f(unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(all))), a.Len()))
	})
}

func (a *Array[T]) check(i int) {
	if n := a.Len(); i < 0 || i >= n {
		panic(fmt.Sprintf("ipc: Array[%s]: element %d of %d", reflect.TypeFor[T](), i, n))
	}
}

// Detach lets go of this handle; see [Lock.Detach].
func (a *Array[T]) Detach() error { return a.b.handle().detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (a *Array[T]) EncodeWire(e *wire.Encoder) error {
	if a.b == nil {
		return errUnmade("Array")
	}
	return a.b.handle().encode(e)
}

// DecodeWire makes a a handle of what [Array.EncodeWire] encoded.
func (a *Array[T]) DecodeWire(d *wire.Decoder) (err error) {
	a.b, err = openCellsOf[T](d, 0)
	return err
}
