// Timeout gives up on a conversation (Rob Pike, "Go Concurrency Patterns"): once when a single
// message takes too long, and once when all of it has.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/troupe-go/troupe/csp"
)

// boring takes longer for each message than for the one before.
func boring(ctx context.Context, name string) *csp.Chan[string] {
	return csp.FromSeq(ctx, func(yield func(string) bool) {
		for i := 0; yield(fmt.Sprintf("%s %d", name, i)); i++ {
			csp.After(ctx, time.Duration(i)*20*time.Millisecond).Get(ctx)
		}
	})
}

// patient listens until a message takes longer than perMessage, or all take longer than in all.
func patient(ctx context.Context, w io.Writer, perMessage, all time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	joe, enough := boring(ctx, "Joe"), csp.After(ctx, all)
	for {
		var said string
		message, stop := context.WithCancel(ctx)
		i, _, _ := csp.SelectFirst(ctx,
			csp.Recv(joe, &said),
			csp.Recv(csp.After(message, perMessage), nil),
			csp.Recv(enough, nil))
		stop()
		switch i {
		case 0:
			fmt.Fprintln(w, said)
		case 1:
			fmt.Fprintln(w, "You're too slow.")
			return
		default:
			fmt.Fprintln(w, "You talk too much.")
			return
		}
	}
}

func main() {
	patient(context.Background(), os.Stdout, 90*time.Millisecond, time.Minute)
	patient(context.Background(), os.Stdout, time.Minute, 90*time.Millisecond)
}
