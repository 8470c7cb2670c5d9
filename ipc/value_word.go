package ipc

import (
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/troupe-go/troupe/internal/shm"
)

// A word is a T of 4 or 8 bytes in shared memory, which one instruction can load and store. The
// zero word is not usable.
type word[T any] struct {
	p     unsafe.Pointer
	gone  *atomic.Bool // the handle was detached
	order *shm.Order
}

// newWord returns the first of the cells, if T is fit for it and the memory can be reached.
func newWord[T any](b cellsBackend) word[T] {
	t := reflect.TypeFor[T]()
	if t.Size() != 4 && t.Size() != 8 || solid(t) != t.Size() {
		return word[T]{}
	}
	p, gone, order := directMemory(b)
	return word[T]{p, gone, order}
}

// solid returns how many bytes of t are not padding, whose contents nobody can rely on.
func solid(t reflect.Type) (n uintptr) {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			n += solid(t.Field(i).Type)
		}
		return n
	case reflect.Array:
		return uintptr(t.Len()) * solid(t.Elem())
	default:
		return t.Size()
	}
}

func (w word[T]) usable() bool { return w.p != nil && !w.gone.Load() }

func (w word[T]) load() (v T) {
	if unsafe.Sizeof(v) == 8 {
		v = fromBits[T](atomic.LoadUint64((*uint64)(w.p)))
	} else {
		v = fromBits[T](uint64(atomic.LoadUint32((*uint32)(w.p))))
	}
	w.order.Observed()
	return v
}

func (w word[T]) store(v T) {
	w.order.Published()
	if unsafe.Sizeof(v) == 8 {
		atomic.StoreUint64((*uint64)(w.p), toBits(v))
	} else {
		atomic.StoreUint32((*uint32)(w.p), uint32(toBits(v)))
	}
}

// compareAndSwapBits compares memory.
func (w word[T]) compareAndSwapBits(old, v T) (swapped bool) {
	w.order.Published()
	if unsafe.Sizeof(v) == 8 {
		swapped = atomic.CompareAndSwapUint64((*uint64)(w.p), toBits(old), toBits(v))
	} else {
		swapped = atomic.CompareAndSwapUint32((*uint32)(w.p), uint32(toBits(old)), uint32(toBits(v)))
	}
	w.order.Observed()
	return swapped
}

// compareAndSwap compares as == does: there are two zeros among the floating-point numbers.
func (w word[T]) compareAndSwap(old, v T) bool {
	for !w.compareAndSwapBits(old, v) {
		if now := w.load(); any(now) != any(old) {
			return false
		} else {
			old = now
		}
	}
	return true
}

func toBits[T any](v T) (bits uint64) {
	if unsafe.Sizeof(v) == 8 {
		return *(*uint64)(unsafe.Pointer(&v))
	}
	return uint64(*(*uint32)(unsafe.Pointer(&v)))
}

func fromBits[T any](bits uint64) (v T) {
	if unsafe.Sizeof(v) == 8 {
		*(*uint64)(unsafe.Pointer(&v)) = bits
	} else {
		*(*uint32)(unsafe.Pointer(&v)) = uint32(bits)
	}
	return v
}
