package csp_test

import (
	"context"
	"sync"
	"testing"

	"github.com/troupe-go/troupe/csp"
)

// The benchmarks come in pairs, native and csp, so that the ratios of one run can be read.

func BenchmarkAlone(b *testing.B) {
	b.Run("native", func(b *testing.B) {
		c := make(chan int, 1)
		b.ReportAllocs()
		for i := range b.N {
			c <- i
			<-c
		}
	})
	b.Run("csp", func(b *testing.B) {
		c, ctx := csp.New[int](csp.Fixed(1)), context.Background()
		b.ReportAllocs()
		for i := range b.N {
			_ = c.Put(ctx, i)
			c.Get(ctx)
		}
	})
	b.Run("csp-cancellable", func(b *testing.B) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c := csp.New[int](csp.Fixed(1))
		b.ReportAllocs()
		for i := range b.N {
			_ = c.Put(ctx, i)
			c.Get(ctx)
		}
	})
	b.Run("csp-sliding", func(b *testing.B) {
		c, ctx := csp.New[int](csp.Sliding(1)), context.Background()
		b.ReportAllocs()
		for i := range b.N {
			_ = c.Put(ctx, i)
			c.Get(ctx)
		}
	})
}

// crowd runs b.N operations over n producers and n consumers.
func crowd(b *testing.B, n int, put func(int), get func() bool, end func()) {
	b.ReportAllocs()
	var producers, consumers sync.WaitGroup
	for p := range n {
		producers.Go(func() {
			for i := p; i < b.N; i += n {
				put(i)
			}
		})
		consumers.Go(func() {
			for get() {
			}
		})
	}
	producers.Wait()
	end()
	consumers.Wait()
}

func BenchmarkCrowd(b *testing.B) {
	for _, n := range []struct {
		name string
		n    int
	}{{"1to1", 1}, {"4to4", 4}} {
		b.Run(n.name+"/native", func(b *testing.B) {
			c := make(chan int, 128)
			crowd(b, n.n, func(i int) { c <- i }, func() bool { _, ok := <-c; return ok }, func() { close(c) })
		})
		b.Run(n.name+"/csp", func(b *testing.B) {
			c, ctx := csp.New[int](csp.Fixed(128)), context.Background()
			crowd(b, n.n, func(i int) { _ = c.Put(ctx, i) }, func() bool { _, ok := c.Get(ctx); return ok }, c.Close)
		})
		b.Run(n.name+"/csp-cancellable", func(b *testing.B) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			c := csp.New[int](csp.Fixed(128))
			crowd(b, n.n, func(i int) { _ = c.Put(ctx, i) }, func() bool { _, ok := c.Get(ctx); return ok }, c.Close)
		})
		b.Run(n.name+"/csp-elastic", func(b *testing.B) {
			c, ctx := csp.New[int](csp.Elastic()), context.Background()
			crowd(b, n.n, func(i int) { _ = c.Put(ctx, i) }, func() bool { _, ok := c.Get(ctx); return ok }, c.Close)
		})
	}
}

func BenchmarkSelectReady(b *testing.B) {
	b.Run("2/native", func(b *testing.B) {
		x, y := make(chan int, 1), make(chan int, 1)
		x <- 1
		y <- 1
		for range b.N {
			select {
			case v := <-x:
				x <- v
			case v := <-y:
				y <- v
			}
		}
	})
	b.Run("2/csp", func(b *testing.B) { benchReady(b, 2) })
	b.Run("8/native", func(b *testing.B) {
		var c [8]chan int
		for i := range c {
			c[i] = make(chan int, 1)
			c[i] <- 1
		}
		for range b.N {
			select {
			case v := <-c[0]:
				c[0] <- v
			case v := <-c[1]:
				c[1] <- v
			case v := <-c[2]:
				c[2] <- v
			case v := <-c[3]:
				c[3] <- v
			case v := <-c[4]:
				c[4] <- v
			case v := <-c[5]:
				c[5] <- v
			case v := <-c[6]:
				c[6] <- v
			case v := <-c[7]:
				c[7] <- v
			}
		}
	})
	b.Run("8/csp", func(b *testing.B) { benchReady(b, 8) })
}

// benchReady refills natively on both sides of the comparison, so that the select is compared.
func benchReady(b *testing.B, n int) {
	ctx := context.Background()
	var v int
	cases, chans := make([]csp.Case, n), make([]chan int, n)
	for i := range cases {
		chans[i] = make(chan int, 1)
		chans[i] <- 1
		cases[i] = csp.RecvC(chans[i], &v)
	}
	b.ReportAllocs()
	for range b.N {
		i, _, _ := csp.Select(ctx, cases...)
		chans[i] <- v
	}
}

func BenchmarkSelectBlocked(b *testing.B) {
	b.Run("native", func(b *testing.B) {
		x, y, back := make(chan int), make(chan int), make(chan int)
		go func() {
			for i := range b.N {
				if i%2 == 0 {
					x <- i
				} else {
					y <- i
				}
				<-back
			}
		}()
		for range b.N {
			select {
			case <-x:
			case <-y:
			}
			back <- 1
		}
	})
	b.Run("csp", func(b *testing.B) {
		x, y, back := csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered()), make(chan int)
		ctx := context.Background()
		go func() {
			for i := range b.N {
				if i%2 == 0 {
					_ = x.Put(ctx, i)
				} else {
					_ = y.Put(ctx, i)
				}
				<-back
			}
		}()
		var v int
		for range b.N {
			_, _, _ = csp.Select(ctx, csp.Recv(x, &v), csp.Recv(y, &v))
			back <- 1
		}
	})
}
