package flowbench

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/destel/rill"
	"github.com/sourcegraph/conc/stream"
	"github.com/troupe-go/troupe/flow"
	"golang.org/x/sync/errgroup"
)

type function func(context.Context, int) (int, error)

func trivial(_ context.Context, n int) (int, error) { return n + 1, nil }

// spin works for about d.
func spin(d time.Duration) function {
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
	loops := int(float64(probe) * float64(d) / float64(best))
	return func(_ context.Context, n int) (int, error) {
		for range loops {
			n = n*1664525 + 1013904223
		}
		return n, nil
	}
}

// uneven takes 10 ms for every eighth item, 1 ms for others.
func uneven(_ context.Context, n int) (int, error) {
	if n%8 == 0 {
		time.Sleep(10 * time.Millisecond)
	} else {
		time.Sleep(time.Millisecond)
	}
	return n, nil
}

func numbers(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

// size is the buffer of the channels that all ways are fed from and give to, as far as they
// have one. With 0, the goroutine switches of the channels outweigh what is compared.
const size = 128

func feed(n int) chan int {
	c := make(chan int, size)
	go func() {
		defer close(c)
		for i := range n {
			c <- i
		}
	}()
	return c
}

// way is one way to map b.N numbers, in order, by n workers.
type way struct {
	name string
	run  func(b *testing.B, n int, f function)
}

func check(b *testing.B, n int) {
	if n != b.N {
		b.Fatal(n, "results of", b.N)
	}
}

var ways = []way{
	{"flow-iter", func(b *testing.B, n int, f function) {
		got := 0
		for range flow.Map(flow.FromSeq(numbers(b.N)), f, flow.Parallel(n), flow.Ordered()).All(b.Context()) {
			got++
		}
		check(b, got)
	}},
	{"flow-chan", func(b *testing.B, n int, f function) {
		out := make(chan int, size)
		go func() {
			defer close(out)
			_ = flow.Map(flow.FromChan(feed(b.N)), f, flow.Parallel(n), flow.Ordered()).SendTo(b.Context(), out)
		}()
		got := 0
		for range out {
			got++
		}
		check(b, got)
	}},
	{"rill", func(b *testing.B, n int, f function) {
		in := rill.FromChan(feed(b.N), nil)
		got := 0
		for range rill.Buffer(rill.OrderedMap(in, n, func(v int) (int, error) { return f(b.Context(), v) }), size) {
			got++
		}
		check(b, got)
	}},
	{"rill-seq", func(b *testing.B, n int, f function) {
		in := rill.FromSeq(numbers(b.N), nil)
		got := 0
		for range rill.ToSeq2(rill.OrderedMap(in, n, func(v int) (int, error) { return f(b.Context(), v) })) {
			got++
		}
		check(b, got)
	}},
	{"conc", func(b *testing.B, n int, f function) {
		s := stream.New().WithMaxGoroutines(n)
		got := 0
		for i := range b.N {
			s.Go(func() stream.Callback {
				_, _ = f(b.Context(), i)
				return func() { got++ }
			})
		}
		s.Wait()
		check(b, got)
	}},
	{"errgroup-unordered", func(b *testing.B, n int, f function) {
		in, out := feed(b.N), make(chan int, size)
		g, ctx := errgroup.WithContext(b.Context())
		for range n {
			g.Go(func() error {
				for v := range in {
					r, err := f(ctx, v)
					if err != nil {
						return err
					}
					out <- r
				}
				return nil
			})
		}
		go func() {
			_ = g.Wait()
			close(out)
		}()
		got := 0
		for range out {
			got++
		}
		check(b, got)
	}},
}

func compare(b *testing.B, n int, f function) {
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			w.run(b, n, f)
		})
	}
}

func BenchmarkTrivial2(b *testing.B) {
	b.Run("hop", func(b *testing.B) {
		for range feed(b.N) {
		}
	})
	b.Run("stage", func(b *testing.B) {
		in, out := feed(b.N), make(chan int, size)
		go func() {
			defer close(out)
			for v := range in {
				out <- v + 1
			}
		}()
		for range out {
		}
	})
	compare(b, 2, trivial)
}

func BenchmarkWork2us2(b *testing.B) {
	f := spin(2 * time.Microsecond)
	b.Run("ideal", func(b *testing.B) {
		var both sync.WaitGroup
		for p := range 2 {
			both.Go(func() {
				for i := p; i < b.N; i += 2 {
					_, _ = f(b.Context(), i)
				}
			})
		}
		both.Wait()
	})
	compare(b, 2, f)
}

// BenchmarkUneven8 has an ideal of 17 ms / 64 = 266 µs per item.
func BenchmarkUneven8(b *testing.B) { compare(b, 8, uneven) }
