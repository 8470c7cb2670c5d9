// Selecting is a fan-in by hand (Rob Pike, "Go Concurrency Patterns"): one goroutine takes from
// whichever of two channels is ready.
package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/troupe-go/troupe/csp"
)

func boring(ctx context.Context, name string) *csp.Chan[string] {
	return csp.FromSeq(ctx, func(yield func(string) bool) {
		for i := 0; yield(fmt.Sprintf("%s %d", name, i)); i++ {
			csp.After(ctx, rand.N(100*time.Millisecond)).Get(ctx)
		}
	})
}

func fanIn(ctx context.Context, a, b *csp.Chan[string]) *csp.Chan[string] {
	return csp.FromSeq(ctx, func(yield func(string) bool) {
		var s string
		for {
			if _, _, err := csp.Select(ctx, csp.Recv(a, &s), csp.Recv(b, &s)); err != nil || !yield(s) {
				return
			}
		}
	})
}

func run(ctx context.Context, w io.Writer) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	both := fanIn(ctx, boring(ctx, "Joe"), boring(ctx, "Ann"))
	for range 10 {
		fmt.Fprintln(w, <-both.C())
	}
}

func main() { run(context.Background(), os.Stdout) }
