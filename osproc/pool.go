package osproc

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/child"
	"github.com/troupe-go/troupe/osproc/internal/pool"
)

// Errors of a [Pool].
var (
	// ErrPoolClosed is the error of tasks given to a pool after Close or Terminate, and of
	// those that Terminate cut off.
	ErrPoolClosed = pool.ErrClosed
	// ErrPoolBroken is wrapped by the error of all tasks of a pool that has given up; see
	// MaxFailures in [PoolConfig].
	ErrPoolBroken = pool.ErrBroken
	// ErrTaskTimeout is wrapped by the error of a task that took longer than TaskTimeout.
	ErrTaskTimeout = pool.ErrTimeout
)

// PoolConfig says what a pool is to be. The zero PoolConfig makes one worker for each
// processor, each of which does one task at a time.
type PoolConfig struct {
	// Workers is how many processes there are; 0 means GOMAXPROCS.
	Workers int
	// Concurrency is how many tasks run at once in a worker; 0 means 1. More than one is
	// for tasks that wait most of their time. All that were running when a worker died are
	// then counted as its killers, since there is no telling which it was.
	Concurrency int
	// Procs is how many threads of a worker run Go code at once (its GOMAXPROCS). 0 gives
	// all workers together as many as the parent has, and each at least one.
	Procs int

	// Chunk is how many tasks [Pool.Map] sends to a worker at a time. 0 means as many as
	// take about a millisecond, which is measured all the time. Either way, an item does not
	// wait for others to come when a worker has nothing to do.
	Chunk int

	// SetUp is run in every worker before its first task; see [Func.Bind]. A worker whose
	// SetUp fails is one that died. TearDown is run after the last task of a worker that
	// ends in good order: not of one that was killed.
	SetUp, TearDown Call

	// MaxTasks is how many tasks a worker does before a new one takes its place; 0 is no
	// limit.
	MaxTasks int
	// MaxMemory is how many bytes a worker may have in RAM (on Linux). One that has more
	// after a task, not counting garbage, is replaced. It is not a limit for a task: that
	// is Limits.Memory in Process. 0 is no limit.
	MaxMemory int64

	// TaskTimeout is how long a task may take; its worker is killed then. 0 is no limit.
	TaskTimeout time.Duration
	// Retries is how often a task is run again whose worker died while it was running,
	// also because of TaskTimeout. After that its error is a [*PoisonError]. Tasks that
	// were with the same worker, but were not running, are always run again. So a task may
	// be run more than once; its result is delivered once.
	Retries int

	// MaxFailures is how many workers in a row may die young without having done anything
	// before the pool gives up, with [ErrPoolBroken]; it waits longer after each. 0 means 10.
	MaxFailures int

	// Process says how the workers are started. They are daemons, and leave SIGINT to the
	// parent, since Ctrl-C reaches both.
	Process Config
}

// PoisonError is the error of a task whose worker died each time that it was run.
type PoisonError struct {
	Deaths int        // how often it was run
	Exit   *ExitError // how the worker ended the last time
}

// Error says how often the task was run, and how its worker ended.
func (e *PoisonError) Error() string {
	exit := strings.TrimPrefix(e.Exit.Error(), "osproc: ")
	if e.Deaths == 1 {
		return "osproc: the worker died while it was running the task: " + exit
	}
	return fmt.Sprintf("osproc: %d workers died while they were running the task; the last: %s", e.Deaths, exit)
}

// Unwrap returns how the worker ended.
func (e *PoisonError) Unwrap() error { return e.Exit }

// Pool is a number of processes that run one function for many arguments. All methods may be
// called concurrently. A pool must be ended: by [Pool.Close], [Pool.Shutdown],
// [Pool.Terminate], or the end of the context that it was made with.
type Pool[A, R any] struct {
	f      *Func[A, R]
	codecs *codecs[A, R]
	p      *pool.Pool
	chunk  int
}

// NewPool starts a pool of f. It returns when one worker is ready; the others follow. When ctx
// ends the workers are told to end and killed after their grace, and what is not done fails
// with the cause of ctx.
//
// It returns the errors of [Func.Start], and that of SetUp, if the first worker fails.
func NewPool[A, R any](ctx context.Context, f *Func[A, R], cfg PoolConfig) (*Pool[A, R], error) {
	prepareRoles()
	codecs, err := f.compile()
	if err != nil {
		return nil, err
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg = cfg.filled()
	engine := cfg.engine(f.name)
	engine.Begin = func(e *wire.Encoder) error {
		f.address(e, codecs)
		if err := encodeCall(e, cfg.SetUp); err != nil {
			return err
		}
		return encodeCall(e, cfg.TearDown)
	}
	p, err := pool.New(ctx, engine)
	if err != nil {
		return nil, err
	}
	return &Pool[A, R]{f, codecs, p, cfg.Chunk}, nil
}

func (c PoolConfig) check() error {
	for _, v := range []struct {
		name  string
		value int64
	}{
		{"Workers", int64(c.Workers)}, {"Concurrency", int64(c.Concurrency)}, {"Procs", int64(c.Procs)},
		{"Chunk", int64(c.Chunk)}, {"MaxTasks", int64(c.MaxTasks)}, {"MaxMemory", c.MaxMemory},
		{"TaskTimeout", int64(c.TaskTimeout)}, {"Retries", int64(c.Retries)}, {"MaxFailures", int64(c.MaxFailures)},
	} {
		if v.value < 0 {
			return fmt.Errorf("osproc: PoolConfig.%s is %d: it must not be negative", v.name, v.value)
		}
	}
	return nil
}

// filled replaces zeroes by what they stand for.
func (c PoolConfig) filled() PoolConfig {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Concurrency == 0 {
		c.Concurrency = 1
	}
	if c.Procs == 0 {
		c.Procs = (runtime.GOMAXPROCS(0) + c.Workers - 1) / c.Workers
	}
	if c.MaxFailures == 0 {
		c.MaxFailures = 10
	}
	if c.Process.Grace == 0 {
		c.Process.Grace = child.DefaultGrace
	}
	c.Process.Daemon = true
	return c
}

func (c PoolConfig) engine(name string) pool.Config {
	process := c.Process.named(name).Internal()
	process.IgnoreInterrupt = true
	return pool.Config{
		Workers: c.Workers, Concurrency: c.Concurrency, Procs: c.Procs,
		MaxTasks: c.MaxTasks, MaxMemory: c.MaxMemory, TaskTimeout: c.TaskTimeout,
		Retries: c.Retries, MaxFailures: c.MaxFailures, Child: process,
		Poison: func(deaths int, c *child.Child) error { return &PoisonError{deaths, exitError(c)} },
		Died:   func(c *child.Child) error { return exitError(c) },
	}
}

// Close takes no more tasks, waits until those that the pool has are done, also those of
// running maps, lets the workers end in good order, and waits for that. It returns nil, or why
// the pool has ended otherwise: the cause of its context, [ErrPoolBroken].
func (p *Pool[A, R]) Close() error { return p.Shutdown(context.Background()) }

// Shutdown is Close that terminates the pool when ctx ends, and returns the cause of ctx then.
func (p *Pool[A, R]) Shutdown(ctx context.Context) error {
	p.p.Close()
	err := p.p.Wait(ctx)
	if err != nil && ctx.Err() != nil {
		p.Terminate()
	}
	if errors.Is(err, ErrPoolClosed) {
		return nil
	}
	return err
}

// Terminate kills the workers at once, and waits until they are gone. What was not done fails
// with [ErrPoolClosed].
func (p *Pool[A, R]) Terminate() {
	p.p.End(ErrPoolClosed, true)
	_ = p.p.Wait(context.Background())
}

// Resize changes the number of workers. Those that are too many finish the tasks that they
// hold, and end in good order. It does not wait. It returns [ErrPoolClosed] if the pool has
// ended.
func (p *Pool[A, R]) Resize(workers int) error {
	if workers < 1 {
		return fmt.Errorf("osproc: Resize(%d): a pool needs a worker", workers)
	}
	return p.p.Resize(workers)
}

// PoolStats are numbers about a pool; see [Pool.Stats].
type PoolStats struct {
	Queued   int // tasks that no worker has; those of a map are not counted before it is their turn
	Done     int // tasks with a result
	Failed   int // tasks with an error
	Retried  int // tasks that were run again because their worker died
	Poisoned int // tasks that were not any more; see [PoisonError]
	TimedOut int // workers that were killed because of TaskTimeout
	Started  int // workers that became ready
	Deaths   int // workers that died without having been told to end
	Workers  []WorkerStats
}

// WorkerStats are numbers about a worker that lives.
type WorkerStats struct {
	PID   int
	Tasks int // tasks that it has done
	Held  int // tasks that it has received, or will, and not answered
	Since time.Time
}

// Stats returns what has happened so far, and the workers that are ready.
func (p *Pool[A, R]) Stats() PoolStats {
	s := p.p.Stats()
	out := PoolStats{
		Queued: s.Queued, Done: s.Done, Failed: s.Failed, Retried: s.Retried, Poisoned: s.Poisoned,
		TimedOut: s.TimedOut, Started: s.Started, Deaths: s.Deaths,
	}
	for _, m := range s.Members {
		out.Workers = append(out.Workers, WorkerStats{PID: m.PID, Tasks: m.Done, Held: m.Load, Since: m.Since})
	}
	return out
}
