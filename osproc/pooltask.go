package osproc

import (
	"context"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/troupe-go/troupe/internal/wire"
)

// A task is one call of a pool's function.
type task[A, R any] struct {
	codecs *codecs[A, R]
	arg    A
	state  atomic.Int32
	done   chan struct{} // closed at the end of either kind
	stop   func() bool   // forgets the context; may be nil

	result R // written by the pool until taskDone
	err    error
	lost   error // written before taskGone
}

const (
	taskDone int32 = 1 + iota // result and err are there
	taskGone                  // nobody waits any more, because of lost
)

func (t *task[A, R]) Encode(e *wire.Encoder, _, _ int) error {
	if err := t.codecs.arg.encode(e, unsafe.Slice(&t.arg, 1)); err != nil {
		return fmt.Errorf("osproc: the argument of a task cannot be sent: %w", err)
	}
	return nil
}

func (t *task[A, R]) Decode(d *wire.Decoder, _, _ int) error {
	return t.codecs.result.decode(d, unsafe.Slice(&t.result, 1))
}

func (t *task[A, R]) Fail(_ int, err error) { t.err = err }

func (t *task[A, R]) Finish(_, _ int) {
	if t.state.CompareAndSwap(0, taskDone) {
		close(t.done)
		if t.stop != nil {
			t.stop()
		}
	}
}

func (t *task[A, R]) Gone() bool { return t.state.Load() == taskGone }

// outcome is what came of t, once done is closed.
func (t *task[A, R]) outcome() (R, error) {
	if t.Gone() {
		var zero R
		return zero, t.lost
	}
	return t.result, t.err
}

func (p *Pool[A, R]) newTask(a A) *task[A, R] {
	return &task[A, R]{codecs: p.codecs, arg: a, done: make(chan struct{})}
}

// submit has t done. If that is refused, it is done.
func (p *Pool[A, R]) submit(t *task[A, R]) {
	if err := p.p.Submit(t, 1); err != nil {
		t.err = err
		t.Finish(0, 1)
	}
}

// abandon gives t up. Only one goroutine may call it for a task.
func (p *Pool[A, R]) abandon(t *task[A, R], why error) {
	t.lost = why
	if t.state.CompareAndSwap(0, taskGone) {
		close(t.done)
		p.p.Cancel(t)
	}
}

// Do has one worker run the function for a, and returns its result. It fits flow.Map as it
// is.
//
// When ctx ends Do returns its cause. The task is forgotten if it has not begun; if it has,
// the context of its function ends, and the worker is free when the function returns.
//
// The error is that of the function, or says why there is no result: the argument cannot be
// sent, a [*PoisonError], [ErrPoolClosed], [ErrPoolBroken], the cause of the pool's context.
func (p *Pool[A, R]) Do(ctx context.Context, a A) (R, error) {
	if ctx.Err() != nil {
		var zero R
		return zero, context.Cause(ctx)
	}
	t := p.newTask(a)
	p.submit(t)
	select {
	case <-t.done:
	case <-ctx.Done():
		p.abandon(t, context.Cause(ctx))
	}
	return t.outcome()
}

// DoAsync is Do that does not wait. The task is given up when ctx ends.
func (p *Pool[A, R]) DoAsync(ctx context.Context, a A) *Future[R] {
	t := p.newTask(a)
	if ctx.Done() != nil {
		t.stop = context.AfterFunc(ctx, func() { p.abandon(t, context.Cause(ctx)) })
	}
	p.submit(t)
	return &Future[R]{done: t.done, outcome: t.outcome}
}

// Future is a result that will be there some time; see [Pool.DoAsync]. All methods may be
// called concurrently, and any number of times.
type Future[R any] struct {
	done    <-chan struct{}
	outcome func() (R, error)
}

// Done returns a channel that is closed when Wait has something to return.
func (f *Future[R]) Done() <-chan struct{} { return f.done }

// Wait waits for the result, and returns what [Pool.Do] would. It returns the cause of ctx if
// that ends first, and the task goes on; the task ends with the context given to DoAsync.
func (f *Future[R]) Wait(ctx context.Context) (R, error) {
	select {
	case <-f.done:
		return f.outcome()
	default:
	}
	select {
	case <-f.done:
		return f.outcome()
	case <-ctx.Done():
		var zero R
		return zero, context.Cause(ctx)
	}
}
