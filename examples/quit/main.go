// Quit tells a talker to stop and waits until it has cleaned up (Rob Pike, "Go Concurrency
// Patterns"): the round trip on a quit channel is what a scope does.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/troupe-go/troupe/csp"
)

func run(ctx context.Context, w io.Writer) error {
	return csp.Run(ctx, func(scope *csp.Scope) error {
		said := csp.New[string](csp.Unbuffered())
		scope.Go(func(ctx context.Context) error {
			defer fmt.Fprintln(w, "Joe: see you!") // cleans up
			for i := 0; ; i++ {
				if err := said.Put(ctx, fmt.Sprintf("Joe %d", i)); err != nil {
					return nil // told to quit
				}
			}
		})
		for range 3 {
			fmt.Fprintln(w, <-said.C())
		}
		return nil // tells Joe to quit, and waits for him
	})
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
