package troupe

import "runtime/debug"

func newPanicError(v any) *PanicError { return &PanicError{Value: v, Stack: debug.Stack()} }

// activate runs a handler process until its mailbox is empty or its slice is
// used up.
func (s *Self[M]) activate(w *worker) {
	e, ok, alive := s.enter(w)
	if !alive {
		return
	}
	reason := ErrGoexit
	over := true
	defer func() {
		if !over {
			return
		}
		if v := recover(); v != nil {
			reason = s.note(newPanicError(v))
		}
		s.conclude(reason)
	}()
	over, reason = s.work(e, ok)
}

// enter marks the process as having somebody inside, unless it is dead, and
// takes the first envelope with the same lock.
func (s *Self[M]) enter(w *worker) (e envelope[M], ok, alive bool) {
	if s.worker.Load() != w {
		s.worker.Store(w)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state.Load()
	s.inside = state < dead
	if state == ending {
		s.watchReturn() // Terminate may hang
	}
	if state == running && s.box.batch == nil && (s.flags&hasInit == 0 || s.inited) {
		e, ok = s.takeNext()
	}
	return e, ok, s.inside
}

// work handles the envelope at hand, if there is one, and those that wait. It
// reports whether the process is over, and why; if not, it has been queued again
// or waits for mail.
func (s *Self[M]) work(e envelope[M], ok bool) (over bool, reason error) {
	if s.flags&hasInit != 0 && !s.inited {
		if s.state.Load() != running {
			return true, nil
		}
		s.inited = true
		if err := s.handler.(Initializer[M]).Init(s); err != nil {
			return true, err
		}
		s.becomeReady()
	}
	if ok {
		if err := s.handler.Handle(s, s.see(&e)); err != nil {
			return true, err
		}
	}
	for range maxSlice {
		if s.state.Load() != running {
			return true, nil
		}
		e, ok := s.box.next()
		if !ok {
			var resting bool
			if e, ok, resting = s.fetch(idle); resting {
				return false, nil
			} else if !ok {
				continue // told to end in the meantime
			}
		}
		if err := s.handler.Handle(s, s.see(&e)); err != nil {
			return true, err
		}
	}
	return s.yield(), nil
}

// yield queues the process behind the others. It reports true if the process was
// killed meanwhile.
func (s *Self[M]) yield() (killed bool) {
	s.mu.Lock()
	s.inside = false
	killed = s.fenced()
	s.mu.Unlock()
	if !killed {
		s.node.pool.submit(&s.process, nil)
	}
	return killed
}

// conclude ends a handler process that was told to end, or whose handler wants
// it to.
func (s *Self[M]) conclude(reason error) {
	s.handled(reason)
	t, wants := s.handler.(Terminator[M])
	if !wants || s.flags&hasInit != 0 && !s.inited {
		s.die(reason, true)
		return
	}
	defer func() { s.die(reason, true) }() // also when Terminate calls runtime.Goexit
	s.mu.Lock()
	if s.state.Load() == running {
		s.endAndUnlock(reason)
		reason = nil
	} else {
		s.mu.Unlock()
	}
	if !s.fenced() {
		s.terminate(t)
	}
}

// terminate calls Terminate. A panic in it is the reason of a process that would
// have ended normally, and is logged otherwise.
func (s *Self[M]) terminate(t Terminator[M]) {
	done := false
	defer func() {
		if done {
			return
		}
		reason := ErrGoexit
		if v := recover(); v != nil {
			reason = newPanicError(v)
		}
		if !s.worsen(reason) {
			s.node.log.Error("troupe: Terminate panicked", "process", s.pid().String(), "panic", reason)
		}
	}()
	t.Terminate(s, s.why())
	done = true
}
