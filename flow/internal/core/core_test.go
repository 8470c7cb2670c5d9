package core

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errTest = errors.New("test failure")

func numbers(n int) func(context.Context, func(int) bool) error {
	return func(_ context.Context, push func(int) bool) error {
		for i := range n {
			if !push(i) {
				return nil
			}
		}
		return nil
	}
}

func plain(f func(context.Context, int) (int, error)) func(context.Context) (Work[int, int], error) {
	return func(context.Context) (Work[int, int], error) { return Work[int, int]{Do: f}, nil }
}

func same(_ context.Context, n int) (int, error) { return n, nil }

// TestParkingLosesNobody lets many wait for tickets that come one at a time, with sleepers that
// are served in the instant in which they fall asleep.
func TestParkingLosesNobody(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			const sleepers, tickets = 5, 100
			p := newParking(sleepers)
			var there, taken atomic.Int32
			var all sync.WaitGroup
			for range sleepers {
				all.Go(func() {
					got := false
					take := func() bool {
						for !got {
							n := there.Load()
							if n == 0 {
								return taken.Load() == tickets
							}
							got = there.CompareAndSwap(n, n-1)
						}
						return true
					}
					for taken.Load() < tickets {
						if got = false; !take() {
							p.wait(nil, take)
						}
						if got && taken.Add(1) == tickets {
							p.wakeAll()
						}
					}
				})
			}
			for range tickets {
				there.Add(1)
				p.wake()
			}
			all.Wait()
			if n := p.asleep.Load(); n != 0 || len(p.tokens) != 0 {
				t.Fatal("left asleep:", n, "tokens:", len(p.tokens))
			}
		})
	}
}

func TestParkingEndsWithDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParking(1)
		done := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(done) })
		p.wait(done, func() bool { return false })
		if p.asleep.Load() != 0 {
			t.Fatal("still asleep")
		}
		p.wake() // nobody is there
	})
}

// TestRunInManyShapes runs stages of all sizes over sources of all sizes.
func TestRunInManyShapes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		cfg := Config{Workers: 1 + random.IntN(6), Window: random.IntN(40), Ordered: random.IntN(2) == 0}
		n, failAt := random.IntN(300), random.IntN(600)
		synctest.Test(t, func(t *testing.T) {
			var got []int
			err := Run(t.Context(), cfg, numbers(n), plain(func(_ context.Context, i int) (int, error) {
				if i == failAt {
					return 0, errTest
				}
				return i, nil
			}), func(i int) bool { got = append(got, i); return true })
			complete := n
			if failAt < n {
				complete = failAt
				if !errors.Is(err, errTest) {
					t.Fatalf("%+v: %v", cfg, err)
				}
			}
			if !cfg.Ordered && failAt < n {
				return // any may be missing
			}
			if !cfg.Ordered {
				slices.Sort(got)
			}
			if len(got) != complete || !slices.IsSorted(got) {
				t.Fatalf("%+v, n=%d, failAt=%d: got %d: %v", cfg, n, failAt, len(got), got)
			}
		})
	}
}

func TestRunStopsWhenEmitHasEnough(t *testing.T) {
	for enough := range 50 {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			err := Run(t.Context(), Config{Workers: 3, Window: 4}, numbers(1<<40), plain(same), func(int) bool {
				n++
				return n <= enough
			})
			if err != nil || n != enough+1 {
				t.Fatal(n, err)
			}
		})
	}
}

func TestGiveBackSharesSlowChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers = 4
		var at [workers * 100]time.Duration
		start := time.Now()
		err := Run(t.Context(), Config{Workers: workers, Ordered: true}, numbers(5000+len(at)), plain(func(_ context.Context, i int) (int, error) {
			if i >= 5000 {
				time.Sleep(time.Second)
				at[i-5000] = time.Since(start)
			}
			return i, nil
		}), func(int) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		ideal := time.Duration(len(at)/workers) * time.Second
		if last := slices.Max(at[:]); last > ideal*11/10 {
			t.Fatal("took", last, "ideal", ideal)
		}
	})
}

func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Probe{Name: "nap", Workers: 2}
		nap := func(_ context.Context, i int) (int, error) { time.Sleep(time.Second); return i, Skip }
		if err := Run(t.Context(), Config{Workers: 2, Probe: p}, numbers(10), plain(nap), nil); err != nil {
			t.Fatal(err)
		}
		if r := p.Read(); r != (Reading{In: 10, Out: 10, Busy: 10 * time.Second}) {
			t.Fatalf("%+v", r)
		}
		var none *Probe
		none.In()
		none.Out()
		none.WaitingIn(1)
		none.WaitingOut(1)
		none.End(none.Begin())
	})
}
