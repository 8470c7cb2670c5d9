package ipc

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/troupe-go/troupe/internal/wire"
)

// Value is a T that OS processes share. Make one with [NewValue]; the zero Value is not usable.
// It is Python's multiprocessing.Value, except that it is never seen half changed, whoever dies.
//
// T must be memory of a fixed size without pointers: numbers, booleans, and arrays and structs
// of those. If it is as large as a machine word, 4 or 8 bytes, nothing here ever waits.
type Value[T any] struct {
	b    cellsBackend
	word word[T] // the memory itself, if it can be changed at once
}

// NewValue makes a Value that is v. It fails if T is not of a fixed size or has pointers, with
// an error that names the part, or if the system has no more descriptors or memory to give.
func NewValue[T any](v T) (*Value[T], error) {
	b, err := newCells[T](1)
	if err != nil {
		return nil, err
	}
	s := &Value[T]{b, newWord[T](b)}
	return s, s.Store(context.Background(), v)
}

// Load returns the value. If T is no machine word, it may have to wait for another process that
// is storing at this moment; it returns the context's cause if ctx ended first, [ErrClosed] if
// this handle was detached.
func (s *Value[T]) Load(ctx context.Context) (v T, err error) {
	if s.word.usable() {
		defer runtime.KeepAlive(s)
		return s.word.load(), nil
	}
	return v, s.b.load(ctx, 0, bytesOf(&v))
}

// Store sets the value. Errors are those of [Value.Load].
func (s *Value[T]) Store(ctx context.Context, v T) error {
	if s.word.usable() {
		defer runtime.KeepAlive(s)
		s.word.store(v)
		return nil
	}
	return s.b.update(ctx, 0, func(cell []byte) bool { copy(cell, bytesOf(&v)); return true })
}

// Update sets the value to what f makes of it, and returns that. Nobody changes the value in
// between. f must be quick, must not use the Value, and may be called more than once. If the
// process dies in f, nothing has happened. Errors are those of [Value.Load].
func (s *Value[T]) Update(ctx context.Context, f func(T) T) (v T, err error) {
	if s.word.usable() {
		defer runtime.KeepAlive(s)
		for {
			old := s.word.load()
			if v = f(old); s.word.compareAndSwapBits(old, v) {
				return v, nil
			}
		}
	}
	return v, s.b.update(ctx, 0, func(cell []byte) bool {
		copy(bytesOf(&v), cell)
		v = f(v)
		copy(cell, bytesOf(&v))
		return true
	})
}

// CompareAndSwap sets the value to v if it is old, and reports whether it was. Errors are those
// of [Value.Load].
func (s *Value[T]) CompareAndSwap(ctx context.Context, old, v T) (swapped bool, err error) {
	if s.word.usable() {
		defer runtime.KeepAlive(s)
		return s.word.compareAndSwap(old, v), nil
	}
	err = s.b.update(ctx, 0, func(cell []byte) bool {
		var now T
		copy(bytesOf(&now), cell)
		if swapped = any(now) == any(old); swapped {
			copy(cell, bytesOf(&v))
		}
		return swapped
	})
	return swapped, err
}

// Detach lets go of this handle; see [Lock.Detach].
func (s *Value[T]) Detach() error { return s.b.handle().detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (s *Value[T]) EncodeWire(e *wire.Encoder) error {
	if s.b == nil {
		return errUnmade("Value")
	}
	return s.b.handle().encode(e)
}

// DecodeWire makes s a handle of what [Value.EncodeWire] encoded.
func (s *Value[T]) DecodeWire(d *wire.Decoder) (err error) {
	if s.b, err = openCellsOf[T](d, 1); err == nil {
		s.word = newWord[T](s.b)
	}
	return err
}

// newCells makes count cells of T.
func newCells[T any](count int) (cellsBackend, error) {
	t := reflect.TypeFor[T]()
	if part := notPlain(t, t.String()); part != "" {
		return nil, fmt.Errorf("ipc: %s cannot lie in memory that processes share: use types of a fixed size without pointers", part)
	}
	if t.Size() == 0 {
		return nil, fmt.Errorf("ipc: a %s has no size, so there is nothing to share", t)
	}
	return makeCells(int(t.Size()), count)
}

// openCellsOf decodes cells of T; count is how many there must be, or 0.
func openCellsOf[T any](d *wire.Decoder, count int) (cellsBackend, error) {
	t := reflect.TypeFor[T]()
	b, err := decodeBackend(d, openCells, openBrokerCells)
	if err != nil {
		return nil, err
	}
	size, n := b.shape()
	if part := notPlain(t, t.String()); part != "" || size != int(t.Size()) || count != 0 && n != count {
		_ = b.handle().detach()
		return nil, fmt.Errorf("ipc: what came is no %s in shared memory: is the same program on the other side?", t)
	}
	return b, nil
}

// notPlain names the part of t that is not plain memory, or returns "".
func notPlain(t reflect.Type, path string) string {
	switch k := t.Kind(); {
	case reflect.Bool <= k && k <= reflect.Complex128 && k != reflect.Uintptr:
		return ""
	case k == reflect.Array:
		return notPlain(t.Elem(), path+"[]")
	case k == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if part := notPlain(f.Type, path+"."+f.Name); part != "" {
				return part
			}
		}
		return ""
	default:
		return fmt.Sprintf("%s, a %s,", path, t)
	}
}

// bytesOf returns the memory of v.
func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
