package troupe

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/troupe-go/troupe/internal/far"
	"github.com/troupe-go/troupe/internal/wire"
)

// A process may live elsewhere: in another OS process, with a node of its own. Here it
// is a stand-in, with a PID, links and monitors like any other; what is sent to it is
// forwarded at once, by the goroutine that sends, so that the order of everything one
// process does is the order of its frames. Package internal/far carries them.
//
// There are two kinds. One that was spawned here and then started elsewhere (see
// [Self.Delegate]) is a Self in the tree. One that was only heard of is a standIn,
// which knows no message type; an address of it points to a face, which does.

// away is what a process that lives elsewhere has.
type away struct {
	peer   *far.Peer
	number uint64   // what it is there
	shape  uint64   // of the messages that it accepts; 0 if that is unknown
	home   *process // the process itself, or whose face this is

	faces map[reflect.Type]any // *Self[M] by M; guarded by home.mu
}

// awayLocked returns where p really is, or nil. The lock is held.
func (p *process) awayLocked() *away {
	if p.ext == nil {
		return nil
	}
	return p.ext.away
}

func (p *process) whereAway() *away {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.awayLocked()
}

// self returns the process whose identity p has: itself, unless p is a face.
func (p *process) self() *process {
	if p.flags&isFace != 0 {
		return p.ext.away.home
	}
	return p
}

// A standIn is a process that lives elsewhere and was heard of here.
type standIn struct{ process }

func (*standIn) start()              {}
func (*standIn) run(*worker)         {}
func (*standIn) signal(*signal)      {}
func (*standIn) flush(bool) []letter { return nil }

func (s *standIn) look() (label string, waiting int) { return s.ext.label, 0 }

// newStandIn returns a stand-in on n.
func (n *Node) newStandIn(p *far.Peer, number uint64, label string, shape uint64) *process {
	s := new(standIn)
	s.impl, s.node, s.id, s.flags = s, n, n.ids.Add(1), isStandIn
	s.more().label = label
	s.ext.away = &away{peer: p, number: number, shape: shape, home: &s.process}
	return &s.process
}

// typed returns the typed side of p: of a stand-in, a face.
func typed[M any](p *process) (*Self[M], error) {
	if s, ok := p.impl.(*Self[M]); ok {
		return s, nil
	}
	if p.flags&isStandIn == 0 {
		return nil, wrongType[M](p)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a, t := p.ext.away, reflect.TypeFor[M]()
	if s, ok := a.faces[t]; ok {
		return s.(*Self[M]), nil
	}
	if a.shape != 0 && a.shape != wire.Shape[M]() {
		return nil, fmt.Errorf("%w: %s does not accept %v", ErrWrongType, p.ext.label, t)
	}
	s := &Self[M]{}
	s.impl, s.node, s.id, s.flags, s.odd = s, p.node, p.id, isFace|takesUrgent, true
	s.more().label = p.ext.label
	s.ext.away = &away{peer: a.peer, number: a.number, shape: a.shape, home: p}
	if a.faces == nil {
		a.faces = make(map[reflect.Type]any)
	}
	a.faces[t] = s
	knowRelay[M]()
	return s, nil
}

// forward is deliver for a process that lives elsewhere. That it and the sender are
// alive is checked here, and once more there.
func (s *Self[M]) forward(a *away, from *process, body M, ask *pending, urgent bool) error {
	codec, err := wire.For[M]()
	if err != nil {
		return fmt.Errorf("troupe: %v is in another OS process: %w", s.pid(), err)
	}
	p := a.home
	p.mu.Lock()
	if from.fenced() {
		p.mu.Unlock()
		return ErrKilled
	}
	if p.state.Load() != running {
		p.mu.Unlock()
		return ErrNoProc
	}
	if ask != nil {
		p.attach(ask)
	}
	p.mu.Unlock()
	e := a.peer.Message(a.number, abroad(from), urgent)
	if err := codec.Encode(e, body); err != nil {
		wire.Drop(e)
		return fmt.Errorf("troupe: %v is in another OS process: %w", s.pid(), err)
	}
	switch err := a.peer.PostMessage(e); {
	case err == nil:
		return nil
	case !errors.Is(err, far.ErrGone):
		return fmt.Errorf("troupe: %v is in another OS process: %w", s.pid(), err)
	case ask == nil:
		return ErrNoProc
	}
	return nil // the question ends with the process, which is about to: its reason is not known yet
}

// receiveFar takes a message that came from elsewhere. A bound that blocks does not hold
// back those who are elsewhere.
func (s *Self[M]) receiveFar(from *process, d *wire.Decoder, urgent bool) error {
	knowRelay[M]()
	codec, err := wire.For[M]()
	if err != nil {
		return err
	}
	body, err := codec.Decode(d)
	if err != nil {
		return err
	}
	_ = s.deliver(nil, from, body, nil, urgent && s.flags&takesUrgent != 0) //nolint:staticcheck // nil: never wait
	return nil
}

// relays pass messages on between two other OS processes, by the shape of the message:
// what is in it has to be decoded and encoded again. It is a registry of the whole
// program.
var relays sync.Map // uint64 → func(to, from *process, d *wire.Decoder, urgent bool) error

func knowRelay[M any]() {
	shape := wire.Shape[M]()
	if _, known := relays.Load(shape); known {
		return
	}
	relays.Store(shape, func(to, from *process, d *wire.Decoder, urgent bool) error {
		s, err := typed[M](to)
		if err != nil {
			return err
		}
		return s.receiveFar(from, d, urgent)
	})
}

func (s *standIn) receiveFar(from *process, d *wire.Decoder, urgent bool) error {
	relay, ok := relays.Load(s.ext.away.shape)
	if !ok {
		return fmt.Errorf("%w: nothing here has used the type of message that %v accepts, so that it cannot be passed on", ErrWrongType, s.pid())
	}
	return relay.(func(to, from *process, d *wire.Decoder, urgent bool) error)(&s.process, from, d, urgent)
}
