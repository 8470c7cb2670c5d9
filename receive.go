package troupe

import (
	"iter"
	"runtime"
	"time"
)

// A WaitOption changes how one receive, or one question, waits.
type WaitOption struct {
	wait    time.Duration
	limited bool
}

// After makes a receive return a message with the event Timeout when nothing
// came for d. A d of zero or less looks through the mailbox once and does not
// wait. Semantics: Erlang's receive … after.
//
// Given to [Ask], it ends the question with an error that wraps
// [context.DeadlineExceeded] when no answer came for d, or up to 10 ms later. It
// costs far less than a context with a timeout.
func After(d time.Duration) WaitOption { return WaitOption{wait: d, limited: true} }

func choose(opts []WaitOption) WaitOption {
	if len(opts) == 0 {
		return WaitOption{}
	}
	return opts[len(opts)-1]
}

// Receive takes the next message out of the mailbox, and waits for one if there
// is none. Once the process has been told to end, Receive returns a message with
// the event Exit, the process's own PID in From and the reason; the body should
// then return. If it calls Receive once more, it is unwound as by
// [runtime.Goexit]: its deferred functions run and the process ends. Only the
// process's own body may call it. Semantics: Erlang's receive.
func (s *Self[M]) Receive(opts ...WaitOption) Message[M] {
	if s.state.Load() == running {
		if e, ok := s.box.next(); ok { // the common case: mail that was taken already
			return e.open()
		}
	}
	return s.receiveOrEnd(nil, opts)
}

func (s *Self[M]) receiveOrEnd(match func(Message[M]) bool, opts []WaitOption) Message[M] {
	m, ok := s.receive(match, choose(opts))
	if ok {
		return m
	}
	s.unwindOrWarn()
	return s.lastMessage()
}

// ReceiveFunc takes the first message for which match reports true out of the
// mailbox and leaves what it passes over in its order. It is in all else as
// [Self.Receive]. match must not receive; it may be called more than once for a
// message.
func (s *Self[M]) ReceiveFunc(match func(Message[M]) bool, opts ...WaitOption) Message[M] {
	return s.receiveOrEnd(match, opts)
}

// Messages returns an iterator over the messages as they come. It ends when the
// process has been told to end; the body should then return. With [After] it
// yields a Timeout whenever nothing came for that long, and goes on.
func (s *Self[M]) Messages(opts ...WaitOption) iter.Seq[Message[M]] {
	how := choose(opts)
	return func(yield func(Message[M]) bool) {
		for {
			for s.state.Load() == running { // the common case: mail that was taken already
				e, ok := s.box.next()
				if !ok {
					break
				}
				if !yield(e.open()) {
					return
				}
			}
			m, ok := s.receive(nil, how)
			if !ok || !yield(m) {
				return
			}
		}
	}
}

// Mail returns a channel that yields a value when there is mail, for waiting for
// mail and something else in one select. Call Mail anew for each select, and take
// the mail with Receive(After(0)): the value may be about a message that was
// taken already. The channel also yields when the process is told to end. Only
// the process's own body may call it.
func (s *Self[M]) Mail() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.more()
	if x.mail == nil {
		x.mail = make(chan struct{}, 1)
	}
	if s.state.Load() != running || s.box.batch != nil || !s.box.empty() || s.first != nil && !s.first.empty() {
		select {
		case x.mail <- struct{}{}:
		default:
		}
		return x.mail
	}
	s.idle = watching
	return x.mail
}

// unwindOrWarn lets the first receive after the end was told through, and none
// after it: a body that does not look at the event would else spin for ever.
func (s *Self[M]) unwindOrWarn() {
	if s.warned {
		runtime.Goexit()
	}
	s.warned = true
}

func (s *Self[M]) lastMessage() Message[M] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Message[M]{From: s.pid(), Event: Exit, Reason: s.ext.reason}
}

// receive is the one way out of the mailbox of a body that waits. ok is false
// when the process has been told to end.
func (s *Self[M]) receive(match func(Message[M]) bool, how WaitOption) (m Message[M], ok bool) {
	var at place[M]
	var due time.Time
	if s.odd && match != nil {
		s.handled(nil)
	}
	for s.state.Load() == running {
		var armed bool
		wait := !how.limited || how.wait > 0
		if match == nil {
			var e envelope[M]
			e, ok, armed = s.fetch(how.parking())
			m = s.see(&e)
		} else {
			m, ok, armed = s.search(&at, match, wait)
		}
		switch {
		case ok:
			return m, true
		case !wait:
			return Message[M]{Event: Timeout}, true
		case !armed:
			continue // told to end in the meantime
		case !how.limited:
			s.park()
			continue
		case due.IsZero():
			due = time.Now().Add(how.wait)
		}
		s.parkFor(how.wait)
		how.wait = time.Until(due)
	}
	return m, false
}

// parking says what a receive turns to when the mailbox is empty.
func (o WaitOption) parking() uint8 {
	if o.limited && o.wait <= 0 {
		return busy
	}
	return parked
}

// fetch takes the next message, if there is one. If there is none and how is
// parked or idle, senders know from now on that they must wake the process; armed
// says so, and an idle process must then not be touched any more.
func (s *Self[M]) fetch(how uint8) (e envelope[M], ok, armed bool) {
	if s.odd {
		s.handled(nil)
	}
	for {
		if e, ok := s.box.next(); ok {
			return e, true, false
		}
		s.mu.Lock()
		e, ok := s.takeNext()
		if !ok && s.box.batch == nil {
			s.box.rest()
			armed = how != busy && s.settle(how)
			s.mu.Unlock()
			return e, false, armed
		}
		s.mu.Unlock()
		if ok {
			return e, true, false
		}
	}
}

// see opens an envelope that the body is about to see.
func (s *Self[M]) see(e *envelope[M]) Message[M] {
	s.begin(e)
	return e.open()
}

// begin notes which kept message the body handles from now on.
func (s *Self[M]) begin(e *envelope[M]) {
	if e.sig != nil && e.sig.parcel != nil {
		s.ext.shelf.begin(e.sig.parcel)
	}
}

// takeNext takes one envelope, or fills the batch. The lock is held.
func (s *Self[M]) takeNext() (e envelope[M], ok bool) {
	if !s.odd {
		return s.box.take()
	}
	if s.first != nil {
		e, ok = s.first.pop()
	}
	if !ok {
		e, ok = s.box.pop()
	}
	if ok && e.sig == nil {
		s.bodyLeft()
	}
	return e, ok
}

// bodyLeft makes room in a bounded mailbox. The lock is held.
func (s *Self[M]) bodyLeft() {
	if s.ext != nil {
		s.ext.bound.left()
	}
}

// settle records that the process waits. The lock is held, and there is nothing
// for it in the mailbox.
func (s *Self[M]) settle(how uint8) bool {
	if s.state.Load() != running {
		return false
	}
	if how == parked && s.wake == nil {
		s.wake = make(chan struct{}, 1)
	}
	s.idle = how
	if how == idle {
		s.inside = false
	}
	return true
}

// park waits for the token that settle asked for.
func (s *Self[M]) park() {
	w := s.enterBlocking()
	if up := s.node.outer; up != nil {
		up.Await(&s.wake)
	} else {
		<-s.wake
	}
	w.leaveBlocking()
}

// parkFor waits for the token, or until d has passed.
func (s *Self[M]) parkFor(d time.Duration) {
	if s.alarm == nil {
		s.alarm = time.NewTimer(d)
	} else {
		s.alarm.Reset(d)
	}
	w := s.enterBlocking()
	defer w.leaveBlocking()
	select {
	case <-s.wake:
		s.alarm.Stop()
		return
	case <-s.alarm.C:
	}
	s.mu.Lock()
	waiting := s.idle == parked
	if waiting {
		s.idle = busy
	}
	s.mu.Unlock()
	if !waiting {
		<-s.wake // the sender that set us to busy is about to give it
	}
}

// A place is how far a selective receive has looked.
type place[M any] struct {
	begun      bool
	first, box cursor[M]
	looked     uint32 // slots of the box that were looked at or left since it was made
	evicted    uint64
}

// search takes the first message that match wants.
func (s *Self[M]) search(at *place[M], match func(Message[M]) bool, park bool) (m Message[M], ok, armed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !at.begun {
		*at = place[M]{begun: true, looked: s.box.popped, evicted: s.evicted()}
	}
	for s.state.Load() == running {
		s.find(at)
		q, seg, e := s.peek(at)
		if e == nil {
			return m, false, park && s.settle(parked)
		}
		if e.gone() {
			continue
		}
		m = e.open()
		if !s.try(match, m) || s.state.Load() != running {
			continue
		}
		if s.evicted() != at.evicted && (q != &s.box || int32(at.looked-1-s.box.popped) < 0) {
			continue // no longer there, or moved
		}
		if e.sig == nil && s.odd {
			s.bodyLeft()
		}
		s.begin(e)
		q.remove(seg, e)
		return m, true, false
	}
	return Message[M]{}, false, false
}

// try calls match without the lock.
func (s *Self[M]) try(match func(Message[M]) bool, m Message[M]) bool {
	s.mu.Unlock()
	defer s.mu.Lock()
	return match(m)
}

// find brings the place up to date: when a full mailbox has dropped envelopes,
// the cursors may point to what is gone. What was looked at is not looked at
// again, so that senders cannot keep a receiver looking for ever.
func (s *Self[M]) find(at *place[M]) {
	now := s.evicted()
	if now == at.evicted {
		return
	}
	at.evicted, at.first, at.box = now, cursor[M]{}, cursor[M]{}
	for n := s.box.popped; int32(at.looked-n) > 0; n++ {
		if _, e := s.box.peek(&at.box); e == nil {
			return
		}
	}
}

func (s *Self[M]) peek(at *place[M]) (*queue[M], *segment[M], *envelope[M]) {
	if s.first != nil {
		if seg, e := s.first.peek(&at.first); e != nil {
			return s.first, seg, e
		}
	}
	seg, e := s.box.peek(&at.box)
	if e != nil {
		at.looked++
		if int32(s.box.popped-at.looked) >= 0 {
			at.looked = s.box.popped + 1
		}
	}
	return &s.box, seg, e
}

// evicted counts what a full mailbox has dropped out of itself. The lock is held.
func (s *Self[M]) evicted() uint64 {
	if s.ext == nil || s.ext.bound == nil {
		return 0
	}
	return s.ext.bound.evicted
}
