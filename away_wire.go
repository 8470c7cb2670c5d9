package troupe

import (
	"errors"
	"fmt"
	"sync"
	"unique"

	"github.com/troupe-go/troupe/internal/far"
	"github.com/troupe-go/troupe/internal/wire"
)

// How addresses, questions and panics travel to other OS processes.

// errNotThere is why an address cannot be encoded.
var errNotThere = errors.New("troupe: an address means something to processes only; send it in a message to one, not through a queue or a connection")

// How a PID begins.
const (
	wireProcess byte = iota
	wireName
)

// EncodeWire is for messages to other OS processes.
func (p *PID) EncodeWire(e *wire.Encoder) error {
	peer, ok := e.Peer.(*far.Peer)
	switch {
	case !ok:
		return errNotThere
	case p.proc == nil && p.name != unique.Handle[string]{}:
		e.Bytes = append(e.Bytes, wireName)
		e.Text(p.name.Value())
	default:
		e.Bytes = append(e.Bytes, wireProcess)
		peer.WriteRef(e, abroad(p.proc))
	}
	return nil
}

// DecodeWire is for messages from other OS processes.
func (p *PID) DecodeWire(d *wire.Decoder) error {
	peer, ok := d.Peer.(*far.Peer)
	if !ok || len(d.Bytes) == 0 {
		return errNotThere
	}
	how := d.Bytes[0]
	d.Bytes = d.Bytes[1:]
	switch how {
	case wireProcess:
		q, err := peer.ReadRef(d)
		p.proc = native(q)
		return err
	case wireName:
		name, err := d.Text()
		p.name = unique.Make(name)
		return err
	}
	return wire.ErrMalformed
}

// EncodeWire is for messages to other OS processes.
func (r *Ref[M]) EncodeWire(e *wire.Encoder) error {
	knowRelay[M]()
	p := r.PID()
	return p.EncodeWire(e)
}

// DecodeWire is for messages from other OS processes.
func (r *Ref[M]) DecodeWire(d *wire.Decoder) error {
	var p PID
	if err := p.DecodeWire(d); err != nil || p == (PID{}) {
		return err
	}
	var err error
	*r, err = RefOf[M](p)
	return err
}

// A farCall is where a question came from, or went to.
type farCall struct {
	peer   *far.Peer
	number uint64
	next   *farCall // of those that one question went to
}

// How the question in a Call begins.
const (
	wireNobody byte = iota // nobody waits
	wireMine
	wireYours
)

// EncodeWire is for messages to other OS processes.
func (c *Call[Q, A]) EncodeWire(e *wire.Encoder) error {
	peer, ok := e.Peer.(*far.Peer)
	if !ok {
		return errors.New("troupe: a question can only be sent to a process; its answer would not find back from a queue or a connection")
	}
	codec, err := wire.For[Q]()
	if err != nil {
		return err
	}
	if _, err := wire.For[A](); err != nil {
		return fmt.Errorf("troupe: the answer could not come back: %w", err)
	}
	if err := codec.Encode(e, c.Request); err != nil {
		return err
	}
	s := c.slot
	switch {
	case s == nil || s.settled.Load():
		e.Bytes = append(e.Bytes, wireNobody)
		return nil
	case s.far != nil && s.far.peer == peer:
		e.Bytes = append(e.Bytes, wireYours)
		e.Uint(s.far.number)
		return nil
	}
	there := &farCall{peer: peer, number: peer.AddCall(s)}
	for {
		there.next = s.went.Load()
		if s.went.CompareAndSwap(there.next, there) {
			break
		}
	}
	e.Bytes = append(e.Bytes, wireMine)
	e.Uint(there.number)
	peer.WriteRef(e, abroad(s.asker))
	return nil
}

// DecodeWire is for messages from other OS processes.
func (c *Call[Q, A]) DecodeWire(d *wire.Decoder) error {
	peer, ok := d.Peer.(*far.Peer)
	codec, err := wire.For[Q]()
	if err != nil {
		return err
	}
	if c.Request, err = codec.Decode(d); err != nil || !ok || len(d.Bytes) == 0 {
		return errors.Join(err, wire.ErrMalformed)
	}
	how := d.Bytes[0]
	d.Bytes = d.Bytes[1:]
	if how == wireNobody {
		return nil
	}
	number, err := d.Uint()
	switch {
	case err != nil:
		return err
	case how == wireYours:
		c.slot, _ = peer.Call(number).(*slot[A])
		return nil
	case how != wireMine:
		return wire.ErrMalformed
	}
	asker, err := peer.ReadRef(d)
	if err != nil {
		return err
	}
	c.slot = &slot[A]{pending: pending{asker: native(asker), far: &farCall{peer: peer, number: number}}}
	return nil
}

// Answered takes the answer to a question that went to another OS process.
func (s *slot[A]) Answered(body *wire.Decoder, failure error) {
	if failure == nil {
		codec, err := wire.For[A]()
		if err == nil {
			var answer A
			if answer, err = codec.Decode(body); err == nil {
				_ = s.settle(answer, nil)
				return
			}
		}
		failure = fmt.Errorf("troupe: the answer cannot be decoded: %w", err)
	}
	var zero A
	_ = s.settle(zero, failure)
}

// sendBack answers a question that came from another OS process.
func (s *slot[A]) sendBack(answer A, failure error) error {
	peer, number := s.far.peer, s.far.number
	if failure == nil {
		codec, err := wire.For[A]()
		if err == nil {
			e := peer.Reply(number)
			if err = codec.Encode(e, answer); err == nil {
				return nobodyWaits(peer.PostReply(e))
			}
			wire.Drop(e)
		}
		_ = peer.Fail(number, err)
		return err
	}
	return nobodyWaits(peer.Fail(number, failure))
}

// nobodyWaits makes the error of a call of one of a peer.
func nobodyWaits(err error) error {
	if err != nil {
		return ErrNobodyWaits
	}
	return nil
}

// await waits until the question is settled. One that went to another OS process may
// fetch the answer from there himself.
func (a *pending) await() {
	if c := a.went.Load(); c != nil {
		c.peer.Await(&a.wake)
		return
	}
	<-a.wake
}

// wakeAsker ends the wait of a settled question, which may have gone on to others since.
func (a *pending) wakeAsker() {
	a.wake <- struct{}{}
	for c := a.went.Load(); c != nil; c = c.next {
		c.peer.Woken(&a.wake)
	}
}

// forgetCalls takes a settled question back from the nodes that it went to.
func (a *pending) forgetCalls() {
	for c := a.went.Swap(nil); c != nil; c = c.next {
		c.peer.DropCall(c.number)
	}
}

// EncodeWire is for messages to other OS processes. The value travels as its text,
// unless it is an error.
func (e *PanicError) EncodeWire(to *wire.Encoder) error {
	err, _ := e.Value.(error)
	codec, bad := wire.For[error]()
	if bad != nil {
		return bad
	}
	if bad := codec.Encode(to, err); bad != nil {
		return bad
	}
	if err == nil {
		to.Text(fmt.Sprint(e.Value))
	}
	to.Text(string(e.Stack))
	return nil
}

// DecodeWire is for messages from other OS processes.
func (e *PanicError) DecodeWire(from *wire.Decoder) error {
	codec, bad := wire.For[error]()
	if bad != nil {
		return bad
	}
	err, bad := codec.Decode(from)
	switch {
	case bad != nil:
		return bad
	case err != nil:
		e.Value = err
	default:
		if e.Value, bad = from.Text(); bad != nil {
			return bad
		}
	}
	stack, bad := from.Text()
	e.Stack = []byte(stack)
	return bad
}

// knowErrors makes the errors of this package keep their identity on their way between
// OS processes, once.
var knowErrors = sync.OnceFunc(func() {
	for name, err := range map[string]error{
		"troupe.Stop": Stop, "troupe.ErrKilled": ErrKilled, "troupe.ErrShutdown": ErrShutdown,
		"troupe.ErrNoProc": ErrNoProc, "troupe.ErrNoConnection": ErrNoConnection,
		"troupe.ErrMailboxFull": ErrMailboxFull, "troupe.ErrNameTaken": ErrNameTaken,
		"troupe.ErrWrongType": ErrWrongType, "troupe.ErrNobodyWaits": ErrNobodyWaits,
		"troupe.ErrGoexit": ErrGoexit,
	} {
		wire.RegisterError(name, err)
	}
	wire.Register[PanicError]("troupe.PanicError")
	wire.Register[DeadlockError]("troupe.DeadlockError")
	wire.Register[PID]("troupe.PID")
})
