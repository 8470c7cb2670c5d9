package troupe

import (
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/far"
)

// Link ties the process and pid together: when one ends for an abnormal reason,
// so does the other, unless it traps exits; then it gets a message with the
// event Exit. Links are two-way, one per pair. Linking twice, or to oneself, is
// nothing; linking to a process that has ended yields an exit with ErrNoProc.
// Only the process itself may call Link. Semantics: Erlang's link/1.
func (s *Self[M]) Link(pid PID) { s.linkTo(s.node.resolve(pid), pid) }

// Unlink undoes Link. Once it has returned, no Exit from that link arrives, not
// even one that lay in the mailbox already. Only the process itself may call it.
func (s *Self[M]) Unlink(pid PID) {
	if q := s.linked(pid); q != nil && q != &s.process {
		s.untie(q)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	about := func(sig *signal) bool {
		return sig.broken != PID{} && (sig.broken == pid || sig.from == pid)
	}
	s.box.withdraw(about)
	if s.first != nil {
		s.first.withdraw(about)
	}
}

// untie takes the link between p and q away, at p's wish.
func (p *process) untie(q *process) {
	lockPair(p, q)
	delete(linksOf(p), q)
	delete(linksOf(q), p)
	a := q.awayLocked()
	q.mu.Unlock()
	p.mu.Unlock()
	if a != nil {
		a.peer.Signal(a.number, far.Unlink, abroad(p), nil)
	}
}

// linked returns the process linked under pid, which may be the name that the
// link was made with, even if another process has it now.
func (p *process) linked(pid PID) *process {
	if pid.proc != nil {
		return pid.proc
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for q, as := range linksOf(p) {
		if as == pid {
			return q
		}
	}
	return nil
}

// TrapExit decides whether exit signals end the process, as they do at first, or
// arrive as messages with the event Exit. A kill cannot be trapped. Only the
// process itself may call it. Semantics: Erlang's process_flag(trap_exit, _).
func (s *Self[M]) TrapExit(on bool) {
	s.mu.Lock()
	s.more().traps = on
	s.mu.Unlock()
}

// SetGrace changes the [Grace] that the process was spawned with. Only the
// process itself may call it.
func (s *Self[M]) SetGrace(d time.Duration) {
	s.mu.Lock()
	s.more().grace = max(d, -1)
	s.mu.Unlock()
}

func linksOf(p *process) map[*process]PID {
	return p.tied().links
}

// linkTo links p and q; pid is how the caller addressed q, which may be nil.
func (p *process) linkTo(q *process, pid PID) {
	if q == p || p.fenced() {
		return
	}
	if q == nil {
		p.mu.Lock()
		p.feelAndUnlock(pid, pid, ErrNoProc)
		return
	}
	lockPair(p, q)
	if p.fenced() {
		q.mu.Unlock()
		p.mu.Unlock()
		return
	}
	if q.fenced() {
		q.mu.Unlock()
		p.feelAndUnlock(pid, pid, ErrNoProc)
		return
	}
	addLink(p, q, pid)
	addLink(q, p, p.pid())
	a := q.awayLocked()
	q.mu.Unlock()
	p.mu.Unlock()
	if a != nil {
		a.peer.Signal(a.number, far.Link, abroad(p), nil)
	}
}

func addLink(p, q *process, as PID) {
	x := p.tie()
	if x.links == nil {
		x.links = make(map[*process]PID)
	}
	x.links[q] = as
}

// lockPair takes both locks in an order that all callers share.
func lockPair(p, q *process) {
	if p.id > q.id || p.id == q.id && p.node.serial > q.node.serial {
		p, q = q, p
	}
	p.mu.Lock()
	q.mu.Lock()
}

// A Monitor watches one process for another and yields exactly one message with
// the event Down, unless it is cancelled first.
type Monitor struct {
	watcher *process
	target  *process
	about   PID // whom the Down names: a name if a name was monitored
	fired   atomic.Pointer[signal]
	over    bool // guarded by watcher.mu
}

// Monitor asks for a message with the event Down when pid ends; its Reason says
// why. When pid has ended already, or is a name that nobody has, the Down comes
// at once with ErrNoProc. A name is resolved when Monitor is called, and the
// Down then names the name. Several monitors of one process yield a Down each.
// Only the process itself may call Monitor. Semantics: Erlang's monitor/2.
func (s *Self[M]) Monitor(pid PID) *Monitor {
	return s.watch(s.node.resolve(pid), pid)
}

func (p *process) watch(q *process, about PID) *Monitor {
	m := &Monitor{watcher: p, target: q, about: about}
	p.mu.Lock()
	if p.fenced() {
		m.over = true
		p.mu.Unlock()
		return m
	}
	x := p.tie()
	if x.monitors == nil {
		x.monitors = make(map[*Monitor]struct{})
	}
	x.monitors[m] = struct{}{}
	p.mu.Unlock()
	if q == nil || !q.admit(m) {
		m.fire(ErrNoProc)
	}
	return m
}

// admit adds m to those that hear of p's end.
func (p *process) admit(m *Monitor) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced() {
		return false
	}
	x := p.tie()
	if x.watchers == nil {
		x.watchers = make(map[*Monitor]struct{})
	}
	x.watchers[m] = struct{}{}
	return true
}

// Cancel ends the monitor. Once it has returned no Down from it arrives, not
// even one that lay in the mailbox already. Cancel may be called more than once
// and by any goroutine. Semantics: Erlang's demonitor/2 with flush.
func (m *Monitor) Cancel() {
	p := m.watcher
	p.mu.Lock()
	m.over = true
	delete(p.tied().monitors, m)
	p.mu.Unlock()
	if sig := m.fired.Load(); sig != nil {
		sig.withdrawn.Store(true)
	}
	m.forget()
}

// fire delivers the Down.
func (m *Monitor) fire(reason error) {
	p := m.watcher
	p.mu.Lock()
	if m.over || p.state.Load() != running {
		p.mu.Unlock()
		return
	}
	m.over = true
	delete(p.tied().monitors, m)
	sig := &signal{from: m.about, event: Down, reason: reason}
	m.fired.Store(sig)
	p.postAndUnlock(sig)
}

// forget takes m off its target.
func (m *Monitor) forget() {
	if q := m.target; q != nil {
		q.mu.Lock()
		delete(q.tied().watchers, m)
		q.mu.Unlock()
	}
}
