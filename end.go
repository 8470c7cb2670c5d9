package troupe

import (
	"context"
	"time"

	"github.com/troupe-go/troupe/internal/far"
)

// An exit's way: tell (or the body's return) → die, once → names freed → links
// and monitors told. Everything about it is in this file.

// tell is the arrival of an exit signal at p. from, nil for the node itself, is
// whom it names. An own exit, from the process itself, takes effect even when
// the reason is normal.
func (p *process) tell(from PID, reason error, own bool) {
	p.mu.Lock()
	p.exitAndUnlock(from, PID{}, reason, own)
}

// feelAndUnlock is the arrival of the news that a link broke; as is how p had
// addressed the other end. The lock is held.
func (p *process) feelAndUnlock(from, as PID, reason error) {
	if p.awayLocked() != nil { // it is told of every end, and feels it where it lives
		p.mu.Unlock()
		return
	}
	p.exitAndUnlock(from, as, reason, false)
}

func (p *process) exitAndUnlock(from, broken PID, reason error, own bool) {
	a := p.awayLocked()
	switch {
	case p.state.Load() != running:
		p.mu.Unlock()
	case a != nil:
		p.mu.Unlock()
		a.peer.Signal(a.number, far.Exit, abroad(from.proc), reason)
	case p.ext != nil && p.ext.traps && !own:
		p.postAndUnlock(&signal{from: from, event: Exit, reason: reason, broken: broken})
	case IsNormal(reason) && !own:
		p.mu.Unlock()
	default:
		p.endAndUnlock(reason)
	}
}

// endAndUnlock makes a running process one that has been told to end. The lock
// is held, and free on return.
func (p *process) endAndUnlock(reason error) {
	x := p.more()
	if IsNormal(reason) {
		reason = nil
	}
	x.reason = reason
	p.state.Store(ending)
	if p.inside {
		p.watchReturn()
	}
	cancel, was := x.cancel, p.idle
	p.idle = busy
	blocked := x.bound.drain()
	p.mu.Unlock()

	blocked.release()
	if cancel != nil {
		cancel(reason)
	}
	if a := p.asking.Load(); a != nil && a.exact {
		a.fail(endedWhileAsking(reason))
	}
	p.rouse(was, nil)
}

// watchReturn starts the time that the goroutine inside p has to return. The
// lock is held.
func (p *process) watchReturn() {
	x := p.more()
	if x.overdue == nil && x.grace >= 0 {
		x.overdue = time.AfterFunc(x.grace, p.late)
	}
}

// late runs when p did not return within its grace: it is fenced, if it was not
// before, and counted as a zombie until it returns.
func (p *process) late() {
	p.die(nil, false)
	p.mu.Lock()
	stuck := p.inside
	p.ext.zombie = stuck
	if stuck {
		p.node.zombies.add(p)
	}
	p.mu.Unlock()
	if stuck {
		p.node.zombies.report(p)
		p.node.departed()
	}
}

// kill ends p at once with ErrKilled. Nothing can stop it.
func (p *process) kill() {
	p.mu.Lock()
	if a := p.awayLocked(); a != nil {
		p.mu.Unlock()
		a.peer.Signal(a.number, far.Kill, nil, nil)
		return
	}
	p.dieAndUnlock(ErrKilled, false)
}

// die ends p, once. The reason counts unless p has been told another before.
// returned says that the body has been left for good.
func (p *process) die(reason error, returned bool) {
	p.mu.Lock()
	p.dieAndUnlock(reason, returned)
}

// dieAndUnlock is die. The lock is held, and free on return.
func (p *process) dieAndUnlock(reason error, returned bool) {
	old := p.state.Load()
	if old >= dead {
		p.mu.Unlock()
		if returned {
			p.leaveLate()
		}
		return
	}
	if old == running && !IsNormal(reason) {
		p.setReason(reason)
	}
	p.state.Store(dead)
	var shelf *shelf
	if p.ext != nil {
		shelf = p.ext.shelf
	}
	if returned {
		p.inside = false
	} else if p.inside {
		p.watchReturn()
	}
	gone := !p.inside
	was := p.idle
	p.idle = busy
	e := p.leaves(gone, returned)
	p.mu.Unlock()
	if shelf != nil {
		if !returned && reason == nil {
			reason = ErrKilled // it did not come back in its grace
		}
		shelf.close(reason)
	}
	p.bury(e)
	if was != idle { // an idle handler has nothing left to do
		p.rouse(was, nil)
	}
	if gone && p.flags&isStandIn == 0 {
		p.node.departed()
	}
}

// An estate is what a process leaves behind when it dies.
type estate struct {
	reason  error
	ties    *ties // nil if it had none
	letters []letter
	asks    []*pending
	blocked released
	cancel  context.CancelCauseFunc
}

// leaves returns what p leaves behind; nil if that is nothing, as it is for most.
// It is not inlined, and the estate not kept on the stack, because a process in
// direct style comes here on a small stack that should not have to grow. The lock
// is held.
//
//go:noinline
func (p *process) leaves(gone, returned bool) *estate {
	letters, x := p.impl.flush(gone), p.ext
	if x != nil && x.overdue != nil && returned {
		x.overdue.Stop()
	}
	plain := x == nil || x.ties == nil && x.cancel == nil && x.bound == nil && IsNormal(x.reason)
	if plain && letters == nil && p.asks == nil && p.asking.Load() == nil {
		return nil
	}
	e := &estate{letters: letters, asks: p.detachAsks()}
	if x != nil {
		e.reason, e.ties, e.cancel = x.reason, x.ties, x.cancel
		e.blocked = x.bound.drain()
		x.ties, x.ready = nil, nil
	}
	return e
}

// setReason is out of line for the same cause.
//
//go:noinline
func (p *process) setReason(reason error) { p.more().reason = reason }

// bury does what follows from p's death, in the order that the guarantees ask
// for: its names are free before anyone hears of it.
func (p *process) bury(e *estate) {
	if e != nil {
		p.node.names.free(p, e)
	}
	p.node.leave(p)
	if e != nil {
		p.bequeath(e)
	}
	p.settleEnd()
}

// bequeath tells everybody whom p's death concerns.
func (p *process) bequeath(e *estate) {
	if e.cancel != nil {
		e.cancel(e.reason)
	}
	if a := p.asking.Load(); a != nil {
		a.fail(endedWhileAsking(e.reason))
	}
	e.blocked.release()
	for _, a := range e.asks {
		a.fail(endedUnanswered(e.reason))
	}
	heard := len(e.asks) > 0
	if e.ties != nil {
		heard = p.sever(e.ties, e.reason) || heard
	}
	p.node.letters.add(e.reason, e.letters)
	if !heard {
		p.node.unheard(p, e.reason)
	}
}

// settleEnd lets those go who wait for p's end.
func (p *process) settleEnd() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Store(told)
	if p.ext != nil && p.ext.done != nil {
		close(p.ext.done)
	}
}

// sever tells those tied to p of its end, and reports whether anybody heard.
func (p *process) sever(t *ties, reason error) (heard bool) {
	for peer := range t.abroad {
		peer.Ended(abroad(p), reason)
	}
	for timer := range t.timers {
		timer.Stop()
	}
	if t.expiry != nil {
		t.expiry.Stop()
	}
	for l := range t.links {
		l.linkBroke(p, reason)
	}
	for m := range t.watchers {
		m.fire(reason)
	}
	for m := range t.monitors {
		m.forget()
	}
	return len(t.links)+len(t.watchers) > 0
}

// leaveLate runs when the body of a process that died before was left.
func (p *process) leaveLate() {
	p.mu.Lock()
	p.inside = false
	letters := p.impl.flush(true)
	x := p.ext
	if x.overdue != nil {
		x.overdue.Stop()
	}
	zombie := x.zombie
	x.zombie = false
	if zombie {
		p.node.zombies.remove(p)
	}
	p.mu.Unlock()
	p.node.letters.add(x.reason, letters)
	if !zombie {
		p.node.departed()
	}
}

// why returns the reason that stands so far.
func (p *process) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext == nil {
		return nil
	}
	return p.ext.reason
}

// note logs the panic of a process whose reason stands already.
func (p *process) note(reason *PanicError) *PanicError {
	if p.state.Load() != running {
		p.node.unexpected(p, reason)
	}
	return reason
}

// worsen makes reason that of an ending process that had none but a normal one.
func (p *process) worsen(reason error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.more(); p.state.Load() == ending && IsNormal(x.reason) {
		x.reason = reason
		return true
	}
	return false
}

// linkBroke tells p that q, to which it may be linked, has ended.
func (p *process) linkBroke(q *process, reason error) {
	p.mu.Lock()
	t := p.tied()
	as, linked := t.links[q]
	if !linked {
		p.mu.Unlock() // unlinked in the meantime: not felt
		return
	}
	delete(t.links, q)
	p.feelAndUnlock(q.pid(), as, reason)
}
