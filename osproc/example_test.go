//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"github.com/troupe-go/troupe/flow"
	"github.com/troupe-go/troupe/ipc"
	"github.com/troupe-go/troupe/osproc"
)

var square = osproc.Register("square", func(_ context.Context, n int) (int, error) {
	if n < 0 {
		os.Exit(3) // or a fault in a C library, or too much memory
	}
	return n * n, nil
})

// A main function begins with osproc.Main(), as the TestMain of these examples does.
func ExampleFunc_Start() {
	ctx := context.Background()
	p, err := square.Start(ctx, 12)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Wait(ctx))
	// Output: 144 <nil>
}

func ExampleProcess_Wait() {
	ctx := context.Background()
	p, err := square.Start(ctx, -1)
	if err != nil {
		log.Fatal(err)
	}
	_, err = p.Wait(ctx)
	var exit *osproc.ExitError
	if errors.As(err, &exit) {
		fmt.Println(exit.Name, "ended:", exit.Status)
	}
	// Output: square ended: exit status 3
}

func ExamplePool_Map() {
	ctx := context.Background()
	pool, err := osproc.NewPool(ctx, square, osproc.PoolConfig{Workers: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	for n, err := range pool.Map(ctx, slices.Values([]int{1, 2, -3, 4})) {
		var poison *osproc.PoisonError
		if errors.As(err, &poison) {
			fmt.Println("its worker died:", poison.Exit.Status)
			continue
		}
		fmt.Println(n, err)
	}
	// Output:
	// 1 <nil>
	// 4 <nil>
	// its worker died: exit status 3
	// 16 <nil>
}

// A pool is a stage of a flow.
func ExamplePool_Do() {
	ctx := context.Background()
	pool, err := osproc.NewPool(ctx, square, osproc.PoolConfig{Workers: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	squares := flow.Map(flow.Of(1, 2, 3), pool.Do, flow.Parallel(4), flow.Ordered())
	fmt.Println(squares.Collect(ctx))
	// Output: [1 4 9] <nil>
}

func ExamplePool_DoAsync() {
	ctx := context.Background()
	pool, err := osproc.NewPool(ctx, square, osproc.PoolConfig{Workers: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	a, b := pool.DoAsync(ctx, 3), pool.DoAsync(ctx, 4)
	x, _ := a.Wait(ctx)
	y, _ := b.Wait(ctx)
	fmt.Println(x + y)
	// Output: 25
}

var work = osproc.Register("work", func(ctx context.Context, d time.Duration) (string, error) {
	select {
	case <-time.After(d):
		return "done", nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
})

func ExampleChild_Stop() {
	ctx := context.Background()
	p, err := work.StartWith(ctx, time.Hour, osproc.Config{Grace: time.Second})
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Stop(ctx); err != nil { // SIGTERM, and SIGKILL after the grace
		log.Fatal(err)
	}
	_, err = p.Wait(ctx)
	fmt.Println(errors.Is(err, osproc.ErrTerminated), p.Alive())
	// Output: true false
}

// Several children are waited for at once: for the first of them to end, and for all.
func ExampleWaitAll() {
	ctx := context.Background()
	fast, err := work.Start(ctx, 0)
	if err != nil {
		log.Fatal(err)
	}
	slow, err := work.Start(ctx, time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	first, err := ipc.WaitAny(ctx, slow, fast)
	fmt.Println(first, err)
	_ = slow.Kill()
	err = osproc.WaitAll(ctx, slow, fast)
	fmt.Println(errors.Is(err, osproc.ErrKilled))
	// Output:
	// 1 <nil>
	// true
}

func ExampleCommand() {
	ctx := context.Background()
	p, err := osproc.Command("sh", "-c", "echo hello; exit 4").StartWith(ctx, osproc.Config{
		Stdout: osproc.ToLines(func(line []byte) { fmt.Printf("it says %q\n", line) }),
	})
	if err != nil {
		log.Fatal(err)
	}
	err = p.Wait(ctx)
	var exit *osproc.ExitError
	if errors.As(err, &exit) {
		fmt.Println(exit.Status)
	}
	// Output:
	// it says "hello"
	// exit status 4
}
