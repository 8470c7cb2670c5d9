package supervisor

import "time"

// ended is the end of a running child that nobody told to stop.
func (m *machine) ended(e *entry) {
	m.report(ChildEnded, e, 0)
	switch {
	case e.group:
		m.settle(e, m.groupFate(e))
	case e.returns(e.reason):
		if time.Since(e.since) > e.Backoff.limit() {
			e.streak = 0
		}
		m.again(e)
	default:
		m.retire(e)
		m.autoShutdown(e)
	}
}

// retire leaves a child alone that is not to be started again.
func (m *machine) retire(e *entry) {
	if e.crowd || e.Restart == Temporary {
		m.forget(e)
		return
	}
	m.set(e, Ended)
}

// autoShutdown ends the supervisor if e was significant enough.
func (m *machine) autoShutdown(e *entry) {
	if !e.Significant || m.spec.AutoShutdown == AllSignificant && m.vital > 0 {
		return
	}
	m.end(ErrAutoShutdown)
}

// again starts a child once more that has ended or did not start, after its
// delay and together with its group.
func (m *machine) again(e *entry) {
	now := time.Now()
	if m.intensity.add(now) {
		m.set(e, Ended)
		m.report(GaveUp, e, 0)
		m.end(&RestartsError{Child: e.Name, Restarts: len(m.intensity.times), Period: m.spec.Period, Reason: e.reason})
		return
	}
	e.restarts++
	e.streak++
	delay := e.Backoff.delay(e.streak)
	m.set(e, BackingOff)
	e.due = now.Add(delay)
	m.report(ChildRestarting, e, delay)
	switch m.spec.Strategy {
	case OneForAll:
		m.stopGroup(m.first, e)
	case RestForOne:
		m.stopGroup(e.next, e)
	}
	if delay > 0 {
		m.timeLimit(e, delay)
	} else {
		_ = m.self.Ref().Send(m.self, Request{timeNote{e, e.epoch}})
	}
}

// stopGroup has the children from x on stopped in their turn, and then started
// with e.
func (m *machine) stopGroup(x, e *entry) {
	for ; x != nil; x = x.next {
		switch {
		case x == e:
		case x.state == Stopping:
			x.group = true
		case x.state.alive() && x.Restart == Temporary:
			x.group = true
			x.keep.Store(keepNever)
		case x.state.alive():
			x.group = true
			x.keep.Store(keepAlways)
		case x.state == Ended, x.state == Refused && x.Restart != Temporary:
			m.set(x, Waiting)
		}
	}
	m.down, m.up = m.last, m.first
}

// advance goes on with what happens in order: first the stops, last child
// first, then the starts. Each waits for the one before it.
func (m *machine) advance() {
	for m.step() {
	}
	switch {
	case m.ending:
		m.over = m.alive() == 0
	case m.starting && m.down == nil && m.up == nil:
		m.starting = false
		m.self.Ready()
	}
}

func (m *machine) step() bool {
	if m.down != nil {
		return m.stepDown()
	}
	return m.up != nil && m.stepUp()
}

// stepDown looks at the child whose turn it is to stop, and reports whether the
// next one may be looked at.
func (m *machine) stepDown() bool {
	e := m.down
	if e.group && e.state == Stopping {
		return false
	}
	if e.group && e.state.alive() {
		m.tellStop(e, m.groupFate(e))
		return false
	}
	m.down = e.prev
	return true
}

// stepUp is stepDown for starts. A start that fails may call for stops, which
// then come first.
func (m *machine) stepUp() bool {
	e := m.up
	switch e.state {
	case Waiting:
		if e.watch != nil {
			return false
		}
		m.launch(e)
		return true
	case Starting:
		return false
	case Stopping:
		if e.then.returns() {
			return false
		}
	case BackingOff:
		if m.spec.Strategy != OneForOne {
			return false
		}
	}
	m.up = e.next
	return true
}
