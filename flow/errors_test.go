package flow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/troupe-go/troupe/csp"
	"github.com/troupe-go/troupe/flow"
)

func TestOnError(t *testing.T) {
	fail := flow.Of(1, 2, 3)
	replace := func(_ context.Context, item int, err error) (int, error) { return -item, nil }
	skip := func(context.Context, int, error) (int, error) { return 0, flow.Skip }
	other := func(_ context.Context, item int, err error) (int, error) {
		return 0, fmt.Errorf("item %d: %w", item, err)
	}
	want(t, flow.Map(fail, flow.OnError(failAt(2), replace)), 1, -2, 3)
	want(t, flow.Map(fail, flow.OnError(panicAt(2), replace)), 1, -2, 3)
	want(t, flow.Map(fail, flow.OnError(failAt(2), skip)), 1, 3)
	_, err := flow.Map(fail, flow.OnError(failAt(2), other)).Collect(bg)
	if !errors.Is(err, errTest) || err.Error() != "item 2: test failure" {
		t.Fatal(err)
	}
}

func TestOnErrorIsNotCalledAtTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		wait := func(ctx context.Context, n int) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
		handle := func(context.Context, int, error) (int, error) { t.Error("called"); return 0, nil }
		_, err := flow.Map(flow.Of(1), flow.OnError(wait, handle), flow.Parallel(2)).Collect(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}

// failing fails so many times for each item.
func failing(times int) (f func(context.Context, int) (int, error), calls *int) {
	calls = new(int)
	return func(_ context.Context, n int) (int, error) {
		*calls++
		if *calls <= times {
			return 0, errTest
		}
		return n, nil
	}, calls
}

func TestRetry(t *testing.T) {
	for _, test := range []struct {
		name     string
		failures int
		backoff  flow.Backoff
		calls    int
		took     time.Duration
		err      string
	}{
		{name: "at once", calls: 1},
		{name: "third time", failures: 2, calls: 3, took: 300 * time.Millisecond},
		{name: "never", failures: 9, calls: 3, took: 300 * time.Millisecond, err: "flow: gave up after 3 tries: test failure"},
		{name: "longest pause", failures: 3, backoff: flow.Backoff{Tries: 4, First: time.Second, Factor: 10, Max: 5 * time.Second}, calls: 4, took: 11 * time.Second},
		{name: "not again", failures: 9, backoff: flow.Backoff{Again: func(err error) bool { return err != errTest }}, calls: 1, err: "test failure"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				start := time.Now()
				f, calls := failing(test.failures)
				_, err := flow.Map(flow.Of(1), flow.Retry(f, test.backoff)).Collect(bg)
				if *calls != test.calls || time.Since(start) != test.took {
					t.Fatal(*calls, "calls in", time.Since(start))
				}
				if (err == nil) != (test.err == "") || err != nil && (err.Error() != test.err || !errors.Is(err, errTest)) {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestRetryJitterAndContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		f, _ := failing(1)
		if _, err := flow.Retry(f, flow.Backoff{First: time.Second, Jitter: 0.5})(bg, 1); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 500*time.Millisecond || took > 1500*time.Millisecond || took == time.Second {
			t.Fatal("took", took)
		}
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		f, calls := failing(9)
		_, err := flow.Retry(f, flow.Backoff{First: time.Hour})(ctx, 1)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errTest) || *calls != 1 {
			t.Fatal(err, *calls)
		}
	})
}

func TestRetryDoesNotRepeatPanics(t *testing.T) {
	calls := 0
	f := func(context.Context, int) (int, error) { calls++; panic(errTest) }
	if _, err := flow.Map(flow.Of(1), flow.Retry(f, flow.Backoff{})).Collect(bg); !flow.IsPanic(err) || calls != 1 {
		t.Fatal(err, calls)
	}
}

func TestCatch(t *testing.T) {
	bad := flow.Map(naturals(), failAt(2))
	rest := func(_ context.Context, err error) (flow.Stream[int], error) {
		if !errors.Is(err, errTest) {
			t.Error(err)
		}
		return flow.Of(7, 8), nil
	}
	want(t, flow.Catch(bad, rest), 0, 1, 7, 8)
	want(t, flow.Take(flow.Catch(bad, rest), 1), 0)
	nothing := func(context.Context, error) (flow.Stream[int], error) { return flow.Stream[int]{}, nil }
	want(t, flow.Catch(flow.Map(naturals(), panicAt(1)), nothing), 0)
	worse := func(context.Context, error) (flow.Stream[int], error) { panic("worse") }
	if _, err := flow.Catch(bad, worse).Collect(bg); !flow.IsPanic(err) {
		t.Fatal(err)
	}
}

func TestPanicCarriesItsStack(t *testing.T) {
	_, err := flow.Map(flow.Of(1), explode, flow.Parallel(2)).Collect(bg)
	var p *csp.PanicError
	if !errors.As(err, &p) || !strings.Contains(string(p.Stack), "explode") {
		t.Fatal(err)
	}
}

func explode(context.Context, int) (int, error) { panic("boom") }

func TestForEachReduceMapReduce(t *testing.T) {
	everyWay(t, func(t *testing.T, _ bool, opts ...flow.Option) {
		seen := make(chan int, 10)
		err := flow.ForEach(bg, upTo(10), func(_ context.Context, n int) error { seen <- n; return nil }, opts...)
		if err != nil || len(seen) != 10 {
			t.Fatal(err, len(seen))
		}
		err = flow.ForEach(bg, naturals(), func(_ context.Context, n int) error {
			if n == 5 {
				return errTest
			}
			return nil
		}, opts...)
		if !errors.Is(err, errTest) {
			t.Fatal(err)
		}
		words := flow.Of("a", "b", "a", "a")
		file := func(_ context.Context, w string) (flow.KeyValue[string, int], error) {
			return flow.KeyValue[string, int]{Key: w, Value: 1}, nil
		}
		counts, err := flow.MapReduce(bg, words, file, add, opts...)
		if err != nil || fmt.Sprint(counts) != "map[a:3 b:1]" {
			t.Fatal(counts, err)
		}
		bad := func(context.Context, int, int) (int, error) { return 0, errTest }
		if counts, err := flow.MapReduce(bg, words, file, bad, opts...); !errors.Is(err, errTest) || len(counts) == 0 {
			t.Fatal(counts, err)
		}
	})
	if sum, err := flow.Reduce(bg, flow.Map(naturals(), failAt(4)), 100, add); sum != 106 || !errors.Is(err, errTest) {
		t.Fatal(sum, err)
	}
	if sum, err := flow.Reduce(bg, flow.Stream[int]{}, 5, add); sum != 5 || err != nil {
		t.Fatal(sum, err)
	}
}
