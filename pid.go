package troupe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unique"
)

// A PID is the identity of a process, or of a name. It is comparable, can be
// printed and sent anywhere; the zero PID is nobody. Its methods may be called
// by any goroutine.
type PID struct {
	proc *process
	name unique.Handle[string] // if proc is nil
}

// String returns "<name.id>", or the name for a PID made from one.
func (p PID) String() string {
	switch {
	case p.proc != nil:
		return "<" + p.proc.label() + "." + strconv.FormatUint(p.proc.id, 10) + ">"
	case p.name != unique.Handle[string]{}:
		return p.name.Value()
	}
	return "nobody"
}

// Path returns the process's place in the tree, as [Self.Path] does; for a name,
// the name.
func (p PID) Path() string {
	if p.proc == nil {
		return p.String()
	}
	return p.proc.node.path(p.proc)
}

// resolve returns the process that pid means on this node, or nil.
func (n *Node) resolve(p PID) *process {
	if p.proc != nil || p.name == (unique.Handle[string]{}) {
		return p.proc
	}
	return n.find(p.name.Value())
}

// find is resolve for a caller that has only a context.
func (p PID) find(ctx context.Context) (*process, error) {
	if p.proc != nil {
		return p.proc, nil
	}
	n := nodeOf(ctx)
	if n == nil {
		return nil, fmt.Errorf("troupe: cannot look up %v: the context belongs to no node; use a process's own, or Node.Context", p)
	}
	q := n.resolve(p)
	if q == nil {
		return nil, ErrNoProc
	}
	return q, nil
}

// Exit sends an exit signal, as if a link had broken: the process is told to end
// with the reason, or gets a message with the event Exit if it traps exits. A
// normal reason is not felt, except by the caller itself. It returns ErrNoProc if
// the process has ended, and ErrKilled if the caller is dead itself. Semantics:
// Erlang's exit/2.
func (p PID) Exit(ctx context.Context, reason error) error {
	q, err := p.living(ctx)
	if err != nil {
		return err
	}
	from := processOf(ctx)
	q.tell(PID{proc: from}, reason, from == q)
	return nil
}

// Kill ends the process at once with ErrKilled: its names are free, its links
// and monitors told, its context is cancelled, whatever it sends from now on is
// discarded. Kill cannot be trapped. A body that does not return within its
// grace is reported as a zombie. It returns what Exit returns. Semantics:
// Erlang's exit(Pid, kill).
func (p PID) Kill(ctx context.Context) error {
	q, err := p.living(ctx)
	if err != nil {
		return err
	}
	q.kill()
	return nil
}

// living returns the process that an exit signal from ctx's process reaches.
func (p PID) living(ctx context.Context) (*process, error) {
	if processOf(ctx).fenced() {
		return nil, ErrKilled
	}
	q, err := p.find(ctx)
	if err != nil {
		return nil, err
	}
	if q.fenced() {
		return nil, ErrNoProc
	}
	return q, nil
}

// Shutdown tells the process to end with ErrShutdown, waits until it has, and
// kills it after within; a negative within waits for ever. It returns the reason
// that the process ended with, or an error that wraps ctx's cause if ctx ended
// first; the process has then been told, and is not killed.
func (p PID) Shutdown(ctx context.Context, within time.Duration) error {
	q, err := p.living(ctx)
	if err != nil {
		return err
	}
	if processOf(ctx) == q {
		return errors.New("troupe: a process cannot wait for its own end: return from its body instead")
	}
	q.tell(PID{proc: processOf(ctx)}, ErrShutdown, false)
	if within >= 0 {
		t := time.AfterFunc(within, q.kill)
		defer t.Stop()
	}
	return q.wait(ctx)
}

// Wait waits until the process has ended and returns its reason; nil is a normal
// end. It works after the end too. If ctx ends first, Wait returns an error that
// wraps its cause. For a name that nobody has it returns ErrNoProc.
func (p PID) Wait(ctx context.Context) error {
	q, err := p.find(ctx)
	if err != nil {
		return err
	}
	if processOf(ctx) == q {
		return errors.New("troupe: a process cannot wait for its own end: return from its body instead")
	}
	return q.wait(ctx)
}

func (p *process) wait(ctx context.Context) error {
	if p.state.Load() == told {
		reason, _ := p.ended()
		return reason
	}
	w := processOf(ctx).enterBlocking()
	defer w.leaveBlocking()
	select {
	case <-p.doneChan():
		reason, _ := p.ended()
		return reason
	case <-ctx.Done():
		return fmt.Errorf("troupe: %v has not ended: %w", p.pid(), context.Cause(ctx))
	}
}

// Ended reports whether the process has ended, and with which reason. For a name,
// and for the zero PID, it reports false; see [Node.Whereis].
func (p PID) Ended() (reason error, ended bool) {
	return p.proc.ended()
}

func (p *process) ended() (reason error, ended bool) {
	if !p.fenced() {
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext == nil || IsNormal(p.ext.reason) {
		return nil, true
	}
	return p.ext.reason, true
}

// doneChan returns a channel that closes when p has ended and all was told.
func (p *process) doneChan() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.more()
	if x.done == nil {
		x.done = make(chan struct{})
		if p.state.Load() == told {
			close(x.done)
		}
	}
	return x.done
}
