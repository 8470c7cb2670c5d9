package csp_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/csp"
)

func TestAfter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		c := csp.After(bg, time.Minute)
		at, ok := c.Get(bg)
		if !ok || at.Sub(start) != time.Minute || time.Since(start) != time.Minute {
			t.Fatal(at, ok)
		}
		if _, ok := c.Get(bg); ok {
			t.Fatal("it yielded twice")
		}
	})
}

func TestG53_AfterEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		why := errors.New("never mind")
		ctx, cancel := context.WithCancelCause(bg)
		start := time.Now()
		c := csp.After(ctx, time.Hour)
		cancel(why)
		if _, ok := c.Get(bg); ok || time.Since(start) != 0 {
			t.Fatal("yielded", ok, "after", time.Since(start))
		}
		if c.Err() != why {
			t.Fatal(c.Err())
		}
	})
}

func TestTickDoesNotDrift(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		start := time.Now()
		c := csp.Tick(ctx, time.Second)
		for n := 1; n <= 5; n++ {
			beat, ok := c.Get(bg)
			due := time.Duration(n) * time.Second
			if !ok || beat.N != n || beat.At.Sub(start) != due || time.Since(start) != due {
				t.Fatal(n, beat, ok, time.Since(start))
			}
			time.Sleep(300 * time.Millisecond) // work that takes a while does not put off the next
		}
	})
}

func TestTickTellsOfMissedBeats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		c := csp.Tick(ctx, time.Second)
		time.Sleep(3500 * time.Millisecond)
		for _, want := range []int{3, 4} {
			if beat, _ := c.Get(bg); beat.N != want {
				t.Fatal("beat", beat.N, "want", want)
			}
		}
		c.Close()
		time.Sleep(time.Hour) // the timer goes off once more and gives up
	})
}

func TestTickFrom(t *testing.T) {
	for _, test := range []struct {
		name  string
		first time.Duration // from now
		n     int
		wait  time.Duration
	}{
		{"later", 10 * time.Second, 1, 10 * time.Second},
		{"now", 0, 1, 0},
		{"in the past, in time for a beat", -2 * time.Second, 3, 0},
		{"in the past, between two", -2500 * time.Millisecond, 4, 500 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(bg)
				defer cancel()
				start := time.Now()
				c := csp.TickFrom(ctx, start.Add(test.first), time.Second)
				beat, _ := c.Get(bg)
				if beat.N != test.n || time.Since(start) != test.wait {
					t.Fatal("beat", beat.N, "after", time.Since(start))
				}
				cancel()
				synctest.Wait()
				if !c.Closed() {
					t.Fatal("open after its context ended")
				}
			})
		})
	}
}

func TestTickMisuse(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	csp.Tick(bg, 0)
}

func TestFromSeqIsLazy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(bg)
		made := 0
		c := csp.FromSeq(ctx, func(yield func(int) bool) {
			for {
				made++
				if !yield(made) {
					return
				}
			}
		})
		for want := 1; want <= 3; want++ {
			synctest.Wait()
			if made != want {
				t.Fatal(made, "made, but only", want-1, "asked for")
			}
			if v, _ := c.Get(bg); v != want {
				t.Fatal(v)
			}
		}
		cancel()
	})
}

func TestFromSeqEndsWhenItsChannelIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cleaned := false
		c := csp.FromSeq(bg, func(yield func(int) bool) {
			defer func() { cleaned = true }()
			for yield(0) {
			}
		})
		c.Get(bg)
		c.Close()
		synctest.Wait()
		if !cleaned {
			t.Fatal("the iterator still runs")
		}
	})
}

func TestG54_FromSeqPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.FromSeq(bg, func(yield func(int) bool) {
			yield(1)
			panic("oops")
		})
		equal(t, collect(c), []int{1})
		var p *csp.PanicError
		if !errors.As(c.Err(), &p) || p.Value != "oops" || len(p.Stack) == 0 {
			t.Fatal(c.Err())
		}
	})
}

func TestRange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		equal(t, collect(csp.Range(bg, 2, 6)), []int{2, 3, 4, 5})
		equal(t, collect(csp.Range(bg, 2, 2)), nil)
	})
}
