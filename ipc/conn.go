package ipc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/wire"
)

// DefaultMaxMessage is how large, in bytes, a message over a [Conn] can be unless
// [Conn.SetMaxMessage] says otherwise: 64 MiB.
const DefaultMaxMessage = 64 << 20

// Errors of connections. Receiving from a connection whose other end is closed, or whose
// other process is dead, returns [io.EOF] after everything that was sent before; in the middle
// of a message, an error that is [io.ErrUnexpectedEOF].
var (
	// ErrPeerClosed is returned by a send when the other end of the connection is closed or
	// its process is dead.
	ErrPeerClosed = errors.New("ipc: the other end of the connection is closed")

	// ErrTooLarge is returned for a message larger than [Conn.SetMaxMessage] allows. A sender
	// may go on; at the receiving side the connection cannot be received from any more.
	ErrTooLarge = errors.New("ipc: the message is too large; see Conn.SetMaxMessage")

	// ErrMoved is returned by the methods of a [Conn] that was sent to another process. Close
	// is all that can be done with it.
	ErrMoved = errors.New("ipc: this end of the connection was given to another process: close it here")

	// ErrOneWay is returned by a send at the receiving end of [PipeOneWay].
	ErrOneWay = errors.New("ipc: this is the receiving end of a one-way pipe: send at the other end")
)

// Conn is one end of a connection between two OS processes. What is sent at one end arrives at
// the other, in order and in the same pieces: values ([Send], [Receive]), bytes and open
// files. Make a pair with [Pipe], or connect with [Listen] and [Dial].
//
// Any number of goroutines may use a Conn at the same time; every message goes to one of them.
// A Conn can be an argument of a child and travel through queues and other connections, and
// takes with it what it had read ahead; from then on it belongs to the process that received
// it, and this process should close its own. As long as any process holds an end open, the
// other end sees no end of file.
//
// A receive whose context ends has taken nothing. A send whose context ends has not delivered
// its message, and never will: if part of it is on its way already, the other side is told to
// forget it. The connection stays usable after both.
type Conn struct {
	c      *stream
	rx     reader
	tx     writer
	limit  atomic.Int64
	state  atomic.Uint32 // flags below
	native bool          // the other side is the same program
}

const (
	connClosed = 1 << iota
	connMoved
	connOneWay
)

// newConn makes a Conn of s.
func newConn(s *stream, native bool) *Conn {
	c := new(Conn)
	c.open(s, native, nil)
	return c
}

// open makes c a Conn of s. buffered is what was read from s already.
func (c *Conn) open(s *stream, native bool, buffered []byte) {
	c.c, c.native = s, native
	c.limit.Store(DefaultMaxMessage)
	c.rx.turn, c.tx.turn = make(turn, 1), make(turn, 1)
	c.rx.buf, c.rx.w = buffered, len(buffered)
}

// SetMaxMessage sets how many bytes a message may have, in both directions at this end. The
// limit protects from a peer that lies about lengths: memory is taken as bytes arrive, never
// more than twice of what came. It panics if bytes is negative or more than [math.MaxInt32].
func (c *Conn) SetMaxMessage(bytes int) {
	if bytes < 0 || bytes > maxBody {
		panic(fmt.Sprintf("ipc: SetMaxMessage(%d): want between 0 and %d", bytes, maxBody))
	}
	c.limit.Store(int64(bytes))
}

// Send sends v over c. The other side receives it with [Receive] and the same type. Queues,
// locks, connections and whatever else of this package can travel may be v, or inside of it.
//
// It waits while the other side does not keep up. It returns the encoder's error, before
// anything is sent, if T has parts that cannot travel; [ErrPeerClosed], [ErrTooLarge],
// [ErrClosed], [ErrMoved], [ErrOneWay]; and the context's cause if ctx ended first, in which
// case v is never delivered. Files inside v that need a unix socket are refused over TCP.
//
// To a program that is not the same executable, v travels as CBOR (RFC 8949), and its type
// must consist of exported fields and basic types; see [Dial].
func Send[T any](ctx context.Context, c *Conn, v T) error {
	codec, err := codecFor[T](c.native)
	if err != nil {
		return err
	}
	o := newOutgoing(codec.kind, codec.tag)
	o.Peer = c
	if err := codec.encode(&o.Encoder, v); err != nil {
		o.free()
		return err
	}
	err = c.send(ctx, o)
	runtime.KeepAlive(&v) // descriptors inside of v are borrowed until now
	return err
}

// Receive returns the next message of c, which must be a value of type T, waiting for it if
// need be.
//
// If the message is something else, Receive returns a [*TypeError] and leaves it where it is:
// receive it as what it is, or [Conn.Discard] it. A message that cannot be decoded is lost.
// Other errors: [io.EOF] at the end, [io.ErrUnexpectedEOF] when the other side died or was cut
// off in the middle of a message, [ErrTooLarge], [ErrClosed], [ErrMoved], and the context's
// cause if ctx ended first, in which case nothing was taken.
func Receive[T any](ctx context.Context, c *Conn) (v T, err error) {
	m, err := c.take(ctx)
	if err != nil {
		return v, err
	}
	defer c.giveBack()
	codec, err := codecFor[T](m.kind != kindCBOR)
	if err != nil {
		return v, err
	}
	if err := codec.fits(m); err != nil {
		return v, err
	}
	d := wire.Decoder{Bytes: m.body, Files: m.files}
	v, err = codec.decode(&d)
	d.Close()
	c.rx.drop()
	return v, err
}

// SendBytes sends b as one message, which may be empty. b is not kept. The other side uses
// [Conn.ReceiveBytes] or [Conn.ReceiveInto]. Errors are those of [Send].
func (c *Conn) SendBytes(ctx context.Context, b []byte) error {
	o := newOutgoing(kindBytes, 0)
	o.Bytes = append(o.Bytes, b...)
	return c.send(ctx, o)
}

// ReceiveBytes returns the next message, which must have been sent by [Conn.SendBytes].
// Errors are those of [Receive].
func (c *Conn) ReceiveBytes(ctx context.Context) ([]byte, error) {
	if _, err := c.takeBytes(ctx); err != nil {
		return nil, err
	}
	defer c.giveBack()
	return c.rx.keep(), nil
}

// ReceiveInto copies the next message, which must have been sent by [Conn.SendBytes], into
// buf, and returns its length. If buf is too small it returns a [*ShortBufferError] that
// carries the message. Other errors are those of [Receive].
func (c *Conn) ReceiveInto(ctx context.Context, buf []byte) (int, error) {
	m, err := c.takeBytes(ctx)
	if err != nil {
		return 0, err
	}
	defer c.giveBack()
	if len(m.body) > len(buf) {
		return 0, &ShortBufferError{Message: c.rx.keep()}
	}
	n := copy(buf, m.body)
	c.rx.drop()
	return n, nil
}

// Discard drops the next message, waiting for it if need be. Errors are those of [Receive].
func (c *Conn) Discard(ctx context.Context) error {
	m, err := c.take(ctx)
	if err != nil {
		return err
	}
	defer c.giveBack()
	d := wire.Decoder{Files: m.files}
	d.Close()
	c.rx.drop()
	return nil
}

// Poll waits until a whole message has arrived, or an end or a failure that [Receive] would
// report, and returns nil. It returns the context's cause if ctx ends first, having looked
// once; see [Waitable]. Of a peer that has sent half a message, Poll sees nothing.
func (c *Conn) Poll(ctx context.Context) error {
	if err := c.usable(); err != nil {
		return nil
	}
	if err := c.rx.turn.take(ctx); err != nil {
		return err
	}
	defer c.giveBack()
	if err := c.rx.fill(ctx, c); err != nil && c.rx.err == nil {
		return err
	}
	return nil
}

// Close closes this end. The other side receives what was sent before, then [io.EOF]; those
// who wait here get [ErrClosed]. Further calls do nothing and return nil.
func (c *Conn) Close() error {
	if c.c == nil || c.set(connClosed)&connClosed != 0 {
		return nil
	}
	if c.tx.turn.try() {
		if c.state.Load()&connMoved == 0 {
			c.tx.last(c)
		}
		c.tx.turn.give()
	}
	err := c.c.close()
	c.abandonIfClosed()
	return err
}

// LocalAddr and RemoteAddr are the addresses of the two ends, as in [net.Conn]; those of a
// pipe have no name.
func (c *Conn) LocalAddr() net.Addr { return c.c.conn.LocalAddr() }

// RemoteAddr is the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.c.conn.RemoteAddr() }

func (c *Conn) set(flag uint32) (before uint32) { return c.state.Or(flag) }

// usable tells why this end cannot be used, if so.
func (c *Conn) usable() error {
	switch s := c.state.Load(); {
	case s == 0 || s == connOneWay:
		if c.c == nil {
			return errNoConn
		}
		return nil
	case s&connClosed != 0:
		return ErrClosed
	default:
		return ErrMoved
	}
}

var errNoConn = errors.New("ipc: an empty Conn: make connections with Pipe, Dial or Listen")

// take waits for a message and returns it together with the turn to receive. The message
// stays where it is until drop or keep.
func (c *Conn) take(ctx context.Context) (message, error) {
	if err := c.usable(); err != nil {
		return message{}, err
	}
	if err := c.rx.turn.take(ctx); err != nil {
		return message{}, err
	}
	err := c.usable() // again: it may have been given away
	switch {
	case err != nil:
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = c.rx.fill(ctx, c)
	}
	if err == nil {
		err = c.rx.damaged()
	}
	if err != nil {
		c.giveBack()
		return message{}, err
	}
	return c.rx.message(), nil
}

func (c *Conn) takeBytes(ctx context.Context) (message, error) {
	m, err := c.take(ctx)
	if err == nil && m.kind != kindBytes {
		c.giveBack()
		return m, &TypeError{Sent: m.describe(), Wanted: "bytes"}
	}
	return m, err
}

// giveBack gives the turn to receive to the next.
func (c *Conn) giveBack() {
	c.rx.turn.give()
	if c.state.Load()&connClosed != 0 {
		c.abandonIfClosed()
	}
}

// abandonIfClosed drops what was received and not taken. If somebody else has the turn, it is
// called again when they give it back.
func (c *Conn) abandonIfClosed() {
	if c.rx.turn.try() {
		c.rx.abandon()
		c.rx.turn.give()
	}
}

// TypeError is returned when the next message is not of the type that was asked for. The
// message has not been taken.
type TypeError struct {
	Sent   string // what was sent, as far as it is known
	Wanted string // what was asked for
}

// Error says what was sent and what was asked for.
func (e *TypeError) Error() string {
	return fmt.Sprintf("ipc: the next message is %s, not %s: receive it as what it is, or discard it", e.Sent, e.Wanted)
}

// ShortBufferError is returned by [Conn.ReceiveInto] when the buffer is smaller than the
// message, as Python's BufferTooShort. The message is in the error, and no longer in the
// connection.
type ShortBufferError struct {
	Message []byte
}

// Error says how large the message is.
func (e *ShortBufferError) Error() string {
	return fmt.Sprintf("ipc: the buffer is too short for a message of %d bytes, which is in this error", len(e.Message))
}

// Is reports that it is also [io.ErrShortBuffer].
func (e *ShortBufferError) Is(target error) bool { return target == io.ErrShortBuffer }
