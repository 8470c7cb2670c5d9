package csp_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/csp"
)

func ExampleNew() {
	ctx := context.Background()
	newest := csp.New[int](csp.Sliding(2))
	for i := range 5 {
		_ = newest.Put(ctx, i) // never waits
	}
	newest.Close()
	for v := range newest.All(ctx) {
		fmt.Println(v)
	}
	// Output:
	// 3
	// 4
}

func ExampleChan_Put() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	c := csp.New[string](csp.Unbuffered())
	err := c.Put(ctx, "is anybody there?")
	fmt.Println(err)
	// Output: context deadline exceeded
}

func ExampleChan_Get() {
	ctx := context.Background()
	c := csp.Of("a", "")
	for {
		v, ok := c.Get(ctx)
		if !ok {
			break
		}
		fmt.Printf("%q\n", v)
	}
	// Output:
	// "a"
	// ""
}

func ExampleChan_C() {
	c := csp.Of(1, 2, 3)
	for v := range c.C() {
		fmt.Print(v, " ")
	}
	// Output: 1 2 3
}

func ExampleChan_CloseWithError() {
	ctx := context.Background()
	c := csp.New[int](csp.Fixed(1))
	_ = c.Put(ctx, 1)
	c.CloseWithError(errors.New("no more paper"))
	for v := range c.All(ctx) {
		fmt.Println(v)
	}
	fmt.Println(c.Err())
	// Output:
	// 1
	// no more paper
}

func ExampleChan_TryPut() {
	c := csp.New[int](csp.Fixed(1))
	fmt.Println(c.TryPut(1), c.TryPut(2))
	// Output: done full
}

func ExampleChan_GetFunc() {
	c := csp.Of("hello")
	_ = c.GetFunc(func(v string, ok bool) { fmt.Println(v, ok) })
	// Output: hello true
}

func ExamplePromise() {
	p := csp.NewPromise[int]()
	fmt.Println(p.Put(0), p.Put(1))
	fmt.Println(p.Get(context.Background()))
	// Output:
	// true false
	// 0 true
}

func ExampleSelect() {
	ctx := context.Background()
	numbers, words := csp.New[int](csp.Unbuffered()), csp.Of("seven")
	var n int
	var w string
	switch i, ok, err := csp.Select(ctx, csp.Recv(numbers, &n), csp.Recv(words, &w)); {
	case err != nil:
		fmt.Println("the context ended:", err)
	case i == 0:
		fmt.Println("number", n, ok)
	case i == 1:
		fmt.Println("word", w, ok)
	}
	// Output: word seven true
}

func ExampleDefault() {
	c := csp.New[int](csp.Unbuffered())
	i, _, _ := csp.Select(context.Background(), csp.Recv(c, nil), csp.Default())
	fmt.Println(i)
	// Output: 1
}

func ExampleAfter() {
	ctx := context.Background()
	never := csp.New[int](csp.Unbuffered())
	i, _, _ := csp.Select(ctx, csp.Recv(never, nil), csp.Recv(csp.After(ctx, time.Millisecond), nil))
	fmt.Println("case", i)
	// Output: case 1
}

func ExampleTick() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for beat := range csp.Tick(ctx, time.Millisecond).All(ctx) {
		if beat.N >= 2 {
			fmt.Println("enough")
			break
		}
	}
	// Output: enough
}

func ExampleFromSeq() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // ends the generator, which is endless
	powers := csp.FromSeq(ctx, func(yield func(int) bool) {
		for i := 1; yield(i); i *= 2 {
		}
	})
	for range 4 {
		fmt.Println(powers.Get(ctx))
	}
	// Output:
	// 1 true
	// 2 true
	// 4 true
	// 8 true
}

func ExampleBroadcast() {
	ctx := context.Background()
	news := csp.New[string](csp.Unbuffered())
	b := csp.NewBroadcast(ctx, news)
	alice, bob := b.Tap(csp.Fixed(1)), b.Tap(csp.Fixed(1))
	_ = news.Put(ctx, "rain")
	news.Close()
	fmt.Println(alice.Get(ctx))
	fmt.Println(bob.Get(ctx))
	// Output:
	// rain true
	// rain true
}

func ExamplePubSub() {
	ctx := context.Background()
	in := csp.New[int](csp.Unbuffered())
	parity := func(n int) string { return []string{"even", "odd"}[n%2] }
	p := csp.NewPubSub(ctx, in, parity, func(string) csp.Buffer { return csp.Fixed(8) })
	odd := p.Sub("odd", csp.Fixed(8))
	_, _ = in.Add(ctx, 1, 2, 3)
	in.Close()
	for n := range odd.All(ctx) {
		fmt.Println(n)
	}
	// Output:
	// 1
	// 3
}

func ExampleMix() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	voice, drums, out := csp.Of("la"), csp.Of("boom"), csp.New[string](csp.Unbuffered())
	m := csp.NewMix(ctx, out)
	m.Toggle(map[*csp.Chan[string]]csp.Mixing{voice: {}, drums: {Mute: true}})
	fmt.Println(out.Get(ctx))
	// Output: la true
}

func ExampleMerge() {
	ctx := context.Background()
	sum := 0
	for v := range csp.Merge(ctx, csp.Of(1, 2), csp.Of(3)).All(ctx) {
		sum += v
	}
	fmt.Println(sum)
	// Output: 6
}

func ExampleDistribute() {
	ctx := context.Background()
	outs := []*csp.Chan[int]{csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered())}
	csp.Distribute(ctx, csp.Of(1, 2, 3), outs)
	sum := 0
	for v := range csp.Merge(ctx, outs...).All(ctx) {
		sum += v
	}
	fmt.Println(sum)
	// Output: 6
}

func ExampleSplit() {
	ctx := context.Background()
	long, short := csp.Split(ctx, csp.Of("a", "bcd"), func(s string) bool { return len(s) > 1 }, csp.Fixed(2))
	fmt.Println(long.Get(ctx))
	fmt.Println(short.Get(ctx))
	// Output:
	// bcd true
	// a true
}

func ExampleZip() {
	ctx := context.Background()
	for row := range csp.Zip(ctx, csp.Of(1, 2), csp.Of(3)).All(ctx) {
		fmt.Println(row)
	}
	// Output:
	// [{1 true} {3 true}]
	// [{2 true} {0 false}]
}

func ExampleCombineLatest() {
	ctx := context.Background()
	for row := range csp.CombineLatest(ctx, csp.Of(1)).All(ctx) {
		fmt.Println(row)
	}
	// Output: [{1 true}]
}

func ExamplePipe() {
	ctx := context.Background()
	for v := range csp.Pipe(ctx, csp.Of(1, 2), csp.New[int](csp.Fixed(1))).All(ctx) {
		fmt.Println(v)
	}
	// Output:
	// 1
	// 2
}

func ExampleRun() {
	err := csp.Run(context.Background(), func(s *csp.Scope) error {
		answers := csp.New[int](csp.Unbuffered())
		s.Go(func(ctx context.Context) error { return answers.Put(ctx, 42) })
		s.Go(func(ctx context.Context) error { return answers.Put(ctx, 42) }) // will be left over
		v, _ := answers.Get(s.Context())
		fmt.Println(v)
		return nil
	})
	fmt.Println(err)
	// Output:
	// 42
	// <nil>
}
