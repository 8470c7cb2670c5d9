package flow_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/csp"
	"github.com/troupe-go/troupe/flow"
)

func TestMapKeyedKeepsOrderPerKey(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			opts := []flow.Option{flow.Parallel(4)}
			if ordered {
				opts = append(opts, flow.Ordered())
			}
			var working [10]atomic.Int32
			var most, now atomic.Int32
			s := flow.MapKeyed(upTo(300), func(n int) int { return n % 10 }, func(_ context.Context, n int) (int, error) {
				if working[n%10].Add(1) != 1 {
					t.Error("two items of one key at the same time")
				}
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Duration(n*7919%13) * time.Millisecond)
				now.Add(-1)
				working[n%10].Add(-1)
				return n, nil
			}, opts...)
			got, err := s.Collect(bg)
			if err != nil || len(got) != 300 {
				t.Fatal(len(got), err)
			}
			last := map[int]int{}
			for _, n := range got {
				if before, ok := last[n%10]; ok && before > n {
					t.Fatal("key", n%10, "has", n, "after", before)
				}
				last[n%10] = n
			}
			if ordered && !slices.IsSorted(got) {
				t.Fatal("not in order")
			}
			if most.Load() < 2 {
				t.Fatal("nothing happened at the same time")
			}
		})
	}
}

func TestMapKeyedFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		wantThen(t, flow.MapKeyed(upTo(100), mod3, failAt(50), flow.Parallel(3), flow.Ordered()), errTest, count(50)...)
		for _, f := range []func(context.Context, int) (int, error){failAt(5), panicAt(5)} {
			if _, err := flow.MapKeyed(naturals(), mod3, f, flow.Parallel(3)).Collect(bg); !errors.Is(err, errTest) {
				t.Fatal(err)
			}
		}
		badKey := func(int) int { panic(errTest) }
		if _, err := flow.MapKeyed(upTo(3), badKey, double, flow.Parallel(2)).Collect(bg); !errors.Is(err, errTest) {
			t.Fatal(err)
		}
		skip := func(_ context.Context, n int) (int, error) { return n, flow.Skip }
		want(t, flow.MapKeyed(upTo(30), mod3, skip, flow.Parallel(2), flow.Ordered()))
		exit := func(context.Context, int) (int, error) { runtime.Goexit(); return 0, nil }
		if _, err := flow.MapKeyed(upTo(3), mod3, exit, flow.Parallel(2)).Collect(bg); !errors.Is(err, csp.ErrGoexit) {
			t.Fatal(err)
		}
	})
}

func TestFlatMap(t *testing.T) {
	everyWay(t, func(t *testing.T, ordered bool, opts ...flow.Option) {
		sub := func(_ context.Context, n int) (flow.Stream[int], error) {
			if n == 2 {
				return flow.Stream[int]{}, flow.Skip
			}
			return flow.Take(naturals(), n), nil
		}
		got, err := flow.FlatMap(upTo(5), sub, opts...).Collect(bg)
		if err != nil {
			t.Fatal(err)
		}
		if !ordered {
			slices.Sort(got)
			if !slices.Equal(got, []int{0, 0, 0, 1, 1, 2, 2, 3}) {
				t.Fatal(got)
			}
			return
		}
		if !slices.Equal(got, []int{0, 0, 1, 2, 0, 1, 2, 3}) {
			t.Fatal(got)
		}
		broken := func(_ context.Context, n int) (flow.Stream[int], error) { return flow.Fail[int](errTest), nil }
		if _, err := flow.FlatMap(naturals(), broken, opts...).Collect(bg); !errors.Is(err, errTest) {
			t.Fatal(err)
		}
	})
}

func TestFlatMapParallelRunsEndlessStreamsSideBySide(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := func(_ context.Context, n int) (flow.Stream[int], error) {
			return flow.Map(naturals(), func(context.Context, int) (int, error) {
				time.Sleep(time.Second)
				return n, nil
			}), nil
		}
		seen := map[int]int{}
		for n := range flow.FlatMap(upTo(3), sub, flow.Parallel(3)).All(bg) {
			if seen[n]++; len(seen) == 3 && seen[n] > 3 {
				break
			}
		}
	})
}

func TestGroupBy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		// One group after the other, which needs room for the groups that wait.
		groups := flow.GroupBy(upTo(10), mod3, csp.Elastic())
		sums := map[int]int{}
		err := flow.ForEach(bg, groups, func(ctx context.Context, g flow.Group[int, int]) error {
			sum, err := flow.Reduce(ctx, g.Items, 0, add)
			sums[g.Key] = sum
			return err
		})
		if err != nil || fmt.Sprint(sums) != "map[0:18 1:12 2:15]" {
			t.Fatal(sums, err)
		}
		// A group that nobody consumes, and one that somebody leaves, hold up nobody.
		for g, err := range flow.GroupBy(upTo(100), mod3, csp.Sliding(1)).All(bg) {
			if err != nil {
				t.Fatal(err)
			}
			if g.Key == 1 {
				_, _, _ = g.Items.First(bg)
			}
		}
		bad := func(int) int { panic(errTest) }
		if _, err := flow.GroupBy(upTo(3), bad, csp.Unbuffered()).Collect(bg); !errors.Is(err, errTest) {
			t.Fatal(err)
		}
	})
}

func add(_ context.Context, a, b int) (int, error) { return a + b, nil }

func TestG54_GroupsSeeTheError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := flow.GroupBy(flow.Map(naturals(), failAt(4)), mod3, csp.Elastic())
		result := make(chan error, 3)
		err := flow.ForEach(bg, s, func(ctx context.Context, g flow.Group[int, int]) error {
			_, err := g.Items.Collect(ctx)
			result <- err
			return nil
		}, flow.Parallel(3))
		if !errors.Is(err, errTest) {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := <-result; err == nil {
			t.Fatal("a group ended as if all was well")
		}
	})
}
