package station

import (
	"runtime/debug"
	"time"

	"github.com/troupe-go/troupe"
)

// prepare gives a resident its actor. If it gets none, ready is false and the
// resident has left.
func (h *hand) prepare(res *resident) (ready, alive bool) {
	if !h.at.CompareAndSwap(nothing, preparing) {
		res.requeue() // whoever has fenced the hand has not seen that it had a resident
		return false, false
	}
	w, err := h.makeActor(res)
	if !h.at.CompareAndSwap(preparing, nothing) {
		return false, false
	}
	if w == nil {
		if err != nil {
			h.run.report("an actor could not be made", res.address, err)
			h.tellDone(res, err)
		}
		res.quit(res.route.opts.GateWait)
		return false, true
	}
	res.employ(w)
	return true, true
}

// makeActor asks the gate and makes the actor. It returns nil if the gate is closed.
func (h *hand) makeActor(res *resident) (w worker, err error) {
	defer func() {
		if v := recover(); v != nil {
			w, err = nil, &troupe.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if gate := res.route.opts.Gate; gate != nil && !gate(res.address) {
		return nil, nil
	}
	if w, err = res.route.bind.start(res.address); err != nil {
		return nil, err
	}
	if a, ok := w.actor().(Starter); ok {
		c := &mailContext{Context: h.self, hand: h, r: res}
		if res.route.opts.Atomic {
			c.step = newStep(res)
		}
		if err := a.Start(c); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// tellDone calls the Done of the options.
func (h *hand) tellDone(res *resident, err error) {
	if res.route.opts.Done == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			h.run.report("Done panicked", res.address, &troupe.PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	res.route.opts.Done(res.address, err)
}

// share takes the resident's turn for a handler, and passes it on if there may be
// another one beside it.
func (res *resident) share() {
	res.mu.Lock()
	res.active++
	full := res.active >= res.route.opts.Parallel
	if full {
		res.turn.Store(parked)
	} else {
		res.turn.Store(inQueue)
	}
	res.mu.Unlock()
	if !full {
		res.run.enqueue(res)
	}
}

// done gives the turn back after mail was handled.
func (res *resident) done() {
	if res.route.opts.Parallel == 1 {
		res.requeue()
		return
	}
	res.mu.Lock()
	res.active--
	was := res.turn.Load() == parked
	res.mu.Unlock()
	if was && res.turn.CompareAndSwap(parked, inQueue) {
		res.run.enqueue(res)
	}
}

// finished lets a resident leave that has no mail and is to be retired.
func (res *resident) finished() bool {
	if !res.retire.Load() && res.route.opts.Idle > 0 {
		return false
	}
	res.mu.Lock()
	busy := res.active > 0
	res.mu.Unlock()
	if busy || int64(time.Since(res.run.born)) < res.until.Load() || !res.depart() {
		res.retire.Store(false)
		return false
	}
	res.leave(0)
	return true
}

// depart takes the turn for good, unless mail has come since the resident looked.
func (res *resident) depart() bool {
	return res.turn.CompareAndSwap(inHand, departed) || res.turn.CompareAndSwap(inQueue, departed)
}

// pace decides how much is fetched at once: much while handlers are quick, one
// when they are slow, so that little is in hand that others could have, or that
// would come again after a crash.
func (res *resident) pace(n int, took time.Duration) {
	switch {
	case res.route.opts.Parallel > 1: // always one, and others may be here
	case took > slow:
		res.batch = 1
	case n == int(res.batch) && took < slow/8:
		res.batch = min(2*res.batch, maxBatch)
	}
}

const slow = 2 * time.Millisecond
