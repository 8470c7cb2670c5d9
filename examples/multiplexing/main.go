// Multiplexing lets whoever is ready talk (Rob Pike, "Go Concurrency Patterns"): the channels of
// two boring people become one.
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

func run(ctx context.Context, w io.Writer) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	both := csp.Merge(ctx, boring(ctx, "Joe"), boring(ctx, "Ann"))
	for range 10 {
		fmt.Fprintln(w, <-both.C())
	}
}

func main() { run(context.Background(), os.Stdout) }
