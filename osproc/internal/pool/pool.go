package pool

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/child"
)

// A Work is tasks, numbered from 0, that somebody waits for.
type Work interface {
	// Encode appends the arguments of the tasks [from, to).
	Encode(e *wire.Encoder, from, to int) error
	// Decode takes the results of the tasks [from, to).
	Decode(d *wire.Decoder, from, to int) error
	// Fail says that a task has an error instead of a result.
	Fail(task int, err error)
	// Finish says that all is known of the tasks [from, to).
	Finish(from, to int)
	// Gone reports that nobody waits any more.
	Gone() bool
}

// A Source has works when the pool has room for them.
type Source interface {
	// Next returns the next tasks: at least so many, unless they are the last, where 0 is
	// whatever there is; preferably depth of them; never more than most. n=0 is none now, n<0
	// is fewer than least. It must be quick.
	Next(least, depth, most int) (w Work, from, n int)
}

// Config says what a pool is to be.
type Config struct {
	Workers     int
	Concurrency int // tasks at once in a worker
	Procs       int // GOMAXPROCS of a worker
	MaxTasks    int // of a worker; 0 is no limit
	MaxMemory   int64
	TaskTimeout time.Duration
	Retries     int
	MaxFailures int // deaths in a row of workers that did nothing
	Child       child.Config
	Begin       func(*wire.Encoder) error // what a worker begins with

	// Poison makes the error of a task that was lost too often. The child has ended.
	Poison func(deaths int, c *child.Child) error
	// Died makes the error of a child that has ended.
	Died func(c *child.Child) error
}

// Errors that the engine makes itself.
var (
	ErrClosed  = errors.New("osproc: the pool is closed")
	ErrBroken  = errors.New("osproc: the workers of the pool die before they do anything")
	ErrTimeout = errors.New("osproc: the task took longer than the pool's TaskTimeout")
)

// target is how much work a member is sent at a time.
const target = time.Millisecond

// patience is how long a task waits for others to go along with it.
const patience = 100 * time.Microsecond

// maxDepth is the most tasks that are sent at a time.
const maxDepth = 1 << 13

// Pool is the engine. All methods may be called concurrently.
type Pool struct {
	cfg     Config
	forcing atomic.Bool     // somebody will
	hungry  atomic.Bool     // a member has room, and there is nothing for it
	extent  [2]atomic.Int32 // depth and executors, for Extent
	ctx     context.Context
	cancel  context.CancelCauseFunc
	stopped chan struct{} // closed when no worker is left, nor will be
	first   chan error    // how the first start went

	mu       sync.Mutex
	queue    deque
	sources  []Source
	members  []*member
	starting map[*child.Child]struct{}
	slots    int // goroutines that keep a worker
	want     int // how many there are to be
	depth    int // tasks that are sent at a time
	force    bool
	closing  bool
	killed   bool
	refuse   error // why nothing more is accepted
	over     error // why everything has ended
	inRow    int   // see MaxFailures
	patrol   *time.Timer
	doubt    time.Duration // see tolerance
	doubted  time.Time
	stats    Stats
}

// New starts a pool. It returns when the first worker is ready, or has failed to become so.
// When ctx ends the workers are told to end.
func New(ctx context.Context, cfg Config) (*Pool, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	p := &Pool{
		cfg: cfg, depth: 1, starting: make(map[*child.Child]struct{}),
		stopped: make(chan struct{}), first: make(chan error, 1),
	}
	p.extent[0].Store(1)
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	context.AfterFunc(p.ctx, func() { p.End(context.Cause(p.ctx), false) })
	p.mu.Lock()
	p.grow(cfg.Workers)
	p.mu.Unlock()
	var err error
	select {
	case err = <-p.first:
	case <-p.stopped:
		err = context.Cause(ctx)
	}
	if err != nil {
		p.End(err, true)
		<-p.stopped
		return nil, err
	}
	return p, nil
}

// Submit has the tasks of w done. Once it has returned nil, all that the pool knows of them
// will have been said to w at some time, unless w is gone.
func (p *Pool) Submit(w Work, n int) error {
	p.mu.Lock()
	if p.refuse != nil {
		defer p.mu.Unlock()
		return p.refuse
	}
	p.queue.pushBack(span{work: w, to: n})
	p.stats.Queued += n
	m := p.dispatch()
	p.mu.Unlock()
	m.flush()
	return nil
}

// Attach has the tasks of s done, until Detach.
func (p *Pool) Attach(s Source) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return p.refuse
	}
	p.sources = append(p.sources, s)
	return nil
}

// Detach forgets s. What it gave before goes on.
func (p *Pool) Detach(s Source) {
	p.mu.Lock()
	for i, t := range p.sources {
		if t == s {
			p.sources = append(p.sources[:i:i], p.sources[i+1:]...)
			break
		}
	}
	p.retireAll()
	p.mu.Unlock()
}

// Hungry reports that a worker has nothing to do, and would not wait for more than one task.
func (p *Pool) Hungry() bool { return p.hungry.Load() }

// Kick asks the sources again.
func (p *Pool) Kick() { p.kick(false) }

func (p *Pool) kick(force bool) {
	p.mu.Lock()
	p.force = force
	m := p.dispatch()
	p.force = false
	p.mu.Unlock()
	m.flush()
}

// Extent is how many tasks are sent to a worker at a time, and how many can run at once. It
// takes no lock.
func (p *Pool) Extent() (depth, executors int) {
	return int(p.extent[0].Load()), int(p.extent[1].Load())
}

// Ended returns a channel that is closed when no task is given to workers any more.
func (p *Pool) Ended() <-chan struct{} { return p.ctx.Done() }

// dispatch gives tasks to members that have room. It returns those who have something to
// flush, as a list. The lock is held.
func (p *Pool) dispatch() (list *member) {
	for p.over == nil {
		m := p.pick()
		if m == nil {
			p.setHungry(false)
			return list
		}
		s, ok := p.take(m.left())
		if !ok {
			p.setHungry(m.load == 0)
			if s, ok = p.take(m.left()); !ok { // what came before hungry was seen
				p.retireAll()
				p.watchSlow()
				return list
			}
		}
		m.outbox = append(m.outbox, s)
		m.load += s.len()
		m.given += s.len()
		if !m.flushing {
			m.flushing = true
			m.next, list = list, m
		}
	}
	return list
}

// Least is how many of the tasks of sources are sent at a time, unless they have waited for as
// long as patience: sending costs as much as a thousand small tasks.
func Least(depth int) int { return max(1, depth/4) }

// Soon has the sources asked for less than the least, after a while.
func (p *Pool) Soon() {
	if !p.forcing.Load() && p.forcing.CompareAndSwap(false, true) {
		time.AfterFunc(patience, func() {
			p.forcing.Store(false)
			p.kick(true)
		})
	}
}

// setHungry stores only changes, so that those who ask share a cache line.
func (p *Pool) setHungry(hungry bool) {
	if p.hungry.Load() != hungry {
		p.hungry.Store(hungry)
	}
}

// pick returns the member that has most room, or nil. The lock is held.
func (p *Pool) pick() (best *member) {
	room := p.cfg.Concurrency - 1
	if p.depth > 1 {
		room = p.cfg.Concurrency * p.depth // a whole round more, to begin when one is done
	}
	for _, m := range p.members {
		if m.load <= room && !m.slow && m.state == ready && m.left() > 0 && (best == nil || m.load < best.load) {
			best = m
		}
	}
	return best
}

// take returns the next tasks, at most so many. The lock is held.
func (p *Pool) take(most int) (span, bool) {
	for p.queue.len() > 0 {
		s := p.queue.popFront()
		if s.work.Gone() {
			p.stats.Queued -= s.len()
			continue
		}
		if n := min(p.depth, most); s.len() > n {
			rest := s
			rest.from += n
			s.to = rest.from
			p.queue.pushFront(rest)
		}
		p.stats.Queued -= s.len()
		return s, true
	}
	least := 0
	if !p.force {
		least = Least(p.depth)
	}
	for i, src := range p.sources {
		w, from, n := src.Next(least, p.depth, most)
		if n < 0 {
			p.Soon()
		}
		if n > 0 {
			if i+1 < len(p.sources) { // the others first, next time
				copy(p.sources[i:], p.sources[i+1:])
				p.sources[len(p.sources)-1] = src
			}
			return span{work: w, from: from, to: from + n}, true
		}
	}
	return span{}, false
}

// adapt learns from the time that n tasks took. The lock is held.
func (p *Pool) adapt(took time.Duration, n int) {
	each := max(took/time.Duration(n), 1)
	switch {
	case time.Duration(p.depth)*each > target:
		p.depth = max(1, p.depth/2) // not more: the worker may have been held up by others
	case 2*n >= p.depth && 2*time.Duration(p.depth)*each < target:
		p.depth = min(2*p.depth, maxDepth)
	default:
		return
	}
	p.extent[0].Store(int32(p.depth))
}

// Cancel tells the workers that nobody waits for w any more, which is gone.
func (p *Pool) Cancel(w Work) {
	type lost struct {
		m     *member
		first uint32
		n     int
	}
	var all []lost
	p.mu.Lock()
	for _, m := range p.members {
		for i := range m.sent {
			if s := &m.sent[i]; s.work == w && !s.over() {
				all = append(all, lost{m, s.number + uint32(s.done), s.len() - s.done})
			}
		}
	}
	p.mu.Unlock()
	for _, l := range all {
		l.m.sendCancel(l.first, l.n)
	}
}
