package csp_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/csp"
)

var allBuffers = []csp.Buffer{
	csp.Unbuffered(), csp.Fixed(1), csp.Fixed(64), csp.Dropping(4), csp.Sliding(4), csp.Elastic(),
}

func TestG51_PendingPutsAreDeliveredAfterClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Fixed(1))
		var puts sync.WaitGroup
		for i := range 5 {
			puts.Go(func() {
				if err := c.Put(bg, i); err != nil {
					t.Error(i, err)
				}
			})
		}
		synctest.Wait()
		c.Close()
		c.Close()
		if err := c.Put(bg, 9); !errors.Is(err, csp.ErrClosed) {
			t.Fatal("put after close returned", err)
		}
		if !c.Closed() || c.Drained() {
			t.Fatal("closed, not drained, was expected:", c)
		}
		if got := len(collect(c)); got != 5 {
			t.Fatal("delivered", got, "of 5")
		}
		puts.Wait()
		if !c.Drained() {
			t.Fatal("not drained:", c)
		}
	})
}

func TestG51_CancelledPendingPutLetsTheChannelEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(bg)
		c := csp.New[int](csp.Unbuffered())
		go func() { _ = c.Put(ctx, 1) }()
		synctest.Wait()
		c.Close()
		cancel()
		if vs := collect(c); len(vs) != 0 {
			t.Fatal("delivered a cancelled put:", vs)
		}
	})
}

// TestG51_AcceptedEqualsDelivered lets producers, some of which are cancelled, and closers and
// consumers of every sort meet, and compares what was accepted with what came out.
func TestG51_AcceptedEqualsDelivered(t *testing.T) {
	for _, buffer := range allBuffers {
		t.Run(buffer.String(), func(t *testing.T) {
			for range 6 {
				bubble(t, func(t *testing.T) { meet(t, buffer) })
			}
		})
	}
}

func meet(t *testing.T, buffer csp.Buffer) {
	c := csp.New[int](buffer)
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	var accepted, delivered atomic.Int64
	var all sync.WaitGroup
	for p := range 8 {
		putCtx := bg
		if p%2 == 0 {
			putCtx = ctx
		}
		all.Go(func() {
			for produce(c, putCtx, p) {
				accepted.Add(1)
			}
		})
	}
	for g := range 4 {
		all.Go(func() {
			for consume(c, g) {
				delivered.Add(1)
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for accepted.Load() < 300 {
				runtime.Gosched()
			}
			cancel()
			c.Close()
		})
	}
	all.Wait()
	dropped := int64(c.Stats().Dropped)
	if accepted.Load() != delivered.Load()+dropped {
		t.Fatalf("accepted %d, delivered %d, dropped %d", accepted.Load(), delivered.Load(), dropped)
	}
	s := c.Stats()
	if s.Puts != uint64(accepted.Load()) || s.Gets != uint64(delivered.Load()) || s.Pending != 0 {
		t.Fatalf("%+v, but accepted %d, delivered %d", s, accepted.Load(), delivered.Load())
	}
}

// produce puts once, in one of the ways there are, and reports whether it was accepted; ways
// that do not wait try until they are told something other than Full.
func produce(c *csp.Chan[int], ctx context.Context, way int) bool {
	switch way {
	case 0, 1, 2:
		return c.Put(ctx, way) == nil
	case 3:
		_, ok, _ := csp.Select(bg, csp.Send(c, way))
		return ok
	case 4:
		_, ok, _ := csp.Select(ctx, csp.Send(c, way), csp.RecvC(make(chan int), nil))
		return ok
	case 5:
		result := make(chan error, 1)
		return c.PutFunc(way, func(err error) { result <- err }) == nil && <-result == nil
	default:
		for {
			switch c.TryPut(way) {
			case csp.Done:
				return true
			case csp.Closed:
				return false
			}
			runtime.Gosched()
		}
	}
}

func consume(c *csp.Chan[int], way int) (ok bool) {
	switch way {
	case 0:
		_, ok = c.Get(bg)
	case 1:
		_, ok = <-c.C()
	case 2:
		var v int
		_, ok, _ = csp.Select(bg, csp.Recv(c, &v))
	default:
		result := make(chan bool, 1)
		_ = c.GetFunc(func(_ int, ok bool) { result <- ok })
		ok = <-result
	}
	return ok
}

func TestCloseWithError(t *testing.T) {
	why := errors.New("disk full")
	c := csp.New[int](csp.Fixed(1))
	_ = c.Put(bg, 1)
	c.CloseWithError(why)
	c.CloseWithError(errors.New("later"))
	err := c.Put(bg, 2)
	if !errors.Is(err, csp.ErrClosed) || !errors.Is(err, why) {
		t.Fatal("put returned", err)
	}
	equal(t, collect(c), []int{1})
	if c.Err() != why {
		t.Fatal("Err returned", c.Err())
	}
}

func TestAbort(t *testing.T) {
	for _, buffer := range allBuffers {
		t.Run(buffer.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				why := errors.New("enough")
				c := csp.New[int](buffer)
				var puts sync.WaitGroup
				for i := range 10 {
					puts.Go(func() {
						if err := c.Put(bg, i); err != nil && !errors.Is(err, why) {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				c.Abort(why)
				c.Abort(nil)
				puts.Wait()
				if v, ok := c.Get(bg); ok {
					t.Fatal("got", v, "from an aborted channel")
				}
				if s := c.Stats(); s.Dropped != 10 || s.Gets != 0 {
					t.Fatalf("%+v", s)
				}
				if c.Err() != why || !errors.Is(c.Put(bg, 1), why) {
					t.Fatal("the reason is lost:", c.Err())
				}
			})
		})
	}
}

func TestDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, late := csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered())
		go func() {
			time.Sleep(time.Second)
			c.Close()
			late.Close()
		}()
		<-c.Done()
		synctest.Wait()
		<-late.Done()
	})
}

// TestG51_DoneAgainstClose lets Done, which makes a channel, meet the close that closes it.
func TestG51_DoneAgainstClose(t *testing.T) {
	for range 2000 {
		c := csp.New[int](csp.Unbuffered())
		var all sync.WaitGroup
		all.Go(c.Close)
		all.Go(func() { <-c.Done() })
		all.Go(func() { c.Abort(nil) })
		all.Wait()
	}
}

func TestJoin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Fixed(2))
		_, _ = c.Add(bg, 1, 2)
		short, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		if err := c.Join(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("join of an open channel returned", err)
		}
		c.Close()
		go func() {
			time.Sleep(time.Minute)
			<-c.C()
			<-c.C()
		}()
		start := time.Now()
		if err := c.Join(bg); err != nil {
			t.Fatal(err)
		}
		if late := time.Since(start) - time.Minute; late < 0 || late > 10*time.Millisecond {
			t.Fatal("join was late by", late)
		}
	})
}
