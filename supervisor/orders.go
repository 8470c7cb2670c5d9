package supervisor

import "fmt"

// order does what a person wants, or begins to. The answer comes when it is
// done.
func (m *machine) order(c orderCall) {
	o := c.Request
	if m.ending {
		_ = c.Fail(m.self, ErrEnding)
		return
	}
	if o.verb == add {
		m.orderAdd(c)
		return
	}
	e := m.find(o.child)
	switch {
	case e == nil:
		_ = c.Fail(m.self, noChild(o.child))
	case e.state == Stopping:
		e.queue = append(e.queue, c)
	case o.verb == stop:
		m.orderStop(e, c, thenStopped)
	case o.verb == remove:
		m.orderStop(e, c, thenRemoved)
	case o.verb == start:
		m.orderStart(e, c)
	case o.verb == restart:
		m.orderRestart(e, c)
	}
}

func (m *machine) orderAdd(c orderCall) {
	spec := *c.Request.spec
	err := spec.check(m.spec.AutoShutdown)
	if err == nil && spec.Name != "" && m.byName[spec.Name] != nil {
		err = fmt.Errorf("%w: %q", ErrDuplicate, spec.Name)
	}
	if err != nil {
		_ = c.Fail(m.self, err)
		return
	}
	e := &entry{Child: spec, added: true, crowd: spec.Name == "" && m.spec.Strategy == OneForOne}
	m.append(e)
	m.orderStart(e, c)
}

func (m *machine) orderStop(e *entry, c orderCall, then fate) {
	m.answerUp(e, ErrStopped)
	e.calls = append(e.calls, call{c, false})
	if e.state.alive() {
		m.tellStop(e, then)
	} else {
		m.settle(e, then)
	}
}

// orderStart starts a child that does not run. A new one is waiting already.
func (m *machine) orderStart(e *entry, c orderCall) {
	switch e.state {
	case Running, Starting:
		_ = c.Fail(m.self, fmt.Errorf("%w: %v", ErrRunning, e.pid))
		return
	case Waiting:
		if !e.added || e.calls != nil {
			_ = c.Fail(m.self, ErrRunning)
			return
		}
	case Stopped, Refused, Ended:
		e.back = true
		e.streak = 0
	}
	e.calls = append(e.calls, call{c, true})
	m.set(e, Waiting)
	m.kick(e)
}

func (m *machine) orderRestart(e *entry, c orderCall) {
	switch e.state {
	case Running, Starting:
		e.calls = append(e.calls, call{c, true})
		m.tellStop(e, thenRestart)
	case Waiting:
		e.calls = append(e.calls, call{c, true})
	default:
		m.orderStart(e, c)
	}
}

// answerUp tells those who wait for the child to be up that it is, or why not.
func (m *machine) answerUp(e *entry, err error) {
	m.answer(e, true, err)
}

// answerDown tells those who wait for the child to be down that it is.
func (m *machine) answerDown(e *entry) {
	m.answer(e, false, nil)
}

func (m *machine) answer(e *entry, up bool, err error) {
	var rest []call
	for _, c := range e.calls {
		switch {
		case c.up != up:
			rest = append(rest, c)
		case err != nil:
			_ = c.Fail(m.self, err)
		default:
			_ = c.Reply(m.self, e.pid)
		}
	}
	e.calls = rest
}
