package troupe

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A Timer sends one message later, or one again and again. It falls silent when
// it is stopped, when the process that set it ends, and when the receiver ends.
type Timer struct {
	owner *process
	mu    sync.Mutex
	t     *time.Timer
	over  bool
}

// Stop silences the timer and reports whether that prevented a message: false
// if the timer had fired, for SendAfter, or was stopped before. A message that
// is in the mailbox already stays there. Any goroutine may call it, more than
// once.
func (t *Timer) Stop() bool {
	t.mu.Lock()
	was := t.over
	t.over = true
	if t.t != nil {
		t.t.Stop()
	}
	t.mu.Unlock()
	t.disown()
	return !was
}

// SendAfter sends body once d has passed, as Send with ctx would. What Send
// returns goes nowhere, but a body that finds no process is a dead letter. If ctx
// belongs to a process that ends before, nothing is sent. Semantics: Erlang's
// send_after/3.
func (r Ref[M]) SendAfter(ctx context.Context, d time.Duration, body M) *Timer {
	return r.schedule(ctx, d, 0, body)
}

// SendEvery sends body when d has passed and then each d, without drift, until
// the timer is stopped or the sender or the receiver ends. A d below a
// microsecond is one. A receiver slower than d finds more than one in its mailbox.
func (r Ref[M]) SendEvery(ctx context.Context, d time.Duration, body M) *Timer {
	d = max(d, time.Microsecond)
	return r.schedule(ctx, d, d, body)
}

func (r Ref[M]) schedule(ctx context.Context, d, every time.Duration, body M) *Timer {
	t := &Timer{owner: processOf(ctx)}
	if !t.own() {
		t.over = true
		return t
	}
	ctx = context.WithoutCancel(ctx)
	next := time.Now().Add(d)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.t = time.AfterFunc(d, func() {
		if !t.due(every == 0) {
			return
		}
		err := r.Send(ctx, body)
		if err != nil && !errors.Is(err, ErrKilled) {
			r.undelivered(ctx, t.owner, body, err)
		}
		if every == 0 || errors.Is(err, ErrKilled) || errors.Is(err, ErrNoProc) && r.to != nil {
			t.Stop()
			return
		}
		next = next.Add(every)
		t.again(time.Until(next))
	})
	return t
}

// undelivered makes a body that no sender will hear of a dead letter.
func (r Ref[M]) undelivered(ctx context.Context, from *process, body M, why error) {
	n := nodeOf(ctx)
	l := letter{from: from, about: r.PID(), body: body, why: why}
	if r.to != nil {
		n, l.to = r.to.node, &r.to.process
	}
	if n != nil {
		n.letters.addOne(l)
	}
}

// due reports whether the timer may still send.
func (t *Timer) due(once bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || t.owner != nil && t.owner.state.Load() != running {
		return false
	}
	t.over = once
	return true
}

func (t *Timer) again(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.t.Reset(d)
	}
}

// own makes the timer end with its owner; false if the owner has ended.
func (t *Timer) own() bool {
	p := t.owner
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.Load() != running {
		return false
	}
	x := p.tie()
	if x.timers == nil {
		x.timers = make(map[*Timer]struct{})
	}
	x.timers[t] = struct{}{}
	return true
}

func (t *Timer) disown() {
	if p := t.owner; p != nil {
		p.mu.Lock()
		delete(p.tied().timers, t)
		p.mu.Unlock()
	}
}
