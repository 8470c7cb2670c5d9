package troupe

import (
	"context"
	"slices"
)

// Overflow says what a send does when a bounded mailbox is full.
type Overflow uint8

const (
	// Block makes the sender wait for room, for as long as its context lives.
	Block Overflow = iota
	// Refuse makes the send return ErrMailboxFull.
	Refuse
	// DropNewest throws the message away that is being sent.
	DropNewest
	// DropOldest throws away the message that has waited longest.
	DropOldest
)

// A bound belongs to a process whose mailbox has a limit. Only bodies count;
// signals always find room. All of it is guarded by the process's lock.
type bound struct {
	limit   int
	policy  Overflow
	bodies  int           // bodies in the mailbox
	granted int           // room given to senders that have not come for it yet
	waiting []*roomWaiter // blocked senders, in the order they came
	dropped uint64        // bodies thrown away
	evicted uint64        // those of them that had been in the mailbox
}

type roomWaiter struct {
	ready chan struct{} // closed when there is room, or the process has ended
	given bool          // room was granted; guarded by the process's lock
}

// released are blocked senders to be let go once the lock is free.
type released []*roomWaiter

func (r released) release() {
	for _, w := range r {
		close(w.ready)
	}
}

// drain lets all blocked senders go; they will find the process ended. A nil
// bound has none.
func (b *bound) drain() released {
	if b == nil {
		return nil
	}
	r := released(b.waiting)
	b.waiting = nil
	return r
}

func (b *bound) full() bool { return b.bodies+b.granted >= b.limit }

// left is called when a body has left the mailbox: the next blocked sender gets
// its room. The lock is held.
func (b *bound) left() {
	if b == nil {
		return
	}
	b.bodies--
	b.grant()
}

func (b *bound) grant() {
	if len(b.waiting) == 0 || b.full() {
		return
	}
	w := b.waiting[0]
	b.waiting = slices.Delete(b.waiting, 0, 1)
	b.granted++
	w.given = true
	close(w.ready)
}

// await blocks until there is room for one body. The lock is held on entry and,
// when the error is nil, on return; the room is then the caller's.
func (p *process) await(ctx context.Context, from *process, ask *pending) error {
	b := p.ext.bound
	w := &roomWaiter{ready: make(chan struct{})}
	b.waiting = append(b.waiting, w)
	p.mu.Unlock()

	worker := from.enterBlocking()
	var err error
	var settled chan struct{}
	if ask != nil {
		settled = ask.wake
	}
	select {
	case <-w.ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-settled: // by its limit, or because the asker is to end
		err = ask.err
		settled <- struct{}{} // for the asker
	}
	worker.leaveBlocking()

	p.mu.Lock()
	if w.given {
		b.granted--
		if err != nil {
			b.grant()
		}
	} else if i := slices.Index(b.waiting, w); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
	if err != nil {
		p.mu.Unlock()
	}
	return err
}

// deliverOdd is deliver for the mailboxes and moments that are not ordinary: a
// bound, urgent mail, a process that ends or lives elsewhere, a sender that is fenced. The lock is
// held on entry and free on return.
func (s *Self[M]) deliverOdd(ctx context.Context, from *process, body M, ask *pending, urgent bool) error {
	if a := s.awayLocked(); a != nil {
		s.mu.Unlock()
		return s.forward(a, from, body, ask, urgent)
	}
	if from.fenced() {
		s.mu.Unlock()
		return ErrKilled
	}
	if s.ext != nil && s.ext.keeps != nil && ask == nil && s.state.Load() == running {
		s.mu.Unlock()
		return s.ext.keeps.(*kept[M]).put(ctx, from, body, urgent)
	}
	var lost *letter
	if s.ext != nil && s.ext.bound != nil && s.state.Load() == running {
		var err error
		if lost, err = s.makeRoom(ctx, from, body, ask); err != nil {
			return err
		}
	}
	switch {
	case from.fenced():
		if s.ext != nil && s.ext.bound != nil {
			s.ext.bound.grant() // room that this sender cannot use
		}
		s.mu.Unlock()
		return ErrKilled
	case s.state.Load() != running:
		s.mu.Unlock()
		return ErrNoProc
	case lost != nil && s.ext.bound.policy == DropNewest:
		s.mu.Unlock()
		if ask != nil {
			ask.fail(ErrMailboxFull) // whatever the body looks like
		}
		s.node.letters.addOne(*lost)
		return nil
	}
	if s.ext != nil && s.ext.bound != nil {
		s.ext.bound.bodies++
	}
	s.putAndUnlock(from, body, ask, urgent)
	if lost != nil {
		s.node.letters.addOne(*lost)
	}
	return nil
}

// makeRoom applies the overflow policy before a body is put. It returns what
// was dropped, if anything was. The lock is held, and still held on return
// unless an error is returned.
func (s *Self[M]) makeRoom(ctx context.Context, from *process, body M, ask *pending) (*letter, error) {
	b := s.ext.bound
	if !b.full() && len(b.waiting) == 0 {
		return nil, nil
	}
	switch b.policy {
	case Block:
		if ctx == nil { // from another OS process
			return nil, nil
		}
		return nil, s.await(ctx, from, ask)
	case Refuse:
		s.mu.Unlock()
		return nil, ErrMailboxFull
	case DropNewest:
		b.dropped++
		return &letter{from: from, to: &s.process, body: body, why: ErrMailboxFull}, nil
	}
	b.dropped++
	lost := &letter{to: &s.process, why: ErrMailboxFull}
	b.evicted++
	if e, ok := s.popBody(); ok {
		lost.from, lost.body = e.from, e.body
		b.bodies--
	}
	return lost, nil
}

// popBody takes the oldest body out, ordinary mail before urgent. Signals that
// stood before it now stand in the queue that goes first, so that a receiver that
// never reads cannot make the mailbox grow. The lock is held.
func (s *Self[M]) popBody() (envelope[M], bool) {
	for {
		e, ok := s.box.pop()
		if !ok {
			break
		}
		if e.sig == nil {
			return e, true
		}
		*s.firstQueue().push() = e
	}
	var found envelope[M]
	ok := false
	rest := new(queue[M])
	for e, some := s.firstQueue().pop(); some; e, some = s.first.pop() {
		if e.sig == nil && !ok {
			found, ok = e, true
			continue
		}
		*rest.push() = e
	}
	s.first = rest
	return found, ok
}

func (s *Self[M]) firstQueue() *queue[M] {
	if s.first == nil {
		s.first = new(queue[M])
	}
	return s.first
}
