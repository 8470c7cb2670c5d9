// Philosophers dine with as many forks as there are of them, and each needs two. A fork is a
// channel that holds one value while the fork lies on the table; a philosopher takes both or
// none: having the first, he waits for the second only as long as it is there at once, and puts
// the first back otherwise. So nobody starves of a circle in which each holds one.
package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/troupe-go/troupe/csp"
)

type fork = *csp.Chan[struct{}]

type table struct {
	forks []fork
	meals int // for each

	mu  sync.Mutex
	out io.Writer
}

func newTable(seats, meals int, out io.Writer) *table {
	t := &table{forks: make([]fork, seats), meals: meals, out: out}
	for i := range t.forks {
		t.forks[i] = csp.New[struct{}](csp.Fixed(1))
		t.forks[i].TryPut(struct{}{})
	}
	return t
}

// dine lets everybody have their meals and returns when the last has left.
func (t *table) dine(ctx context.Context) error {
	scope := csp.NewScope(ctx)
	for i := range t.forks {
		left, right := t.forks[i], t.forks[(i+1)%len(t.forks)]
		scope.Go(func(ctx context.Context) error {
			for meal := range t.meals {
				if err := t.eat(ctx, left, right); err != nil {
					return err
				}
				t.say("philosopher %d has had meal %d\n", i, meal+1)
			}
			return nil
		})
	}
	return scope.Wait()
}

func (t *table) eat(ctx context.Context, left, right fork) error {
	for {
		think()
		i, _, err := csp.Select(ctx, csp.Recv(left, nil), csp.Recv(right, nil))
		if err != nil {
			return err
		}
		held, other := left, right
		if i == 1 {
			held, other = right, left
		}
		_, got := other.TryGet()
		if got == csp.Done {
			think() // eating is thinking too
			other.TryPut(struct{}{})
		}
		held.TryPut(struct{}{})
		if got == csp.Done {
			return nil
		}
	}
}

func think() { time.Sleep(rand.N(time.Millisecond)) }

func (t *table) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format, args...)
}

func main() {
	if err := newTable(5, 3, os.Stdout).dine(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
