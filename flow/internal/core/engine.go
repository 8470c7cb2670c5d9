package core

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/csp"
)

// Skip is what a stage's function returns for an item that has no result.
var Skip = errors.New("flow: skip this item (a stage function returns it to say so; it is no failure)")

// Config says how a stage runs.
type Config struct {
	Workers int
	Window  int // items in flight at most; 0 for the default
	Ordered bool
	Probe   *Probe
}

// Work is one worker: what it does to an item, and what it does at its end (Close may be nil).
type Work[A, B any] struct {
	Do    func(context.Context, A) (B, error)
	Close func() error
}

const (
	// perWorker is the default window per worker. It is what one item may be slower than
	// the others before it holds them up in an ordered stage.
	perWorker = 64
	// maxChunk bounds how many items a worker claims at a time.
	maxChunk = 64
	// targetChunk is how long a chunk should take: long against the cost of claiming one,
	// short against anything that people notice.
	targetChunk = 40 * time.Microsecond
	// yieldEvery is after how much work a worker lets others run. When workers keep all
	// processors busy, feeder and consumer would otherwise run only once the workers have
	// nothing left to do, and have stalled.
	yieldEvery = 60 * time.Microsecond
)

type verdict uint8

const (
	result verdict = iota
	nothing
	failure
)

type slot[B any] struct {
	seq     atomic.Uint64 // position+1 once the slot holds that position's result
	value   B
	verdict verdict
}

// span is a run of items that a worker has claimed and not worked through.
type span[A any] struct {
	at    uint64 // position of the first
	items []A
}

// engine is one run of a stage. Its counters are on cache lines by who writes them.
type engine[A, B any] struct {
	Config
	ctx   context.Context
	mask  uint64
	chunk int // most items in a claim
	in    []A
	out   []slot[B]

	_     [64]byte
	fed   atomic.Uint64 // written by the feeder
	total atomic.Uint64 // items there are; known when the feeder has ended
	_     [48]byte
	done  atomic.Uint64 // unordered: positions of out given away; written by workers
	_     [56]byte
	tail  atomic.Uint64 // positions consumed; written by the consumer
	_     [56]byte

	workers, feeder, consumer parking

	mu       sync.Mutex
	claimed  uint64
	returned []span[A]        // claimed, then given back because they took too long
	errs     map[uint64]error // by position
	srcErr   error            // how the source failed
	failedAt atomic.Uint64    // the lowest position known to have failed, or MaxUint64
}

// Run runs a stage until its source has ended and everything is consumed, something failed,
// ctx ended, or emit returned false. It returns after all its goroutines, with the error of
// the source or of the stage, if any. The source runs on a goroutine of its own and stops when
// push returns false; emit is called on the caller's goroutine.
func Run[A, B any](
	ctx context.Context, cfg Config,
	source func(ctx context.Context, push func(A) bool) error,
	open func(context.Context) (Work[A, B], error),
	emit func(B) bool,
) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	e := newEngine[A, B](ctx, cfg)
	var group sync.WaitGroup
	var closing closeErrors
	defer func() {
		cancel()
		group.Wait()
		if err == nil {
			err = closing.first()
		}
	}()
	group.Go(func() { e.feed(source) })
	for range cfg.Workers {
		group.Go(func() { closing.add(e.work(open)) })
	}
	return e.consume(emit)
}

func newEngine[A, B any](ctx context.Context, cfg Config) *engine[A, B] {
	if cfg.Window <= 0 {
		cfg.Window = perWorker * cfg.Workers
	}
	size := 1 << bits.Len(uint(cfg.Window-1))
	e := &engine[A, B]{
		Config: cfg, ctx: ctx, mask: uint64(size - 1),
		chunk:   max(1, min(maxChunk, cfg.Window/(2*cfg.Workers))),
		in:      make([]A, size),
		out:     make([]slot[B], size),
		workers: newParking(cfg.Workers), feeder: newParking(1), consumer: newParking(1),
	}
	e.total.Store(math.MaxUint64)
	e.failedAt.Store(math.MaxUint64)
	return e
}

// closeErrors keeps the first error of closing a worker.
type closeErrors struct {
	mu  sync.Mutex
	err error
}

func (c *closeErrors) add(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

func (c *closeErrors) first() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fail records that the item at a position failed; its slot is still to be published.
func (e *engine[A, B]) fail(at uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.errs == nil {
		e.errs = map[uint64]error{}
	}
	e.errs[at] = err
	if !e.Ordered {
		at = 0 // nothing that is not under way is of use any more
	}
	if at < e.failedAt.Load() {
		e.failedAt.Store(at)
	}
}

func (e *engine[A, B]) errorAt(at uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.errs[at]
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = csp.NewPanicError(p)
	}
}
