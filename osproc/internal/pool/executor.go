package pool

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// keepResults is how long results may wait for those that come after them, if the timer can
// fire meanwhile: a task that computes is interrupted every ten milliseconds or so. They do not
// wait for a task that takes long.
const keepResults = time.Millisecond

// An Executor runs tasks, one after the other.
type Executor struct {
	s    *server
	line *line  // its word; nil on a system without
	word uint64 // what is in line, unless the parent has set a flag

	sending sync.Mutex    // guards out, start, since and late, and is held in calls of late
	out     *wire.Encoder // results that were not sent; nil if there are none
	start   int           // of the body of out
	since   time.Time     // begin of what out is about
	late    func()        // see Late

	// attention is set by others, when something is to be done before the next task.
	attention atomic.Int32
	timer     *time.Timer
	working   atomic.Bool // the timer is of use
	armed     atomic.Bool

	// Scratch is for the Runner, to keep what it can use again.
	Scratch any

	mu      sync.Mutex // guards what follows
	running interval
	ctx     context.Context
	cancel  context.CancelCauseFunc
}

// What attention is for, from the least to the most urgent.
const (
	dropTasks int32 = 1 + iota // nobody waits for the rest of these tasks
	leaveNow                   // the worker leaves
)

// attend raises the attention.
func (x *Executor) attend(what int32) {
	for {
		old := x.attention.Load()
		if old >= what || x.attention.CompareAndSwap(old, what) {
			return
		}
	}
}

func newExecutor(s *server, index int) *Executor {
	x := &Executor{s: s}
	x.timer = time.AfterFunc(time.Hour, x.tick)
	x.timer.Stop()
	if s.words != nil {
		x.line = &s.words.lines[index+1]
	}
	return x
}

// tick sends the results that there are, also while a task runs, and goes on while there is work.
func (x *Executor) tick() {
	x.armed.Store(false)
	if !x.working.Load() {
		return
	}
	x.Hold(func() {
		if x.late != nil {
			x.late()
		}
		x.flush()
	})
	x.arm()
}

func (x *Executor) arm() {
	if x.armed.CompareAndSwap(false, true) {
		x.timer.Reset(keepResults)
	}
}

// open and shut are before and after the tasks of a frame.
func (x *Executor) open() {
	x.Hold(func() {
		if x.out == nil {
			x.since = time.Now()
		}
	})
	x.working.Store(true)
	x.arm()
}

func (x *Executor) shut() { x.working.Store(false) }

// work runs tasks until there are no more, or one of them calls runtime.Goexit.
func (x *Executor) work() {
	defer x.s.going.Done()
	defer x.s.leave()
	defer x.Flush()
	if len(x.s.all) > 1 {
		x.workShared()
		return
	}
	for !x.s.left() {
		body := x.s.next(x.Flush)
		if body == nil {
			return
		}
		x.open()
		x.runAll(body)
		x.shut()
	}
}

// workShared is work for one of several executors.
func (x *Executor) workShared() {
	for {
		p, claimed := x.s.parcel()
		if p == nil {
			return
		}
		if claimed {
			x.open()
			x.perform(p.interval, p.body)
			x.shut()
			x.Flush()
		}
		_ = p.body.Close()
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
	if x.s.words.claim(tasks.first, tasks.n) {
		x.perform(tasks, body)
	}
}

// perform runs the tasks of an item that was claimed.
func (x *Executor) perform(tasks interval, body *wire.Decoder) {
	x.mu.Lock()
	x.running = tasks
	x.ctx, x.cancel = context.WithCancelCause(x.s.w.Context())
	x.mu.Unlock()
	defer x.rest() // also after runtime.Goexit
	next, unwanted := 0, x.s.unwanted(tasks)
	if !unwanted {
		next = x.s.begin.Runner.Run(x, body, tasks.first, tasks.n)
	}
	if unwanted || x.attention.Load() == dropTasks { // somebody must answer: the parent counts
		x.Hold(func() {
			for ; next < tasks.n; next++ {
				x.Fail(tasks.first+uint32(next), context.Canceled)
			}
		})
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
	x.attention.CompareAndSwap(dropTasks, 0)
}

// drop ends the context of the tasks that are running if they are among those.
func (x *Executor) drop(gone interval) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.running.n > 0 && x.running.overlaps(gone) {
		x.attend(dropTasks)
		x.cancel(context.Canceled)
	}
}

// Context is the context of the tasks that Run was called with.
func (x *Executor) Context() context.Context { return x.ctx }

// Begin says that a task begins. If it returns false that task, and all after it, are not to
// be run.
func (x *Executor) Begin(number uint32) bool {
	if x.attention.Load() != 0 {
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

// End says that a task has ended. If it returns true, no other is to be begun.
func (x *Executor) End() (leave bool) {
	if x.s.statm != nil && x.s.outgrown() {
		x.s.leave()
		return true
	}
	return false
}

// Hold calls f while nobody else hands anything over or sends it.
func (x *Executor) Hold(f func()) {
	x.sending.Lock()
	defer x.sending.Unlock()
	f()
}

// Late sets what is called, as by Hold and on another goroutine, when tasks have been running for
// a while: it is to hand over what results there are.
func (x *Executor) Late(f func()) { x.Hold(func() { x.late = f }) }

// Leaving reports that the worker was told to end, so that the error of a task that was
// running may be no more than that.
func (x *Executor) Leaving() bool { return x.s.w.Context().Err() != nil }

// Results hands over the results of n tasks; see Hold. It returns the error of encode, in which
// case nothing was handed over.
func (x *Executor) Results(first uint32, n int, encode func(*wire.Encoder) error) error {
	return x.hand(itemResults, first, n, encode)
}

// Fail hands over the error of a task; see Hold.
func (x *Executor) Fail(number uint32, failure error) {
	_ = x.hand(itemFailure, number, 1, func(e *wire.Encoder) error { return encodeError(e, failure) })
}

func (x *Executor) begin() {
	x.out = wire.Begin()
	x.start = beginResults(x.out)
}

func (x *Executor) hand(what byte, first uint32, n int, encode func(*wire.Encoder) error) error {
	if x.out != nil && (len(x.out.Bytes) > frameSize || len(x.out.Files) > frameFiles) {
		x.flush()
	}
	if x.out == nil {
		x.begin()
	}
	start, files := beginItem(x.out)
	if err := encode(x.out); err != nil {
		x.out.Bytes, x.out.Files = x.out.Bytes[:start], x.out.Files[:files]
		return err
	}
	endItem(x.out, start, files, what, first, n)
	return nil
}

// Flush sends what was handed over.
func (x *Executor) Flush() { x.Hold(x.flush) }

func (x *Executor) flush() {
	if x.out != nil {
		x.send(0)
	}
}

// send sends what was handed over, and flags; see Hold.
func (x *Executor) send(flags byte) {
	if x.out == nil {
		x.begin()
	}
	e := x.out
	x.out = nil
	now := time.Now()
	endResults(e, x.start, now.Sub(x.since), flags)
	x.since = now
	if err := wire.Seal(kindResults, e); err != nil {
		x.sealed(e, err)
		return
	}
	_ = x.s.link.Post(e)
}

// sealed says that tasks have failed whose results cannot be sent because of err: they are too
// large, or have too many open files.
func (x *Executor) sealed(e *wire.Encoder, err error) {
	items := wire.Decoder{Bytes: e.Bytes[x.start+resultsHeader:]}
	var failed []interval
	for it, bad := nextItem(&items); bad == nil; it, bad = nextItem(&items) {
		failed = append(failed, interval{it.first, it.n})
	}
	wire.Drop(e)
	for _, f := range failed {
		for i := range f.n {
			x.Fail(f.first+uint32(i), err)
		}
	}
	x.flush()
}
