// Generator is a function that returns a channel (Rob Pike, "Go Concurrency Patterns"): boring
// people who talk at their own pace, each a service that we hold a handle on.
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

// boring talks until ctx ends or nobody listens any more.
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
	joe, ann := boring(ctx, "Joe"), boring(ctx, "Ann")
	for range 5 {
		fmt.Fprintln(w, <-joe.C())
		fmt.Fprintln(w, <-ann.C())
	}
	fmt.Fprintln(w, "You're both boring; I'm leaving.")
}

func main() { run(context.Background(), os.Stdout) }
