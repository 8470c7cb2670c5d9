package ipc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/troupe-go/troupe/internal/wire"
)

const (
	// maxInline is the largest body that is looked at where it was read. A larger one gets
	// memory of its own.
	maxInline = 16 << 10
	minBuffer = 4 << 10
	maxBuffer = 64 << 10
	// firstBody is how much memory a large message gets before any of it has arrived.
	firstBody = 1 << 20
	// keepBody is the largest memory of its own that is kept for the next large message.
	keepBody = 1 << 20
	// maxStray is how many batches of descriptors may wait for the messages they belong to.
	maxStray = 16
)

// A batch is the descriptors that came along with one message.
type batch struct {
	files []int
	cut   bool // some could not be received
}

func (b batch) close() { (&wire.Decoder{Files: b.files}).Close() }

// A reader is the receiving half of a Conn. What follows turn belongs to who has the turn.
type reader struct {
	turn turn
	err  error // why nothing can be received any more

	buf     []byte // read ahead: buf[r:w]
	r, w    int
	batches []batch // in the order of the messages they belong to

	begun bool // the head of the next message has been read
	whole bool // all of it has arrived
	head  head
	own   bool   // its body is in body[:off], not in buf
	body  []byte // with room for the mark behind its last block
	off   int    // how much of body has arrived
	block int    // where its current block begins
	batch batch  // what came along with it
	spare []byte // memory for the next large body
}

// message returns the message that fill has completed.
func (r *reader) message() message {
	if r.own {
		return message{r.head, r.body[:r.head.length], r.batch.files}
	}
	return message{r.head, r.buf[r.r : r.r+r.head.length], r.batch.files}
}

// keep drops the message and returns its body, which stays valid.
func (r *reader) keep() []byte {
	body := r.message().body
	if r.own {
		r.body = nil
	} else {
		body = append(make([]byte, 0, len(body)), body...)
	}
	r.drop()
	return body
}

// drop forgets the message. Its descriptors are no longer the reader's.
func (r *reader) drop() {
	if r.own {
		if cap(r.body) <= keepBody {
			r.spare = r.body[:0]
		}
		r.body, r.own = nil, false
	} else {
		r.skip(r.head.length + 1)
	}
	r.begun, r.whole, r.batch = false, false, batch{}
}

func (r *reader) skip(n int) {
	if r.r += n; r.r < r.w {
		return
	}
	if r.r, r.w = 0, 0; len(r.buf) > maxBuffer { // a Conn that came with much read ahead
		r.buf = nil
	}
}

// abandon gives up all there is, because the connection is closed.
func (r *reader) abandon() {
	r.batch.close()
	for _, b := range r.batches {
		b.close()
	}
	if r.err == nil {
		r.err = ErrClosed
	}
	r.buf, r.r, r.w = nil, 0, 0
	r.body, r.spare, r.own = nil, nil, false
	r.begun, r.whole, r.batch, r.batches = false, false, batch{}, nil
}

// fill waits until a message is whole. It returns the context's cause, having kept what came;
// or an error that is kept too, because nothing can be received after it.
func (r *reader) fill(ctx context.Context, c *Conn) error {
	if r.whole {
		return nil
	}
	if r.err != nil {
		return r.err
	}
	err := r.fillMore(ctx, c)
	var broken *streamError
	var invalid *protocolError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &broken):
		r.err = r.ending(c, broken.err)
	case errors.As(err, &invalid):
		r.err = invalid.err
	default:
		return err
	}
	if c.state.Load()&connClosed != 0 {
		r.err = ErrClosed
		r.abandon()
	}
	return r.err
}

func (r *reader) fillMore(ctx context.Context, c *Conn) error {
	for {
		if err := r.advance(int(c.limit.Load())); err != nil {
			return &protocolError{err}
		}
		if r.whole {
			return nil
		}
		if err := r.more(ctx, c.c); err != nil {
			return err
		}
	}
}

// A protocolError says that the other side broke the rules.
type protocolError struct{ err error }

func (e *protocolError) Error() string { return e.err.Error() }

// ending says how a connection ended that failed with err.
func (r *reader) ending(c *Conn, err error) error {
	gone := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	switch {
	case !gone:
		return c.explain(err)
	case r.begun || r.w > r.r:
		return fmt.Errorf("ipc: the connection was cut in the middle of a message: %w", io.ErrUnexpectedEOF)
	default:
		return io.EOF
	}
}

// more reads once from the stream, to wherever the bytes belong.
func (r *reader) more(ctx context.Context, s *stream) error {
	into := r.room()
	n, b, err := s.read(ctx, into)
	if len(b.files) > 0 || b.cut {
		r.batches = append(r.batches, b)
	}
	if r.own {
		r.off += n
	} else {
		r.w += n
	}
	if err == nil && len(r.batches) > maxStray {
		return &protocolError{errors.New("ipc: more open files came than messages: the connection cannot be used any more")}
	}
	return err
}

// room returns where to read to: behind a large body, up to the mark of its current block; or
// behind what was read ahead.
func (r *reader) room() []byte {
	if r.own {
		end := min(r.block+blockSize, r.head.length) + 1
		r.grow(end)
		return r.body[r.off:end]
	}
	need := headSize
	if r.begun {
		need = r.head.length + 1
	}
	switch {
	case r.buf == nil:
		r.buf = make([]byte, minBuffer)
	case r.w == len(r.buf) && r.r == 0 || need > len(r.buf):
		bigger := make([]byte, min(max(4*len(r.buf), need, minBuffer), maxBuffer))
		r.w = copy(bigger, r.buf[r.r:r.w])
		r.r, r.buf = 0, bigger
	case r.w == len(r.buf) || r.r+need > len(r.buf):
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	return r.buf[r.w:]
}

// grow makes body at least n bytes long.
func (r *reader) grow(n int) {
	if n <= len(r.body) {
		return
	}
	if n > cap(r.body) {
		size := min(max(2*cap(r.body), n), r.head.length+1)
		r.body = append(make([]byte, 0, size), r.body[:r.off]...)
	}
	r.body = r.body[:n]
}

// advance makes as much as it can of what was read.
func (r *reader) advance(limit int) error {
	for !r.whole {
		switch {
		case !r.begun:
			if r.w-r.r < headSize {
				return nil
			}
			if err := r.begin(limit); err != nil {
				return err
			}
		case r.own:
			if done, err := r.advanceOwn(); !done || err != nil {
				return err
			}
		default:
			n := r.head.length
			if r.w-r.r <= n {
				return nil
			}
			if err := r.mark(r.buf[r.r+n], true); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin reads a head.
func (r *reader) begin(limit int) error {
	h, err := parseHead(r.buf[r.r:r.w])
	switch {
	case err != nil:
		return err
	case int64(h.length) > allowed(h.kind, int64(limit)):
		return fmt.Errorf("%w: %d bytes, where %d are allowed", ErrTooLarge, h.length, limit)
	case h.files > 0 && len(r.batches) == 0:
		return errors.New("ipc: a message came without its open files: the connection cannot be used any more")
	}
	r.head, r.begun = h, true
	if h.files > 0 {
		r.batch, r.batches = r.batches[0], r.batches[1:]
	}
	r.skip(headSize)
	if h.length > maxInline {
		r.own, r.off, r.block = true, 0, 0
		r.body, r.spare = r.spare, nil
		if size := min(h.length+1, firstBody); cap(r.body) < size {
			r.body = make([]byte, 0, size)
		}
	}
	return nil
}

// advanceOwn moves what was read ahead behind a large body, and looks at the mark of its
// block, if that has come. It reports done=false if more must be read first.
func (r *reader) advanceOwn() (done bool, err error) {
	end := min(r.block+blockSize, r.head.length) + 1
	if n := min(end-r.off, r.w-r.r); n > 0 {
		r.grow(end)
		copy(r.body[r.off:end], r.buf[r.r:r.r+n])
		r.off += n
		r.skip(n)
	}
	if r.off < end {
		return false, nil
	}
	last := end > r.head.length
	if err := r.mark(r.body[end-1], last); err != nil || !last || !r.begun {
		return true, err
	}
	return true, nil
}

// mark handles the mark behind a block; last says that the block ends the body.
func (r *reader) mark(mark byte, last bool) error {
	switch {
	case mark == markAbort:
		r.batch.close()
		r.drop()
		return nil
	case mark == markEnd && last:
		r.whole = true
		return r.checkFiles()
	case mark == markMore && !last:
		r.off--
		r.block = r.off
		return nil
	default:
		return fmt.Errorf("ipc: a message has mark %#x where none can be: the connection cannot be used any more", mark)
	}
}

// checkFiles ends the connection if other descriptors came with the message than it says.
func (r *reader) checkFiles() error {
	if n := len(r.batch.files); n != r.head.files && !r.batch.cut {
		return fmt.Errorf("ipc: a message came with %d open files instead of %d: the connection cannot be used any more", n, r.head.files)
	}
	return nil
}

// damaged says that descriptors of the message could not be received, and drops it if so.
func (r *reader) damaged() error {
	if !r.batch.cut {
		return nil
	}
	r.batch.close()
	r.drop()
	return errors.New("ipc: a message is lost, for its open files could not be received: " +
		"raise the limit of open files (RLIMIT_NOFILE), or close some")
}
