package flow

import (
	"fmt"

	"github.com/troupe-go/troupe/flow/internal/core"
)

// Option changes how a stage runs.
type Option func(*config)

type config struct {
	name     string
	parallel int
	ordered  bool
	window   int
}

// Parallel lets n workers call the stage's function at the same time, on goroutines of their
// own. Without it, or with n = 1, the function is called on the goroutine of the consumer, one
// item at a time, as a plain loop would. It panics if n is less than one.
func Parallel(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("flow: Parallel(%d): give at least 1", n))
	}
	return func(c *config) { c.parallel = n }
}

// Ordered makes results leave a parallel stage in the order in which their items entered it.
// Without it, they leave as soon as they are ready.
func Ordered() Option { return func(c *config) { c.ordered = true } }

// Window sets how many items a parallel stage may hold: taken from its input and not yet given
// to its output. It is independent of the number of workers: a large window lets the others go
// on while one item is slow; a small one reads less ahead. The default is 64 for each worker.
// It panics if k is less than one.
func Window(k int) Option {
	if k < 1 {
		panic(fmt.Sprintf("flow: Window(%d): give at least 1", k))
	}
	return func(c *config) { c.window = k }
}

// Name names a stage, for a [Monitor]. The default is the name of its function in this package.
func Name(name string) Option { return func(c *config) { c.name = name } }

func configure(name string, opts []Option) config {
	c := config{name: name, parallel: 1}
	for _, o := range opts {
		o(&c)
	}
	return c
}

// engine returns the configuration of the parallel engine for one run.
func (c config) engine(r *run) core.Config {
	return core.Config{
		Workers: c.parallel, Window: c.window, Ordered: c.ordered,
		Probe: r.probe(c.name, c.parallel),
	}
}
