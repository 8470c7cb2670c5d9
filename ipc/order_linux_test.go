package ipc

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Whatever orders goroutines of several processes orders those of one too: the race detector
// watches the plain variable of each of these tests.
func TestOrdersGoroutines(t *testing.T) {
	for name, storm := range map[string]func(t *testing.T, ctx context.Context) (begin, end func() error){
		"Lock": func(t *testing.T, ctx context.Context) (begin, end func() error) {
			l := must[*Lock](t)(NewLock())
			return func() error { return l.Lock(ctx) }, l.Unlock
		},
		"BoundedSemaphore": func(t *testing.T, ctx context.Context) (begin, end func() error) {
			s := must[*BoundedSemaphore](t)(NewBoundedSemaphore(1))
			return func() error { return s.Acquire(ctx) }, s.Release
		},
		"Value": func(t *testing.T, ctx context.Context) (begin, end func() error) {
			v := must[*Value[int32]](t)(NewValue(int32(0)))
			begin = func() error {
				for {
					if mine, err := v.CompareAndSwap(ctx, 0, 1); mine || err != nil {
						return err
					}
				}
			}
			return begin, func() error { return v.Store(ctx, 0) }
		},
		"Queue": func(t *testing.T, ctx context.Context) (begin, end func() error) {
			q := newTestQueue[int](t, 1)
			if err := q.Put(ctx, 1); err != nil {
				t.Fatal(err)
			}
			return func() error { return second(q.Get(ctx)) }, func() error { return q.Put(ctx, 1) }
		},
		"JoinableQueue": func(t *testing.T, ctx context.Context) (begin, end func() error) {
			q := newTestTasks[int](t, 1)
			if err := q.Put(ctx, 1); err != nil {
				t.Fatal(err)
			}
			var task *Task[int]
			begin = func() (err error) { task, err = q.Get(ctx); return err }
			return begin, func() error { return task.Fail() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			begin, end := storm(t, t.Context())
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 200 {
						err := begin()
						n++
						if err := errors.Join(err, end()); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			if n != 800 {
				t.Errorf("%d of 800", n)
			}
		})
	}
}

func TestEventOrdersGoroutines(t *testing.T) {
	for range 100 {
		e := must[*Event](t)(NewEvent())
		n := 0
		seen := make(chan int)
		go func() {
			for {
				if set, _ := e.IsSet(); set {
					seen <- n
					return
				}
			}
		}()
		n = 7
		if err := e.Set(); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != 7 {
			t.Fatal(got)
		}
		e.Detach()
	}
}
