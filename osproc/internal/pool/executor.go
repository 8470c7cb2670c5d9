package pool

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

const (
	// keepResults is how long results may wait for those that come after them.
	keepResults = time.Millisecond
	// maxStride is the most tasks between two looks at the clock.
	maxStride = 64
)

// An Executor runs tasks, one after the other.
type Executor struct {
	s    *server
	line *line  // its word; nil on a system without
	word uint64 // what is in line, unless the parent has set a flag

	out     wire.Encoder // results that were not sent
	entries bool         // there are some in out
	since   time.Time    // begin of what out is about
	looked  time.Time    // at the clock
	stride  int          // tasks from one look to the next
	ticks   int          // tasks since the last

	halt atomic.Int32 // why no further task is to be begun

	mu      sync.Mutex // guards what follows
	running interval
	ctx     context.Context
	cancel  context.CancelCauseFunc
}

const (
	haltDropped int32 = 1 + iota // nobody waits for the rest of these tasks
	haltLeaving                  // the worker leaves
)

func newExecutor(s *server, index int) *Executor {
	x := &Executor{s: s, stride: 1}
	if s.words != nil {
		x.line = &s.words.lines[index+1]
	}
	beginResults(&x.out)
	return x
}

// work runs tasks until there are no more, or one of them calls runtime.Goexit.
func (x *Executor) work() {
	defer x.s.going.Done()
	defer x.s.leave()
	defer x.flush()
	if len(x.s.all) > 1 {
		x.workShared()
		return
	}
	for !x.s.left() {
		body := x.s.next()
		if body == nil {
			return
		}
		x.since = time.Now()
		x.looked = x.since
		x.runAll(body)
		x.flush()
	}
}

// workShared is work for one of several executors.
func (x *Executor) workShared() {
	for {
		select {
		case <-x.s.quit:
			return
		case p, ok := <-x.s.tasks:
			if !ok {
				return
			}
			x.since = time.Now()
			x.looked = x.since
			x.run(p.interval, p.body)
			_ = p.body.Close()
			x.flush()
		}
	}
}

// runAll runs the tasks of a frame.
func (x *Executor) runAll(body *wire.Decoder) {
	for len(body.Bytes) > 0 && !x.s.left() {
		it, err := nextItem(body)
		if err != nil {
			return
		}
		x.run(interval{it.first, it.n}, &it.body)
		_ = it.body.Close()
	}
}

// run runs the tasks of an item, unless they were taken back.
func (x *Executor) run(tasks interval, body *wire.Decoder) {
	if !x.s.words.claim(tasks.first, tasks.n) {
		return
	}
	x.mu.Lock()
	x.running = tasks
	x.ctx, x.cancel = context.WithCancelCause(x.s.w.Context())
	x.mu.Unlock()
	defer x.rest() // also after runtime.Goexit
	next := 0
	if !x.s.unwanted(tasks) {
		next = x.s.begin.Runner.Run(x, body, tasks.first, tasks.n)
	}
	if x.halt.Load() == haltDropped {
		for ; next < tasks.n; next++ {
			x.Fail(tasks.first+uint32(next), context.Canceled)
		}
	}
}

// rest is after the last task of an item.
func (x *Executor) rest() {
	if x.line != nil {
		idle := x.word &^ busy
		if !x.line.word.CompareAndSwap(x.word, idle) {
			x.line.word.Store(idle)
		}
		x.word = idle
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cancel(context.Canceled)
	x.running = interval{}
	x.halt.CompareAndSwap(haltDropped, 0)
}

// drop ends the context of the tasks that are running if they are among those.
func (x *Executor) drop(gone interval) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.running.n > 0 && x.running.overlaps(gone) {
		x.halt.CompareAndSwap(0, haltDropped)
		x.cancel(context.Canceled)
	}
}

// Context is the context of the tasks that Run was called with.
func (x *Executor) Context() context.Context { return x.ctx }

// Begin says that a task begins. If it returns false that task, and all after it, are not to
// be run.
func (x *Executor) Begin(number uint32) bool {
	if x.halt.Load() != 0 {
		return false
	}
	if x.line == nil {
		return true
	}
	if x.s.rules.Timed {
		x.line.started.Store(monotonic())
	}
	word := numbered(number, busy)
	if !x.line.word.CompareAndSwap(x.word, word) {
		return false // taken back
	}
	x.word = word
	return true
}

// End says that a task has ended. If it returns true, the results so far are to be handed
// over, and then Flush to be called.
func (x *Executor) End() bool {
	if x.s.statm != nil && x.s.outgrown() {
		x.s.leave()
		return true
	}
	x.ticks++
	return x.ticks >= x.stride && x.look()
}

// look looks at the clock.
func (x *Executor) look() bool {
	x.ticks = 0
	now := time.Now()
	switch gone := now.Sub(x.looked); {
	case gone < keepResults/50:
		x.stride = min(2*x.stride, maxStride)
	case gone > keepResults/10:
		x.stride = 1
	}
	x.looked = now
	return now.Sub(x.since) >= keepResults
}

// Leaving reports that the worker was told to end, so that the error of a task that was
// running may be no more than that.
func (x *Executor) Leaving() bool { return x.s.w.Context().Err() != nil }

// Results hands over the results of n tasks. It returns the error of encode, in which case
// nothing was handed over.
func (x *Executor) Results(first uint32, n int, encode func(*wire.Encoder) error) error {
	if x.full() {
		x.flush()
	}
	start, files := beginItem(&x.out)
	if err := encode(&x.out); err != nil {
		x.out.Bytes, x.out.Files = x.out.Bytes[:start], x.out.Files[:files]
		return err
	}
	endItem(&x.out, start, files, itemResults, first, n)
	x.entries = true
	return nil
}

// Fail hands over the error of a task.
func (x *Executor) Fail(number uint32, failure error) {
	if x.full() {
		x.flush()
	}
	start, files := beginItem(&x.out)
	if err := encodeError(&x.out, failure); err != nil {
		x.out.Bytes, x.out.Files = x.out.Bytes[:start], x.out.Files[:files]
		return
	}
	endItem(&x.out, start, files, itemFailure, number, 1)
	x.entries = true
}

func (x *Executor) full() bool {
	return len(x.out.Bytes) > frameSize || len(x.out.Files) > frameFiles
}

// Flush sends what was handed over.
func (x *Executor) Flush() { x.flush() }

func (x *Executor) flush() {
	if x.entries {
		_ = x.send(0)
	}
}

// send sends what was handed over, and flags.
func (x *Executor) send(flags byte) error {
	now := time.Now()
	endResults(&x.out, now.Sub(x.since), flags)
	x.since = now
	err := x.s.link.Send(kindResults, func(e *wire.Encoder) error {
		e.Bytes, e.Files = append(e.Bytes, x.out.Bytes...), append(e.Files, x.out.Files...)
		return nil
	})
	b := x.out.Bytes
	if x.out = (wire.Encoder{}); cap(b) <= 2*frameSize {
		x.out.Bytes = b
	}
	beginResults(&x.out)
	x.entries = false
	return err
}
