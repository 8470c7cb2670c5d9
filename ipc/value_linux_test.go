package ipc

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestValueRefusesWhatCannotBeShared(t *testing.T) {
	type deep struct {
		A int
		B [2]struct{ Name string }
	}
	for want, err := range map[string]error{
		"*int":                          second(NewValue((*int)(nil))),
		"string":                        second(NewValue("")),
		"ipc.deep.B[].Name":             second(NewValue(deep{})),
		"[]uint8":                       second(NewArray[[]byte](3)),
		"map[string]int":                second(NewArray[map[string]int](3)),
		"func()":                        second(NewValue(func() {})),
		"chan int":                      second(NewValue((chan int)(nil))),
		"interface":                     second(NewArray[any](1)),
		"uintptr":                       second(NewValue(uintptr(0))),
		"struct {} has no size":         second(NewValue(struct{}{})),
		"time.Time.loc":                 second(NewValue(time.Time{})),
		"NewArray(0)":                   second(NewArray[int](0)),
		"two gigabytes":                 second(NewArray[int64](math.MaxInt32)),
		"NewMemory(0)":                  second(NewMemory(0)),
		"NewSemaphore(-1)":              second(NewSemaphore(-1)),
		"NewBoundedSemaphore(-1)":       second(NewBoundedSemaphore(-1)),
		"NewBarrier(0)":                 second(NewBarrier(0)),
		"NewQueue with -1 items":        second(NewQueue[int](-1)),
		"NewQueue with 1 items and 0":   second(NewQueue[int](1, QueueBytes(0))),
		"NewJoinableQueue with -1 item": second(NewJoinableQueue[int](-1)),
		"chan":                          second(NewQueue[struct{ Done chan bool }](1)),
		"func":                          second(NewJoinableQueue[func()](1)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A valueTest makes a value of any size and checks what all of them promise.
func valueTest[T comparable](t *testing.T, a, b, c T) {
	t.Helper()
	ctx := t.Context()
	v, err := NewValue(a)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Load(ctx); got != a || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if err := v.Store(ctx, b); err != nil {
		t.Error(err)
	}
	if swapped, err := v.CompareAndSwap(ctx, a, c); swapped || err != nil {
		t.Error(swapped, err)
	}
	if swapped, err := v.CompareAndSwap(ctx, b, c); !swapped || err != nil {
		t.Error(swapped, err)
	}
	got, err := v.Update(ctx, func(now T) T {
		if now != c {
			t.Errorf("%v, want %v", now, c)
		}
		return a
	})
	if got != a || err != nil {
		t.Error(got, err)
	}
	if err := v.Detach(); err != nil {
		t.Error(err)
	}
	if _, err := v.Load(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("after Detach: %v", err)
	}
}

func TestValuesOfManySizes(t *testing.T) {
	type small struct{ A, B int16 }
	type padded struct {
		A byte
		B int32
	}
	type large struct {
		A [100]int
		B bool
	}
	valueTest(t, int8(1), 2, 3)
	valueTest(t, true, false, true)
	valueTest(t, uint32(1), 2, 3)
	valueTest(t, math.Inf(1), 0, -1.5)
	valueTest(t, float32(1), 2, 3)
	valueTest(t, complex(1, 2), 3, 4)
	valueTest(t, small{1, 2}, small{2, 1}, small{})
	valueTest(t, padded{1, 2}, padded{2, 1}, padded{})
	valueTest(t, large{B: true}, large{A: [100]int{99: 7}}, large{})
	valueTest(t, [3]byte{1}, [3]byte{2}, [3]byte{3})
}

// The two zeros are equal, whatever their bits.
func TestCompareAndSwapComparesAsGoDoes(t *testing.T) {
	v, err := NewValue(math.Copysign(0, -1))
	if err != nil {
		t.Fatal(err)
	}
	if swapped, err := v.CompareAndSwap(t.Context(), 0, 1); !swapped || err != nil {
		t.Error(swapped, err)
	}
	if swapped, err := v.CompareAndSwap(t.Context(), math.NaN(), 1); swapped || err != nil {
		t.Error(swapped, err)
	}
}

func TestArrayHasItsBounds(t *testing.T) {
	a, err := NewArray[int32](3)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Detach()
	for _, i := range []int{-1, 3} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, "of 3") {
					t.Errorf("element %d: %q", i, s)
				}
			}()
			_ = a.Store(t.Context(), i, 1)
		}()
	}
	if v, err := a.Update(t.Context(), 2, func(n int32) int32 { return n + 7 }); v != 7 || err != nil {
		t.Error(v, err)
	}
	fails := errors.New("of the function")
	err = a.View(t.Context(), func(all []int32) error {
		if len(all) != 3 || all[2] != 7 {
			t.Error(all)
		}
		return fails
	})
	if !errors.Is(err, fails) {
		t.Error(err)
	}
}

// Whatever waits refuses a context that has ended, also if it need not wait.
func TestG63_EndedContextIsRefused(t *testing.T) {
	s := newThings(t)
	q, tasks := newTestQueue[int](t, 1), newTestTasks[int](t, 1)
	if err := s.Event.Set(); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	for name, err := range map[string]error{
		"Lock":       s.Lock.Lock(ctx),
		"RLock":      second(s.RLock.Lock(ctx)),
		"Semaphore":  s.Semaphore.Acquire(ctx),
		"Bounded":    s.Bounded.Acquire(ctx),
		"Event":      s.Event.Wait(ctx),
		"Barrier":    second(s.Barrier.Wait(ctx)),
		"Queue.Put":  q.Put(ctx, 1),
		"Queue.Get":  second(q.Get(ctx)),
		"Tasks.Put":  tasks.Put(ctx, 1),
		"Tasks.Get":  second(tasks.Get(ctx)),
		"Tasks.Join": tasks.Join(ctx),
		"OpenMemory": second(OpenMemory(ctx, "any")),
	} {
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
