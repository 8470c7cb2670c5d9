package troupe

import (
	"context"
	"errors"

	"github.com/troupe-go/troupe/internal/far"
	"github.com/troupe-go/troupe/internal/wire"
)

// farProcess is a process as package far sees it. It is a type of its own so that its
// methods are not Self's.
type farProcess process

// abroad returns p, which may be nil, as package far sees it.
func abroad(p *process) far.Process {
	if p == nil {
		return nil
	}
	return (*farProcess)(p.self())
}

// native undoes abroad.
func native(q far.Process) *process {
	if q == nil {
		return nil
	}
	return (*process)(q.(*farProcess))
}

func (q *farProcess) Number() uint64 { return q.id }

func (q *farProcess) Describe() (label string, shape uint64) {
	p := (*process)(q)
	if a := p.whereAway(); a != nil {
		shape = a.shape
	} else if t, ok := p.impl.(interface{ shape() uint64 }); ok {
		shape = t.shape()
	}
	return p.label(), shape
}

func (s *Self[M]) shape() uint64 {
	knowRelay[M]()
	return wire.Shape[M]()
}

func (q *farProcess) Away() (*far.Peer, uint64) {
	if a := (*process)(q).whereAway(); a != nil {
		return a.peer, a.number
	}
	return nil, 0
}

func (q *farProcess) Receive(from far.Process, body *wire.Decoder, urgent bool) error {
	p := (*process)(q)
	return p.impl.(interface {
		receiveFar(from *process, d *wire.Decoder, urgent bool) error
	}).receiveFar(native(from), body, urgent)
}

func (q *farProcess) Signal(s far.Signal, from far.Process, reason error) {
	p, sender := (*process)(q), native(from)
	switch s {
	case far.Exit:
		p.tell(PID{proc: sender}, reason, false)
	case far.Kill:
		p.kill()
	case far.Ready:
		p.becomeReady()
	case far.Link:
		if sender == nil {
			return
		}
		if reason, over := sender.ended(); over { // while the link was on its way
			p.mu.Lock()
			p.feelAndUnlock(sender.pid(), sender.pid(), reason)
			return
		}
		sender.linkTo(p, p.pid())
	case far.Lost:
		p.failAsks(sender, reason)
	case far.Unlink:
		if sender != nil {
			sender.untie(p)
		}
	}
}

// failAsks ends what asker has asked p, which could not understand one of the questions.
func (p *process) failAsks(asker *process, reason error) {
	p.mu.Lock()
	var lost []*pending
	for a := p.asks; a != nil; a = a.next {
		if a.asker == asker {
			lost = append(lost, a)
		}
	}
	p.mu.Unlock()
	for _, a := range lost {
		a.fail(reason)
	}
}

func (q *farProcess) Watch(peer *far.Peer) (alive bool, reason error) {
	p := (*process)(q)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced() {
		if p.ext == nil {
			return false, nil
		}
		return false, p.ext.reason
	}
	t := p.tie()
	if t.abroad == nil {
		t.abroad = make(map[*far.Peer]struct{})
	}
	t.abroad[peer] = struct{}{}
	return true, nil
}

func (q *farProcess) Unwatch(peer *far.Peer) {
	p := (*process)(q)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.tied().abroad, peer)
}

func (q *farProcess) End(reason error) {
	if q.flags&isStandIn != 0 {
		(*process)(q).die(reason, true)
	}
}

// farNode is a node as package far sees it.
type farNode Node

func (n *farNode) StandIn(p *far.Peer, number uint64, label string, shape uint64) far.Process {
	return abroad((*Node)(n).newStandIn(p, number, label, shape))
}

func (n *farNode) Find(name string) (far.Process, error) {
	return abroad((*Node)(n).find(cleanName(name))), nil
}

func (n *farNode) Register(name string, q far.Process) error {
	if q == nil {
		return ErrNoProc
	}
	return (*Node)(n).register(native(q), name)
}

func (n *farNode) Unregister(name string, q far.Process) {
	if q != nil {
		(*Node)(n).unregister(native(q), name)
	}
}

func (n *farNode) Report(what string, err error) {
	n.log.Error("troupe: "+what, "error", err)
}

// Delegate is for package isolate. It makes the process one that lives elsewhere: what
// is and was sent to it is forwarded to the peer, and so are exits, links and kills. The
// body goes on, and ends the process when it returns. kind is what the process is called
// if it has no name. The error is the cause if the process has been told to end already.
func (s *Self[M]) Delegate(peer *far.Peer, kind string) (far.Options, error) {
	knowErrors()
	knowRelay[M]()
	peer.SetNode((*farNode)(s.node))
	peer.Bind(abroad(&s.process))
	peer.Parent = abroad(s.Parent().proc)
	a := &away{peer: peer, number: far.Main, shape: wire.Shape[M](), home: &s.process}
	lost := ErrNoProc // why a message could not go along
	for {
		if s.state.Load() != running {
			return far.Options{}, context.Cause(s)
		}
		if s.flags&hasBox != 0 {
			return far.Options{}, errors.New("troupe: a process with a Mailbox cannot live in another OS process: give the Mailbox to one that it writes to")
		}
		e, ok, _ := s.fetch(busy)
		if !ok {
			s.mu.Lock()
			if s.state.Load() == running && s.box.empty() && (s.first == nil || s.first.empty()) {
				break
			}
			s.mu.Unlock()
			continue
		}
		if err := s.pass(a, e); err != nil {
			lost = err
		}
	}
	// The lock is held, and the mailbox empty.
	x := s.more()
	o := far.Options{Traps: x.traps, Urgent: s.flags&takesUrgent != 0, Grace: x.grace, Shape: a.shape}
	if b := x.bound; b != nil {
		o.Bound, o.Policy = b.limit, uint8(b.policy)
	}
	x.away, x.kind, s.odd = a, kind, true
	blocked := x.bound.drain()
	x.bound = nil
	links := make([]*process, 0, len(s.tied().links))
	for q := range s.tied().links {
		links = append(links, q)
	}
	left := s.asksLeft()
	s.mu.Unlock()
	blocked.release()
	for _, ask := range left {
		ask.fail(lost)
	}
	for _, q := range links {
		peer.Signal(far.Main, far.Link, abroad(q), nil)
	}
	o.Path = s.Path()
	return o, nil
}

// pass forwards what was in the mailbox of a process that is about to live elsewhere.
func (s *Self[M]) pass(a *away, e envelope[M]) error {
	if e.sig != nil {
		a.peer.Signal(a.number, far.Exit, abroad(e.sig.from.proc), e.sig.reason)
		return nil
	}
	err := s.forward(a, e.from, e.body, nil, false)
	if err != nil {
		s.node.letters.addOne(letter{from: e.from, to: &s.process, body: e.body, why: err})
	}
	return err
}

// asksLeft returns the questions that waited for p and have gone nowhere, when its
// messages have been forwarded. The lock is held.
func (p *process) asksLeft() (left []*pending) {
	for a := p.asks; a != nil; a = a.next {
		if a.went.Load() == nil {
			left = append(left, a)
		}
	}
	return left
}

// Delegated is for package isolate: the node's root is one that was spawned elsewhere,
// beyond the peer.
func Delegated(p *far.Peer, o far.Options) RunOption {
	return func(n *Node) {
		knowErrors()
		p.SetNode((*farNode)(n))
		n.outer, n.prefix = p, o.Path
		n.first = spawnConfig{traps: o.Traps, urgent: o.Urgent, grace: o.Grace + graceOffset, main: p}
		if o.Bound > 0 {
			n.first.bound = &bound{limit: o.Bound, policy: Overflow(o.Policy)}
		}
		n.first.ready = func() { p.Signal(far.Main, far.Ready, nil, nil) }
	}
}

// find returns the process that has a name, here or in the node that this one was
// started by, or nil.
func (n *Node) find(name string) *process {
	if p := n.names.find(name); p != nil || n.outer == nil {
		return p
	}
	q, err := n.outer.Find(name)
	if err != nil {
		return nil
	}
	return native(q)
}

// register gives p a name, here and in the node that this one was started by.
func (n *Node) register(p *process, name string) error {
	err := n.names.add(p, name)
	if err != nil || n.outer == nil {
		return err
	}
	if err = n.outer.Register(cleanName(name), abroad(p)); err != nil {
		n.names.remove(p, name)
	}
	return err
}

func (n *Node) unregister(p *process, name string) {
	n.names.remove(p, name)
	if n.outer != nil {
		n.outer.Unregister(cleanName(name), abroad(p))
	}
}
