package far

import (
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// AddCall makes a question known by a number, under which its answer will come.
func (p *Peer) AddCall(a Answer) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	p.calls[p.asked] = a
	return p.asked
}

// DropCall forgets a question: nobody waits for its answer any more.
func (p *Peer) DropCall(n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, n)
}

// Call returns the question with number n, which the other side has mentioned, or nil.
func (p *Peer) Call(n uint64) Answer {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.calls[n]
}

// Reply returns an encoder for the answer to the other side's question n, to be sent
// with [Peer.Post] or given up with wire.Drop.
func (p *Peer) Reply(n uint64) *wire.Encoder {
	e := p.begin()
	e.Uint(n)
	e.Bytes = append(e.Bytes, 1)
	return e
}

// PostReply sends what Reply returned.
func (p *Peer) PostReply(e *wire.Encoder) error { return p.post(kindReply, e) }

// Fail answers the other side's question n with an error.
func (p *Peer) Fail(n uint64, failure error) error {
	e := p.begin()
	e.Uint(n)
	e.Bytes = append(e.Bytes, 0)
	e.Bytes = appendReason(e.Bytes, failure, p)
	return p.post(kindReply, e)
}

// answered handles a reply.
func (p *Peer) answered(d *wire.Decoder) error {
	n, err := d.Uint()
	if err != nil || len(d.Bytes) == 0 {
		return wire.ErrMalformed
	}
	good := d.Bytes[0] == 1
	d.Bytes = d.Bytes[1:]
	p.mu.Lock()
	a := p.calls[n]
	delete(p.calls, n)
	p.mu.Unlock()
	if a == nil {
		return nil // the asker has given up
	}
	if good {
		a.Answered(d, nil)
		return nil
	}
	failure, err := errorCodec.Decode(d)
	if err == nil && failure == nil {
		err = wire.ErrMalformed
	}
	if err != nil {
		failure = fmt.Errorf("troupe: the answer cannot be decoded: %w", err)
	}
	a.Answered(nil, failure)
	return err
}

// A query is a question about names.
type query struct {
	p     *Peer
	found Process
	err   error
	wake  chan struct{}
}

func (q *query) Answered(body *wire.Decoder, failure error) {
	if q.err = failure; failure == nil {
		q.found, q.err = q.p.ReadRef(body)
	}
	q.wake <- struct{}{}
	q.p.Woken(&q.wake)
}

// ask asks the other side about a name, and waits for the answer.
func (p *Peer) ask(kind byte, name string, q Process) (Process, error) {
	if p.over.Load() {
		return nil, ErrGone
	}
	a := &query{p: p, wake: make(chan struct{}, 1)}
	n := p.AddCall(a)
	e := p.begin()
	e.Uint(n)
	e.Text(name)
	p.WriteRef(e, q)
	if err := p.post(kind, e); err != nil {
		p.DropCall(n)
		return nil, err
	}
	if p.over.Load() {
		p.DropCall(n)
		return nil, ErrGone
	}
	p.Await(&a.wake)
	return a.found, a.err
}

// Find returns the process that has a name on the other side, or nil. It waits for
// the other side.
func (p *Peer) Find(name string) (Process, error) { return p.ask(kindFind, name, nil) }

// Register gives q a name on the other side. It waits for the other side.
func (p *Peer) Register(name string, q Process) error {
	_, err := p.ask(kindRegister, name, q)
	return err
}

// Unregister takes it away again.
func (p *Peer) Unregister(name string, q Process) {
	e := p.begin()
	e.Uint(0)
	e.Text(name)
	p.WriteRef(e, q)
	_ = p.post(kindUnregister, e)
}

// named handles a question about a name.
func (p *Peer) named(kind byte, d *wire.Decoder) error {
	n, err := d.Uint()
	if err != nil {
		return err
	}
	name, err := d.Text()
	if err != nil {
		return err
	}
	q, err := p.ReadRef(d)
	if err != nil {
		return err
	}
	if kind == kindUnregister {
		p.node.Unregister(name, q)
		return nil
	}
	go func() { // the node may have to ask further on
		var err error
		if kind == kindFind {
			q, err = p.node.Find(name)
		} else {
			err = p.node.Register(name, q)
		}
		if err != nil {
			_ = p.Fail(n, err)
			return
		}
		e := p.Reply(n)
		p.WriteRef(e, q)
		_ = p.PostReply(e)
	}()
	return nil
}
