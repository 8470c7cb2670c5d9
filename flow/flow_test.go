package flow_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/csp"
	"github.com/troupe-go/troupe/flow"
)

var (
	bg      = context.Background()
	errTest = errors.New("test failure")
)

// bubble runs f in virtual time; a goroutine left behind fails the test.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func count(n int) []int {
	vs := make([]int, n)
	for i := range vs {
		vs[i] = i
	}
	return vs
}

func upTo(n int) flow.Stream[int] { return flow.FromSlice(count(n)) }

// naturals never ends by itself.
func naturals() flow.Stream[int] {
	return flow.FromSeq(func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
		}
	})
}

// timed yields 0, 1, 2... after the given pauses.
func timed(pauses ...time.Duration) flow.Stream[int] {
	return flow.Generate(func(ctx context.Context, yield func(int) bool) error {
		for i, pause := range pauses {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
			if !yield(i) {
				return nil
			}
		}
		return nil
	})
}

func want[T any](t *testing.T, s flow.Stream[T], vs ...T) {
	t.Helper()
	got, err := s.Collect(bg)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(vs) {
		t.Fatalf("got %v, want %v", got, vs)
	}
}

// wantThen expects values and then an error.
func wantThen[T any](t *testing.T, s flow.Stream[T], target error, vs ...T) {
	t.Helper()
	got, err := s.Collect(bg)
	if !errors.Is(err, target) {
		t.Fatalf("ended with %v, want %v", err, target)
	}
	if fmt.Sprint(got) != fmt.Sprint(vs) {
		t.Fatalf("got %v, want %v", got, vs)
	}
}

func double(_ context.Context, n int) (int, error) { return 2 * n, nil }

// failAt fails at n, and returns other items as they are.
func failAt(n int) func(context.Context, int) (int, error) {
	return func(_ context.Context, i int) (int, error) {
		if i == n {
			return 0, errTest
		}
		return i, nil
	}
}

func panicAt(n int) func(context.Context, int) (int, error) {
	return func(_ context.Context, i int) (int, error) {
		if i == n {
			panic(errTest)
		}
		return i, nil
	}
}

func TestSources(t *testing.T) {
	bubble(t, func(t *testing.T) {
		want(t, flow.Of(1, 2), 1, 2)
		want(t, flow.Stream[int]{})
		want(t, flow.FromSlice([]string{"a"}), "a")
		want(t, flow.FromSeq(slices.Values([]int{3, 4})), 3, 4)
		wantThen(t, flow.Fail[int](errTest), errTest)
		wantThen(t, flow.FromSeq2(flow.Join(flow.Of(1), flow.Fail[int](errTest)).All(bg)), errTest, 1)

		c := make(chan int, 2)
		c <- 5
		c <- 6
		close(c)
		want(t, flow.FromChan(c), 5, 6)

		d := csp.New[int](csp.Fixed(1))
		_ = d.Put(bg, 7)
		d.CloseWithError(errTest)
		wantThen(t, flow.FromCSP(d), errTest, 7)
	})
}

func TestStreamIsLazyAndRepeats(t *testing.T) {
	calls := 0
	s := flow.Map(flow.Of(1, 2, 3), func(_ context.Context, n int) (int, error) {
		calls++
		return n, nil
	})
	if calls != 0 {
		t.Fatal("something ran before it was asked for")
	}
	if v, ok, err := s.First(bg); v != 1 || !ok || err != nil || calls != 1 {
		t.Fatal(v, ok, err, calls)
	}
	want(t, s, 1, 2, 3)
	if _, ok, _ := (flow.Stream[int]{}).First(bg); ok {
		t.Fatal("an empty stream has a first value")
	}
}

func TestG50_ZeroAndNilPass(t *testing.T) {
	got, err := flow.Map(flow.Of[error](nil, nil), func(_ context.Context, e error) (error, error) { return e, nil }, flow.Parallel(2)).Collect(bg)
	if len(got) != 2 || err != nil {
		t.Fatal(got, err)
	}
}

func TestSendToAndChan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := make(chan int)
		result := make(chan error)
		go func() { result <- upTo(3).SendTo(bg, c) }()
		for i := range 3 {
			if v := <-c; v != i {
				t.Fatal(v)
			}
		}
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(bg)
		go func() { result <- naturals().SendTo(ctx, c) }()
		<-c
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		out := flow.Join(upTo(3), flow.Fail[int](errTest)).Chan(bg, csp.Fixed(1))
		if got := slices.Collect(out.All(bg)); !slices.Equal(got, count(3)) || out.Err() != errTest {
			t.Fatal(got, out.Err())
		}
		left := naturals().Chan(bg, csp.Unbuffered())
		left.Get(bg)
		left.Close() // ends the stream
		ended := naturals().Chan(ctx, csp.Unbuffered())
		if _, ok := ended.Get(bg); ok || !errors.Is(ended.Err(), context.Canceled) {
			t.Fatal(ended.Err())
		}
	})
}

// stages are all functions that make a stream of a stream of ints, each as plain as possible.
var stages = map[string]func(flow.Stream[int]) flow.Stream[int]{
	"Map":          func(s flow.Stream[int]) flow.Stream[int] { return flow.Map(s, failAt(-1)) },
	"Map parallel": func(s flow.Stream[int]) flow.Stream[int] { return flow.Map(s, failAt(-1), flow.Parallel(4)) },
	"Map ordered": func(s flow.Stream[int]) flow.Stream[int] {
		return flow.Map(s, failAt(-1), flow.Parallel(4), flow.Ordered())
	},
	"Map window 1": func(s flow.Stream[int]) flow.Stream[int] {
		return flow.Map(s, failAt(-1), flow.Parallel(4), flow.Window(1))
	},
	"MapKeyed": func(s flow.Stream[int]) flow.Stream[int] { return flow.MapKeyed(s, mod3, failAt(-1), flow.Parallel(2)) },
	"MapKeyed ordered": func(s flow.Stream[int]) flow.Stream[int] {
		return flow.MapKeyed(s, mod3, failAt(-1), flow.Parallel(2), flow.Ordered())
	},
	"FlatMap":          func(s flow.Stream[int]) flow.Stream[int] { return flow.FlatMap(s, single) },
	"FlatMap parallel": func(s flow.Stream[int]) flow.Stream[int] { return flow.FlatMap(s, single, flow.Parallel(2)) },
	"FlatMap ordered": func(s flow.Stream[int]) flow.Stream[int] {
		return flow.FlatMap(s, single, flow.Parallel(2), flow.Ordered())
	},
	"Filter":    func(s flow.Stream[int]) flow.Stream[int] { return flow.Filter(s, always) },
	"Take":      func(s flow.Stream[int]) flow.Stream[int] { return flow.Take(s, 1<<30) },
	"Drop":      func(s flow.Stream[int]) flow.Stream[int] { return flow.Drop(s, 0) },
	"TakeWhile": func(s flow.Stream[int]) flow.Stream[int] { return flow.TakeWhile(s, func(int) bool { return true }) },
	"DropWhile": func(s flow.Stream[int]) flow.Stream[int] { return flow.DropWhile(s, func(int) bool { return false }) },
	"Distinct":  flow.Distinct[int],
	"Scan": func(s flow.Stream[int]) flow.Stream[int] {
		return flow.Scan(s, 0, func(_ context.Context, _, v int) (int, error) { return v, nil })
	},
	"Slide": func(s flow.Stream[int]) flow.Stream[int] { return flow.Flatten(flow.Slide(s, 1, 1)) },
	"Chunk": func(s flow.Stream[int]) flow.Stream[int] { return flow.Flatten(flow.Chunk(s, flow.Chunking{Size: 3})) },
	"Chunk by time": func(s flow.Stream[int]) flow.Stream[int] {
		return flow.Flatten(flow.Chunk(s, flow.Chunking{Size: 3, Wait: time.Second}))
	},
	"ChunkBy": func(s flow.Stream[int]) flow.Stream[int] { return flow.Flatten(flow.ChunkBy(s, mod3)) },
	"RateLimit": func(s flow.Stream[int]) flow.Stream[int] {
		return flow.RateLimit(s, flow.Rate{Items: 1, Per: time.Nanosecond})
	},
	"Throttle":       func(s flow.Stream[int]) flow.Stream[int] { return flow.Throttle(s, 0) },
	"Buffer":         func(s flow.Stream[int]) flow.Stream[int] { return flow.Buffer(s, csp.Fixed(2)) },
	"Buffer elastic": func(s flow.Stream[int]) flow.Stream[int] { return flow.Buffer(flow.Take(s, 5000), csp.Elastic()) },
	"Join":           func(s flow.Stream[int]) flow.Stream[int] { return flow.Join(flow.Stream[int]{}, s) },
	"Merge":          func(s flow.Stream[int]) flow.Stream[int] { return flow.Merge(s) },
	"Zip left":       func(s flow.Stream[int]) flow.Stream[int] { return flow.Map(flow.Zip(s, flow.Stream[int]{}), left) },
	"Zip right":      func(s flow.Stream[int]) flow.Stream[int] { return flow.Map(flow.Zip(flow.Stream[int]{}, s), right) },
	"Tee":            func(s flow.Stream[int]) flow.Stream[int] { return flow.Tee(s, csp.Unbuffered(), listen) },
	"Tee deaf":       func(s flow.Stream[int]) flow.Stream[int] { return flow.Tee(s, csp.Unbuffered(), deaf) },
	"Catch":          func(s flow.Stream[int]) flow.Stream[int] { return flow.Catch(s, rethrow) },
	"Watch": func(s flow.Stream[int]) flow.Stream[int] {
		return flow.Watch(flow.Map(s, failAt(-1)), new(flow.Monitor))
	},
	"GroupBy": func(s flow.Stream[int]) flow.Stream[int] {
		return flow.FlatMap(flow.GroupBy(s, mod3, csp.Unbuffered()), items, flow.Parallel(3))
	},
	"many": func(s flow.Stream[int]) flow.Stream[int] {
		s = flow.Map(s, failAt(-1), flow.Parallel(3), flow.Ordered())
		s = flow.Buffer(flow.Filter(s, always, flow.Parallel(2)), csp.Fixed(3))
		return flow.Merge(flow.Map(s, failAt(-1), flow.Parallel(2)))
	},
}

// unordered are the stages of which the order of values is not promised.
var unordered = []string{"Map parallel", "Map window 1", "MapKeyed", "FlatMap parallel", "GroupBy", "many"}

func mod3(n int) int                                                            { return n % 3 }
func single(_ context.Context, n int) (flow.Stream[int], error)                 { return flow.Of(n), nil }
func always(context.Context, int) (bool, error)                                 { return true, nil }
func left(_ context.Context, p flow.Pair[int, int]) (int, error)                { return p.Left.Value, nil }
func right(_ context.Context, p flow.Pair[int, int]) (int, error)               { return p.Right.Value, nil }
func rethrow(_ context.Context, err error) (flow.Stream[int], error)            { return flow.Fail[int](err), nil }
func deaf(context.Context, flow.Stream[int]) error                              { return nil }
func items(_ context.Context, g flow.Group[int, int]) (flow.Stream[int], error) { return g.Items, nil }

func listen(ctx context.Context, branch flow.Stream[int]) error {
	_, err := branch.Collect(ctx)
	return err
}

func eachStage(t *testing.T, f func(t *testing.T, name string, stage func(flow.Stream[int]) flow.Stream[int])) {
	for name, stage := range stages {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { f(t, name, stage) })
		})
	}
}

func TestStagesPassEverything(t *testing.T) {
	eachStage(t, func(t *testing.T, name string, stage func(flow.Stream[int]) flow.Stream[int]) {
		got, err := stage(upTo(1000)).Collect(bg)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(unordered, name) {
			slices.Sort(got)
		}
		if !slices.Equal(got, count(1000)) {
			t.Fatal(got)
		}
		if got, err := stage(flow.Stream[int]{}).Collect(bg); len(got) != 0 || err != nil {
			t.Fatal("made something of nothing:", got, err)
		}
	})
}

func TestG53_LeavingTheLoopEndsEveryStage(t *testing.T) {
	eachStage(t, func(t *testing.T, name string, stage func(flow.Stream[int]) flow.Stream[int]) {
		n := 0
		for _, err := range stage(naturals()).All(bg) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 10 {
				break
			}
		}
		if n != 10 {
			t.Fatal("only", n)
		}
	})
}

func TestG53_ContextEndsEveryStage(t *testing.T) {
	eachStage(t, func(t *testing.T, name string, stage func(flow.Stream[int]) flow.Stream[int]) {
		why := errors.New("that will do")
		for _, source := range []flow.Stream[int]{
			flow.FromChan(make(chan int)),
			flow.FromCSP(csp.New[int](csp.Unbuffered())),
			timed(0, 0, 0, time.Hour),
		} {
			ctx, cancel := context.WithTimeoutCause(bg, time.Minute, why)
			_, err := stage(source).Collect(ctx)
			if !errors.Is(err, why) && !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal("ended with", err)
			}
			cancel()
			if _, err := stage(upTo(9)).Collect(ctx); !errors.Is(err, why) {
				t.Fatal("a context that had ended gave", err)
			}
		}
	})
}

func TestG53_PanicInTheLoopBodyPassesThrough(t *testing.T) {
	eachStage(t, func(t *testing.T, name string, stage func(flow.Stream[int]) flow.Stream[int]) {
		defer func() {
			if p := recover(); p != "mine" {
				t.Fatal("recovered", p)
			}
		}()
		for range stage(naturals()).All(bg) {
			panic("mine")
		}
	})
}

func TestG54_SourceErrorPassesEveryStage(t *testing.T) {
	eachStage(t, func(t *testing.T, name string, stage func(flow.Stream[int]) flow.Stream[int]) {
		got, err := stage(flow.Join(upTo(100), flow.Fail[int](errTest))).Collect(bg)
		if !errors.Is(err, errTest) {
			t.Fatal("ended with", err)
		}
		if !slices.Contains(unordered, name) && !slices.Equal(got, count(100)) {
			t.Fatal("values before the error were lost:", got)
		}
	})
}

func TestG54_SourcePanicPassesEveryStage(t *testing.T) {
	broken := flow.FromSeq(func(yield func(int) bool) {
		yield(0)
		panic(errTest)
	})
	eachStage(t, func(t *testing.T, name string, stage func(flow.Stream[int]) flow.Stream[int]) {
		_, err := stage(broken).Collect(bg)
		if !errors.Is(err, errTest) || !flow.IsPanic(err) {
			t.Fatal("ended with", err)
		}
	})
}

func TestRangeOverPulled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		next, stop := iter.Pull2(flow.Map(naturals(), double, flow.Parallel(2), flow.Ordered()).All(bg))
		for i := range 5 {
			if v, err, ok := next(); v != 2*i || err != nil || !ok {
				t.Fatal(v, err, ok)
			}
		}
		stop()
	})
}
