package ipc

import (
	"context"
	"errors"

	"github.com/troupe-go/troupe/internal/wire"
)

// A proxy is a handle of something that only a manager has.
type proxy struct{ r *remote }

// Detach lets go of this handle; see [Manager] for how long things exist.
func (p *proxy) Detach() error {
	if p.r == nil {
		return nil
	}
	return p.r.detach()
}

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (p *proxy) EncodeWire(e *wire.Encoder) error {
	if p.r == nil {
		return errUnopened
	}
	return p.r.encode(e)
}

// DecodeWire makes p a handle of what EncodeWire encoded.
func (p *proxy) DecodeWire(d *wire.Decoder) (err error) {
	p.r, err = remoteOf(d)
	return err
}

// errUnopened is for zero proxies.
var errUnopened = errors.New("ipc: something of a manager that was not opened: use one of the Open functions")

// usable returns an error if nothing can be asked.
func (p *proxy) usable(ctx context.Context) error {
	switch {
	case p.r == nil:
		return errUnopened
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return nil
}

// args returns where to encode what is asked of the object.
func (p *proxy) args() *wire.Encoder { return &wire.Encoder{Peer: p.r.link.peer()} }

// native says whether values go to the same program as this one.
func (p *proxy) native() bool { return p.r.link.program() }

// ask asks the object; ctx has not ended yet, or nothing is asked.
func (p *proxy) ask(ctx context.Context, op byte, args *wire.Encoder) (*wire.Decoder, error) {
	if err := p.usable(ctx); err != nil {
		return nil, err
	}
	return p.r.ask(ctx, op, args)
}

// count asks for a number.
func (p *proxy) count(ctx context.Context, op byte, args *wire.Encoder) (int, error) {
	d, err := p.ask(ctx, op, args)
	if err != nil {
		return 0, err
	}
	n, err := d.Uint()
	return int(n), err
}

// openProxy opens an object with values of type V. initial appends what a new one begins with.
func openProxy[V any](ctx context.Context, m *Manager, k kind, name string, params []byte, initial func(*wire.Encoder) error) (proxy, error) {
	switch {
	case ctx.Err() != nil:
		return proxy{}, context.Cause(ctx)
	case m.r == nil:
		return proxy{}, errUnmade("Manager")
	}
	select {
	case <-m.r.closed:
		return proxy{}, ErrClosed
	default:
	}
	if _, err := codecFor[V](m.r.link.program()); err != nil { // better now than later
		return proxy{}, err
	}
	r, err := createWith(ctx, m.r.link, k, name, params, initial)
	return proxy{r}, err
}

// row is what a table answers: a version, and the value if that is not 0.
func decodeRow[T any](d *wire.Decoder) (v T, version uint64, err error) {
	defer d.Close()
	if version, err = d.Uint(); err != nil || version == 0 {
		return v, 0, err
	}
	b, err := takeBlob(d)
	if err != nil {
		return v, 0, err
	}
	v, err = decodeValue[T](b)
	return v, version, err
}
