// Daisy chain passes a whisper along 100,000 people, each of whom adds one (Rob Pike, "Go
// Concurrency Patterns").
package main

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/csp"
)

func whisper(ctx context.Context, people int) int {
	last := csp.New[int](csp.Unbuffered())
	left := last
	for range people {
		right := csp.New[int](csp.Unbuffered())
		go func(left, right *csp.Chan[int]) {
			v, _ := right.Get(ctx)
			_ = left.Put(ctx, v+1)
		}(left, right)
		left = right
	}
	_ = left.Put(ctx, 0)
	heard, _ := last.Get(ctx)
	return heard
}

func main() { fmt.Println(whisper(context.Background(), 100_000)) }
