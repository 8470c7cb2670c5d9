package troupe

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// A RunOption changes how a node is run.
type RunOption func(*Node)

// Logger sets where the node reports what nobody else hears of: a process that
// ended abnormally unseen, a zombie, a panic in a cleanup. The default is what
// [slog.Default] returns when Run is called.
func Logger(l *slog.Logger) RunOption { return func(n *Node) { n.log = l } }

// DeadLetterLimit sets how many dead letters the node keeps; the default is 1024.
func DeadLetterLimit(limit int) RunOption {
	return func(n *Node) { n.letters.limit = max(limit, 0) }
}

// nodes counts the nodes of the program.
var nodes atomic.Uint64

// Run starts a node, runs body as its first process, the root, and waits until
// the node has ended. The node ends when the root does; all other processes are
// then told to end with ErrShutdown, parents before their children, and those that
// have not ended within their grace are fenced and reported as zombies. When ctx ends, the root is told to
// end with ErrShutdown; if it then ends for that reason or normally, Run returns
// nil, for that is what was asked for. In all other cases Run returns the root's
// reason; nil is a normal end. Several nodes may run at once in one program.
func Run[M any](ctx context.Context, body func(*Self[M]) error, opts ...RunOption) error {
	n := &Node{serial: nodes.Add(1), base: context.WithoutCancel(ctx), log: slog.Default(), empty: make(chan struct{})}
	n.letters.limit = defaultLetters
	n.zombies.node = n
	n.pool.start()
	for _, o := range opts {
		o(n)
	}
	root := &Self[M]{fn: body}
	bring(n, nil, root, n.first)
	var asked atomic.Bool
	stop := context.AfterFunc(ctx, func() {
		asked.Store(true)
		root.tell(PID{}, ErrShutdown, false)
	})
	defer stop()

	<-root.doneChan()
	n.close()
	reason, _ := root.ended()
	if asked.Load() && errors.Is(reason, ErrShutdown) {
		return nil
	}
	return reason
}

// close ends all processes and waits for them: first the children of the root,
// and the children of each when it has ended, so that a supervisor can stop its
// own in order.
func (n *Node) close() {
	n.tree.Lock()
	n.closing = true
	top := slices.Collect(n.root.eachChild())
	n.tree.Unlock()
	n.checkEmpty()
	shutDown(top)
	<-n.empty
	n.pool.close()
	n.limits.stop()
}

// expire starts the grace of a process that may have trapped the shutdown.
func (p *process) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.Load() != running {
		return
	}
	if t, grace := p.tie(), p.ext.grace; t.expiry == nil && grace >= 0 {
		t.expiry = time.AfterFunc(grace, p.kill)
	}
}
