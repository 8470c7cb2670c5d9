package ipc

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// Whatever lies in shared memory, what is done with it ends with an error at worst.
func TestDamagedMemory(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 30 * max(1, 20*soak()) {
		s := newStage(t)
		n := must[*Array[int64]](t)(NewArray[int64](5))
		var ctx context.Context
		deeds := []struct {
			data []byte
			do   func()
		}{
			{s.Bounded.s.b.(*sharedSemaphore).Data(), func() { _ = s.Bounded.Acquire(ctx); _, _ = s.Bounded.Value(); _ = s.Bounded.Release() }},
			{s.Event.b.(*sharedEvent).Data(), func() { _ = s.Event.Set(); _ = s.Event.Clear(); _ = s.Event.Wait(ctx) }},
			{s.Condition.b.(*sharedCondition).Data(), func() {
				_ = s.Lock.Lock(ctx)
				_ = s.Condition.Wait(ctx)
				_ = s.Lock.Unlock()
				_ = s.Condition.NotifyAll()
			}},
			{s.Barrier.b.(*sharedBarrier).Data(), func() { _, _ = s.Barrier.Wait(ctx); _, _, _ = s.Barrier.State(); _ = s.Barrier.Reset() }},
			{s.Pair.b.(*sharedCells).Data(), func() { _, _ = s.Pair.Load(ctx); _ = s.Pair.Store(ctx, [4]int64{}) }},
			{n.b.(*sharedCells).Data(), func() { _ = n.Store(ctx, 4, 1); _ = n.View(ctx, func([]int64) error { return nil }) }},
			{s.Queue.b.(*sharedQueue).Data(), func() { _ = s.Queue.Put(ctx, make([]byte, 100)); _, _ = s.Queue.Len(); _, _ = s.Queue.Get(ctx) }},
			{s.Other.b.(*sharedQueue).Data(), func() { _ = s.Other.Put(ctx, lockOrWord{Lock: s.Lock}); _, _ = s.Other.Get(ctx) }},
			{s.Tasks.b.(*sharedTasks).Data(), func() {
				_ = s.Tasks.Put(ctx, os.Stdin)
				if task, err := s.Tasks.Get(ctx); err == nil {
					task.Value.Close()
					_ = task.end(random.IntN(3) > 0)
				}
				_ = s.Tasks.Join(ctx)
			}},
		}
		for _, d := range deeds {
			for range 4 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
				done := make(chan struct{})
				go func() { defer close(done); d.do() }()
				select {
				case <-done:
				case <-time.After(5 * time.Second):
					t.Fatal("a call does not end")
				}
				cancel()
				damage(random, d.data)
			}
		}
		s.detach()
		n.Detach()
	}
}

// damage overwrites words near the beginning, where most of what counts is, but not the mutex.
func damage(random *rand.Rand, data []byte) {
	for range 1 + random.IntN(8) {
		at := 64 + random.IntN(min(len(data)-64, 1<<(4+random.IntN(12))))
		switch random.IntN(3) {
		case 0:
			data[at] = byte(random.Uint32())
		case 1:
			data[at] ^= 1 << random.IntN(8)
		default:
			for i := at &^ 7; i < min(at&^7+8, len(data)); i++ {
				data[i] = byte(random.Uint32())
			}
		}
	}
}
