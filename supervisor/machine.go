package supervisor

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/troupe-go/troupe"
)

// A machine is a running supervisor. It never waits for anything but its next
// message: each message changes the states of some children, and advance then
// takes the next steps of whatever has to happen in order.
//
// A child's way: launch (start.go) → isUp → ended (restart.go) → again → launch,
// or tellStop (stop.go) → stopped → settle. What people order is in orders.go.
type machine struct {
	crew
	self   *troupe.Self[Request]
	spec   Spec
	parent troupe.PID
	common []troupe.SpawnOption
	held   map[troupe.PID][]*entry // who waits for a process to give up a name

	intensity intensity
	starting  bool   // not all children have been up yet
	down, up  *entry // how far a stop or a start of several has come
	ending    bool
	exit      error // the reason, if ending
	over      bool  // ending, and no child is left
}

// What a mailbox holds beside what people ask.
type (
	readyNote struct { // the child called Ready
		child *entry
		epoch uint64
	}
	timeNote struct { // the time of the child's state is over
		child *entry
		epoch uint64
	}
	crowdNote struct{ limit time.Duration } // the time of a crowd to stop is over
	superNote struct{}                      // the sender is a supervisor
)

// Run is the body of a supervisor: it starts the children and looks after them
// until the supervisor is told to end, gives up, or ends because its significant
// children have. Then it stops them and returns the reason: that of the exit
// signal, a [*RestartsError], [ErrAutoShutdown], or a [*StartError] if not all
// children started at first. It returns what [Spec.Check] finds before it starts
// anything. As the root of a node it is given to [troupe.Run], as a child of
// another supervisor use [Spec.Body].
func (s Spec) Run(self *troupe.Self[Request]) error {
	if err := s.Check(); err != nil {
		return err
	}
	m := newMachine(s.withDefaults(), self)
	defer m.abandon()
	return m.run()
}

func newMachine(s Spec, self *troupe.Self[Request]) *machine {
	m := &machine{
		self: self, spec: s, starting: true,
		intensity: intensity{limit: s.Intensity, period: s.Period},
		common:    []troupe.SpawnOption{troupe.Linked(), troupe.Monitored()},
		crew:      crew{byName: make(map[string]*entry), byPID: make(map[troupe.PID]*entry)},
	}
	if m.spec.Report == nil {
		m.spec.Report = Log(self.Node().Logger())
	}
	for _, c := range s.Children {
		m.append(&entry{Child: c, since: time.Now()})
	}
	m.up = m.first
	return m
}

func (m *machine) run() error {
	m.parent = m.self.Parent()
	m.self.TrapExit(true)
	m.self.SetGrace(-1) // its children say how long they may take
	if m.self.Err() != nil {
		return context.Cause(m.self)
	}
	if parent, err := troupe.RefOf[Request](m.parent); err == nil {
		_ = parent.Send(m.self, Request{superNote{}}) // if it has ended we are about to hear
	}
	if m.advance(); m.over {
		return m.exit
	}
	for msg := range m.self.Messages() {
		m.handle(msg)
		if m.advance(); m.over {
			return m.exit
		}
	}
	return context.Cause(m.self)
}

func (m *machine) handle(msg troupe.Message[Request]) {
	switch msg.Event {
	case troupe.Down:
		m.downOf(msg.From, msg.Reason)
	case troupe.Exit:
		m.told(msg.From, msg.Reason)
	case troupe.Sent:
		m.request(msg.From, msg.Body)
	}
}

// told is the arrival of an exit signal. Those of children say nothing that
// their Down does not say; they come before it.
func (m *machine) told(from troupe.PID, reason error) {
	if e := m.byPID[from]; e != nil && e.state.alive() {
		return
	}
	if troupe.IsNormal(reason) && (from != m.parent || from == troupe.PID{}) {
		return
	}
	m.end(reason)
}

func (m *machine) request(from troupe.PID, r Request) {
	switch q := r.what.(type) {
	case orderCall:
		m.order(q)
	case listCall:
		_ = q.Reply(m.self, m.list())
	case countCall:
		_ = q.Reply(m.self, m.count())
	case findCall:
		if e := m.find(q.Request); e != nil {
			_ = q.Reply(m.self, e.info())
		} else {
			_ = q.Fail(m.self, noChild(q.Request))
		}
	case readyNote:
		if q.epoch == q.child.epoch {
			m.isUp(q.child)
		}
	case timeNote:
		if q.epoch == q.child.epoch {
			m.timeOver(q.child)
		}
	case crowdNote:
		m.crowdOverdue(q.limit)
	case superNote:
		if e := m.byPID[from]; e != nil && !e.super {
			e.super = true
			m.supers++
		}
	}
}

// downOf is the end of a process.
func (m *machine) downOf(pid troupe.PID, reason error) {
	m.nameIsFree(pid)
	e := m.byPID[pid]
	if e == nil || !e.state.alive() {
		return
	}
	e.reason = reason
	switch e.state {
	case Starting:
		m.endedEarly(e)
	case Running:
		m.ended(e)
	case Stopping:
		m.stopped(e)
	}
}

// timeOver is the end of the time that a child may stay in its state.
func (m *machine) timeOver(e *entry) {
	switch e.state {
	case Waiting:
		m.startFailed(e) // another process has its name
	case Starting:
		m.tellStop(e, thenFailed)
	case BackingOff:
		m.set(e, Waiting)
		m.kick(e)
	case Stopping:
		m.overdue(e)
	}
}

// set brings a child into another state. Whatever was under way for the old one
// is void.
func (m *machine) set(e *entry, s State) {
	m.move(e, s)
	e.epoch++
	e.since = time.Now()
	e.late = false
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	if e.watch != nil {
		m.unhold(e)
	}
	if s == Stopped || s == Refused || s == Ended {
		m.release(e)
	}
}

// timeLimit has timeOver called after d, unless the state changes before.
func (m *machine) timeLimit(e *entry, d time.Duration) {
	e.timer = m.self.Ref().SendAfter(m.self, d, Request{timeNote{e, e.epoch}})
}

// release lets go those who wait for a successor that will not come.
func (m *machine) release(e *entry) {
	if e.announced.Swap(false) {
		m.self.ReleaseName(e.path)
	}
}

// forget takes a child out.
func (m *machine) forget(e *entry) {
	m.set(e, Ended)
	m.answerUp(e, ErrStopped)
	if m.down == e {
		m.down = e.prev
	}
	if m.up == e {
		m.up = e.next
	}
	m.remove(e)
}

// report tells of what happened to a child.
func (m *machine) report(kind EventKind, e *entry, delay time.Duration) {
	ev := Event{
		Kind: kind, Supervisor: m.self.PID(), Child: e.Name, PID: e.pid,
		Restarts: e.restarts, Delay: delay,
	}
	if kind != ChildStarted {
		ev.Reason = e.reason
	}
	if err := guard(func() { m.spec.Report(ev) }); err != nil {
		m.self.Node().Logger().Error("supervisor: Report panicked", "event", kind.String(), "child", e.Name, "panic", err)
	}
}

// guard calls f and returns its panic.
func guard(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &troupe.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}
