package far

import (
	"errors"
	"fmt"
	"io"

	"github.com/troupe-go/troupe/internal/wire"
)

// The kinds of frames.
const (
	kindStart      byte = iota + 1 // what Main begins with
	kindIntro                      // a process: number, shape, label
	kindEnd                        // of a process: number, reason
	kindMessage                    // to (number), urgent, from, body
	kindSignal                     // to (number), signal, from, reason
	kindReply                      // number of the call, 1 and the answer, or 0 and an error
	kindFind                       // number of the call, name, nobody
	kindRegister                   // number of the call, name, process
	kindUnregister                 // 0, name, process
)

// Start returns an encoder for what the other side's Begun gets. It is sent with
// PostStart, before anything else.
func (p *Peer) Start() *wire.Encoder {
	e := p.begin()
	p.WriteRef(e, p.Parent)
	return e
}

// PostStart sends what Start returned.
func (p *Peer) PostStart(e *wire.Encoder) error { return p.post(kindStart, e) }

// Message returns an encoder for the body of a message to the other side's process
// to, which is then given to [Peer.PostMessage] or to wire.Drop. from may be nil.
func (p *Peer) Message(to uint64, from Process, urgent bool) *wire.Encoder {
	e := p.begin()
	e.Uint(to)
	if urgent {
		e.Bytes = append(e.Bytes, 1)
	} else {
		e.Bytes = append(e.Bytes, 0)
	}
	p.WriteRef(e, from)
	return e
}

// PostMessage sends what Message returned.
func (p *Peer) PostMessage(e *wire.Encoder) error { return p.post(kindMessage, e) }

// Signal sends a signal to the other side's process to. from may be nil.
func (p *Peer) Signal(to uint64, s Signal, from Process, reason error) {
	if s == Kill && to == Main && p.KillMain != nil {
		p.KillMain()
		return
	}
	e := p.begin()
	e.Uint(to)
	e.Bytes = append(e.Bytes, byte(s))
	p.WriteRef(e, from)
	e.Bytes = appendReason(e.Bytes, reason, p)
	_ = p.post(kindSignal, e)
}

// Serve handles what the other side sends, until it is gone or sends what cannot be
// understood. It returns nil when the other side has closed the link or died. The
// Peer must be attached.
func (p *Peer) Serve() error {
	l := p.link.Load()
	defer p.turn.end()
	for {
		kind, body, err := l.Receive()
		switch {
		case errors.Is(err, wire.ErrInterrupted):
			continue // meant for one who has stopped reading
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := p.receive(kind, body); err != nil {
			return err
		}
		if !l.Buffered() && (kind == kindMessage || kind == kindReply) {
			if err := p.turn.letGo(l); err != nil {
				return err
			}
		}
	}
}

func badFrame(kind byte, err error) error {
	return fmt.Errorf("troupe: a frame of kind %d from the other node cannot be understood: %w", kind, err)
}

// handle handles one frame. An error means that the other side cannot be trusted any
// more; what is wrong with a single message is only reported.
func (p *Peer) handle(kind byte, d *wire.Decoder) error {
	switch kind {
	case kindMessage:
		return p.message(d)
	case kindSignal:
		return p.signal(d)
	case kindReply:
		return p.answered(d)
	case kindIntro:
		return p.intro(d)
	case kindEnd:
		return p.end(d)
	case kindFind, kindRegister, kindUnregister:
		return p.named(kind, d)
	case kindStart:
		return p.start(d)
	}
	return wire.ErrMalformed
}

func (p *Peer) start(d *wire.Decoder) error {
	begun := p.Begun
	if begun == nil {
		return wire.ErrMalformed
	}
	p.Begun = nil
	above, err := p.ReadRef(d)
	if err != nil {
		return err
	}
	if above != nil {
		p.up.Store(&above)
	}
	begun(d)
	return nil
}

func (p *Peer) message(d *wire.Decoder) error {
	to, err := d.Uint()
	if err != nil || len(d.Bytes) == 0 {
		return wire.ErrMalformed
	}
	urgent := d.Bytes[0] == 1
	d.Bytes = d.Bytes[1:]
	from, err := p.ReadRef(d)
	if err != nil {
		return err
	}
	p.mu.RLock()
	q, alive, _ := p.exports.get(to)
	p.mu.RUnlock()
	if !alive {
		return nil // lost, as what is sent to the dead
	}
	if err := q.Receive(from, d, urgent); err != nil {
		p.node.Report("a message from another OS process was lost", err)
		p.lost(from, q, err)
	}
	return nil
}

// lost tells the other side that q could not understand what from had sent, for from may
// have asked and wait for an answer.
func (p *Peer) lost(from, q Process, why error) {
	if from == nil {
		return
	}
	if where, n := from.Away(); where == p {
		p.Signal(n, Lost, q, fmt.Errorf("the message was lost: %w", why))
	}
}

func (p *Peer) signal(d *wire.Decoder) error {
	to, err := d.Uint()
	if err != nil || len(d.Bytes) == 0 {
		return wire.ErrMalformed
	}
	s := Signal(d.Bytes[0])
	d.Bytes = d.Bytes[1:]
	from, err := p.ReadRef(d)
	if err != nil {
		return err
	}
	reason, err := errorCodec.Decode(d)
	if err != nil {
		return err
	}
	if s == Ready {
		p.imported(to).Signal(s, nil, nil)
		return nil
	}
	p.mu.RLock()
	q, alive, _ := p.exports.get(to)
	p.mu.RUnlock()
	switch {
	case !alive:
	case s != Lost:
		q.Signal(s, from, reason)
	case from != nil:
		from.Signal(s, q, reason)
	}
	return nil
}

func (p *Peer) intro(d *wire.Decoder) error {
	n, err := d.Uint()
	if err != nil {
		return err
	}
	shape, err := d.Uint()
	if err != nil {
		return err
	}
	label, err := d.Text()
	if err != nil {
		return err
	}
	q := p.node.StandIn(p, n, label, shape)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, _, known := p.imports.get(n); !known {
		p.imports.put(n, q)
	}
	return nil
}

func (p *Peer) end(d *wire.Decoder) error {
	n, err := d.Uint()
	if err != nil {
		return err
	}
	reason, err := errorCodec.Decode(d)
	if err != nil {
		return err
	}
	p.mu.Lock()
	q, alive, _ := p.imports.get(n)
	if alive {
		p.imports.bury(n, q)
	}
	p.mu.Unlock()
	switch {
	case n == Main && p.MainEnded != nil:
		p.MainEnded(reason)
	case alive:
		q.End(reason)
	}
	return nil
}
