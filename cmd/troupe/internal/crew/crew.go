// Package crew counts the words of a tree of files with a crew of processes
// that may crash at any moment, and counts each file exactly once all the same.
//
// # Who does what
//
//	crew              one for all: what it counts is worthless without its parts
//	├── collector     holds the index; accepts one result for each file
//	├── feeder        leases files to workers, again if a worker dies
//	├── workers       one for one
//	│   ├── worker-1  reads a file and sends its words, all at once
//	│   └── worker-2  …
//	└── saboteur      makes workers crash, if that is wanted
//
// A worker may be an OS process of its own, see [Config]. The saboteur then asks
// the feeder, which knows who is doing what, to have one killed: with SIGKILL,
// where there are signals.
//
// # Why nothing is lost or counted twice
//
// A worker asks the feeder for a file and thereby holds a lease on it. It counts
// the file into a table of its own and sends the collector one result for the
// whole file; a crash in the middle leaves no trace. The lease ends when the
// collector tells the feeder that it has accepted the file. When a worker dies,
// the feeder, which monitors it, hands out again what the worker held. The
// worker may have sent a result just before it died; then the file is counted
// again, and the collector drops the second result.
//
// A file that kills every worker that reads it is given up after some deaths. A
// crash that the saboteur caused is not held against the file, but a file that
// it has hit a few times is spared from then on, so that a file which takes
// longer than the time between two crashes comes to its end too.
//
// If the files wait as mail in a store, the crew also survives the end of the
// whole program: the next one goes on where it was. See post.go.
//
// A worker may hold a few leases, no more: one that is faster than the
// collector waits for its next file until the collector has caught up.
package crew

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervisor"
)

// MaxDeaths is how many workers a file may kill before it is given up.
const MaxDeaths = 3

// maxRestarts a second are believed in. It is far above what the saboteur can
// do; a worker that cannot even start reaches it at once.
const maxRestarts = 10_000

// A Config says how a crew works.
type Config struct {
	Workers    int                      // how many; at least 1
	CrashEvery time.Duration            // how often a worker is made to crash; 0 is never
	Isolated   bool                     // each worker is an OS process; see Main
	Mail       mailbox.Store            // where files wait as mail and the count is kept; its boxes are mailbox.Ledgers; nil is nowhere
	Poison     string                   // files with such a name kill the worker that reads them; "" is none
	Progress   func(Progress)           // called now and then, by one goroutine; nil is nobody
	Log        *slog.Logger             // where crashes are reported; nil is nowhere
	hurt       func(point, string) bool // which files hurt at which point, for tests
}

// Progress tells how far the crew is. It goes back when the crew starts anew.
type Progress struct {
	Files   int   // how many files are done
	Before  int   // those of them that another run with the same Mail has counted
	Bytes   int64 // how much was read from the others
	Crashes int   // how many workers have crashed
}

// Stats tells what happened in the crew.
type Stats struct {
	Crashes   int // workers that crashed
	Restarts  int // workers that were started again
	Renewals  int // times the whole crew was started anew
	Reissued  int // files handed out again
	Repeats   int // results for files that had been accepted before
	Elapsed   time.Duration
	Remaining int // files not done because the crew was stopped
}

// A Result is what a crew has counted.
type Result struct {
	Index    *wordindex.Tally   // nil if the crew was stopped
	Records  []wordindex.Record // one for each file; nil if the crew was stopped
	Progress Progress
	Stats    Stats
}

// Run counts the words of all files of the tree. When ctx ends before, it stops
// the crew in good order and returns how far it got, with the cause.
func Run(ctx context.Context, tree *wordindex.Tree, cfg Config) (*Result, error) {
	c := newCrew(tree, cfg)
	if ctx.Err() != nil {
		return c.outcome(0), context.Cause(ctx)
	}
	start := time.Now()
	err := troupe.Run(ctx, c.lead, troupe.Logger(c.Log))
	r := c.outcome(time.Since(start))
	if err == nil && r.Index == nil {
		err = context.Cause(ctx)
	}
	return r, err
}

// A crew is what its processes share: how it is set up, and counters.
type crew struct {
	Config
	tree   *wordindex.Tree
	leader troupe.Ref[news]
	bombs  bombs
	result Result // belongs to the leader

	crashes, restarts, renewals, reissued, repeats atomic.Int64
}

func newCrew(tree *wordindex.Tree, cfg Config) *crew {
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	return &crew{Config: cfg, tree: tree}
}

// outcome returns the result of a crew that has ended.
func (c *crew) outcome(elapsed time.Duration) *Result {
	c.result.Stats = Stats{
		Crashes:   int(c.crashes.Load()),
		Restarts:  int(c.restarts.Load()),
		Renewals:  int(c.renewals.Load()),
		Reissued:  int(c.reissued.Load()),
		Repeats:   int(c.repeats.Load()),
		Elapsed:   elapsed,
		Remaining: len(c.tree.Files) - c.result.Progress.Files,
	}
	return &c.result
}

// The addresses of the crew. They stay the same when their processes do not.
var (
	collector = troupe.Named[result]("crew/collector")
	feeder    = troupe.Named[order]("crew/feeder")
)

// news is what the leader hears from the collector.
type news interface{ news() }

type finished struct {
	index   *wordindex.Tally
	records []wordindex.Record
}

func (Progress) news() {}
func (finished) news() {}

// lead is the root process: it starts the crew and waits for its result.
func (c *crew) lead(self *troupe.Self[news]) error { return c.follow(self, c.spec()) }

func (c *crew) follow(self *troupe.Self[news], spec supervisor.Spec) error {
	c.leader = self.Ref()
	crew := troupe.SpawnMonitor(self, spec.Run, troupe.Name("crew"), troupe.Grace(-1))
	for m := range self.Messages() {
		if m.Event == troupe.Down {
			return fmt.Errorf("the crew gave up: %w", m.Reason)
		}
		switch n := m.Body.(type) {
		case Progress:
			c.advance(n)
		case finished:
			c.result.Index, c.result.Records = n.index, n.records
			return stop(self, crew.PID())
		}
	}
	return stop(self, crew.PID())
}

// stop ends the crew in good order and waits until it has ended.
func stop(ctx context.Context, crew troupe.PID) error {
	if err := crew.Exit(ctx, troupe.ErrShutdown); err != nil {
		return nil // it has ended already
	}
	if err := crew.Wait(context.WithoutCancel(ctx)); !errors.Is(err, troupe.ErrShutdown) {
		return err
	}
	return nil
}

func (c *crew) advance(p Progress) {
	p.Crashes = int(c.crashes.Load())
	c.result.Progress = p
	if c.Progress != nil {
		c.Progress(p)
	}
}

// spec is the tree of processes. A collector that crashes takes the index with
// it, and a feeder the leases: then all start anew, from the first file.
func (c *crew) spec() supervisor.Spec {
	workers := supervisor.Spec{Intensity: maxRestarts, Period: time.Second, Report: c.watchWorkers}
	for i := range c.Workers {
		workers.Children = append(workers.Children, supervisor.Child{
			Name: fmt.Sprintf("worker-%d", i+1),
			Body: c.worker(),
		})
	}
	spec := supervisor.Spec{
		Strategy:  supervisor.OneForAll,
		Intensity: 3, Period: time.Minute,
		Report: c.watchCrew,
		Children: []supervisor.Child{
			{Name: "collector", Body: troupe.Function(c.collect)},
			{Name: "feeder", Body: troupe.Function(c.feed)},
			// If the supervisor of the workers is killed, they may be in the middle
			// of a file: the pause lets them end before others take their names.
			{Name: "workers", Body: workers.Body(), Backoff: supervisor.Backoff{Min: 10 * time.Millisecond}},
		},
	}
	if c.CrashEvery > 0 {
		spec.Children = append(spec.Children, supervisor.Child{Name: "saboteur", Body: troupe.Function(c.sabotage)})
	}
	return spec
}

// watchWorkers and watchCrew count what the supervisors tell.
func (c *crew) watchWorkers(e supervisor.Event) {
	switch e.Kind {
	case supervisor.ChildEnded:
		c.crashes.Add(1)
	case supervisor.ChildStarted:
		if e.Restarts > 0 {
			c.restarts.Add(1)
		}
	}
	supervisor.Log(c.Log)(e)
}

func (c *crew) watchCrew(e supervisor.Event) {
	if e.Kind == supervisor.ChildRestarting {
		c.renewals.Add(1)
	}
	supervisor.Log(c.Log)(e)
}
