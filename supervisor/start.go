package supervisor

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/troupe-go/troupe"
)

// kick lets a waiting child start: at once, or in its turn.
func (m *machine) kick(e *entry) {
	switch {
	case m.spec.Strategy == OneForOne:
		m.launch(e)
	case m.up == nil:
		m.up = e
	default:
		m.up = m.first
	}
}

// launch starts a waiting child.
func (m *machine) launch(e *entry) {
	m.set(e, Starting)
	e.then = thenNothing
	e.keep.Store(keepByPolicy)
	refusal, err := m.spawn(e)
	switch {
	case err != nil:
		e.reason = err
		m.startFailed(e)
	case refusal != nil:
		m.refused(e, refusal)
	case e.Name != "" && nameTaken(e.pid):
		e.then = thenHeld // it has ended, and its Down is on its way
	case !e.Body.CallsReady():
		m.isUp(e)
	case e.Start > 0:
		m.timeLimit(e, e.Start)
	}
}

// nameTaken reports whether a process that was just spawned was not let in.
func nameTaken(pid troupe.PID) bool {
	reason, ended := pid.Ended()
	return ended && errors.Is(reason, troupe.ErrNameTaken)
}

// spawn asks the gate and spawns the child. A panic of either is err.
func (m *machine) spawn(e *entry) (refusal, err error) {
	err = guard(func() {
		if e.Gate != nil {
			refusal = e.Gate()
		}
		if refusal == nil {
			m.adopt(e, e.Body.Spawn(m.self, m.options(e)...))
		}
	})
	return refusal, err
}

// options returns how the child is spawned. Most of a crowd share theirs.
func (m *machine) options(e *entry) []troupe.SpawnOption {
	opts := m.common[:len(m.common):len(m.common)]
	if e.Name != "" {
		e.path = m.self.Path() + "/" + e.Name
		if e.path[1] == '/' {
			e.path = e.path[1:]
		}
		opts = append(opts, troupe.Name(e.Name), troupe.KeepName(e.keepName))
	}
	if e.Shutdown != 0 && e.Shutdown != Brutal {
		opts = append(opts, troupe.Grace(e.Shutdown))
	}
	if e.Body.CallsReady() {
		epoch, ref := e.epoch, m.self.Ref()
		opts = append(opts, troupe.OnReady(func() {
			_ = ref.Send(m.self, Request{readyNote{e, epoch}})
		}))
	}
	return opts
}

// isUp completes a start.
func (m *machine) isUp(e *entry) {
	m.set(e, Running)
	e.up, e.added, e.back, e.heldUntil = true, false, false, time.Time{}
	m.answerUp(e, nil)
	m.report(ChildStarted, e, 0)
}

// nameIsTaken is a start that failed because another process has the name. That
// can be the child of a supervisor that was killed and whose place this one has
// taken: it was told to end, but may still be at it. So its end is waited for,
// for as long as the child itself might take to stop.
func (m *machine) nameIsTaken(e *entry) {
	holder, taken := m.self.Node().Whereis(e.path)
	limit := e.limit()
	if limit == Brutal {
		limit = DefaultShutdown
	}
	first := e.heldUntil.IsZero()
	if first {
		e.heldUntil = time.Now().Add(limit)
	}
	left := time.Until(e.heldUntil)
	if !taken && !first || limit > 0 && left <= 0 {
		m.startFailed(e)
		return
	}
	m.set(e, Waiting)
	if !taken {
		m.kick(e)
		return
	}
	e.holder, e.watch = holder, m.self.Monitor(holder)
	if m.held == nil {
		m.held = make(map[troupe.PID][]*entry)
	}
	m.held[holder] = append(m.held[holder], e)
	if limit > 0 {
		m.timeLimit(e, left)
	}
}

// nameIsFree starts the children that have waited for the end of holder.
func (m *machine) nameIsFree(holder troupe.PID) {
	for _, e := range slices.Clone(m.held[holder]) {
		m.set(e, Waiting)
		m.kick(e)
	}
}

// unhold ends the wait for the holder of a name.
func (m *machine) unhold(e *entry) {
	e.watch.Cancel()
	e.watch = nil
	rest := slices.DeleteFunc(m.held[e.holder], func(x *entry) bool { return x == e })
	if m.held[e.holder] = rest; len(rest) == 0 {
		delete(m.held, e.holder)
	}
}

// endedEarly is the end of a process that was not ready yet.
func (m *machine) endedEarly(e *entry) {
	switch {
	case e.group:
		m.report(ChildEnded, e, 0)
		m.settle(e, m.groupFate(e))
	case e.then == thenHeld:
		m.nameIsTaken(e)
	case troupe.IsNormal(e.reason):
		e.up, e.added, e.back, e.heldUntil = true, false, false, time.Time{}
		m.answerUp(e, nil)
		m.report(ChildEnded, e, 0)
		m.retire(e)
	default:
		m.startFailed(e)
	}
}

// refused is a start that the gate did not allow.
func (m *machine) refused(e *entry, why error) {
	e.reason = why
	m.set(e, Refused)
	e.back = false
	m.report(ChildRefused, e, 0)
	m.answerUp(e, fmt.Errorf("%w: %w", ErrRefused, why))
	if e.added {
		m.forget(e)
	}
}

// startFailed is a start that did not come to its end, because of e.reason. No
// process is left of it.
func (m *machine) startFailed(e *entry) {
	err := &StartError{Child: e.Name, Reason: e.reason}
	e.heldUntil = time.Time{}
	m.report(ChildNotStarted, e, 0)
	m.answerUp(e, err)
	switch {
	case m.ending:
		m.set(e, Ended)
	case e.added:
		m.forget(e)
	case e.back:
		e.back = false
		m.set(e, Stopped)
	case m.starting && !e.up:
		m.set(e, Ended)
		m.report(GaveUp, e, 0)
		m.end(err)
	case e.Restart == Temporary:
		m.retire(e)
	default:
		m.again(e)
	}
}
