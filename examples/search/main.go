// Search asks three search engines for the same thing (Rob Pike, "Go Concurrency Patterns"),
// better each time: one after the other (1.0), all at once (2.0), not waiting for the slow ones
// (2.1), and asking several replicas of each (3.0).
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/troupe-go/troupe/flow"
)

// search is one engine: it takes its time.
type search func(ctx context.Context, query string) (string, error)

func fake(kind string) search {
	return func(ctx context.Context, query string) (string, error) {
		select {
		case <-time.After(rand.N(100 * time.Millisecond)):
			return fmt.Sprintf("%s result for %q", kind, query), nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

var kinds = []string{"web", "image", "video"}

func engines() flow.Stream[search] {
	return flow.Map(flow.FromSlice(kinds), func(_ context.Context, kind string) (search, error) { return fake(kind), nil })
}

// ask is the stage that puts a query to an engine.
func ask(query string) func(context.Context, search) (string, error) {
	return func(ctx context.Context, s search) (string, error) { return s(ctx, query) }
}

// google10 asks one engine after the other.
func google10(ctx context.Context, query string) ([]string, error) {
	return flow.Map(engines(), ask(query)).Collect(ctx)
}

// google20 asks all at once, and waits for the slowest.
func google20(ctx context.Context, query string) ([]string, error) {
	return flow.Map(engines(), ask(query), flow.Parallel(3)).Collect(ctx)
}

// google21 makes do with what it has after 80 ms.
func google21(ctx context.Context, query string) ([]string, error) {
	return inTime(ctx, flow.Map(engines(), ask(query), flow.Parallel(3)))
}

// google30 asks three replicas of each engine, and takes the first answer of each.
func google30(ctx context.Context, query string) ([]string, error) {
	replicated := func(_ context.Context, kind string) (search, error) {
		return first(fake(kind), fake(kind), fake(kind)), nil
	}
	return inTime(ctx, flow.Map(flow.Map(flow.FromSlice(kinds), replicated), ask(query), flow.Parallel(3)))
}

// first is an engine as fast as the fastest of its replicas; the others are called off.
func first(replicas ...search) search {
	return func(ctx context.Context, query string) (string, error) {
		answer, _, err := flow.Map(flow.FromSlice(replicas), ask(query), flow.Parallel(len(replicas))).First(ctx)
		return answer, err
	}
}

// inTime returns the answers that come within 80 ms.
func inTime(ctx context.Context, answers flow.Stream[string]) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 80*time.Millisecond)
	defer cancel()
	got, err := answers.Collect(ctx)
	if ctx.Err() != nil {
		err = nil // late is not wrong
	}
	return got, err
}

func main() {
	ctx := context.Background()
	for _, version := range []func(context.Context, string) ([]string, error){google10, google20, google21, google30} {
		start := time.Now()
		results, err := version(ctx, "golang")
		fmt.Println(results, err, time.Since(start).Round(time.Millisecond))
	}
}
