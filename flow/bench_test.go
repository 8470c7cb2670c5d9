package flow_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe/flow"
)

func trivial(_ context.Context, n int) (int, error) { return n + 1, nil }

// numbers is an endless iterator up to n, without a slice behind it.
func numbers(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

func feedChan(n, size int) chan int {
	c := make(chan int, size)
	go func() {
		defer close(c)
		for i := range n {
			c <- i
		}
	}()
	return c
}

func drain(b *testing.B, s flow.Stream[int]) {
	n := 0
	for _, err := range s.All(context.Background()) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != b.N {
		b.Fatal(n, "of", b.N)
	}
}

func drainByChan(b *testing.B, s flow.Stream[int], size int) {
	out := make(chan int, size)
	go func() {
		defer close(out)
		_ = s.SendTo(context.Background(), out)
	}()
	for range out {
	}
}

// BenchmarkTrivial compares the cost of moving an item. hop is one native channel hop, stage a
// single goroutine from channel to channel; the channels of names with 128 have that buffer.
func BenchmarkTrivial(b *testing.B) {
	for _, size := range []int{0, 128} {
		name := fmt.Sprint(size)
		b.Run("hop"+name, func(b *testing.B) {
			for range feedChan(b.N, size) {
			}
		})
		b.Run("stage"+name, func(b *testing.B) {
			in, out := feedChan(b.N, size), make(chan int, size)
			go func() {
				defer close(out)
				for n := range in {
					m, _ := trivial(context.Background(), n)
					out <- m
				}
			}()
			for range out {
			}
		})
		b.Run("ordered2/chan"+name, func(b *testing.B) {
			b.ReportAllocs()
			drainByChan(b, flow.Map(flow.FromChan(feedChan(b.N, size)), trivial, flow.Parallel(2), flow.Ordered()), size)
		})
	}
	b.Run("map/iter", func(b *testing.B) {
		b.ReportAllocs()
		drain(b, flow.Map(flow.FromSeq(numbers(b.N)), trivial))
	})
	b.Run("ordered2/iter", func(b *testing.B) {
		b.ReportAllocs()
		drain(b, flow.Map(flow.FromSeq(numbers(b.N)), trivial, flow.Parallel(2), flow.Ordered()))
	})
	b.Run("unordered2/iter", func(b *testing.B) {
		b.ReportAllocs()
		drain(b, flow.Map(flow.FromSeq(numbers(b.N)), trivial, flow.Parallel(2)))
	})
}

// spin works for about d without sleeping.
func spin(d time.Duration) func(context.Context, int) (int, error) {
	loops := calibrate(d)
	return func(_ context.Context, n int) (int, error) {
		for range loops {
			n = n*1664525 + 1013904223
		}
		return n, nil
	}
}

func calibrate(d time.Duration) int {
	const probe = 1 << 22
	n, best := 1, time.Hour
	for range 5 {
		start := time.Now()
		for range probe {
			n = n*1664525 + 1013904223
		}
		best = min(best, time.Since(start))
	}
	runtime.KeepAlive(n)
	return int(float64(probe) * float64(d) / float64(best))
}

// BenchmarkWork compares items of 2 µs. ideal is two goroutines that share the items with
// nothing in between.
func BenchmarkWork(b *testing.B) {
	work := spin(2 * time.Microsecond)
	b.Run("ideal", func(b *testing.B) {
		var both sync.WaitGroup
		for p := range 2 {
			both.Go(func() {
				for i := p; i < b.N; i += 2 {
					_, _ = work(context.Background(), i)
				}
			})
		}
		both.Wait()
	})
	b.Run("ordered2/iter", func(b *testing.B) {
		drain(b, flow.Map(flow.FromSeq(numbers(b.N)), work, flow.Parallel(2), flow.Ordered()))
	})
	b.Run("ordered2/chan", func(b *testing.B) {
		drainByChan(b, flow.Map(flow.FromChan(feedChan(b.N, 0)), work, flow.Parallel(2), flow.Ordered()), 0)
	})
}
