package flow_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/troupe-go/troupe/csp"
	"github.com/troupe-go/troupe/flow"
)

// everyWay runs a test of Map in all its ways.
func everyWay(t *testing.T, f func(t *testing.T, ordered bool, opts ...flow.Option)) {
	for name, opts := range map[string][]flow.Option{
		"inline":    {},
		"unordered": {flow.Parallel(4)},
		"ordered":   {flow.Parallel(4), flow.Ordered()},
		"narrow":    {flow.Parallel(4), flow.Ordered(), flow.Window(2)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { f(t, name != "unordered", opts...) })
		})
	}
}

func TestMapLarge(t *testing.T) {
	everyWay(t, func(t *testing.T, ordered bool, opts ...flow.Option) {
		const n = 20_000
		got, err := flow.Map(upTo(n), double, opts...).Collect(bg)
		if err != nil || len(got) != n {
			t.Fatal(len(got), err)
		}
		if !ordered {
			slices.Sort(got)
		}
		for i, v := range got {
			if v != 2*i {
				t.Fatal(i, v)
			}
		}
	})
}

func TestMapSkip(t *testing.T) {
	everyWay(t, func(t *testing.T, _ bool, opts ...flow.Option) {
		odd, err := flow.Map(upTo(10), func(_ context.Context, n int) (int, error) {
			if n%2 == 0 {
				return 0, flow.Skip
			}
			return n, nil
		}, opts...).Collect(bg)
		slices.Sort(odd)
		if !slices.Equal(odd, []int{1, 3, 5, 7, 9}) || err != nil {
			t.Fatal(odd, err)
		}
	})
}

func TestG54_ErrorEndsTheStream(t *testing.T) {
	for what, fail := range map[string]func(int) func(context.Context, int) (int, error){"error": failAt, "panic": panicAt} {
		t.Run(what, func(t *testing.T) {
			everyWay(t, func(t *testing.T, ordered bool, opts ...flow.Option) {
				got, err := flow.Map(naturals(), fail(500), opts...).Collect(bg)
				if !errors.Is(err, errTest) || flow.IsPanic(err) != (what == "panic") {
					t.Fatal(err)
				}
				if ordered && !slices.Equal(got, count(500)) {
					t.Fatal("results before the failure are missing, or others are there:", len(got))
				}
			})
		})
	}
}

func TestG54_FirstOfSeveralErrorsInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		slowFirst := func(_ context.Context, n int) (int, error) {
			if n == 3 {
				time.Sleep(time.Second)
			}
			if n >= 3 {
				return 0, fmt.Errorf("item %d", n)
			}
			return n, nil
		}
		got, err := flow.Map(upTo(50), slowFirst, flow.Parallel(8), flow.Ordered()).Collect(bg)
		if len(got) != 3 || err == nil || err.Error() != "item 3" {
			t.Fatal(got, err)
		}
	})
}

func TestG54_GoexitInAFunction(t *testing.T) {
	for _, opts := range [][]flow.Option{{flow.Parallel(2)}, {flow.Parallel(2), flow.Ordered()}} {
		bubble(t, func(t *testing.T) {
			_, err := flow.Map(upTo(100), func(_ context.Context, n int) (int, error) {
				if n == 10 {
					runtime.Goexit()
				}
				return n, nil
			}, opts...).Collect(bg)
			if !errors.Is(err, csp.ErrGoexit) {
				t.Fatal(err)
			}
		})
	}
}

func TestOneSlowItemDoesNotStopTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		var done atomic.Int32
		s := flow.Map(upTo(100), func(_ context.Context, n int) (int, error) {
			if n == 0 {
				time.Sleep(time.Minute)
			} else {
				time.Sleep(time.Second)
			}
			done.Add(1)
			return n, nil
		}, flow.Parallel(4), flow.Ordered(), flow.Window(100))
		time.AfterFunc(59*time.Second, func() {
			if d := done.Load(); d != 99 {
				t.Errorf("while the first item was slow, %d others were done, want 99", d)
			}
		})
		want(t, s, count(100)...)
		if took := time.Since(start); took != time.Minute {
			t.Fatal("took", took)
		}
	})
}

// TestSpeedUneven is the target of 1.3 times the ideal, in virtual time, where it is exact.
func TestSpeedUneven(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n, workers = 800, 8
		work := func(_ context.Context, n int) (int, error) {
			d := time.Millisecond
			if n%8 == 0 {
				d = 10 * time.Millisecond
			}
			time.Sleep(d)
			return n, nil
		}
		ideal := n / 8 * 17 * time.Millisecond / workers
		start := time.Now()
		want(t, flow.Map(upTo(n), work, flow.Parallel(workers), flow.Ordered()), count(n)...)
		if took := time.Since(start); took > ideal*13/10 {
			t.Fatalf("took %v, ideal %v", took, ideal)
		}
	})
}

// TestSlowAfterFast has items that turn slow once the workers have got used to fast ones, and
// claim many at a time: they must still share the slow ones.
func TestSlowAfterFast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		s := flow.Map(upTo(5000+64), func(_ context.Context, n int) (int, error) {
			if n >= 5000 {
				time.Sleep(time.Second)
			}
			return n, nil
		}, flow.Parallel(8), flow.Ordered())
		if _, err := s.Collect(bg); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 14*time.Second { // 8 s if ideally shared, 64 s if not
			t.Fatal("took", took)
		}
	})
}

func TestFastResultsDoNotWaitForSlowOnes(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			opts := []flow.Option{flow.Parallel(2)}
			if ordered {
				opts = append(opts, flow.Ordered())
			}
			start := time.Now()
			s := flow.Map(upTo(2000), func(_ context.Context, n int) (int, error) {
				if n == 1999 {
					time.Sleep(time.Hour)
				}
				return n, nil
			}, opts...)
			n := 0
			for range s.All(bg) {
				if n++; n == 1999 && time.Since(start) != 0 {
					t.Fatal("a result that was ready came after", time.Since(start))
				}
			}
		})
	}
}

func TestG53_WindowBoundsWhatIsInFlight(t *testing.T) {
	for _, window := range []int{1, 2, 7, 64} {
		t.Run(fmt.Sprint(window), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var taken, handed, most atomic.Int64
				source := flow.Generate(func(_ context.Context, yield func(int) bool) error {
					for i := range 500 {
						if now := taken.Add(1) - handed.Load(); now > most.Load() {
							most.Store(now)
						}
						if !yield(i) {
							return nil
						}
					}
					return nil
				})
				s := flow.Map(source, double, flow.Parallel(4), flow.Ordered(), flow.Window(window))
				for range s.All(bg) {
					time.Sleep(time.Millisecond) // a slow consumer fills the window
					handed.Add(1)
				}
				// One is in the consumer's hand, and one in the source's, waiting for room.
				if m := most.Load(); m > int64(window)+2 {
					t.Fatal("in flight:", m)
				}
			})
		})
	}
}

func TestItemsAreNotHeldBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		n := 0
		s := flow.Map(timed(time.Second, time.Second, time.Second), double, flow.Parallel(3), flow.Ordered())
		for range s.All(bg) {
			n++
			if since := time.Since(start); since != time.Duration(n)*time.Second {
				t.Fatal("item", n, "came after", since)
			}
		}
	})
}

func TestMapWithStateAndTearDown(t *testing.T) {
	everyWay(t, func(t *testing.T, _ bool, opts ...flow.Option) {
		var mu sync.Mutex
		open, closed, total := 0, 0, 0
		s := flow.MapWith(upTo(1000), func(context.Context) (flow.Worker[int, int], error) {
			mu.Lock()
			defer mu.Unlock()
			open++
			mine := 0 // no lock: two calls of one worker never happen at the same time
			return flow.Worker[int, int]{
				Do: func(_ context.Context, n int) (int, error) { mine++; return n, nil },
				Close: func() error {
					mu.Lock()
					defer mu.Unlock()
					closed++
					total += mine
					return nil
				},
			}, nil
		}, opts...)
		if _, err := s.Collect(bg); err != nil {
			t.Fatal(err)
		}
		workers := 4
		if len(opts) == 0 {
			workers = 1
		}
		if open != workers || closed != workers || total != 1000 {
			t.Fatal("opened", open, "closed", closed, "worked", total)
		}
	})
}

func TestMapWithFailures(t *testing.T) {
	everyWay(t, func(t *testing.T, _ bool, opts ...flow.Option) {
		worker := func(closing error) flow.Worker[int, int] {
			return flow.Worker[int, int]{Do: double, Close: func() error { return closing }}
		}
		for name, open := range map[string]func(context.Context) (flow.Worker[int, int], error){
			"open fails":  func(context.Context) (flow.Worker[int, int], error) { return worker(nil), errTest },
			"open panics": func(context.Context) (flow.Worker[int, int], error) { panic(errTest) },
			"close fails": func(context.Context) (flow.Worker[int, int], error) { return worker(errTest), nil },
			"close panics": func(context.Context) (flow.Worker[int, int], error) {
				return flow.Worker[int, int]{Do: double, Close: func() error { panic(errTest) }}, nil
			},
		} {
			if _, err := flow.MapWith(upTo(10), open, opts...).Collect(bg); !errors.Is(err, errTest) {
				t.Fatal(name, err)
			}
		}
	})
}

func TestFilterAndFlatten(t *testing.T) {
	everyWay(t, func(t *testing.T, _ bool, opts ...flow.Option) {
		got, err := flow.Filter(upTo(6), func(_ context.Context, n int) (bool, error) { return n%2 == 1, nil }, opts...).Collect(bg)
		slices.Sort(got)
		if !slices.Equal(got, []int{1, 3, 5}) || err != nil {
			t.Fatal(got, err)
		}
		lists := func(_ context.Context, n int) ([]int, error) { return count(n), nil } // 0 makes an empty one
		flat, err := flow.Flatten(flow.Map(flow.Of(0, 2, 0, 1), lists, opts...)).Collect(bg)
		slices.Sort(flat)
		if !slices.Equal(flat, []int{0, 0, 1}) || err != nil {
			t.Fatal(flat, err)
		}
	})
}

func TestOptionMisuse(t *testing.T) {
	for name, f := range map[string]func(){
		"parallel": func() { flow.Parallel(0) },
		"window":   func() { flow.Window(0) },
		"slide":    func() { flow.Slide(flow.Of(1), 0, 1) },
		"chunk":    func() { flow.Chunk(flow.Of(1), flow.Chunking{}) },
		"rate":     func() { flow.RateLimit(flow.Of(1), flow.Rate{}) },
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
