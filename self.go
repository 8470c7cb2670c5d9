package troupe

import (
	"context"
	"iter"
	"reflect"
	"time"
)

// Self is a process seen from inside. It is the process's [context.Context]: it
// is cancelled when the process is told to end, with the reason as its cause,
// and contexts derived from it still know which process is asking.
//
// The context methods, Ref, PID, Node and Path may be called by any goroutine;
// everything else belongs to the process's own body.
type Self[M any] struct {
	process
	box     queue[M]
	handler Handler[M]
	fn      func(*Self[M]) error
	first   *queue[M]   // goes before box: urgent bodies, signals overtaken by a drop
	alarm   *time.Timer // for receive with a timeout
}

// Ref returns the address of the process.
func (s *Self[M]) Ref() Ref[M] { return Ref[M]{to: s} }

// PID returns the identity of the process.
func (s *Self[M]) PID() PID { return s.pid() }

// Node returns the node that the process runs in.
func (s *Self[M]) Node() *Node { return s.node }

// Path returns the place of the process in the tree of who spawned whom, such
// as "/shop/cart". The root is "/". A process whose parent has ended is a child
// of the root.
func (s *Self[M]) Path() string { return s.node.path(&s.process) }

// Parent returns the process that spawned this one, or the root when that one
// has ended; the root's parent is the zero PID.
func (s *Self[M]) Parent() PID {
	s.node.tree.Lock()
	defer s.node.tree.Unlock()
	if s.parent == nil && s.node.outer != nil {
		return PID{proc: native(s.node.outer.Above())}
	}
	return PID{proc: s.parent}
}

// Children returns the living processes that this one spawned, newest first.
func (s *Self[M]) Children() []PID {
	s.node.tree.Lock()
	defer s.node.tree.Unlock()
	var kids []PID
	for c := range s.eachChild() {
		kids = append(kids, c.pid())
	}
	return kids
}

// eachChild walks over the children. The tree's lock is held.
func (p *process) eachChild() iter.Seq[*process] {
	return func(yield func(*process) bool) {
		for c := p.child; c != nil; c = c.next {
			if !yield(c) {
				return
			}
		}
	}
}

// Ready tells whoever spawned the process with [OnReady] that it is up. Only the
// first call counts. A supervisor that was asked to waits for it before it
// starts the next child.
func (s *Self[M]) Ready() { s.becomeReady() }

func (p *process) becomeReady() {
	p.mu.Lock()
	var ready func()
	if p.ext != nil {
		ready, p.ext.ready = p.ext.ready, nil
	}
	p.mu.Unlock()
	if ready != nil {
		ready()
	}
}

// Deadline is that of a context without a deadline.
func (s *Self[M]) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done is closed when the process is told to end, and when it has ended.
func (s *Self[M]) Done() <-chan struct{} { return s.context().Done() }

// Err is nil while the process runs, and [context.Canceled] once it was told to
// end; [context.Cause] gives the reason.
func (s *Self[M]) Err() error {
	if s.state.Load() == running {
		return nil
	}
	return s.context().Err()
}

// Value returns what the context given to [Run] holds under key.
func (s *Self[M]) Value(key any) any {
	switch key.(type) {
	case selfKey:
		return &s.process
	case nodeKey:
		return s.node
	}
	return s.context().Value(key)
}

// context returns the standard context inside p, made on first use: contexts
// derived from p then hang on it without a goroutine of their own.
func (p *process) context() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.more()
	if x.ctx == nil {
		x.ctx, x.cancel = context.WithCancelCause(p.node.base)
		if p.state.Load() != running {
			x.cancel(x.reason)
		}
	}
	return x.ctx
}

// signal, flush, look, start and activate make *Self the actor of its process.

func (s *Self[M]) signal(sig *signal) { s.box.push().sig = sig }

// flush is apart from flushAll because most processes end with nothing left, on a
// goroutine whose small stack should not have to grow for that.
func (s *Self[M]) flush(batch bool) []letter {
	if s.box.empty() && s.first == nil && (!batch || s.box.batch == nil) {
		return nil
	}
	return s.flushAll(batch)
}

func (s *Self[M]) flushAll(batch bool) []letter {
	var left []letter
	keep := func(e envelope[M], ok bool) bool {
		if ok && e.sig == nil {
			left = append(left, letter{from: e.from, to: &s.process, body: e.body})
		}
		return ok
	}
	for batch && keep(s.box.next()) {
	}
	for keep(s.box.pop()) {
	}
	for s.first != nil && keep(s.first.pop()) {
	}
	if s.ext != nil && s.ext.bound != nil {
		s.ext.bound.bodies = 0
	}
	return left
}

func (s *Self[M]) look() (label string, waiting int) {
	waiting = int(s.box.n)
	if s.first != nil {
		waiting += int(s.first.n)
	}
	if s.ext != nil && s.ext.label != "" {
		return s.ext.label, waiting
	}
	return s.bodyLabel(), waiting
}

// bodyLabel names a process after what it runs.
func (s *Self[M]) bodyLabel() string {
	if s.ext != nil && s.ext.kind != "" {
		return s.ext.kind
	}
	if s.handler != nil {
		if f, ok := s.handler.(HandlerFunc[M]); ok {
			return funcLabel(reflect.ValueOf(f).Pointer())
		}
		return typeLabel(reflect.TypeOf(s.handler))
	}
	return funcLabel(reflect.ValueOf(s.fn).Pointer())
}
