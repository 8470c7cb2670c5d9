package ipc

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// errWouldBlock is returned by reads and writes that were told not to wait.
var errWouldBlock = errors.New("ipc: would block")

// A streamError is a failure of the stream itself, after which it is of no use.
type streamError struct{ err error }

func (e *streamError) Error() string { return e.err.Error() }
func (e *streamError) Unwrap() error { return e.err }

// A stream reads and writes the bytes of a connection. One goroutine may read while another
// writes. raw is the way past the net package, which can try without waiting and carry
// descriptors; it is nil for connections that are not plain sockets, and on systems without it.
type stream struct {
	conn net.Conn
	raw  *rawStream
}

func newStream(c net.Conn) *stream { return &stream{c, newRawStream(c)} }

func (s *stream) carriesFiles() bool { return s.raw != nil && s.raw.local }

func (s *stream) close() error { return s.conn.Close() }

// read reads what there is, and waits if there is nothing until ctx ends; a context that has
// ended lets it look once.
func (s *stream) read(ctx context.Context, p []byte) (n int, b batch, err error) {
	if s.raw != nil {
		forever := ctx.Done() == nil // then there is nothing to be armed
		n, b, err = s.raw.read(p, forever)
		if !errors.Is(err, errWouldBlock) {
			return n, b, s.failed(ctx, err)
		}
	} else if ctx.Err() != nil {
		return s.look(ctx, p)
	}
	if ctx.Err() != nil {
		return 0, b, context.Cause(ctx)
	}
	disarm := arm(ctx, s.conn.SetReadDeadline)
	if s.raw != nil {
		n, b, err = s.raw.read(p, true)
	} else {
		n, err = s.conn.Read(p)
	}
	disarm()
	if n > 0 {
		err = nil // it comes again
	}
	return n, b, s.failed(ctx, err)
}

// look reads from a connection that cannot be read without waiting: it waits for a moment.
func (s *stream) look(ctx context.Context, p []byte) (int, batch, error) {
	const moment = time.Millisecond
	_ = s.conn.SetReadDeadline(time.Now().Add(moment))
	n, err := s.conn.Read(p)
	_ = s.conn.SetReadDeadline(time.Time{})
	if n > 0 {
		err = nil
	}
	return n, batch{}, s.failed(ctx, err)
}

// failed tells the end of ctx from a failure of the stream.
func (s *stream) failed(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return &streamError{err}
	}
}

// writeAll writes all of bufs, waiting until ctx ends. files go along with the first byte.
func (s *stream) writeAll(ctx context.Context, bufs [][]byte, files []int) (n int, err error) {
	var total int
	for _, b := range bufs {
		total += len(b)
	}
	left := append(make([][]byte, 0, len(bufs)), bufs...)
	disarm := func() {}
	armed := false
	for n < total && err == nil {
		k, failure := s.write(left, files, armed)
		if k > 0 {
			n, left, files = n+k, advance(left, k), nil
		}
		switch {
		case errors.Is(failure, errWouldBlock) && ctx.Err() != nil:
			err = context.Cause(ctx)
		case errors.Is(failure, errWouldBlock):
			armed, disarm = true, arm(ctx, s.conn.SetWriteDeadline)
		case failure != nil && n < total:
			err = s.failed(ctx, failure)
		}
	}
	disarm()
	return n, err
}

// write writes some of bufs. With wait=false it returns errWouldBlock if it would wait.
func (s *stream) write(bufs [][]byte, files []int, wait bool) (int, error) {
	switch {
	case s.raw != nil:
		return s.raw.write(bufs, files, wait)
	case !wait:
		return 0, errWouldBlock
	case len(bufs[0]) == 0:
		return s.write(bufs[1:], files, wait)
	default:
		n, err := s.conn.Write(bufs[0])
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		return n, err
	}
}

// advance drops n bytes from the front of bufs.
func advance(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// arm makes the end of ctx a deadline, until disarm is called.
func arm(ctx context.Context, setDeadline func(time.Time) error) (disarm func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = setDeadline(longAgo)
		close(fired)
	})
	return func() {
		if !stop() {
			<-fired
			_ = setDeadline(time.Time{})
		}
	}
}
