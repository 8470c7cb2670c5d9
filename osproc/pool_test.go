//go:build linux

package osproc_test

import (
	"context"
	"slices"
	"testing"

	"github.com/troupe-go/troupe/osproc"
)

func newPool(tb testing.TB, cfg osproc.PoolConfig) *osproc.Pool[int, int] {
	tb.Helper()
	p, err := osproc.NewPool(context.Background(), double, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.Close(); err != nil {
			tb.Error(err)
		}
	})
	return p
}

func numbers(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func TestPoolDo(t *testing.T) {
	p := newPool(t, osproc.PoolConfig{Workers: 2})
	for i := range 100 {
		n, err := p.Do(t.Context(), i)
		if err != nil || n != 2*i {
			t.Fatal(n, err)
		}
	}
}

func TestPoolMap(t *testing.T) {
	for _, chunk := range []int{0, 1, 7} {
		p := newPool(t, osproc.PoolConfig{Workers: 2, Chunk: chunk})
		for _, n := range []int{0, 1, 10, 30_000} {
			i := 0
			for r, err := range p.Map(t.Context(), numbers(n)) {
				if err != nil || r != 2*i {
					t.Fatal(i, r, err)
				}
				i++
			}
			if i != n {
				t.Fatal(i)
			}
			var all []int
			for r, err := range p.MapUnordered(t.Context(), numbers(n)) {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, r)
			}
			slices.Sort(all)
			for i, r := range all {
				if r != 2*i {
					t.Fatal(i, r)
				}
			}
			if len(all) != n {
				t.Fatal(len(all))
			}
		}
		p.Close()
	}
}

func BenchmarkMap(b *testing.B) {
	for _, c := range []osproc.PoolConfig{{Workers: 2}, {Workers: 2, Chunk: 1}, {Workers: 1}} {
		b.Run("", func(b *testing.B) {
			p := newPool(b, c)
			for b.Loop() {
				n := 0
				for _, err := range p.Map(context.Background(), numbers(100_000)) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
		})
	}
}

func BenchmarkDo(b *testing.B) {
	p := newPool(b, osproc.PoolConfig{Workers: 1})
	for i := 0; b.Loop(); i++ {
		if _, err := p.Do(context.Background(), i); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDo128(b *testing.B) {
	for _, c := range []osproc.PoolConfig{{Workers: 1}, {Workers: 2}, {Workers: 1, Concurrency: 8}} {
		b.Run("", func(b *testing.B) {
			p := newPool(b, c)
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := p.Do(context.Background(), 1); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
