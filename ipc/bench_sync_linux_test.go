package ipc

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// benchQueue is what a child of a benchmark gets.
type benchQueue struct {
	In, Out *Queue[[]byte]
	Size, N int
}

var roleFiller = addRole("filler", func(ctx context.Context, parent *Conn) error {
	b, err := Receive[benchQueue](ctx, parent)
	if err != nil {
		return err
	}
	v := make([]byte, b.Size)
	for range b.N {
		if err := b.Out.Put(ctx, v); err != nil {
			return err
		}
	}
	_, _ = Receive[int](ctx, parent)
	return nil
})

var roleReturner = addRole("returner", func(ctx context.Context, parent *Conn) error {
	b, err := Receive[benchQueue](ctx, parent)
	if err != nil {
		return err
	}
	for v, err := range b.In.All(ctx) {
		if err != nil {
			return err
		}
		if err := b.Out.Put(ctx, v); err != nil {
			return err
		}
	}
	return nil
})

func BenchmarkQueueProcesses(b *testing.B) {
	b.Run("Get", func(b *testing.B) {
		benchmarkProcesses(b, func(q *Queue[[]byte]) error { return second(q.Get(b.Context())) })
	})
	b.Run("GetInto", func(b *testing.B) {
		var buf []byte
		benchmarkProcesses(b, func(q *Queue[[]byte]) (err error) { buf, err = GetInto(b.Context(), q, buf); return err })
	})
}

func benchmarkProcesses(b *testing.B, get func(q *Queue[[]byte]) error) {
	for _, size := range []int{64, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			q := newTestQueue[[]byte](b, 0)
			c := startRole(b, roleFiller)
			tell(b, c.Conn, benchQueue{Out: q, In: q, Size: size, N: b.N + 1})
			if _, err := q.Get(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size))
			b.ResetTimer()
			for range b.N {
				if err := get(q); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			tell(b, c.Conn, 0)
			_ = c.wait()
		})
	}
}

func BenchmarkQueueRoundTrip(b *testing.B) {
	in, out := newTestQueue[[]byte](b, 0), newTestQueue[[]byte](b, 0)
	c := startRole(b, roleReturner)
	tell(b, c.Conn, benchQueue{In: in, Out: out})
	v := make([]byte, 64)
	for b.Loop() {
		if err := in.Put(b.Context(), v); err != nil {
			b.Fatal(err)
		}
		if _, err := out.Get(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQueueAlone(b *testing.B) {
	for _, size := range []int{64, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			q := newTestQueue[[]byte](b, 0)
			v := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := q.Put(b.Context(), v); err != nil {
					b.Fatal(err)
				}
				if _, err := q.Get(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLock is a pair of Lock and Unlock that nobody else wants.
func BenchmarkLock(b *testing.B) {
	b.Run("ipc", func(b *testing.B) {
		l := must[*Lock](b)(NewLock())
		ctx := context.Background()
		for b.Loop() {
			if err := l.Lock(ctx); err != nil {
				b.Fatal(err)
			}
			if err := l.Unlock(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sync", func(b *testing.B) {
		m := new(sync.Mutex)
		for b.Loop() {
			m.Lock()
			m.Unlock() //nolint:staticcheck // it is the pair that is measured
		}
	})
}

// BenchmarkLockContended is a pair of Lock and Unlock while another process does the same.
func BenchmarkLockContended(b *testing.B) {
	s := newThings(b)
	c := startHolder(b, s)
	tell(b, c.Conn, "lock and unlock")
	ctx := b.Context()
	for b.Loop() {
		if err := s.Lock.Lock(ctx); err != nil {
			b.Fatal(err)
		}
		if err := s.Lock.Unlock(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHolderKilled is the time from the kill of a lock's holder to the lock of the next,
// who waits for it already.
func BenchmarkHolderKilled(b *testing.B) {
	s := newThings(b)
	var all []time.Duration
	for b.Loop() {
		c := startHolder(b, s)
		c.deed("lock")
		got := make(chan time.Time)
		go func() {
			_ = s.Lock.Lock(b.Context())
			now := time.Now()
			_ = s.Lock.Unlock()
			got <- now
		}()
		for l := s.Lock.b.(*sharedLock); l.Word(0).Load()>>42 == 0; { // nobody waits
			runtime.Gosched()
		}
		killed := time.Now()
		_ = c.cmd.Process.Kill()
		all = append(all, (<-got).Sub(killed))
		c.kill()
		c.Close()
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "µs/median")
	b.ReportMetric(float64(all[len(all)*9/10].Microseconds()), "µs/9-in-10")
}

// BenchmarkCancelledWait is the time from the end of a context to the end of the wait.
func BenchmarkCancelledWait(b *testing.B) {
	s := newThings(b)
	c := startHolder(b, s)
	c.deed("lock")
	var all []time.Duration
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		got := make(chan time.Time)
		go func() { _ = s.Lock.Lock(ctx); got <- time.Now() }()
		time.Sleep(200 * time.Microsecond) // until it waits, most probably
		cancelled := time.Now()
		cancel()
		all = append(all, (<-got).Sub(cancelled))
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1000, "µs/median")
}

// BenchmarkTask is a task's way: Put, Get and Done.
func BenchmarkTask(b *testing.B) {
	q := newTestTasks[int](b, 0)
	for b.Loop() {
		if err := q.Put(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
		task, err := q.Get(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if err := task.Done(); err != nil {
			b.Fatal(err)
		}
	}
}
