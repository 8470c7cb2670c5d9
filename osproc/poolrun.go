package osproc

import (
	"fmt"
	"slices"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/child"
	"github.com/troupe-go/troupe/osproc/internal/pool"
)

// servePool is the role of a pool's worker.
func servePool(w *child.Worker, body *wire.Decoder) {
	pool.Serve(w, body, func(d *wire.Decoder) (b pool.Beginning, err error) {
		f, err := find(d)
		if err != nil {
			return b, err
		}
		if b.Runner, err = f.runner(); err != nil {
			return b, err
		}
		if b.SetUp, err = decodeCall(d); err != nil {
			return b, err
		}
		b.TearDown, err = decodeCall(d)
		return b, err
	})
}

func (f *Func[A, R]) runner() (pool.Runner, error) {
	c, err := f.compile()
	return &runner[A, R]{f, c}, err
}

// A runner runs a function for the tasks of a pool, in the worker.
type runner[A, R any] struct {
	*Func[A, R]
	codecs *codecs[A, R]
}

// A run is a number of tasks that are run one after the other. An executor uses it again.
type run[A, R any] struct {
	*runner[A, R]
	x       *pool.Executor
	args    []A
	number  uint32 // of the first task
	next    int    // the task that is running
	results []R    // of the tasks before next, as far as they were not handed over
}

// Run is called by an executor.
func (w *runner[A, R]) Run(x *pool.Executor, body *wire.Decoder, first uint32, n int) (begun int) {
	r, _ := x.Scratch.(*run[A, R])
	if r == nil {
		r = &run[A, R]{runner: w, x: x}
		x.Scratch = r
	}
	r.number, r.next = first, 0
	r.args = slices.Grow(r.args[:0], n)[:n]
	defer clear(r.args)
	if err := w.codecs.arg.decode(body, r.args); err != nil {
		err = fmt.Errorf("osproc: the argument of %s cannot be decoded in the worker: %w", w.name, err)
		for i := range n {
			x.Fail(first+uint32(i), err)
		}
		return n
	}
	for r.some() {
	}
	return r.next
}

// some runs tasks until one panics, or there are no more. It reports that one has panicked.
// There is one deferred call for many tasks, since that costs more than a small task.
func (r *run[A, R]) some() (panicked bool) {
	returned := false
	defer func() {
		if returned {
			return
		}
		err := ErrGoexit
		if v := recover(); v != nil {
			panicked = true
			err = panicError(v)
		}
		r.fail(err)
		r.x.End()
	}()
	ctx := r.x.Context()
	for r.next < len(r.args) && r.x.Begin(r.number+uint32(r.next)) {
		result, err := r.Func.run(ctx, r.args[r.next])
		switch {
		case err == nil:
			r.results = append(r.results, result)
			r.next++
		case r.x.Leaving():
			returned = true // to be run again by another worker
			r.hand()
			return false
		default:
			r.fail(err)
		}
		if r.x.End() {
			r.hand()
			r.x.Flush()
		}
	}
	returned = true
	r.hand()
	return false
}

// fail hands over the error of the task that is running.
func (r *run[A, R]) fail(err error) {
	r.hand()
	r.x.Fail(r.number+uint32(r.next), err)
	r.next++
}

// hand hands over the results that there are. If that fails it finds out which of them cannot
// be encoded.
func (r *run[A, R]) hand() {
	n := len(r.results)
	if n == 0 {
		return
	}
	first := r.number + uint32(r.next-n)
	err := r.x.Results(first, n, func(e *wire.Encoder) error { return r.codecs.result.encode(e, r.results) })
	if err != nil {
		for i := range r.results {
			one := r.results[i : i+1]
			err := r.x.Results(first+uint32(i), 1, func(e *wire.Encoder) error { return r.codecs.result.encode(e, one) })
			if err != nil {
				r.x.Fail(first+uint32(i), fmt.Errorf("osproc: the result of %s cannot be sent: %w", r.name, err))
			}
		}
	}
	clear(r.results)
	r.results = r.results[:0]
}
