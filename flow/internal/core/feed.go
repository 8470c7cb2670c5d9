package core

import (
	"context"

	"github.com/troupe-go/troupe/csp"
)

// feed runs the source and tells the others how many items there were.
func (e *engine[A, B]) feed(source func(context.Context, func(A) bool) error) {
	err := csp.ErrGoexit // unless the source returns
	defer func() {
		recovered(&err)
		e.mu.Lock()
		e.srcErr = err
		e.mu.Unlock()
		e.total.Store(e.fed.Load())
		e.workers.wakeAll()
		e.consumer.wakeAll()
	}()
	f := feeder[A, B]{engine: e}
	err = source(e.ctx, f.push)
}

type feeder[A, B any] struct {
	*engine[A, B]
	next uint64 // position of the next item
	room uint64 // position up to which the window is known to be open
}

// push gives one item to the workers, waiting while the window is full.
func (f *feeder[A, B]) push(a A) bool {
	if f.next >= f.room && !f.waitForRoom() {
		return false
	}
	f.in[f.next&f.mask] = a
	f.next++
	f.fed.Store(f.next)
	f.Probe.In()
	if f.workers.asleep.Load() > 0 {
		f.workers.wake()
	}
	return true
}

func (f *feeder[A, B]) waitForRoom() bool {
	ready := func() bool { return f.next < f.tail.Load()+uint64(f.Window) }
	if !ready() {
		f.Probe.Full(1)
		defer f.Probe.Full(-1)
	}
	for !ready() {
		if f.stopped() {
			return false
		}
		f.feeder.wait(f.ctx.Done(), ready)
	}
	f.room = f.tail.Load() + uint64(f.Window)
	return !f.stopped()
}

func (f *feeder[A, B]) stopped() bool {
	return f.ctx.Err() != nil || f.next > f.failedAt.Load()
}
