package pool

import (
	"context"
	"errors"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// finished reports that the pool is closing and has nothing left to do. The lock is held.
func (p *Pool) finished() bool {
	if !p.closing || p.queue.len() > 0 || len(p.sources) > 0 {
		return false
	}
	for _, m := range p.members {
		if m.load > 0 {
			return false
		}
	}
	return true
}

// retireAll says goodbye to all members if there is nothing left to do. The lock is held.
func (p *Pool) retireAll() {
	if p.finished() {
		for _, m := range p.members {
			m.retire()
		}
	}
}

// retire says goodbye to a member that is to have no more tasks. The lock is held.
func (m *member) retire() {
	p := m.pool
	if m.state == ready && (m.left() <= 0 || p.finished()) {
		m.state = retiring
	}
	if m.state == retiring && m.load == 0 {
		m.state = leaving
		go m.bye()
	}
}

// bye lets the worker go.
func (m *member) bye() {
	_ = m.link.Send(kindBye, func(*wire.Encoder) error { return nil })
	m.seeOff()
}

// seeOff gives a worker that is leaving its grace.
func (m *member) seeOff() {
	grace := time.AfterFunc(m.pool.cfg.Child.Grace, func() { _ = m.c.Kill(ErrClosed) })
	<-m.c.Done()
	grace.Stop()
}

// Close refuses new tasks and has all that was accepted done; then the workers go.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = true
	if p.refuse == nil {
		p.refuse = ErrClosed
	}
	p.retireAll()
}

// Wait waits until there is no worker any more, and says why if that is not because of Close.
func (p *Pool) Wait(ctx context.Context) error {
	select {
	case <-p.stopped:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(p.over, ErrClosed) {
		return nil
	}
	return p.over
}

// End ends everything. What was not done fails with the cause. Workers are told to end, or
// killed.
func (p *Pool) End(cause error, kill bool) {
	p.mu.Lock()
	if p.over == nil {
		p.over = cause
	}
	if p.refuse == nil {
		p.refuse = p.over
	}
	cause = p.over
	p.killed = p.killed || kill
	var lost []span
	for p.queue.len() > 0 {
		s := p.queue.popFront()
		p.stats.Queued -= s.len()
		lost = append(lost, s)
	}
	if kill {
		for _, m := range p.members {
			_ = m.c.Kill(cause)
		}
		for c := range p.starting {
			_ = c.Kill(cause)
		}
	}
	p.mu.Unlock()
	p.cancel(cause)
	for _, s := range lost {
		s.fail(cause)
	}
}

// Resize changes how many workers there are. Those that are too many finish what they hold.
func (p *Pool) Resize(workers int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return p.refuse
	}
	for tooMany := p.ready() - workers; tooMany > 0; tooMany-- {
		var idlest *member
		for _, m := range p.members {
			if m.state == ready && (idlest == nil || m.load < idlest.load) {
				idlest = m
			}
		}
		idlest.state = retiring
		idlest.retire()
	}
	p.grow(workers)
	return nil
}

// ready is how many workers take tasks. The lock is held.
func (p *Pool) ready() (n int) {
	for _, m := range p.members {
		if m.state == ready {
			n++
		}
	}
	return n
}

// Why returns why the pool accepts nothing any more, nil if it does.
func (p *Pool) Why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over != nil {
		return p.over
	}
	return p.refuse
}
