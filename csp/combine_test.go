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

var errSource = errors.New("source failed")

func failing(vs ...int) *csp.Chan[int] {
	c := csp.New[int](csp.Fixed(len(vs)))
	_, _ = c.Add(bg, vs...)
	c.CloseWithError(errSource)
	return c
}

// endless yields a few values and then neither more nor its end until it is cancelled.
func endless() (*csp.Chan[int], context.CancelFunc) {
	ctx, cancel := context.WithCancel(bg)
	return csp.FromSeq(ctx, func(yield func(int) bool) {
		for i := range 100 {
			if !yield(i) {
				return
			}
		}
		<-ctx.Done()
	}), cancel
}

func TestPipe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		out := csp.New[int](csp.Fixed(1))
		equal(t, collect(csp.Pipe(bg, fill(1, 2, 3), out)), []int{1, 2, 3})
		shared := csp.New[int](csp.Fixed(4))
		csp.Pipe(bg, fill(1), shared, csp.KeepOpen())
		synctest.Wait()
		if shared.Closed() {
			t.Fatal("closed in spite of KeepOpen")
		}
		failed := csp.Pipe(bg, failing(1), csp.New[int](csp.Unbuffered()))
		equal(t, collect(failed), []int{1})
		if failed.Err() != errSource {
			t.Fatal("the error got lost:", failed.Err())
		}
	})
}

// TestG53_StagesEnd ends each combinator by its context, and by closing what it feeds.
func TestG53_StagesEnd(t *testing.T) {
	type made struct{ outs []*csp.Chan[int] }
	for name, make := range map[string]func(context.Context, *csp.Chan[int]) made{
		"pipe": func(ctx context.Context, in *csp.Chan[int]) made {
			return made{[]*csp.Chan[int]{csp.Pipe(ctx, in, csp.New[int](csp.Unbuffered()))}}
		},
		"merge": func(ctx context.Context, in *csp.Chan[int]) made {
			return made{[]*csp.Chan[int]{csp.Merge(ctx, in, in)}}
		},
		"distribute": func(ctx context.Context, in *csp.Chan[int]) made {
			outs := []*csp.Chan[int]{csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered())}
			csp.Distribute(ctx, in, outs)
			return made{outs}
		},
		"split": func(ctx context.Context, in *csp.Chan[int]) made {
			a, b := csp.Split(ctx, in, func(n int) bool { return n%2 == 0 }, csp.Unbuffered())
			return made{[]*csp.Chan[int]{a, b}}
		},
		"broadcast": func(ctx context.Context, in *csp.Chan[int]) made {
			b := csp.NewBroadcast(ctx, in)
			return made{[]*csp.Chan[int]{b.Tap(csp.Unbuffered()), b.Tap(csp.Unbuffered())}}
		},
		"pubsub": func(ctx context.Context, in *csp.Chan[int]) made {
			p := csp.NewPubSub(ctx, in, func(n int) int { return n % 2 }, nil)
			return made{[]*csp.Chan[int]{p.Sub(0, csp.Unbuffered()), p.Sub(1, csp.Unbuffered())}}
		},
		"mix": func(ctx context.Context, in *csp.Chan[int]) made {
			out := csp.New[int](csp.Unbuffered())
			csp.NewMix(ctx, out).Add(in, csp.Mixing{})
			return made{[]*csp.Chan[int]{out}}
		},
	} {
		t.Run(name+" by context", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				in := csp.New[int](csp.Unbuffered())
				ctx, cancel := context.WithCancel(bg)
				m := make(ctx, in)
				go func() { _ = in.Put(ctx, 1) }()
				synctest.Wait()
				cancel()
				for _, out := range m.outs {
					for range out.C() {
					}
					if !errors.Is(out.Err(), context.Canceled) {
						t.Error("ended with", out.Err())
					}
				}
			})
		})
		t.Run(name+" by its outputs", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				in, cancel := endless()
				ctx, end := context.WithCancel(bg)
				defer end()
				m := make(ctx, in)
				synctest.Wait()
				for _, out := range m.outs {
					out.Close()
				}
				synctest.Wait()
				cancel()
			})
		})
	}
}

func TestMerge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		got := collect(csp.Merge(bg, fill(1, 2), fill(3), fill[int]()))
		slices.Sort(got)
		equal(t, got, []int{1, 2, 3})
		equal(t, collect(csp.Merge[int](bg)), nil)

		in, cancel := endless()
		failed := csp.Merge(bg, in, failing())
		for range failed.C() {
		}
		if failed.Err() != errSource {
			t.Fatal("ended with", failed.Err())
		}
		cancel()
	})
}

func TestDistributeToExactlyOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		outs := []*csp.Chan[int]{csp.New[int](csp.Unbuffered()), csp.New[int](csp.Fixed(5)), csp.New[int](csp.Unbuffered())}
		csp.Distribute(bg, fill(count(100)...), outs)
		var got []int
		done := make(chan []int)
		for _, out := range outs {
			go func() { done <- collect(out) }()
		}
		for range outs {
			got = append(got, <-done...)
		}
		slices.Sort(got)
		equal(t, got, count(100))
	})
}

func TestDistributeSkipsClosedOutputs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dead, leaving, live := csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered())
		dead.Close()
		in := fill(count(10)...)
		csp.Distribute(bg, in, []*csp.Chan[int]{dead, leaving, live})
		synctest.Wait() // waits for leaving or live
		leaving.Close()
		equal(t, collect(live), count(10))
	})
}

func TestDistributeEndsWithoutOutputs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		out := csp.New[int](csp.Unbuffered())
		in := fill(count(10)...)
		csp.Distribute(bg, in, []*csp.Chan[int]{out})
		synctest.Wait()
		out.Close()
		synctest.Wait() // aiochan would wait here for ever
		equal(t, collect(in), count(10)[1:])
	})
}

func TestSplit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		even, odd := csp.Split(bg, fill(count(6)...), func(n int) bool { return n%2 == 0 }, csp.Fixed(6))
		equal(t, collect(even), []int{0, 2, 4})
		equal(t, collect(odd), []int{1, 3, 5})

		even, odd = csp.Split(bg, fill(count(6)...), func(n int) bool { return n%2 == 0 }, csp.Unbuffered())
		even.Close()
		equal(t, collect(odd), []int{1, 3, 5})

		even, odd = csp.Split(bg, fill(1), func(int) bool { panic("oops") }, csp.Unbuffered())
		var p *csp.PanicError
		collect(even)
		collect(odd)
		if !errors.As(even.Err(), &p) || !errors.As(odd.Err(), &p) {
			t.Fatal(even.Err(), odd.Err())
		}
	})
}

func TestZipMarksWhatIsMissing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rows := collect(csp.Zip(bg, fill(1, 0, 3), fill(4)))
		want := [][]csp.Maybe[int]{
			{{1, true}, {4, true}},
			{{0, true}, {0, false}}, // the zero is a value on the left, and missing on the right
			{{3, true}, {0, false}},
		}
		if !slices.EqualFunc(rows, want, slices.Equal) {
			t.Fatal(rows)
		}
		failed := csp.Zip(bg, fill(1, 2), failing(1))
		if rows := collect(failed); len(rows) != 1 || failed.Err() != errSource {
			t.Fatal(rows, failed.Err())
		}
		if rows := collect(csp.Zip[int](bg)); len(rows) != 0 {
			t.Fatal(rows)
		}
	})
}

func TestCombineLatest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered())
		go func() {
			for _, step := range []struct {
				c *csp.Chan[int]
				v int
			}{{a, 1}, {a, 2}, {b, 0}, {a, 3}} {
				time.Sleep(time.Second)
				_ = step.c.Put(bg, step.v)
			}
			a.Close()
			time.Sleep(time.Second)
			_ = b.Put(bg, 5)
			b.Close()
		}()
		rows := collect(csp.CombineLatest(bg, a, b))
		want := [][]csp.Maybe[int]{
			{{1, true}, {}}, {{2, true}, {}}, {{2, true}, {0, true}}, {{3, true}, {0, true}}, {{3, true}, {5, true}},
		}
		if !slices.EqualFunc(rows, want, slices.Equal) {
			t.Fatal(rows)
		}
		c := csp.New[int](csp.Unbuffered())
		failed := csp.CombineLatest(bg, c, failing())
		collect(failed)
		if failed.Err() != errSource {
			t.Fatal(failed.Err())
		}
	})
}
