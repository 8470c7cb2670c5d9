package osproc

import (
	"fmt"
	"slices"
	"sync/atomic"

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
	results []R          // of the tasks, each in its place
	next    int          // the task that is running
	done    atomic.Int32 // what next is, for another goroutine: all results before it are there

	// What follows changes only in Hold.
	number uint32 // of the first task
	handed int    // so many tasks were handed over
}

// Run is called by an executor.
func (w *runner[A, R]) Run(x *pool.Executor, body *wire.Decoder, first uint32, n int) (begun int) {
	r, _ := x.Scratch.(*run[A, R])
	if r == nil {
		r = &run[A, R]{runner: w, x: x}
		x.Scratch = r
		x.Late(r.hand)
	}
	x.Hold(func() { r.begin(first, n) })
	defer r.clear()
	if err := w.codecs.arg.decode(body, r.args); err != nil {
		err = fmt.Errorf("osproc: the argument of %s cannot be decoded in the worker: %w", w.name, err)
		for range n {
			r.fail(err)
		}
		return n
	}
	for r.some() {
	}
	return r.next
}

func (r *run[A, R]) begin(first uint32, n int) {
	r.args = slices.Grow(r.args[:0], n)[:n]
	r.results = slices.Grow(r.results[:0], n)[:n]
	r.number, r.next, r.handed = first, 0, 0
	r.done.Store(0)
}

// clear keeps nothing alive that the tasks had.
func (r *run[A, R]) clear() {
	clear(r.args)
	r.x.Hold(func() { clear(r.results) })
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
	for leave := false; !leave && r.next < len(r.args) && r.x.Begin(r.number+uint32(r.next)); leave = r.x.End() {
		result, err := r.run(ctx, r.args[r.next])
		if err != nil {
			if r.x.Leaving() {
				break // to be run again by another worker
			}
			r.fail(err)
			continue
		}
		r.results[r.next] = result
		r.next++
		r.done.Store(int32(r.next))
	}
	returned = true
	r.x.Hold(r.hand)
	return false
}

// fail hands over the error of the task that is running.
func (r *run[A, R]) fail(err error) {
	r.x.Hold(func() {
		r.hand()
		r.x.Fail(r.number+uint32(r.next), err)
		r.handed++
	})
	r.next++
	r.done.Store(int32(r.next))
}

// hand hands over the results that there are. If that fails it finds out which of them cannot
// be encoded. It is called in Hold, also by another goroutine while a task runs.
func (r *run[A, R]) hand() {
	from, to := r.handed, int(r.done.Load())
	if from >= to {
		return
	}
	r.handed = to
	if r.handOne(from, to) == nil {
		return
	}
	for i := from; i < to; i++ {
		if err := r.handOne(i, i+1); err != nil {
			r.x.Fail(r.number+uint32(i), fmt.Errorf("osproc: the result of %s cannot be sent: %w", r.name, err))
		}
	}
}

// handOne hands over the results [from, to) as one item.
func (r *run[A, R]) handOne(from, to int) error {
	return r.x.Results(r.number+uint32(from), to-from, func(e *wire.Encoder) error {
		return r.codecs.result.encode(e, r.results[from:to])
	})
}
