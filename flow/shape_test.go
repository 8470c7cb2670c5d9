package flow_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/csp"
	"github.com/troupe-go/troupe/flow"
)

func TestTakeAndDrop(t *testing.T) {
	pulled := 0
	source := flow.Generate(func(_ context.Context, yield func(int) bool) error {
		for pulled < 100 {
			pulled++
			if !yield(pulled) {
				return nil
			}
		}
		return nil
	})
	want(t, flow.Take(source, 0)) // aiochan lets everything pass here
	if pulled != 0 {
		t.Fatal("took", pulled, "to take none")
	}
	want(t, flow.Take(source, 3), 1, 2, 3)
	if pulled != 3 {
		t.Fatal("took", pulled, "to take 3")
	}
	want(t, flow.Take(upTo(2), 5), 0, 1)
	want(t, flow.Drop(upTo(5), 3), 3, 4)
	want(t, flow.Drop(upTo(2), 5))
	small := func(n int) bool { return n < 3 }
	want(t, flow.TakeWhile(upTo(9), small), 0, 1, 2)
	want(t, flow.DropWhile(flow.Of(1, 5, 2), small), 5, 2)
}

func TestG54_PanicsInPlainFunctions(t *testing.T) {
	bad := func(int) bool { panic(errTest) }
	for name, s := range map[string]flow.Stream[int]{
		"TakeWhile":  flow.TakeWhile(upTo(3), bad),
		"DropWhile":  flow.DropWhile(upTo(3), bad),
		"DistinctBy": flow.DistinctBy(upTo(3), bad),
		"ChunkBy":    flow.Flatten(flow.ChunkBy(upTo(3), bad)),
		"Scan":       flow.Scan(upTo(3), 0, func(_ context.Context, _, n int) (int, error) { panic(errTest) }),
		"Filter":     flow.Filter(upTo(3), func(context.Context, int) (bool, error) { panic(errTest) }),
	} {
		if _, err := s.Collect(bg); !flow.IsPanic(err) {
			t.Error(name, err)
		}
	}
}

func TestDistinct(t *testing.T) {
	want(t, flow.Distinct(flow.Of(0, 0, 1, 1, 0)), 0, 1, 0)
	want(t, flow.DistinctBy(flow.Of(1, 3, 2, 4), func(n int) bool { return n%2 == 0 }), 1, 2)
}

func TestScan(t *testing.T) {
	s := flow.Scan(flow.Of(1, 2, 3), 10, add)
	want(t, s, 11, 13, 16)
	want(t, s, 11, 13, 16) // starts anew
	skipTwo := func(_ context.Context, a, b int) (int, error) {
		if b == 2 {
			return -1, flow.Skip
		}
		return a + b, nil
	}
	want(t, flow.Scan(flow.Of(1, 2, 3), 0, skipTwo), 1, 4)
}

func TestSlide(t *testing.T) {
	for _, test := range []struct {
		size, step int
		want       string
	}{
		{2, 1, "[[0 1] [1 2] [2 3] [3 4]]"},
		{2, 2, "[[0 1] [2 3]]"},
		{2, 3, "[[0 1] [3 4]]"},
		{1, 2, "[[0] [2] [4]]"},
		{6, 1, "[]"},
	} {
		got, _ := flow.Slide(upTo(5), test.size, test.step).Collect(bg)
		if fmt.Sprint(got) != test.want {
			t.Errorf("size %d, step %d: %v, want %s", test.size, test.step, got, test.want)
		}
	}
}

func TestChunkBySizeAndKey(t *testing.T) {
	want(t, flow.Chunk(upTo(5), flow.Chunking{Size: 2}), []int{0, 1}, []int{2, 3}, []int{4})
	want(t, flow.ChunkBy(flow.Of(1, 3, 2, 4, 5), func(n int) bool { return n%2 == 0 }), []int{1, 3}, []int{2, 4}, []int{5})
	wantThen(t, flow.Chunk(flow.Map(naturals(), failAt(3)), flow.Chunking{Size: 2}), errTest, []int{0, 1}, []int{2})
}

// at notes when, in seconds since the first call, values come.
func at[T any](t *testing.T, s flow.Stream[T]) string {
	start, all := time.Now(), ""
	for v, err := range s.All(bg) {
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%v@%v ", v, time.Since(start).Seconds())
	}
	return all
}

func TestTime(t *testing.T) {
	const s = time.Second
	source := timed(1*s, 1*s, 1*s, 5*s, 1*s, 0) // 0 to 5 come at 1, 2, 3, 8, 9, 9
	for _, test := range []struct {
		name string
		got  func(t *testing.T) string
		want string
	}{
		{"chunk by wait", func(t *testing.T) string {
			return at(t, flow.Chunk(source, flow.Chunking{Wait: 1500 * time.Millisecond}))
		},
			"[0 1]@2.5 [2]@4.5 [3 4 5]@9 "},
		{"chunk by idle", func(t *testing.T) string { return at(t, flow.Chunk(source, flow.Chunking{Idle: 2 * s})) },
			"[0 1 2]@5 [3 4 5]@9 "},
		{"chunk by size and wait", func(t *testing.T) string { return at(t, flow.Chunk(source, flow.Chunking{Size: 2, Wait: 3 * s})) },
			"[0 1]@2 [2]@6 [3 4]@9 [5]@9 "},
		{"chunk by wait and idle", func(t *testing.T) string { return at(t, flow.Chunk(source, flow.Chunking{Wait: 10 * s, Idle: 3 * s})) },
			"[0 1 2]@6 [3 4 5]@9 "},
		{"rate limit", func(t *testing.T) string { return at(t, flow.RateLimit(upTo(5), flow.Rate{Items: 2, Per: 10 * s})) },
			"0@0 1@0 2@10 3@10 4@20 "},
		{"throttle", func(t *testing.T) string { return at(t, flow.Throttle(source, 2*s)) }, "0@1 2@3 3@8 "},
		{"debounce", func(t *testing.T) string { return at(t, flow.Debounce(source, 2*s)) }, "2@5 5@9 "},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				if got := test.got(t); got != test.want {
					t.Fatalf("got  %s\nwant %s", got, test.want)
				}
			})
		})
	}
}

func TestBufferLetsTheSourceRunAhead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var made atomic.Int32
		source := flow.Map(naturals(), func(_ context.Context, n int) (int, error) {
			made.Add(1)
			return n, nil
		})
		for range flow.Buffer(source, csp.Fixed(5)).All(bg) {
			synctest.Wait()
			if m := made.Load(); m != 7 { // one taken, five in the buffer, one waiting
				t.Fatal("made", m)
			}
			break
		}
	})
}

func TestBufferPolicies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got []int
		for v := range flow.Buffer(upTo(100), csp.Sliding(2)).All(bg) {
			if len(got) == 0 {
				time.Sleep(time.Second) // the source comes to its end meanwhile
			}
			got = append(got, v)
		}
		if n := len(got); n > 3 || got[n-1] != 99 {
			t.Fatal(got)
		}
	})
}

func TestJoinZip(t *testing.T) {
	bubble(t, func(t *testing.T) {
		want(t, flow.Join(upTo(2), flow.Stream[int]{}, upTo(1)), 0, 1, 0)
		want(t, flow.Take(flow.Join(upTo(2), naturals()), 4), 0, 1, 0, 1)
		pairs, err := flow.Zip(flow.Of(0, 1), flow.Of("a")).Collect(bg)
		if err != nil || fmt.Sprint(pairs) != "[{{0 true} {a true}} {{1 true} { false}}]" {
			t.Fatal(pairs, err)
		}
		if pairs, _ := flow.Zip(flow.Of(0), flow.Of("a", "b")).Collect(bg); fmt.Sprint(pairs) != "[{{0 true} {a true}} {{0 false} {b true}}]" {
			t.Fatal(pairs)
		}
		for _, s := range []flow.Stream[flow.Pair[int, int]]{
			flow.Zip(naturals(), flow.Map(naturals(), failAt(2))),
			flow.Zip(flow.Map(naturals(), failAt(2)), naturals()),
			flow.Zip(flow.Map(naturals(), failAt(2)), flow.Map(naturals(), double, flow.Parallel(2))),
		} {
			if pairs, err := s.Collect(bg); len(pairs) != 2 || !errors.Is(err, errTest) {
				t.Fatal(pairs, err)
			}
		}
	})
}

func TestMerge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const s = time.Second
		got := at(t, flow.Merge(timed(1*s, 2*s), timed(2*s, 2*s)))
		if got != "0@1 0@2 1@3 1@4 " {
			t.Fatal(got)
		}
		if _, err := flow.Merge(naturals(), flow.Fail[int](errTest)).Collect(bg); !errors.Is(err, errTest) {
			t.Fatal(err)
		}
		want(t, flow.Merge[int]())
	})
}

func TestTee(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sum int
		s := flow.Tee(upTo(10), csp.Unbuffered(), func(ctx context.Context, branch flow.Stream[int]) (err error) {
			sum, err = flow.Reduce(ctx, branch, 0, add)
			time.Sleep(time.Second) // the stream waits for this
			return err
		})
		want(t, s, count(10)...)
		if sum != 45 {
			t.Fatal("the branch saw", sum)
		}
		bad := func(context.Context, flow.Stream[int]) error { return errTest }
		if _, err := flow.Tee(naturals(), csp.Unbuffered(), bad).Collect(bg); !errors.Is(err, errTest) {
			t.Fatal(err)
		}
		worse := func(context.Context, flow.Stream[int]) error { panic(errTest) }
		if _, err := flow.Tee(naturals(), csp.Unbuffered(), worse).Collect(bg); !flow.IsPanic(err) {
			t.Fatal(err)
		}
		var seen error
		watch := func(ctx context.Context, branch flow.Stream[int]) error {
			_, seen = branch.Collect(ctx)
			return nil
		}
		if _, err := flow.Tee(flow.Map(naturals(), failAt(3)), csp.Elastic(), watch).Collect(bg); !errors.Is(err, errTest) || !errors.Is(seen, errTest) {
			t.Fatal(err, seen)
		}
	})
}
