package csp_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/csp"
)

// bg is the context of tests in which nothing is cancelled.
var bg = context.Background()

// collect takes everything from c until it ends.
func collect[T any](c *csp.Chan[T]) []T { return slices.Collect(c.All(bg)) }

// fill puts vs into a new closed channel with room for them.
func fill[T any](vs ...T) *csp.Chan[T] { return csp.Of(vs...) }

func equal[T comparable](t *testing.T, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func count(n int) []int {
	vs := make([]int, n)
	for i := range vs {
		vs[i] = i
	}
	return vs
}

// In a bubble of synctest, a test fails if a goroutine is left when it returns, and virtual
// time passes only while everybody waits.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestPutGetInOrder(t *testing.T) {
	for _, buffer := range []csp.Buffer{csp.Unbuffered(), csp.Fixed(1), csp.Fixed(7), csp.Elastic()} {
		t.Run(buffer.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := csp.New[int](buffer)
				go func() {
					if n, err := c.Add(bg, count(1000)...); n != 1000 || err != nil {
						t.Error(n, err)
					}
					c.Close()
				}()
				equal(t, collect(c), count(1000))
			})
		})
	}
}

func TestG50_ZeroAndNilAreValues(t *testing.T) {
	c := csp.New[error](csp.Fixed(2))
	if err := c.Put(bg, nil); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if v, ok := c.Get(bg); v != nil || !ok {
		t.Fatal("a nil that was put was not gotten:", v, ok)
	}
	if _, ok := c.Get(bg); ok {
		t.Fatal("get from a drained channel reported ok")
	}
}

func TestPutWaitsForRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Fixed(1))
		put := make(chan time.Duration, 2)
		start := time.Now()
		go func() {
			for i := range 2 {
				_ = c.Put(bg, i)
				put <- time.Since(start)
			}
		}()
		time.Sleep(time.Second)
		c.Get(bg)
		if first, second := <-put, <-put; first != 0 || second != time.Second {
			t.Fatalf("puts returned after %v and %v, want 0s and 1s", first, second)
		}
	})
}

func TestG52_CancelledPutIsNotDelivered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		why := errors.New("changed my mind")
		ctx, cancel := context.WithCancelCause(bg)
		c := csp.New[int](csp.Unbuffered())
		result := make(chan error)
		go func() { result <- c.Put(ctx, 1) }()
		synctest.Wait()
		cancel(why)
		if err := <-result; !errors.Is(err, why) {
			t.Fatal("waiting put returned", err)
		}
		if err := c.Put(ctx, 2); !errors.Is(err, why) {
			t.Fatal("put with a cancelled context returned", err)
		}
		if n, err := c.Add(ctx, 3, 4); n != 0 || !errors.Is(err, why) {
			t.Fatal("add with a cancelled context returned", n, err)
		}
		if _, s := c.TryGet(); s != csp.Empty {
			t.Fatal("something was delivered:", s)
		}
		if p := c.Stats().Pending; p != 0 {
			t.Fatal("cancelled puts still pend:", p)
		}
	})
}

func TestG52_CancelledGetTakesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		c := csp.New[int](csp.Fixed(1))
		start := time.Now()
		if _, ok := c.Get(ctx); ok || time.Since(start) != time.Second {
			t.Fatal("get returned", ok, "after", time.Since(start))
		}
		_ = c.Put(bg, 7)
		if _, ok := c.Get(ctx); ok {
			t.Fatal("get with a cancelled context took a value")
		}
		if v, ok := c.Get(bg); v != 7 || !ok {
			t.Fatal("the value is gone")
		}
	})
}

func TestTry(t *testing.T) {
	c := csp.New[int](csp.Fixed(1))
	steps := []struct {
		name string
		got  csp.Status
		want csp.Status
	}{
		{"get from empty", second(c.TryGet()), csp.Empty},
		{"put", c.TryPut(1), csp.Done},
		{"put into full", c.TryPut(2), csp.Full},
		{"get", second(c.TryGet()), csp.Done},
		{"put again", c.TryPut(3), csp.Done},
		{"close", func() csp.Status { c.Close(); return csp.Done }(), csp.Done},
		{"put into closed", c.TryPut(4), csp.Closed},
		{"get what is left", second(c.TryGet()), csp.Done},
		{"get from drained", second(c.TryGet()), csp.Closed},
	}
	for _, s := range steps {
		if s.got != s.want {
			t.Errorf("%s: %v, want %v", s.name, s.got, s.want)
		}
	}
}

func second[A, B any](_ A, b B) B { return b }

func TestTryMeetsWaiting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Unbuffered())
		if s := c.TryPut(1); s != csp.Full {
			t.Fatal("nobody waits, but put said", s)
		}
		go c.Get(bg)
		synctest.Wait()
		if s := c.TryPut(2); s != csp.Done {
			t.Fatal("a getter waits, but put said", s)
		}
		go func() { _ = c.Put(bg, 3) }()
		synctest.Wait()
		if v, s := c.TryGet(); v != 3 || s != csp.Done {
			t.Fatal("a put waits, but get said", v, s)
		}
	})
}

func TestNativeSelectAndRange(t *testing.T) {
	c := csp.New[int](csp.Fixed(3))
	_, _ = c.Add(bg, 1, 2, 3)
	c.Close()
	select {
	case v := <-c.C():
		if v != 1 {
			t.Fatal(v)
		}
	default:
		t.Fatal("nothing to receive")
	}
	var rest []int
	for v := range c.C() {
		rest = append(rest, v)
	}
	equal(t, rest, []int{2, 3})
}

func TestLeavingAllTakesNoMore(t *testing.T) {
	c := fill(1, 2, 3)
	for range c.All(bg) {
		break
	}
	equal(t, collect(c), []int{2, 3})
}

func TestDroppingKeepsTheOldest(t *testing.T) {
	c := csp.New[int](csp.Dropping(3))
	if n, err := c.Add(bg, count(10)...); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	if s := c.Stats(); s.Dropped != 7 || s.Puts != 10 || s.Gets != 0 {
		t.Fatalf("%+v", s)
	}
	c.Close()
	equal(t, collect(c), []int{0, 1, 2})
}

func TestSlidingKeepsTheNewest(t *testing.T) {
	c := csp.New[int](csp.Sliding(3))
	if n, err := c.Add(bg, count(10)...); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	if s := c.Stats(); s.Dropped != 7 || s.Buffered != 3 {
		t.Fatalf("%+v", s)
	}
	c.Close()
	equal(t, collect(c), []int{7, 8, 9})
}

func TestElasticNeverWaitsAndLosesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Elastic())
		for i := range 10_000 { // nobody gets: a put that waited would deadlock here
			if s := c.TryPut(i); s != csp.Done {
				t.Fatal(i, s)
			}
		}
		if s := c.Stats(); s.Buffered != 10_000 {
			t.Fatalf("%+v", s)
		}
		c.Close()
		if c.Drained() {
			t.Fatal("drained with 10,000 values inside")
		}
		equal(t, collect(c), count(10_000))
		if !c.Drained() || c.Len() != 0 {
			t.Fatal("not drained:", c)
		}
	})
}

func TestElasticIsIdleWhenEmpty(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Elastic())
		for round := range 3 {
			_, _ = c.Add(bg, count(1000)...)
			for want := range 1000 {
				if v, _ := c.Get(bg); v != want {
					t.Fatal(round, v, want)
				}
			}
		}
	}) // never closed, and yet no goroutine is left
}

func TestBufferMisuse(t *testing.T) {
	for name, f := range map[string]func() csp.Buffer{
		"fixed":    func() csp.Buffer { return csp.Fixed(-1) },
		"dropping": func() csp.Buffer { return csp.Dropping(0) },
		"sliding":  func() csp.Buffer { return csp.Sliding(0) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			f()
		})
	}
}

func TestStats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Fixed(2))
		go func() { _, _ = c.Add(bg, 1, 2, 3) }()
		synctest.Wait()
		if s := c.Stats(); s != (csp.Stats{Buffered: 2, Pending: 1, Puts: 2}) {
			t.Fatalf("%+v", s)
		}
		c.Get(bg)
		<-c.C()
		synctest.Wait()
		if s := c.Stats(); s != (csp.Stats{Buffered: 1, Puts: 3, Gets: 2}) {
			t.Fatalf("%+v", s)
		}
		if c.String() != "chan[fixed(2), 1 buffered, open]" {
			t.Fatal(c)
		}
	})
}
