package supervisor

import (
	"context"
	"time"

	"github.com/troupe-go/troupe"
)

// tellStop tells a living child to stop; stopped follows.
func (m *machine) tellStop(e *entry, then fate) {
	m.sendStop(e, then)
	if d := e.limit(); d > Brutal {
		m.timeLimit(e, d)
	}
}

// sendStop is tellStop without a limit.
func (m *machine) sendStop(e *entry, then fate) {
	e.then = then
	if then.returns() {
		e.keep.Store(keepAlways)
	} else {
		e.keep.Store(keepNever)
	}
	m.set(e, Stopping)
	if e.limit() == Brutal {
		_ = e.pid.Kill(m.self)
	} else {
		_ = e.pid.Exit(m.self, troupe.ErrShutdown)
	}
}

// overdue kills a child that did not stop in time.
func (m *machine) overdue(e *entry) {
	m.reportLate(e)
	_ = e.pid.Kill(m.self)
}

func (m *machine) reportLate(e *entry) {
	e.late = true
	e.reason = troupe.ErrKilled
	m.report(ChildOverdue, e, 0)
}

// stopped is the end of a process that was told to end. One that was fenced when
// its grace was over looks as if it had ended by itself, but for the time it
// took.
func (m *machine) stopped(e *entry) {
	reason := e.reason
	if d := e.limit(); !e.late && d > Brutal && time.Since(e.since) >= d {
		m.reportLate(e)
	}
	e.reason = reason
	m.report(ChildStopped, e, 0)
	if e.then == thenFailed {
		e.reason = ErrNotReady
	}
	m.settle(e, e.then)
}

// settle decides what becomes of a child behind which there is no process any
// more, and tells those who waited for that.
func (m *machine) settle(e *entry, then fate) {
	e.group = false
	switch then {
	case thenStopped:
		m.set(e, Stopped)
	case thenRemoved:
		m.forget(e)
	case thenRestart:
		m.set(e, Waiting)
		m.kick(e)
	case thenWaiting:
		m.set(e, Waiting)
	case thenFailed:
		m.startFailed(e)
	case thenEnded:
		m.set(e, Ended)
	}
	m.answerDown(e)
	queue := e.queue
	e.queue = nil
	for _, c := range queue {
		m.order(c)
	}
}

// groupFate is what becomes of a child that is stopped with others.
func (m *machine) groupFate(e *entry) fate {
	switch {
	case m.ending:
		return thenEnded
	case e.Restart == Temporary:
		return thenRemoved
	}
	return thenWaiting
}

// end begins to stop all children; the supervisor then ends with reason. The
// first reason counts.
func (m *machine) end(reason error) {
	if m.ending {
		return
	}
	m.ending, m.exit = true, reason
	m.down, m.up = m.last, nil
	limits := make(map[time.Duration]bool)
	for e := m.first; e != nil; e = e.next {
		m.endChild(e)
		if e.crowd && e.state == Running || e.crowd && e.state == Starting {
			m.sendStop(e, thenEnded)
			limits[e.limit()] = true
		}
	}
	for d := range limits {
		if d > Brutal {
			m.self.Ref().SendAfter(m.self, d, Request{crowdNote{d}})
		}
	}
}

// endChild prepares a child for the end of its supervisor.
func (m *machine) endChild(e *entry) {
	e.keep.Store(keepNever)
	m.answerUp(e, ErrEnding)
	for _, c := range e.queue {
		_ = c.Fail(m.self, ErrEnding)
	}
	e.queue = nil
	switch e.state {
	case Waiting, BackingOff:
		m.set(e, Ended)
	case Starting, Running:
		e.group = true
	case Stopping:
		e.group = true
		if e.then != thenStopped && e.then != thenRemoved {
			e.then = thenEnded
		}
	}
}

// crowdOverdue kills those of a crowd that did not stop within limit.
func (m *machine) crowdOverdue(limit time.Duration) {
	for e := m.first; e != nil; e = e.next {
		if e.crowd && e.state == Stopping && e.limit() == limit {
			m.overdue(e)
		}
	}
}

// abandon sees to the children of a supervisor that did not stop them, because
// it was killed. Their links have told them; those that trap exits get the time
// that they would have had, and no more.
func (m *machine) abandon() {
	if m.over {
		return
	}
	ctx := m.self.Node().Context(context.Background()) // a dead process can kill nobody
	left := make(map[time.Duration][]troupe.PID)
	for e := m.first; e != nil; e = e.next {
		if _, ended := e.pid.Ended(); e.state.alive() && !ended {
			left[e.limit()] = append(left[e.limit()], e.pid)
		}
	}
	for d, pids := range left {
		kill := func() {
			for _, p := range pids {
				_ = p.Kill(ctx)
			}
		}
		switch {
		case d > Brutal:
			time.AfterFunc(d, kill)
		case d == Brutal:
			kill()
		}
	}
}
