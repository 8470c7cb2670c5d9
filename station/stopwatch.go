package station

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// A stopwatch tells a hand to end whose handler takes too long. Its timer is set
// anew only when it has gone off, not for each mail.
type stopwatch struct {
	hand  *hand
	timer *time.Timer
	armed atomic.Bool
	due   atomic.Int64 // in nanoseconds of the run; 0 is never
}

// start begins the time of a handler; a limit of zero is none.
func (w *stopwatch) start(limit time.Duration) {
	if limit <= 0 {
		return
	}
	w.due.Store(int64(time.Since(w.hand.run.born) + limit))
	if w.armed.CompareAndSwap(false, true) {
		w.arm(limit)
	}
}

// stop ends the time, and reports whether it was over.
func (w *stopwatch) stop() (late bool) {
	return w.timer != nil && w.due.Load() != 0 && w.due.Swap(0) == lateMark
}

// lateMark stands in due when the handler was too late.
const lateMark = -1

func (w *stopwatch) arm(wait time.Duration) {
	if w.timer == nil {
		w.timer = time.AfterFunc(time.Hour, w.ring)
		w.timer.Stop()
	}
	w.timer.Reset(wait)
}

func (w *stopwatch) ring() {
	w.armed.Store(false)
	due := w.due.Load()
	if due <= 0 {
		return
	}
	left := time.Duration(due) - time.Since(w.hand.run.born)
	if left > 0 {
		if w.armed.CompareAndSwap(false, true) {
			w.timer.Reset(left)
		}
		return
	}
	if w.due.CompareAndSwap(due, lateMark) {
		res := w.hand.res
		w.hand.run.report("a handler takes too long and was told to return", res.address,
			fmt.Errorf("%w of %v", ErrTimeout, res.route.opts.Timeout))
		_ = w.hand.ref.PID().Exit(context.Background(), ErrTimeout)
	}
}
