package flow_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/troupe-go/troupe/csp"
	"github.com/troupe-go/troupe/flow"
)

// show prints a stream.
func show[T any](s flow.Stream[T]) {
	for v, err := range s.All(context.Background()) {
		if err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Println(v)
	}
}

func length(_ context.Context, s string) (int, error) { return len(s), nil }

func ExampleMap() {
	words := flow.Of("one", "three", "five5")
	show(flow.Map(words, length, flow.Parallel(4), flow.Ordered()))
	// Output:
	// 3
	// 5
	// 5
}

func ExampleStream_All() {
	ctx := context.Background()
	for n, err := range flow.Map(flow.Of(1, 2, 3, 4), double, flow.Parallel(2), flow.Ordered()).All(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if n > 4 {
			break // ends all stages, and waits until they have
		}
		fmt.Println(n)
	}
	// Output:
	// 2
	// 4
}

func ExampleStream_Chan() {
	ctx := context.Background()
	c := flow.Map(flow.Of(1, 2), double).Chan(ctx, csp.Fixed(1))
	for n := range c.C() {
		fmt.Println(n)
	}
	fmt.Println(c.Err())
	// Output:
	// 2
	// 4
	// <nil>
}

func ExampleGenerate() {
	fibonacci := flow.Generate(func(_ context.Context, yield func(int) bool) error {
		for a, b := 0, 1; yield(a); a, b = b, a+b {
		}
		return nil
	})
	show(flow.Take(flow.Drop(fibonacci, 5), 3))
	// Output:
	// 5
	// 8
	// 13
}

func ExampleMapWith() {
	// Each worker has a builder of its own.
	open := func(context.Context) (flow.Worker[string, string], error) {
		var b strings.Builder
		return flow.Worker[string, string]{Do: func(_ context.Context, s string) (string, error) {
			b.Reset()
			b.WriteString(s)
			b.WriteString("!")
			return b.String(), nil
		}}, nil
	}
	show(flow.MapWith(flow.Of("a", "b"), open, flow.Parallel(2), flow.Ordered()))
	// Output:
	// a!
	// b!
}

func ExampleMapKeyed() {
	// Orders of one customer are handled one after the other, those of several side by side.
	orders := flow.Of("ann:1", "bob:1", "ann:2")
	customer := func(order string) string { return order[:3] }
	handle := func(_ context.Context, order string) (string, error) { return "done " + order, nil }
	show(flow.MapKeyed(orders, customer, handle, flow.Parallel(2), flow.Ordered()))
	// Output:
	// done ann:1
	// done bob:1
	// done ann:2
}

func ExampleFilter() {
	even := func(_ context.Context, n int) (bool, error) { return n%2 == 0, nil }
	show(flow.Filter(flow.Of(1, 2, 3, 4), even))
	// Output:
	// 2
	// 4
}

func ExampleFlatMap() {
	letters := func(_ context.Context, word string) (flow.Stream[string], error) {
		return flow.FromSlice(strings.Split(word, "")), nil
	}
	show(flow.FlatMap(flow.Of("go", ""), letters))
	// Output:
	// g
	// o
}

func ExampleChunk() {
	show(flow.Chunk(flow.Of(1, 2, 3), flow.Chunking{Size: 2, Wait: time.Second}))
	// Output:
	// [1 2]
	// [3]
}

func ExampleGroupBy() {
	parity := func(n int) string { return []string{"even", "odd"}[n%2] }
	groups := flow.GroupBy(flow.Of(1, 2, 3, 4), parity, csp.Elastic())
	err := flow.ForEach(context.Background(), groups, func(ctx context.Context, g flow.Group[string, int]) error {
		all, err := g.Items.Collect(ctx)
		fmt.Println(g.Key, all)
		return err
	})
	fmt.Println(err)
	// Output:
	// odd [1 3]
	// even [2 4]
	// <nil>
}

func ExampleSlide() {
	show(flow.Slide(flow.Of(1, 2, 3, 4), 2, 1))
	// Output:
	// [1 2]
	// [2 3]
	// [3 4]
}

func ExampleScan() {
	show(flow.Scan(flow.Of(1, 2, 3), 0, add))
	// Output:
	// 1
	// 3
	// 6
}

func ExampleReduce() {
	fmt.Println(flow.Reduce(context.Background(), flow.Of(1, 2, 3), 0, add))
	// Output: 6 <nil>
}

func ExampleMapReduce() {
	words := flow.Of("to", "be", "or", "not", "to", "be")
	once := func(_ context.Context, w string) (flow.KeyValue[string, int], error) {
		return flow.KeyValue[string, int]{Key: w, Value: 1}, nil
	}
	counts, err := flow.MapReduce(context.Background(), words, once, add, flow.Parallel(2))
	for _, w := range slices.Sorted(maps.Keys(counts)) {
		fmt.Println(w, counts[w])
	}
	fmt.Println(err)
	// Output:
	// be 2
	// not 1
	// or 1
	// to 2
	// <nil>
}

func ExampleForEach() {
	err := flow.ForEach(context.Background(), flow.Of(1, 2, 3), func(_ context.Context, n int) error {
		if n == 3 {
			return errors.New("three is too many")
		}
		fmt.Println(n)
		return nil
	})
	fmt.Println(err)
	// Output:
	// 1
	// 2
	// three is too many
}

func ExampleRetry() {
	tries := 0
	flaky := func(_ context.Context, s string) (string, error) {
		if tries++; tries < 3 {
			return "", errors.New("try again")
		}
		return s, nil
	}
	show(flow.Map(flow.Of("at last"), flow.Retry(flaky, flow.Backoff{First: time.Millisecond})))
	// Output: at last
}

func ExampleOnError() {
	parse := func(_ context.Context, s string) (int, error) {
		var n int
		_, err := fmt.Sscan(s, &n)
		return n, err
	}
	skipBad := func(context.Context, string, error) (int, error) { return 0, flow.Skip }
	show(flow.Map(flow.Of("1", "x", "3"), flow.OnError(parse, skipBad)))
	// Output:
	// 1
	// 3
}

func ExampleCatch() {
	broken := flow.Join(flow.Of(1), flow.Fail[int](errors.New("cut off")))
	show(flow.Catch(broken, func(_ context.Context, err error) (flow.Stream[int], error) {
		return flow.Of(-1), nil
	}))
	// Output:
	// 1
	// -1
}

func ExampleMerge() {
	sum, err := flow.Reduce(context.Background(), flow.Merge(flow.Of(1, 2), flow.Of(3)), 0, add)
	fmt.Println(sum, err)
	// Output: 6 <nil>
}

func ExampleZip() {
	show(flow.Zip(flow.Of(1, 2), flow.Of("a")))
	// Output:
	// {{1 true} {a true}}
	// {{2 true} { false}}
}

func ExampleTee() {
	s := flow.Tee(flow.Of(1, 2, 3), csp.Fixed(8), func(ctx context.Context, branch flow.Stream[int]) error {
		sum, err := flow.Reduce(ctx, branch, 0, add)
		fmt.Println("sum", sum)
		return err
	})
	all, err := s.Collect(context.Background())
	fmt.Println(all, err)
	// Output:
	// sum 6
	// [1 2 3] <nil>
}

func ExampleMonitor() {
	var m flow.Monitor
	pause := func(_ context.Context, n int) (int, error) { time.Sleep(time.Millisecond); return n, nil }
	s := flow.Map(flow.Of(1, 2, 3), double, flow.Name("double"))
	s = flow.Map(s, pause, flow.Name("store"))
	_, _ = flow.Watch(s, &m).Collect(context.Background())
	for _, stage := range m.Stages() {
		fmt.Println(stage.Name, stage.In, stage.Out)
	}
	fmt.Println("bottleneck:", m.Bottleneck())
	// Output:
	// store 3 3
	// double 3 3
	// bottleneck: store
}

func ExampleRateLimit() {
	show(flow.RateLimit(flow.Of("a", "b"), flow.Rate{Items: 100, Per: time.Second}))
	// Output:
	// a
	// b
}

func ExampleBuffer() {
	show(flow.Buffer(flow.Of(1, 2), csp.Fixed(16)))
	// Output:
	// 1
	// 2
}

func ExampleTake() {
	show(flow.Take(flow.Of(1, 2, 3), 2))
	// Output:
	// 1
	// 2
}

func ExampleTakeWhile() {
	show(flow.TakeWhile(flow.Of(1, 2, 3, 1), func(n int) bool { return n < 3 }))
	// Output:
	// 1
	// 2
}

func ExampleDistinct() {
	show(flow.Distinct(flow.Of(1, 1, 2, 1)))
	// Output:
	// 1
	// 2
	// 1
}

func ExampleJoin() {
	show(flow.Join(flow.Of(1), flow.Of(2)))
	// Output:
	// 1
	// 2
}
