package troupe

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unique"
)

// None is the type of a request, an answer or a mailbox that carries nothing.
type None = struct{}

// A Call is a request of type Q that waits for an answer of type A. It is an
// ordinary value: a process can keep it and answer later, or hand it to another
// that answers. A mailbox for several kinds of requests has an interface as its
// message type; see [AskWith].
type Call[Q, A any] struct {
	Request Q
	slot    *slot[A]
}

// Reply answers the call. ctx tells who answers. It returns ErrNobodyWaits when
// the call was answered before or the asker has given up, and ErrKilled when the
// answering process is dead itself. Any goroutine may call it.
func (c Call[Q, A]) Reply(ctx context.Context, answer A) error {
	return c.finish(ctx, answer, nil)
}

// Fail answers the call with an error, which Ask returns. It is in all else as
// Reply.
func (c Call[Q, A]) Fail(ctx context.Context, err error) error {
	if err == nil {
		err = errors.New("troupe: the call was failed with a nil error")
	}
	var zero A
	return c.finish(ctx, zero, err)
}

// From returns the process that asks; the zero PID if none does.
func (c Call[Q, A]) From() PID {
	if c.slot == nil {
		return PID{}
	}
	return PID{proc: c.slot.asker}
}

func (c Call[Q, A]) finish(ctx context.Context, answer A, err error) error {
	switch {
	case c.slot == nil:
		return ErrNobodyWaits
	case processOf(ctx).fenced():
		return ErrKilled
	}
	return c.slot.settle(answer, err)
}

// settle ends the wait with an answer or an error.
func (s *slot[A]) settle(answer A, err error) error {
	if !s.settled.CompareAndSwap(false, true) {
		return ErrNobodyWaits
	}
	if s.far != nil {
		s.forgetCalls()
		return s.sendBack(answer, err)
	}
	s.answer, s.err = answer, err
	s.wakeAsker()
	return nil
}

// drop ends the wait for a call that a full mailbox has dropped.
func (c Call[Q, A]) drop() {
	if c.slot != nil {
		c.slot.fail(ErrMailboxFull)
	}
}

// A dropper is a body that holds a call, or a struct that embeds one.
type dropper interface{ drop() }

// A pending is a question that waits for its answer: the untyped part of a slot.
// Whoever settles it, once, wakes the asker.
type pending struct {
	asker   *process
	callee  *process // set when the question lies in its mailbox
	settled atomic.Bool
	err     error
	wake    chan struct{}

	due   time.Duration // if it has a limit of its own; guarded by the node's limits
	place int           // among those with one

	next, prev *pending // in callee.asks, guarded by its lock
	attached   bool
	own        bool // asked by the process's own thread
	exact      bool // with the process itself as the context

	far  *farCall                // where it came from, if that is another OS process
	went atomic.Pointer[farCall] // the other OS processes that it went to
}

type slot[A any] struct {
	pending
	answer A
}

// fail ends the wait with err, unless it has ended.
func (a *pending) fail(err error) {
	if !a.settled.CompareAndSwap(false, true) {
		return
	}
	if a.far != nil {
		a.forgetCalls()
		_ = a.far.peer.Fail(a.far.number, err)
		return
	}
	a.err = err
	a.wakeAsker()
}

// attach makes p's death end the question. The lock is held.
func (p *process) attach(a *pending) {
	a.attached = true
	a.next, a.prev = p.asks, nil
	if a.next != nil {
		a.next.prev = a
	}
	p.asks = a
}

// detach takes a settled question off p.
func (p *process) detach(a *pending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !a.attached {
		return
	}
	a.attached = false
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		p.asks = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	}
}

// detachAsks takes all questions off p, which dies. The lock is held.
func (p *process) detachAsks() []*pending {
	var all []*pending
	for a := p.asks; a != nil; a = a.next {
		a.attached = false
		all = append(all, a)
	}
	p.asks = nil
	return all
}

func endedUnanswered(reason error) error {
	if IsNormal(reason) {
		return fmt.Errorf("%w: it ended normally before it answered", ErrNoProc)
	}
	return reason
}

func endedWhileAsking(reason error) error {
	if IsNormal(reason) {
		reason = Stop
	}
	return fmt.Errorf("troupe: told to end while asking: %w", reason)
}

// Ask sends the request q to the process behind to and waits for the answer. It
// ends at the earliest of: the answer; the callee's end, with its reason, or an
// error that wraps ErrNoProc if it ended normally; at once with ErrNoProc if
// there is no such process; the end of ctx, with its cause. It never leaves a
// late answer in a mailbox. While ctx is a process's own or derived from it, a
// question that closes a ring of processes which all ask each other returns a
// [*DeadlockError]; a goroutine beside the process's own that asks should use a
// context from [Beside]. Asking a supervised name that is being restarted waits
// for the successor. [After] limits the wait. Any goroutine may call it.
// Semantics: OTP's gen_server:call, without its default time-out.
func Ask[Q, A any](ctx context.Context, to Ref[Call[Q, A]], q Q, opts ...WaitOption) (A, error) {
	return AskWith(ctx, to, func(c Call[Q, A]) Call[Q, A] { return c }, q, opts...)
}

// AskWith is [Ask] for a mailbox that takes several kinds of requests: wrap
// turns the call into the mailbox's message type.
func AskWith[Q, A, M any](ctx context.Context, to Ref[M], wrap func(Call[Q, A]) M, q Q, opts ...WaitOption) (A, error) {
	var zero A
	how := choose(opts)
	for {
		s, err := to.wait(ctx, how)
		if err != nil {
			return zero, err
		}
		a := &slot[A]{pending: pending{asker: processOf(ctx), callee: s.self()}}
		err = askOnce(ctx, s, a, wrap(Call[Q, A]{q, a}), how)
		switch {
		case err == nil:
			return a.answer, a.err
		case errors.Is(err, ErrNoProc) && to.to == nil && s.leavesName(ownThread(ctx)) != nil:
			continue // it was told to end while we asked: ask its successor
		}
		return zero, err
	}
}

// askOnce sends the question and waits until it is settled.
func askOnce[A, M any](ctx context.Context, s *Self[M], a *slot[A], body M, how WaitOption) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	defer a.end()
	if how.limited {
		s.node.limits.limit(&a.pending, how.wait)
		defer s.node.limits.lift(&a.pending)
	}
	if err := s.deliver(ctx, a.asker, body, &a.pending, false); err != nil {
		if !a.settled.CompareAndSwap(false, true) {
			<-a.wake // told to end while it waited for room
		}
		return err
	}
	return a.wait(ctx)
}

// leavesName returns a channel that closes when p has ended and its name was
// announced, if p does not take questions any more and may have a successor. The
// keeper of the name must not wait for itself.
func (p *process) leavesName(asker *process) <-chan struct{} {
	p.mu.Lock()
	keeps := p.ext != nil && p.ext.keeper != nil && p.ext.keeper != asker && p.state.Load() != running
	p.mu.Unlock()
	if !keeps {
		return nil
	}
	return p.doneChan()
}

// wait returns the process behind the address; if that is a name whose holder
// ends or is being restarted, it waits for the successor.
func (r Ref[M]) wait(ctx context.Context, how WaitOption) (*Self[M], error) {
	for {
		s, err := r.locate(ctx)
		var coming <-chan struct{}
		switch {
		case r.to != nil || r.name == (unique.Handle[string]{}):
			return s, err
		case err == nil:
			coming = s.leavesName(ownThread(ctx))
		case errors.Is(err, ErrNoProc):
			var held bool
			coming, held = nodeOf(ctx).names.coming(r.name.Value(), ownThread(ctx))
			if held {
				continue // it has come between our two looks
			}
		}
		if coming == nil {
			return s, err
		}
		if err := r.awaitSuccessor(ctx, coming, how); err != nil {
			return nil, err
		}
	}
}

// awaitSuccessor waits until the name may have another holder.
func (r Ref[M]) awaitSuccessor(ctx context.Context, coming <-chan struct{}, how WaitOption) error {
	defer processOf(ctx).enterBlocking().leaveBlocking()
	var late <-chan time.Time
	if how.limited {
		late = time.After(how.wait)
	}
	select {
	case <-coming:
		if ctx.Err() == nil {
			return nil
		}
	case <-late:
		return fmt.Errorf("troupe: %v has not come back: %w", r, context.DeadlineExceeded)
	case <-ctx.Done():
	}
	return context.Cause(ctx)
}

// Beside returns a context for a goroutine that a process has started beside its
// own: it still tells who is asking, but the process does not count as waiting
// while that goroutine asks.
func Beside(ctx context.Context) context.Context {
	return context.WithValue(ctx, besideKey{}, true)
}

type besideKey struct{}

// ownThread returns the process whose own thread ctx stands for, or nil.
func ownThread(ctx context.Context) *process {
	if _, exact := ctx.(carrier); !exact && ctx.Value(besideKey{}) != nil {
		return nil
	}
	return processOf(ctx)
}

// begin prepares the wait. A process's own thread waits on a channel that the
// process keeps, and is what others see it do.
func (a *pending) begin(ctx context.Context) error {
	p := a.asker
	if p == nil {
		a.wake = make(chan struct{}, 1)
		return nil
	}
	own := ownThread(ctx) != nil
	if own {
		// All must be in place when others see a in p.asking.
		a.own = true
		_, a.exact = ctx.(carrier)
		a.wake = p.answerChan()
	}
	if !own || !p.asking.CompareAndSwap(nil, a) {
		a.own, a.exact = false, false
		a.wake = make(chan struct{}, 1)
		return nil
	}
	var err error
	if ring := a.ring(); ring != nil {
		err = &DeadlockError{Cycle: ring}
	} else if a.exact && p.state.Load() != running {
		err = context.Cause(ctx)
	}
	if err != nil && !a.settled.CompareAndSwap(false, true) {
		<-a.wake // told to end in the meantime
	}
	if err != nil {
		p.asking.Store(nil)
	}
	return err
}

// answerChan returns the channel on which p's own thread waits for answers. A
// token is in it only while a question in p.asking has been settled and not yet
// been taken off.
func (p *process) answerChan() chan struct{} {
	if c := p.answer.Load(); c != nil {
		return *c
	}
	c := make(chan struct{}, 1)
	if p.answer.CompareAndSwap(nil, &c) {
		return c
	}
	return *p.answer.Load()
}

// end undoes begin, and takes the question off the callee.
func (a *pending) end() {
	a.callee.detach(a)
	if a.went.Load() != nil {
		a.forgetCalls()
	}
	if a.own {
		a.asker.asking.Store(nil)
	}
}

// wait blocks until somebody has settled the question, or ctx ends.
func (a *pending) wait(ctx context.Context) error {
	w := a.asker.enterBlocking()
	defer w.leaveBlocking()
	if a.exact { // the end of the process settles the question
		a.await()
		return nil
	}
	if a.went.Load() != nil { // he who fetches the answer himself cannot look at ctx
		defer context.AfterFunc(ctx, func() { a.fail(context.Cause(ctx)) })()
		a.await()
		return nil
	}
	select {
	case <-a.wake:
		return nil
	case <-ctx.Done():
	}
	if a.settled.CompareAndSwap(false, true) {
		return context.Cause(ctx)
	}
	<-a.wake
	return nil
}
