// Restore order lets two people who talk into one channel take turns all the same (Rob Pike, "Go
// Concurrency Patterns"): each message carries a channel on which its sender waits for leave to
// go on.
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

type message struct {
	text string
	goOn *csp.Chan[struct{}]
}

func boring(ctx context.Context, name string) *csp.Chan[message] {
	goOn := csp.New[struct{}](csp.Unbuffered())
	return csp.FromSeq(ctx, func(yield func(message) bool) {
		for i := 0; yield(message{fmt.Sprintf("%s %d", name, i), goOn}); i++ {
			csp.After(ctx, rand.N(100*time.Millisecond)).Get(ctx)
			goOn.Get(ctx)
		}
	})
}

func run(ctx context.Context, w io.Writer) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	both := csp.Merge(ctx, boring(ctx, "Joe"), boring(ctx, "Ann"))
	for range 5 {
		first, second := <-both.C(), <-both.C()
		fmt.Fprintln(w, first.text)
		fmt.Fprintln(w, second.text)
		_ = first.goOn.Put(ctx, struct{}{})
		_ = second.goOn.Put(ctx, struct{}{})
	}
}

func main() { run(context.Background(), os.Stdout) }
