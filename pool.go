package troupe

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A pool runs the handler processes of a node on a few goroutines, so that an
// activation costs neither a goroutine nor the growth of its stack. As many
// workers as processors run. One that waits for an answer inside a handler, or has
// not got on for a tick while work waits, does not count: another runs in its
// stead, and leaves when the first comes back. Workers are parked when there is
// nothing to do, and no timer runs then.
type pool struct {
	mu         sync.Mutex
	head, tail *process  // processes that wait for a worker
	idle       []*worker // parked
	all        []*worker
	limit      int  // workers that may run at once
	held       int  // workers that are stuck or wait inside a handler
	bonus      int  // more that may run, while handlers get stuck one after the other
	zombies    int  // workers inside a process that was fenced
	waking     bool // a worker was woken or hired and has not come yet
	closed     bool
	left       sync.Cond // a worker has left

	armed  atomic.Bool
	ticker *time.Timer
}

// A worker runs processes, one at a time. next is a private place for the
// process that the running one has just sent to: message passing between two
// handlers then stays on one processor and takes no lock.
type worker struct {
	pool  *pool
	next  atomic.Pointer[process]
	sight atomic.Uint32 // what the ticks see of it
	wake  chan struct{}
	run   int // activations in a row from next
}

// What ticks see of a worker.
const (
	fresh uint32 = iota // it has taken a process since the last tick
	seen                // not since the last tick
	held                // it is stuck or waits, and is counted in pool.held
	gone                // it has left; a goroutine beside a handler may not know
)

// asleep in worker.next says that the worker is parked: nothing may be put there.
var asleep = new(process)

const (
	tick     = time.Millisecond
	maxNext  = 64  // activations from next before the queue gets its turn
	maxSlice = 256 // messages in one activation
	maxBonus = 256
)

// submit queues p for a run. from, which may be nil, sent to it.
func (o *pool) submit(p, from *process) {
	if from != nil {
		if w := from.worker.Load(); w != nil && w.next.CompareAndSwap(nil, p) {
			o.arm()
			return
		}
	}
	o.mu.Lock()
	o.enqueue(p)
	w := o.helper()
	o.mu.Unlock()
	w.rouse()
}

// enqueue appends p to the queue. The lock is held.
func (o *pool) enqueue(p *process) {
	p.queued = nil
	if o.tail == nil {
		o.head = p
	} else {
		o.tail.queued = p
	}
	o.tail = p
}

// dequeue returns the first process of the queue, or nil. The lock is held.
func (o *pool) dequeue() *process {
	p := o.head
	if p != nil {
		o.head, p.queued = p.queued, nil
		if o.head == nil {
			o.tail = nil
		}
	}
	return p
}

// running counts the workers that get on, as far as the pool knows.
func (o *pool) running() int { return len(o.all) - len(o.idle) - o.held }

// helper returns a parked worker to be woken for waiting work, or starts one, or
// sees to it that a tick looks later. The lock is held.
func (o *pool) helper() *worker {
	switch n := len(o.idle); {
	case o.waking || o.closed && n == 0:
	case o.running() >= o.limit+o.bonus:
		o.arm()
	case n > 0:
		w := o.idle[n-1]
		o.idle = o.idle[:n-1]
		o.waking = true
		return w
	default:
		o.hire()
	}
	return nil
}

// hire starts a worker. The lock is held.
func (o *pool) hire() {
	w := &worker{pool: o, wake: make(chan struct{}, 1)}
	o.all = append(o.all, w)
	o.waking = true
	go w.loop()
}

func (w *worker) rouse() {
	if w != nil {
		w.wake <- struct{}{}
	}
}

// loop is the life of a worker. It also leaves when a handler calls
// runtime.Goexit.
func (w *worker) loop() {
	defer w.leave()
	w.arrive()
	for p := w.find(); p != nil; p = w.find() {
		step(p, w)
	}
}

// step is a worker inside a process. As live, it is to be seen in stack traces.
//
//go:noinline
func step(p *process, w *worker) {
	p.impl.run(w)
	runtime.KeepAlive(p)
}

// arrive says that a woken or new worker has come.
func (w *worker) arrive() {
	w.pool.mu.Lock()
	w.pool.waking = false
	w.pool.mu.Unlock()
}

// find returns the next process to run. It parks when there is none, and
// returns nil when the worker is to leave.
func (w *worker) find() *process {
	if w.sight.Load() != fresh {
		w.pool.count(w, fresh)
	}
	if w.run < maxNext {
		if p := w.takeNext(); p != nil {
			w.run++
			return p
		}
	}
	w.run = 0
	for {
		p, parked := w.choose()
		if !parked {
			return p
		}
		<-w.wake
		w.next.Store(nil)
		w.arrive()
	}
}

// choose returns a waiting process, or nil if the worker is to leave or to park.
func (w *worker) choose() (p *process, parked bool) {
	o := w.pool
	o.mu.Lock()
	var h *worker
	defer func() {
		o.mu.Unlock()
		h.rouse()
	}()
	if o.running() > o.limit+o.bonus {
		return nil, false
	}
	if p = o.dequeue(); p != nil {
		if o.head != nil {
			h = o.helper()
		}
		return p, false
	}
	for {
		p = w.takeNext()
		if p != nil || o.closed || len(o.idle) >= o.limit {
			return p, false
		}
		if w.next.CompareAndSwap(nil, asleep) {
			o.idle = append(o.idle, w)
			return nil, true
		}
	}
}

func (w *worker) takeNext() *process {
	if p := w.next.Load(); p != nil && p != asleep && w.next.CompareAndSwap(p, nil) {
		return p
	}
	return nil
}

// leave takes w out of the pool; what it had before it goes to the others.
func (w *worker) leave() {
	o := w.pool
	o.mu.Lock()
	if p := w.next.Swap(asleep); p != nil && p != asleep {
		o.enqueue(p)
	}
	o.dismiss(w)
	if w.sight.Swap(gone) == held {
		o.held--
	}
	var h *worker
	if o.head != nil {
		h = o.helper()
	}
	o.left.Broadcast()
	o.mu.Unlock()
	h.rouse()
}

// dismiss takes w out of the pool. The lock is held.
func (o *pool) dismiss(w *worker) {
	for i, v := range o.all {
		if v == w {
			o.all[i] = o.all[len(o.all)-1]
			o.all = o.all[:len(o.all)-1]
			return
		}
	}
}

// arm starts the tick.
func (o *pool) arm() {
	if !o.armed.Load() && o.armed.CompareAndSwap(false, true) {
		o.ticker.Reset(tick)
	}
}

// onTick looks for workers that are stuck while processes wait. It goes on
// ticking as long as there is something to watch.
func (o *pool) onTick() {
	o.mu.Lock()
	o.armed.Store(false)
	moved, stuck := o.survey()
	o.bonus = min(stuck, maxBonus)
	var help []*worker
	if o.head != nil && !o.closed {
		help = o.reinforce()
	}
	if moved || o.head != nil || stuck > 0 {
		o.arm()
	}
	o.mu.Unlock()
	for _, w := range help {
		w.rouse()
	}
}

// survey reports whether any worker got on since the last tick. Those that did
// not are stuck: what they had put aside goes to the queue, and if anything
// waits there they no longer count. The lock is held.
func (o *pool) survey() (moved bool, stuck int) {
	var still []*worker
	for _, w := range o.all {
		if w.sight.CompareAndSwap(fresh, seen) {
			moved = moved || w.next.Load() != asleep
			continue
		}
		if p := w.takeNext(); p != nil {
			o.enqueue(p)
		}
		if w.next.Load() != asleep && w.sight.Load() == seen {
			still = append(still, w)
		}
	}
	if o.head == nil {
		return moved, 0
	}
	for _, w := range still {
		if w.sight.CompareAndSwap(seen, held) {
			o.held++
		}
	}
	return moved, len(still)
}

// reinforce returns parked workers to be woken, or hires, as many as may run and
// as there are processes waiting. The lock is held.
func (o *pool) reinforce() (help []*worker) {
	n := o.limit + o.bonus - o.running()
	for p := o.head; p != nil && n > 0; p = p.queued {
		n--
		o.waking = false
		if w := o.helper(); w != nil {
			help = append(help, w)
		}
	}
	return help
}

// count changes what is seen of w, and keeps the count of those held.
func (o *pool) count(w *worker, now uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	was := w.sight.Load()
	if was == gone {
		return
	}
	w.sight.Store(now)
	if was == held {
		o.held--
	}
	if now == held {
		o.held++
	}
}

// enterBlocking tells the pool that a handler is about to wait for something
// that other processes may have to bring: its worker does not count until
// leaveBlocking. For a process in direct style, and for nil, it does nothing.
func (p *process) enterBlocking() *worker {
	if p == nil || p.flags&isHandler == 0 {
		return nil
	}
	w := p.worker.Load()
	if w == nil {
		return nil
	}
	o := w.pool
	o.count(w, held)
	o.mu.Lock()
	if n := w.takeNext(); n != nil {
		o.enqueue(n)
	}
	var h *worker
	if o.head != nil {
		h = o.helper()
	}
	o.mu.Unlock()
	h.rouse()
	return w
}

func (w *worker) leaveBlocking() {
	if w != nil {
		w.pool.count(w, fresh)
	}
}

// start makes the pool ready for use.
func (o *pool) start() {
	o.limit = runtime.GOMAXPROCS(0)
	o.left.L = &o.mu
	o.ticker = time.AfterFunc(time.Hour, o.onTick)
	o.ticker.Stop()
}

// close lets the workers go once the queue is empty, and waits for all but those
// inside zombies.
func (o *pool) close() {
	o.mu.Lock()
	o.closed = true
	idle := o.idle
	o.idle = nil
	for _, w := range idle {
		w.rouse()
	}
	for len(o.all) > o.zombies {
		o.left.Wait()
	}
	o.ticker.Stop()
	o.mu.Unlock()
}

// bury counts a worker that is inside a zombie, or out of it again.
func (o *pool) bury(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.zombies += n
	o.left.Broadcast()
}
