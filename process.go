package troupe

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/far"
)

// States of a process. It goes from running to ending when it is told to end,
// from either to dead, once, and then to told.
const (
	running uint32 = iota
	ending         // told to end: the reason stands, nothing more is received
	dead           // ended for all others, even if its goroutine still runs
	told           // dead, and everybody who is to know of it does
)

// What a process is doing as far as its senders are concerned.
const (
	busy     uint8 = iota // it will look into its mailbox by itself
	parked                // its goroutine waits on wake
	idle                  // a handler process that no worker holds
	watching              // its goroutine selects on extra.mail
)

// A process is the part of Self that does not depend on the message type. The
// fields stand in the order of who touches them, a cache line for each: what
// everybody reads, what changes rarely, and what senders write.
type process struct {
	impl   actor
	node   *Node
	id     uint64
	state  atomic.Uint32
	flags  flags
	worker atomic.Pointer[worker]  // the one that ran it last; a hint
	asking atomic.Pointer[pending] // the question its own thread waits on
	queued *process                // the next in the run queue, guarded by the pool

	parent, child, next, prev *process                      // the tree, guarded by node.tree
	ext                       *extra                        // guarded by mu
	asks                      *pending                      // questions waiting for this process, guarded by mu
	answer                    atomic.Pointer[chan struct{}] // a token ends the wait for an answer
	wake                      chan struct{}                 // a token ends the parking of the process's goroutine; set by it

	mu   sync.Mutex
	idle uint8 // guarded by mu
	odd  bool  // a bound or urgent mail: deliver takes the long way; set before start
	// The goroutine or worker that runs the body is inside it. Guarded by mu.
	inside bool

	inited bool // Init was called; touched by the body alone
	warned bool // a receive has told the body that it must end; likewise
}

// flags are set before a process starts and never change.
type flags uint32

const (
	isHandler flags = 1 << iota
	hasInit
	takesUrgent
	hasBox    // its mail is kept outside of it
	isStandIn // it lives elsewhere, and was only heard of here
	isFace    // not a process, but the typed side of a stand-in
)

// An actor is the typed side of a process, seen from its untyped side.
type actor interface {
	start()                    // begin to run, or let the pool begin
	run(w *worker)             // on a goroutine of its own if w is nil, else a slice of it
	signal(s *signal)          // append a signal; the lock is held
	flush(batch bool) []letter // take out what is left, the consumer's batch too; the lock is held
	look() (label string, waiting int)
}

// extra holds what most processes never need.
type extra struct {
	reason error // valid once the process is ending
	ties   *ties
	traps  bool
	zombie bool
	ready  func()
	label  string        // the name in the tree, if one was given
	kind   string        // what it runs, if the body does not tell
	grace  time.Duration // how long it may take to return

	ctx    context.Context
	cancel context.CancelCauseFunc

	mail    chan struct{} // a token says that there is mail
	done    chan struct{} // closed at the end of the process
	overdue *time.Timer   // runs while a process that was told to end has not

	bound  *bound
	shelf  *shelf   // set, before the process starts, if its mail is kept in a Box
	keeps  any      // the *kept[M] that the shelf belongs to
	keeper *process // who spawned the process with KeepName
	away   *away    // set if the process lives elsewhere
}

// ties are what a process shares with others. Its death takes them all at once.
type ties struct {
	links    map[*process]PID      // with how this side addressed the other
	watchers map[*Monitor]struct{} // who monitors this process
	monitors map[*Monitor]struct{} // whom this process monitors
	timers   map[*Timer]struct{}
	names    []string
	abroad   map[*far.Peer]struct{}  // other nodes that know this process
	returns  func(reason error) bool // see KeepName
	keeps    bool                    // this process spawned others with KeepName
	expiry   *time.Timer             // runs while a process that may trap exits outlives its node
}

// tie returns p's ties, made on first use. The lock is held.
func (p *process) tie() *ties {
	x := p.more()
	if x.ties == nil {
		x.ties = new(ties)
	}
	return x.ties
}

// tied returns p's ties to look at or to delete from. The lock is held.
func (p *process) tied() *ties {
	if p.ext == nil || p.ext.ties == nil {
		return &ties{}
	}
	return p.ext.ties
}

// defaultGrace is how long a process that was told to end may take to return.
const defaultGrace = 5 * time.Second

// more returns p's extra, made on first use. The lock is held.
func (p *process) more() *extra {
	if p.ext == nil {
		p.ext = &extra{grace: defaultGrace}
	}
	return p.ext
}

// asProcess finds the process behind a *Self without an allocation.
func (p *process) asProcess() *process { return p }

type (
	carrier interface{ asProcess() *process }
	selfKey struct{}
	nodeKey struct{}
)

// processOf returns the process that ctx belongs to, or nil.
func processOf(ctx context.Context) *process {
	if c, ok := ctx.(carrier); ok {
		return c.asProcess()
	}
	p, _ := ctx.Value(selfKey{}).(*process)
	return p
}

// nodeOf returns the node that ctx belongs to, or nil.
func nodeOf(ctx context.Context) *Node {
	if p := processOf(ctx); p != nil {
		return p.node
	}
	n, _ := ctx.Value(nodeKey{}).(*Node)
	return n
}

// fenced reports that p is dead: whatever its goroutine still does must not be
// seen by others.
func (p *process) fenced() bool { return p != nil && p.state.Load() >= dead }

func (p *process) pid() PID { return PID{proc: p.self()} }

// rouse gets p going after the lock is free again; was is the idle value that
// the caller found and set to busy. from, which may be nil, is the sender.
func (p *process) rouse(was uint8, from *process) {
	switch was {
	case parked:
		p.wake <- struct{}{} // has room: one token per parking
		if up := p.node.outer; up != nil {
			up.Woken(&p.wake)
		}
	case idle:
		p.node.pool.submit(p, from)
	case watching:
		select {
		case p.ext.mail <- struct{}{}:
		default:
		}
	}
}

// post appends a signal to p's mailbox and wakes it. The lock is held, and free
// on return.
func (p *process) postAndUnlock(s *signal) {
	p.impl.signal(s)
	was := p.idle
	p.idle = busy
	p.mu.Unlock()
	p.rouse(was, nil)
}
