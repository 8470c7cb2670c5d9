package core

import (
	"context"
	"math"
	"runtime"
	"time"

	"github.com/troupe-go/troupe/csp"
)

// worker is one worker of a stage.
type worker[A, B any] struct {
	*engine[A, B]
	Work[A, B]
	chunk  int // how many items it claims at a time
	buf    []A
	worked time.Duration // since it last let others run
}

// work claims and works until there is nothing left, and returns the error of closing.
func (e *engine[A, B]) work(open func(context.Context) (Work[A, B], error)) (err error) {
	w := &worker[A, B]{engine: e, chunk: 1, buf: make([]A, e.chunk)}
	defer recovered(&err)
	if w.Work, err = safeOpen(e.ctx, open); err != nil {
		w.failAtOnce(err)
		return nil
	}
	if w.Close != nil {
		defer func() {
			if cerr := w.Close(); err == nil {
				err = cerr
			}
		}()
	}
	for {
		s := w.claim()
		if len(s.items) == 0 {
			return nil
		}
		w.workThrough(s)
	}
}

func safeOpen[A, B any](ctx context.Context, open func(context.Context) (Work[A, B], error)) (w Work[A, B], err error) {
	defer recovered(&err)
	return open(ctx)
}

// failAtOnce fails the stage when a worker cannot even begin: in the place of the next item.
func (w *worker[A, B]) failAtOnce(err error) {
	w.chunk = 1
	if s := w.claim(); len(s.items) > 0 {
		w.settle(s.at, *new(B), err)
	}
}

// claim returns the next items to work on, waiting for some; none when the stage is over.
func (w *worker[A, B]) claim() (s span[A]) {
	ready := func() bool {
		if s.items == nil {
			s = w.tryClaim()
		}
		return s.items != nil || w.over()
	}
	if ready() {
		return s
	}
	w.Probe.WaitingIn(1)
	defer w.Probe.WaitingIn(-1)
	for !ready() {
		w.workers.wait(w.ctx.Done(), ready)
	}
	return s
}

// over reports whether there will be nothing more to claim.
func (w *worker[A, B]) over() bool {
	if w.ctx.Err() != nil {
		return true
	}
	total := w.total.Load()
	if total == math.MaxUint64 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.claimed == total && len(w.returned) == 0
}

// tryClaim takes its share of what is there, a chunk at most. It copies the items, for the
// feeder may use their slots again as soon as they count as claimed.
func (w *worker[A, B]) tryClaim() (s span[A]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := len(w.returned) - 1; last >= 0 {
		s = w.returned[last]
		w.returned = w.returned[:last]
		return s
	}
	there := int(w.fed.Load() - w.claimed)
	if there == 0 {
		return s
	}
	n := min(w.chunk, (there+w.Workers-1)/w.Workers)
	s = span[A]{at: w.claimed, items: w.buf[:n]}
	var none A
	for i := range s.items {
		from := &w.in[(s.at+uint64(i))&w.mask]
		s.items[i], *from = *from, none
	}
	w.claimed += uint64(n)
	return s
}

// workThrough works on all items of a span and adapts the chunk to how long that took: it
// doubles while chunks take less than half their target, and shrinks in proportion above it.
func (w *worker[A, B]) workThrough(s span[A]) {
	start, items := time.Now(), len(s.items)
	for len(s.items) > 0 && w.ctx.Err() == nil {
		s = w.workUntilPanic(s, start)
	}
	took := time.Since(start)
	switch {
	case took < targetChunk/2 && items >= w.chunk/2:
		w.chunk = min(2*w.chunk, w.engine.chunk)
	case took > targetChunk:
		w.chunk = max(1, int(int64(w.chunk)*int64(targetChunk)/int64(took)))
	}
	w.worked += took
	if w.worked > yieldEvery {
		w.worked = 0
		runtime.Gosched()
	}
}

// workUntilPanic works on items until the span is done or one panics, and returns the rest.
// One deferred function per span, not per item, keeps cheap stages cheap.
func (w *worker[A, B]) workUntilPanic(s span[A], start time.Time) (rest span[A]) {
	i := 0
	settled := false
	defer func() {
		if settled {
			return
		}
		err := csp.ErrGoexit
		if p := recover(); p != nil {
			err = csp.NewPanicError(p)
		}
		at := s.at + uint64(i)
		w.settle(at, *new(B), err)
		rest = span[A]{at: at + 1, items: s.items[i+1:]}
		if err == csp.ErrGoexit { // this goroutine goes; what it had claimed must not
			w.giveBack(rest)
		}
	}()
	for ; i < len(s.items); i++ {
		if i&3 == 3 && w.helpIsWelcome(start) {
			w.giveBack(span[A]{at: s.at + uint64(i), items: append([]A(nil), s.items[i:]...)})
			break
		}
		at := s.at + uint64(i)
		if at > w.failedAt.Load() {
			w.publish(at, *new(B), nothing)
			continue
		}
		begin := w.Probe.Begin()
		b, err := w.Do(w.ctx, s.items[i])
		w.Probe.End(begin)
		w.settle(at, b, err)
	}
	settled = true
	clear(s.items)
	return span[A]{}
}

// helpIsWelcome reports whether a chunk has taken too long while other workers sleep.
func (w *worker[A, B]) helpIsWelcome(start time.Time) bool {
	return w.workers.asleep.Load() > 0 && time.Since(start) > 2*targetChunk
}

func (w *worker[A, B]) giveBack(s span[A]) {
	if len(s.items) == 0 {
		return
	}
	w.mu.Lock()
	for i := range s.items { // one by one: whoever helps takes only one
		w.returned = append(w.returned, span[A]{at: s.at + uint64(i), items: s.items[i : i+1 : i+1]})
	}
	w.mu.Unlock()
	w.workers.wakeAll()
}

func (w *worker[A, B]) settle(at uint64, b B, err error) {
	switch err {
	case nil:
		w.publish(at, b, result)
	case Skip:
		w.publish(at, b, nothing)
	default:
		if !w.Ordered { // results have positions of their own
			at = w.done.Add(1) - 1
			w.fail(at, err)
			w.publishAt(at, b, failure)
			return
		}
		w.fail(at, err)
		w.publish(at, b, failure)
	}
}

func (w *worker[A, B]) publish(at uint64, b B, v verdict) {
	if !w.Ordered {
		at = w.done.Add(1) - 1
	}
	w.publishAt(at, b, v)
}

func (w *worker[A, B]) publishAt(at uint64, b B, v verdict) {
	slot := &w.out[at&w.mask]
	slot.value, slot.verdict = b, v
	slot.seq.Store(at + 1)
	if w.consumer.asleep.Load() > 0 && w.tail.Load() == at {
		w.consumer.wake()
	}
}
