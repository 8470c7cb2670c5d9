package csp_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/troupe-go/troupe/csp"
)

func TestPromiseFirstValueWins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := csp.NewPromise[int]()
		var winners, readers sync.WaitGroup
		var wins atomic.Int32
		for range 10 {
			readers.Go(func() {
				if v, ok := p.Get(bg); v != 0 || !ok { // a zero value is a value: see aiochan
					t.Error(v, ok)
				}
			})
			winners.Go(func() {
				if p.Put(0) {
					wins.Add(1)
				}
			})
		}
		winners.Wait()
		if wins.Load() != 1 || p.Put(5) {
			t.Fatal("more than one put won")
		}
		readers.Wait()
		p.Close()
		if v, ok := p.Get(bg); v != 0 || !ok {
			t.Fatal("close took the value away:", v, ok)
		}
	})
}

func TestPromiseClosedWithoutValue(t *testing.T) {
	p := csp.NewPromise[string]()
	if _, s := p.TryGet(); s != csp.Empty {
		t.Fatal(s)
	}
	p.Close()
	p.Close()
	if p.Put("late") {
		t.Fatal("put into a closed promise won")
	}
	if _, ok := p.Get(bg); ok {
		t.Fatal("a promise without a value had one")
	}
	if _, s := p.TryGet(); s != csp.Closed {
		t.Fatal(s)
	}
}

func TestPromiseGetWithContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		p := csp.NewPromise[int]()
		if _, ok := p.Get(ctx); ok {
			t.Fatal("got a value that nobody put")
		}
		p.Put(3)
		if v, ok := p.Get(ctx); v != 3 || !ok {
			t.Fatal("a kept promise needs no context:", v, ok)
		}
	})
}

func TestPromiseInSelect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, c := csp.NewPromise[int](), csp.New[int](csp.Unbuffered())
		time.AfterFunc(time.Second, func() { p.Put(8) })
		var v, w int
		i, ok, err := csp.Select(bg, csp.Recv(c, &w), csp.Await(p, &v))
		if i != 1 || !ok || err != nil || v != 8 {
			t.Fatal(i, ok, err, v)
		}
		if i, ok, _ := csp.Select(bg, csp.Await(p, &w)); i != 0 || !ok || w != 8 {
			t.Fatal("a kept promise was not ready:", i, ok, w)
		}
	})
}
