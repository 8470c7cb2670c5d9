package far

import (
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// How a process is written.
const (
	refNobody byte = iota
	refMine        // the writer's own: a number
	refYours       // the reader's own: a number
)

// errForgotten is the reason of a process that nobody remembers.
var errForgotten = errors.New("troupe: it ended long ago")

// WriteRef appends a mention of q, which may be nil, to the body of a frame to this
// Peer.
func (p *Peer) WriteRef(e *wire.Encoder, q Process) {
	if q == nil {
		e.Bytes = append(e.Bytes, refNobody)
		return
	}
	if where, n := q.Away(); where == p {
		e.Bytes = append(e.Bytes, refYours)
		e.Uint(n)
		return
	}
	e.Bytes = append(e.Bytes, refMine)
	e.Uint(p.export(q))
}

// export makes q known to the other side, and returns its number.
func (p *Peer) export(q Process) uint64 {
	n := q.Number()
	p.mu.RLock()
	_, _, known := p.exports.get(n)
	p.mu.RUnlock()
	if known {
		return n
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, _, known := p.exports.get(n); known || p.over.Load() {
		return n
	}
	label, shape := q.Describe()
	alive, reason := q.Watch(p)
	p.exports.put(n, q)
	e := p.begin()
	e.Uint(n)
	e.Uint(shape)
	e.Text(label)
	_ = p.post(kindIntro, e)
	if !alive {
		p.exports.bury(n, q)
		p.tellEnd(n, reason)
	}
	return n
}

// Ended is called by a process that is watched, when it has ended: after all that it
// has sent, and before anybody is told.
func (p *Peer) Ended(q Process, reason error) {
	n := q.Number()
	p.mu.Lock()
	defer p.mu.Unlock()
	if was, alive, _ := p.exports.get(n); !alive || was != q {
		return
	}
	p.exports.bury(n, q)
	p.tellEnd(n, reason)
}

// tellEnd sends the end of the process with number n. The lock is held: no mention of
// the process that was written before can come after it, but for one that is being
// written now, which finds the dead remembered.
func (p *Peer) tellEnd(n uint64, reason error) {
	e := wire.Begin()
	e.Uint(n)
	e.Bytes = appendReason(e.Bytes, reason, nil)
	_ = p.post(kindEnd, e)
}

// ReadRef takes what WriteRef appended. It returns nil for nobody.
func (p *Peer) ReadRef(d *wire.Decoder) (Process, error) {
	if len(d.Bytes) == 0 {
		return nil, wire.ErrMalformed
	}
	tag := d.Bytes[0]
	d.Bytes = d.Bytes[1:]
	if tag == refNobody {
		return nil, nil
	}
	n, err := d.Uint()
	if err != nil {
		return nil, err
	}
	switch tag {
	case refMine:
		return p.imported(n), nil
	case refYours:
		return p.exported(n), nil
	}
	return nil, wire.ErrMalformed
}

// imported returns the stand-in for the other side's process n.
func (p *Peer) imported(n uint64) Process {
	p.mu.RLock()
	q, _, ok := p.imports.get(n)
	p.mu.RUnlock()
	if ok {
		return q
	}
	return p.forgotten(n)
}

// exported returns this side's process n.
func (p *Peer) exported(n uint64) Process {
	p.mu.RLock()
	q, _, ok := p.exports.get(n)
	p.mu.RUnlock()
	if ok {
		return q
	}
	return p.forgotten(n)
}

// forgotten returns a dead process.
func (p *Peer) forgotten(n uint64) Process {
	q := p.node.StandIn(p, n, fmt.Sprintf("process %d", n), 0)
	q.End(errForgotten)
	return q
}

var errorCodec = mustCodec[error]()

func mustCodec[T any]() *wire.Codec[T] {
	c, err := wire.For[T]()
	if err != nil {
		panic(err)
	}
	return c
}

// appendReason appends a reason. One that cannot be encoded is told by its text.
func appendReason(b []byte, reason error, p *Peer) []byte {
	e := wire.Encoder{Bytes: b}
	if p != nil {
		e.Peer = p
	}
	if errorCodec.Encode(&e, reason) != nil || len(e.Files) > 0 {
		e = wire.Encoder{Bytes: b}
		_ = errorCodec.Encode(&e, errors.New(reason.Error()))
	}
	return e.Bytes
}
