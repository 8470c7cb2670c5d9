package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/troupe-go/troupe/ipc"
)

// A handle is an ordinary argument of a function that runs in another process. Here a goroutine
// stands for that process.
func ExampleLock() {
	ctx := context.Background()
	lock, err := ipc.NewLock()
	if err != nil {
		fmt.Println(err)
		return
	}
	err = lock.Lock(ctx)
	if errors.Is(err, ipc.ErrOwnerDied) {
		// The lock is ours; but whoever had it was killed, so look at what it protects.
		err = nil
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	ok, err := lock.TryLock()
	fmt.Println(ok, err)
	fmt.Println(lock.Unlock())
	// Output:
	// false <nil>
	// <nil>
}

// The owner of an RLock is whoever has the context, however deep in the program.
func ExampleRLock() {
	lock, err := ipc.NewRLock()
	if err != nil {
		fmt.Println(err)
		return
	}
	inner := func(ctx context.Context) error {
		ctx, err := lock.Lock(ctx)
		if err != nil {
			return err
		}
		defer lock.Unlock(ctx)
		fmt.Println("locked twice")
		return nil
	}
	ctx, err := lock.Lock(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(inner(ctx))
	_, ok, _ := lock.TryLock(context.Background())
	fmt.Println("somebody else:", ok)
	fmt.Println(lock.Unlock(ctx))
	// Output:
	// locked twice
	// <nil>
	// somebody else: false
	// <nil>
}

func ExampleSemaphore() {
	ctx := context.Background()
	seats, err := ipc.NewSemaphore(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		if err := seats.Acquire(ctx); err != nil {
			fmt.Println(err)
		}
	}
	brief, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	fmt.Println(seats.Acquire(brief))
	fmt.Println(seats.Release())
	fmt.Println(seats.Value())
	// Output:
	// context deadline exceeded
	// <nil>
	// 1 <nil>
}

func ExampleBoundedSemaphore() {
	permits, err := ipc.NewBoundedSemaphore(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(errors.Is(permits.Release(), ipc.ErrNotOwner))
	// Output: true
}

func ExampleEvent() {
	ctx := context.Background()
	ready, err := ipc.NewEvent()
	if err != nil {
		fmt.Println(err)
		return
	}
	go ready.Set()
	fmt.Println(ready.Wait(ctx))
	fmt.Println(ready.IsSet())
	// Output:
	// <nil>
	// true <nil>
}

func ExampleCondition() {
	ctx := context.Background()
	lock, err := ipc.NewLock()
	if err != nil {
		fmt.Println(err)
		return
	}
	changed, err := ipc.NewCondition(lock)
	if err != nil {
		fmt.Println(err)
		return
	}
	stock, err := ipc.NewValue(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		_ = lock.Lock(ctx)
		_ = stock.Store(ctx, 3)
		_ = changed.NotifyAll()
		_ = lock.Unlock()
	}()

	if err := lock.Lock(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer lock.Unlock()
	err = changed.WaitFor(ctx, func() bool {
		n, _ := stock.Load(ctx)
		return n > 0
	})
	n, _ := stock.Load(ctx)
	fmt.Println(n, err)
	// Output: 3 <nil>
}

func ExampleBarrier() {
	ctx := context.Background()
	start, err := ipc.NewBarrier(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	start.SetAction(func() error { fmt.Println("all are here"); return nil })
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := start.Wait(ctx); err != nil {
				fmt.Println(err)
			}
		})
	}
	wg.Wait()
	// Who gives up breaks it for the others.
	brief, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_, err = start.Wait(brief)
	fmt.Println(err)
	_, err = start.Wait(ctx)
	fmt.Println(errors.Is(err, ipc.ErrBroken), start.Reset())
	// Output:
	// all are here
	// context deadline exceeded
	// true <nil>
}

func ExampleValue() {
	ctx := context.Background()
	type progress struct {
		Done, Failed int
		Share        float64
	}
	p, err := ipc.NewValue(progress{})
	if err != nil {
		fmt.Println(err)
		return
	}
	now, err := p.Update(ctx, func(p progress) progress {
		p.Done++
		p.Share = float64(p.Done) / 8
		return p
	})
	fmt.Println(now, err)

	// What has pointers is an error at once, not a crash in another process.
	_, err = ipc.NewValue(struct{ Name string }{})
	fmt.Println(err)
	// Output:
	// {1 0 0.125} <nil>
	// ipc: struct { Name string }.Name, a string, cannot lie in memory that processes share: use types of a fixed size without pointers
}

func ExampleArray() {
	ctx := context.Background()
	squares, err := ipc.NewArray[float64](4)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range squares.Len() {
		_ = squares.Store(ctx, i, float64(i*i))
	}
	err = squares.View(ctx, func(all []float64) error {
		fmt.Println(all)
		return nil
	})
	fmt.Println(err)
	// Output:
	// [0 1 4 9]
	// <nil>
}
