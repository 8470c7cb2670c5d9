package ipc

import (
	"errors"
	"fmt"
	"io"

	"github.com/troupe-go/troupe/internal/wire"
)

var _ wire.Portable = (*Conn)(nil)

// A Conn travels as its descriptor, what was read ahead and not received, the descriptors
// that belong to that, and what is owed to the stream.
//
//	flags | limit | read ahead | owed | number of batches | for each: 2*files + cut

const (
	wireNative = 1 << iota
	wireOneWay
)

var errBusyConn = errors.New("ipc: a connection cannot be given to another process while somebody sends or receives here")

// EncodeWire gives this end to another process; it is for the codecs of this module. The
// connection cannot be used here any more, except to be given away again, should that have
// failed, and to be closed.
func (c *Conn) EncodeWire(e *wire.Encoder) error {
	_, kept := e.Peer.(keptBy)
	switch err := c.usable(); {
	case errors.Is(err, ErrClosed) || errors.Is(err, errNoConn):
		return err
	case kept:
		return errKept
	case !c.rx.turn.try():
		return errBusyConn
	}
	defer c.giveBack()
	if !c.tx.turn.try() {
		return errBusyConn
	}
	defer c.tx.turn.give()
	switch {
	case c.rx.err != nil && !errors.Is(c.rx.err, io.EOF):
		return fmt.Errorf("ipc: a connection that failed cannot travel: %w", c.rx.err)
	case c.c.raw == nil:
		return errors.New("ipc: only a connection over a plain socket can be given to another process")
	}
	if err := c.c.raw.borrow(e); err != nil {
		return err
	}
	c.encodeState(e)
	c.set(connMoved)
	return nil
}

func (c *Conn) encodeState(e *wire.Encoder) {
	var flags uint64
	if c.native {
		flags |= wireNative
	}
	if c.state.Load()&connOneWay != 0 {
		flags |= wireOneWay
	}
	e.Uint(flags)
	e.Uint(uint64(c.limit.Load()))
	e.Text(string(c.rx.unread()))
	e.Text(string(c.tx.rest))
	batches := c.rx.batches
	if c.rx.begun && c.rx.head.files > 0 {
		batches = append([]batch{c.rx.batch}, batches...)
	}
	e.Uint(uint64(len(batches)))
	for _, b := range batches {
		n := 2 * uint64(len(b.files))
		if b.cut {
			n++
		}
		e.Uint(n)
		e.Files = append(e.Files, b.files...)
	}
}

// unread returns everything that was read and not received, as it came.
func (r *reader) unread() []byte {
	var raw []byte
	if r.begun {
		raw = make([]byte, headSize)
		r.head.put(raw)
	}
	if r.own {
		from := 0
		for ; from+blockSize <= r.block; from += blockSize {
			raw = append(append(raw, r.body[from:from+blockSize]...), markMore)
		}
		raw = append(raw, r.body[from:r.off]...)
	}
	return append(raw, r.buf[r.r:r.w]...)
}

// DecodeWire makes c the end that was given; it is for the codecs of this module.
func (c *Conn) DecodeWire(d *wire.Decoder) error {
	flags, err1 := d.Uint()
	limit, err2 := d.Uint()
	unread, err3 := d.Text()
	rest, err4 := d.Text()
	count, err5 := d.Uint()
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	if limit > maxBody || count > maxStray+1 {
		return wire.ErrMalformed
	}
	fd, err := d.TakeFile()
	if err != nil {
		return err
	}
	conn, err := connOf(fd)
	if err != nil {
		return err
	}
	batches, err := decodeBatches(d, int(count))
	if err != nil {
		conn.Close()
		return err
	}
	c.open(newStream(conn), flags&wireNative != 0, []byte(unread))
	c.limit.Store(int64(limit))
	c.rx.batches = batches
	c.tx.rest = []byte(rest)
	if flags&wireOneWay != 0 {
		c.set(connOneWay)
	}
	return nil
}

func decodeBatches(d *wire.Decoder, count int) (batches []batch, err error) {
	for range count {
		n, err := d.Uint()
		if err != nil || n/2 > uint64(len(d.Files)) {
			for _, b := range batches {
				b.close()
			}
			return nil, errors.Join(err, wire.ErrMalformed)
		}
		b := batch{cut: n%2 == 1}
		for range n / 2 {
			fd, _ := d.TakeFile()
			b.files = append(b.files, fd)
		}
		batches = append(batches, b)
	}
	return batches, nil
}
