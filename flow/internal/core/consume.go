package core

import (
	"context"
	"math"
)

// consume hands results on, by position, until there are no more.
func (e *engine[A, B]) consume(emit func(B) bool) error {
	// Every position consumed makes room for the feeder; to say so for each would cost more
	// than a cheap item. A window is told at least eight times per round.
	stride := max(1, min(16, uint64(e.Window)/8))
	at, told := uint64(0), uint64(0)
	for {
		slot := &e.out[at&e.mask]
		if slot.seq.Load() != at+1 {
			told = e.tell(at, told)
			if over, err := e.waitFor(at); over {
				return err
			}
			continue
		}
		value, v := slot.value, slot.verdict
		slot.value = *new(B)
		at++
		if at-told >= stride {
			told = e.tell(at, told)
		}
		e.Probe.Out()
		switch v {
		case failure:
			return e.errorAt(at - 1)
		case result:
			if !emit(value) {
				return nil
			}
		}
	}
}

func (e *engine[A, B]) tell(at, told uint64) uint64 {
	if at != told {
		e.tail.Store(at)
		if e.feeder.asleep.Load() > 0 {
			e.feeder.wake()
		}
	}
	return at
}

// waitFor waits until a position is filled. over means that it never will be.
func (e *engine[A, B]) waitFor(at uint64) (over bool, err error) {
	slot := &e.out[at&e.mask]
	ready := func() bool { return slot.seq.Load() == at+1 || e.total.Load() <= at }
	for !ready() {
		if e.ctx.Err() != nil {
			return true, context.Cause(e.ctx)
		}
		e.consumer.wait(e.ctx.Done(), ready)
	}
	if slot.seq.Load() == at+1 || e.total.Load() == math.MaxUint64 {
		return false, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return true, e.srcErr
}
