package troupe

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"unique"
)

// A Ref is an address that accepts messages of type M. Refs are comparable and
// can be sent anywhere. The zero Ref belongs to nobody.
type Ref[M any] struct {
	to   *Self[M]
	name unique.Handle[string] // if to is nil
}

// farAhead is how many messages a mailbox holds when a sender first yields its
// turn. A send never waits for room that nobody bounded, but on few processors
// a sender that runs ahead of its receiver fills memory for nothing.
const farAhead = 1024

// Named returns the address of whatever process has the name at the moment of
// each send: it follows the name across restarts. A name is a path without its
// leading slash, or what a process registered; Named("/shop/cart") and
// Named("shop/cart") are the same. A question asked of a supervised process
// that is being restarted waits for its successor.
func Named[M any](name string) Ref[M] {
	return Ref[M]{name: unique.Make(cleanName(name))}
}

// RefOf returns the typed address of pid. It returns ErrNoProc for the zero PID,
// and ErrWrongType if pid's mailbox has another message type than M. For a PID
// made from a name the type is checked at each send.
func RefOf[M any](pid PID) (Ref[M], error) {
	switch {
	case pid.proc != nil:
		s, err := typed[M](pid.proc)
		return Ref[M]{to: s}, err
	case pid.name != unique.Handle[string]{}:
		return Ref[M]{name: pid.name}, nil
	}
	return Ref[M]{}, ErrNoProc
}

func wrongType[M any](p *process) error {
	return fmt.Errorf("%w: %v does not accept %v", ErrWrongType, p.pid(), reflect.TypeFor[M]())
}

// PID returns the identity behind the address: that of the process, or for a
// Named address that of the name.
func (r Ref[M]) PID() PID {
	if r.to != nil {
		return r.to.pid()
	}
	return PID{name: r.name}
}

// String returns the PID as text.
func (r Ref[M]) String() string { return r.PID().String() }

// Send puts body into the mailbox. ctx tells who sends: a [Self], a context
// derived from one, or any other context for a sender that is no process. Send
// never blocks, unless the mailbox is bounded with [Block] and full; then it
// waits until there is room or ctx ends. It returns ErrNoProc if the process has
// ended or was told to, ErrMailboxFull if the mailbox refuses, ErrKilled if the
// sender itself is dead, and the cause of ctx's end if that came first. Any
// goroutine may call it; what one goroutine sends arrives in order.
func (r Ref[M]) Send(ctx context.Context, body M) error {
	if r.to != nil {
		return r.to.deliver(ctx, processOf(ctx), body, nil, false)
	}
	s, err := r.locate(ctx)
	if err != nil {
		return err
	}
	return s.deliver(ctx, processOf(ctx), body, nil, false)
}

// SendUrgent is Send for a message that goes before all ordinary mail, in order
// among urgent ones, if the receiver was spawned with [AcceptUrgent]; for any
// other receiver it is an ordinary Send. Semantics: Erlang/OTP's priority
// messages.
func (r Ref[M]) SendUrgent(ctx context.Context, body M) error {
	s, err := r.locate(ctx)
	if err != nil {
		return err
	}
	return s.deliver(ctx, processOf(ctx), body, nil, s.flags&takesUrgent != 0)
}

// locate returns the process behind the address now.
func (r Ref[M]) locate(ctx context.Context) (*Self[M], error) {
	if r.to != nil {
		return r.to, nil
	}
	if r.name == (unique.Handle[string]{}) {
		return nil, ErrNoProc
	}
	n := nodeOf(ctx)
	if n == nil {
		return nil, fmt.Errorf("troupe: cannot look up %q: the context belongs to no node; use a process's own, or Node.Context", r.name.Value())
	}
	p := n.find(r.name.Value())
	if p == nil {
		return nil, ErrNoProc
	}
	return typed[M](p)
}

// deliver is a message's way: Ref.Send → here → Receive.
func (s *Self[M]) deliver(ctx context.Context, from *process, body M, ask *pending, urgent bool) error {
	s.mu.Lock()
	if s.odd || s.state.Load() != running || from.fenced() {
		return s.deliverOdd(ctx, from, body, ask, urgent)
	}
	s.putAndUnlock(from, body, ask, urgent)
	return nil
}

// putAndUnlock appends a body and wakes the process. That the sender is alive
// was checked under the lock: once its death has been told here, nothing more
// of it is let in.
func (s *Self[M]) putAndUnlock(from *process, body M, ask *pending, urgent bool) {
	box := &s.box
	if urgent {
		box = s.firstQueue()
	}
	if box.n == maxSegment/4 && box.large == nil {
		box.large = largeSegments[M](s.node)
	}
	e := box.push()
	e.from, e.body = from, body
	if ask != nil {
		s.attach(ask)
	}
	was := s.idle
	s.idle = busy
	ahead := box.n%farAhead == 0
	s.mu.Unlock()
	if was != busy {
		s.rouse(was, from)
	} else if ahead {
		runtime.Gosched()
	}
}
