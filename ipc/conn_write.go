package ipc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/troupe-go/troupe/internal/wire"
)

// A writer is the sending half of a Conn. What follows turn belongs to who has the turn.
type writer struct {
	turn  turn
	rest  []byte    // what is owed to the stream before the next message
	err   error     // why nothing can be sent any more
	small [1][]byte // a message of one block
}

// send sends o, and frees it.
func (c *Conn) send(ctx context.Context, o *outgoing) error {
	defer o.free()
	if err := c.sendable(o); err != nil {
		return err
	}
	w := &c.tx
	if err := w.turn.take(ctx); err != nil {
		return err
	}
	defer w.turn.give()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := c.usable(); err != nil {
		return err
	}
	if w.err == nil {
		err := w.transmit(ctx, c.c, o)
		var broken *streamError
		if !errors.As(err, &broken) {
			return err
		}
		w.err = c.explain(broken.err)
	}
	return w.err
}

func (c *Conn) sendable(o *outgoing) error {
	if err := c.usable(); err != nil {
		return err
	}
	switch n := o.seal(); {
	case c.state.Load()&connOneWay != 0:
		return ErrOneWay
	case int64(n) > allowed(o.kind, c.limit.Load()):
		return fmt.Errorf("%w: %d bytes, where %d are allowed", ErrTooLarge, n, c.limit.Load())
	case len(o.Files) > 0 && !c.c.carriesFiles():
		return errors.New("ipc: only a unix socket carries open files and what is made of them; " + c.RemoteAddr().Network() + " does not")
	case len(o.Files) > wire.MaxFiles:
		return fmt.Errorf("ipc: a message can carry %d open files, not %d", wire.MaxFiles, len(o.Files))
	}
	return nil
}

// transmit writes what is owed and then the message.
func (w *writer) transmit(ctx context.Context, s *stream, o *outgoing) error {
	if len(w.rest) > 0 {
		n, err := s.writeAll(ctx, [][]byte{w.rest}, nil)
		if w.rest = w.rest[n:]; err != nil {
			return err
		}
		w.rest = nil
	}
	if len(o.Bytes)-headSize > blockSize {
		return w.transmitRest(ctx, s, o.pieces(), o.Files, false)
	}
	o.Bytes = append(o.Bytes, markEnd)
	w.small[0] = o.Bytes
	n, err := s.write(w.small[:], o.Files, false)
	w.small[0] = nil
	switch {
	case n == len(o.Bytes):
		return nil
	case err != nil && !errors.Is(err, errWouldBlock):
		return s.failed(ctx, err)
	}
	files := o.Files
	if n > 0 {
		files = nil
	}
	last := len(o.Bytes) - 1
	return w.transmitRest(ctx, s, [][]byte{o.Bytes[n:last], o.Bytes[last:]}, files, n > 0)
}

// transmitRest writes what is left of a message: blocks and marks in turns. If ctx ends when
// part of the message is out, it leaves in rest what makes the other side forget it.
func (w *writer) transmitRest(ctx context.Context, s *stream, pieces [][]byte, files []int, begun bool) error {
	n, err := s.writeAll(ctx, pieces, files)
	if err == nil || n == 0 && !begun {
		return err
	}
	i := 0
	for ; n >= len(pieces[i]); i++ {
		n -= len(pieces[i])
	}
	if i%2 == 0 {
		w.rest = append(w.rest, pieces[i][n:]...)
	}
	w.rest = append(w.rest, markAbort)
	return err
}

// last tries to write what is owed before the stream is closed.
func (w *writer) last(c *Conn) {
	if len(w.rest) > 0 && w.err == nil {
		_, _ = c.c.write([][]byte{w.rest}, nil, false)
	}
}

// explain makes an error of the stream one of this package.
func (c *Conn) explain(err error) error {
	switch {
	case c.state.Load()&connClosed != 0 || errors.Is(err, net.ErrClosed):
		return ErrClosed
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrClosedPipe):
		return ErrPeerClosed
	default:
		return fmt.Errorf("ipc: the connection failed: %w", err)
	}
}
