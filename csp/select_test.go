package csp_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/csp"
)

func TestSelectReady(t *testing.T) {
	a, b := fill(1), csp.New[string](csp.Fixed(1))
	var n int
	i, ok, err := csp.SelectFirst(bg, csp.Recv(a, &n), csp.Send(b, "x"))
	if i != 0 || !ok || err != nil || n != 1 {
		t.Fatal(i, ok, err, n)
	}
	n = 9
	i, ok, _ = csp.SelectFirst(bg, csp.Recv(a, &n), csp.Send(b, "x"))
	if i != 0 || ok || n != 0 {
		t.Fatal("a closed channel is ready, with ok=false and a zero value:", i, ok, n)
	}
	if i, ok, _ = csp.Select(bg, csp.Send(b, "x")); i != 0 || !ok {
		t.Fatal(i, ok)
	}
	b.Close()
	if i, ok, err = csp.Select(bg, csp.Send(b, "y")); i != 0 || ok || err != nil {
		t.Fatal("a put on a closed channel completes with ok=false:", i, ok, err)
	}
	equal(t, collect(b), []string{"x"})
}

func TestSelectDefault(t *testing.T) {
	full := csp.New[int](csp.Fixed(1))
	full.TryPut(1)
	empty := csp.New[int](csp.Unbuffered())
	i, ok, err := csp.Select(bg, csp.Default(), csp.Recv(empty, nil), csp.Send(full, 2))
	if i != 0 || !ok || err != nil {
		t.Fatal(i, ok, err)
	}
	if i, _, _ = csp.Select(bg, csp.Default(), csp.Recv(full, nil)); i != 1 {
		t.Fatal("default was chosen though a case was ready")
	}
}

func TestSelectNilIsNeverReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var c *csp.Chan[int]
		var p *csp.Promise[int]
		var n chan int
		after := csp.After(bg, time.Second)
		i, _, _ := csp.Select(bg, csp.Recv(c, nil), csp.Send(c, 1), csp.Await(p, nil), csp.RecvC(n, nil), csp.Recv(after, nil))
		if i != 4 {
			t.Fatal(i)
		}
	})
}

func TestSelectIsRandomAndFair(t *testing.T) {
	const rounds, n = 3000, 3
	var seen [n]int
	for range rounds {
		i, _, _ := csp.Select(bg, csp.Recv(fill(1), nil), csp.Recv(fill(1), nil), csp.Recv(fill(1), nil))
		seen[i]++
	}
	for i, s := range seen {
		if s < rounds/n*8/10 || s > rounds/n*12/10 {
			t.Fatalf("case %d was chosen %d times of %d: %v", i, s, rounds, seen)
		}
	}
}

func TestSelectManyCases(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got int
		chans, cases := make([]*csp.Chan[int], 100), make([]csp.Case, 100)
		for i := range chans {
			chans[i] = csp.New[int](csp.Unbuffered())
			cases[i] = csp.Recv(chans[i], &got)
		}
		go func() {
			for i := range chans {
				_ = chans[i].Put(bg, i)
			}
		}()
		for want := range chans {
			if i, ok, err := csp.Select(bg, cases...); i != want || !ok || err != nil || got != want {
				t.Fatal(i, ok, err, got, want)
			}
		}
	})
}

func TestSelectBlockedIsWoken(t *testing.T) {
	for _, test := range []struct {
		name string
		wake func(get *csp.Chan[error], put *csp.Chan[int])
		i    int
		ok   bool
	}{
		{"by a put", func(get *csp.Chan[error], _ *csp.Chan[int]) { _ = get.Put(bg, nil) }, 0, true},
		{"by a close", func(get *csp.Chan[error], _ *csp.Chan[int]) { get.Close() }, 0, false},
		{"by a get", func(_ *csp.Chan[error], put *csp.Chan[int]) { put.Get(bg) }, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				get, put := csp.New[error](csp.Unbuffered()), csp.New[int](csp.Unbuffered())
				time.AfterFunc(time.Second, func() { test.wake(get, put) })
				v := errors.New("overwrite me")
				i, ok, err := csp.Select(bg, csp.Recv(get, &v), csp.Send(put, 5))
				if i != test.i || ok != test.ok || err != nil {
					t.Fatal(i, ok, err)
				}
				if i == 0 && v != nil {
					t.Fatal("a nil was gotten, but the variable holds", v)
				}
			})
		})
	}
}

func TestG52_SelectLeavesNoResidue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		get, put := csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered())
		why := errors.New("too long")
		for range 100 {
			ctx, cancel := context.WithTimeoutCause(bg, time.Second, why)
			i, ok, err := csp.Select(ctx, csp.Recv(get, nil), csp.Send(put, 1))
			if i != -1 || ok || !errors.Is(err, why) {
				t.Fatal(i, ok, err)
			}
			cancel()
		}
		if s := put.Stats(); s.Pending != 0 {
			t.Fatalf("a lost put still pends: %+v", s)
		}
		if s := get.TryPut(1); s != csp.Full {
			t.Fatal("a lost get still takes values:", s)
		}
		if _, s := put.TryGet(); s != csp.Empty {
			t.Fatal("a lost put was delivered:", s)
		}
		put.Close()
		if !put.Drained() {
			t.Fatal("a lost put keeps the channel from ending")
		}
	})
}

func TestG52_SelectWithEndedContextDoesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	c := fill(1)
	if i, _, err := csp.Select(ctx, csp.Recv(c, nil), csp.Default()); i != -1 || !errors.Is(err, context.Canceled) {
		t.Fatal(i, err)
	}
	equal(t, collect(c), []int{1})
}

// TestG51_SelectAgainstClose lets selects that put and selects that get race with closing.
func TestG51_SelectAgainstClose(t *testing.T) {
	for range 50 {
		bubble(t, func(t *testing.T) {
			a, b := csp.New[int](csp.Unbuffered()), csp.New[int](csp.Fixed(2))
			var accepted, delivered atomic.Int64
			var puts, gets sync.WaitGroup
			for range 4 {
				puts.Go(func() {
					for n := 0; ; n++ {
						if n == 40 {
							a.Close()
							b.Close()
						}
						_, ok, _ := csp.Select(bg, csp.Send(a, n), csp.Send(b, n))
						if !ok {
							return
						}
						accepted.Add(1)
					}
				})
				gets.Go(func() {
					var v int
					ra, rb := csp.Recv(a, &v), csp.Recv(b, &v)
					for ended := 0; ended < 2; {
						i, ok, _ := csp.Select(bg, ra, rb)
						switch {
						case ok:
							delivered.Add(1)
						case i == 0:
							ra, ended = csp.Case{}, ended+1
						default:
							rb, ended = csp.Case{}, ended+1
						}
					}
				})
			}
			puts.Wait()
			gets.Wait()
			if accepted.Load() != delivered.Load() {
				t.Fatal("accepted", accepted.Load(), "delivered", delivered.Load())
			}
		})
	}
}

// TestG52_LosingCasesOfEverySort lets cases of all sorts lose to a promise, and looks at each.
func TestG52_LosingCasesOfEverySort(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, closing := csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered())
		lost, won := csp.NewPromise[int](), csp.NewPromise[string]()
		native := make(chan int, 1)
		time.AfterFunc(time.Second, func() { won.Put("this one") })
		var s string
		i, ok, err := csp.Select(bg, csp.Recv(c, nil), csp.Send(c, 1), csp.Await(lost, nil), csp.RecvC(native, nil), csp.Await(won, &s))
		if i != 4 || !ok || err != nil || s != "this one" {
			t.Fatal(i, ok, err, s)
		}
		<-won.Done()
		native <- 1
		if len(native) != 1 || c.TryPut(1) != csp.Full || second(c.TryGet()) != csp.Empty || !lost.Put(1) {
			t.Fatal("a losing case left something behind")
		}
		time.AfterFunc(time.Second, closing.Close)
		if i, ok, _ := csp.Select(bg, csp.Recv(closing, nil), csp.Send(c, 1)); i != 0 || ok || c.Stats().Pending != 0 {
			t.Fatal(i, ok, c.Stats())
		}
	})
}

func TestSelectMeetsSelect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Unbuffered())
		go func() {
			for i := range 1000 {
				_, _, _ = csp.Select(bg, csp.Send(c, i), csp.RecvC(make(chan int), nil))
			}
			c.Close()
		}()
		var got []int
		var v int
		for {
			if _, ok, _ := csp.Select(bg, csp.Recv(c, &v)); !ok {
				break
			}
			got = append(got, v)
		}
		equal(t, got, count(1000))
		synctest.Wait()
	})
}
