package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// incoming is the receiving half of a link.
type incoming struct {
	buf    []byte // what was read; from r to w it has not been returned
	r, w   int
	big    []byte // for bodies that do not fit into buf
	oob    []byte
	groups []fileGroup // of frames that have not been returned
	body   Decoder
	err    error
	hello  bool          // was checked
	reads  atomic.Uint64 // how often something was read
}

// A fileGroup is the descriptors of one frame. The system never joins bytes across
// descriptors, and frames with descriptors are sent one by one; therefore groups
// come in the order of their frames, and before the end of them.
type fileGroup struct {
	files []int
	lost  bool // some could not be received
}

const (
	readSize = 64 << 10
	// growBody is how much memory a body is given before it has come.
	growBody = 1 << 20
)

// Receive returns the next frame. One goroutine may call it at a time. The body
// is valid until the next call, which also closes the descriptors that are left in
// it; [Decoder.Keep] makes it last. Receive returns io.EOF when the other side has
// closed the link or died, which is after everything it had sent; an error that is
// io.EOF if that was in the middle of a frame; [ErrClosed] when the link was closed
// on this side; and [ErrOtherProgram] or [ErrOtherVersion] if it should not be
// spoken to. After an error there is nothing more to receive.
func (l *Link) Receive() (kind byte, body *Decoder, err error) {
	in := &l.in
	_ = in.body.Close()
	if in.err == nil {
		kind, in.err = l.next()
	}
	if errors.Is(in.err, ErrInterrupted) {
		in.err = nil
		return 0, nil, ErrInterrupted
	}
	if in.err != nil {
		in.closeFiles()
		return 0, nil, in.err
	}
	return kind, &in.body, nil
}

// Buffered reports whether the next Receive has a frame to return without asking the
// system. Only the receiver may call it.
func (l *Link) Buffered() bool {
	in := &l.in
	h := in.buf[in.r:in.w]
	return len(h) >= headerSize && len(h)-headerSize >= int(binary.LittleEndian.Uint32(h))
}

// next puts the next frame into in.body.
func (l *Link) next() (kind byte, err error) {
	in := &l.in
	if !in.hello {
		if err := l.fill(helloSize); err != nil {
			return 0, err
		}
		if err := checkHello(in.buf[in.r:in.w]); err != nil {
			return 0, err
		}
		in.r += helloSize
		in.hello = true
	}
	if err := l.fill(headerSize); err != nil {
		return 0, err
	}
	h := in.buf[in.r:]
	n := int(binary.LittleEndian.Uint32(h))
	kind, files := h[4], int(h[5])
	if [2]byte(h[6:]) != frameMark || n > MaxBody || files > MaxFiles {
		return 0, fmt.Errorf("wire: what came is not a frame: %w", ErrMalformed)
	}
	var body []byte
	if n <= readSize-headerSize {
		if err := l.fill(headerSize + n); err != nil {
			return 0, err
		}
		body = in.buf[in.r+headerSize : in.r+headerSize+n : in.r+headerSize+n]
		in.r += headerSize + n
	} else if body, err = l.large(n); err != nil {
		return 0, err
	}
	in.body = Decoder{Bytes: body}
	if files > 0 {
		in.takeGroup(files)
	}
	return kind, nil
}

// takeGroup gives the body its descriptors.
func (in *incoming) takeGroup(n int) {
	if len(in.groups) == 0 {
		in.body.lost = true
		return
	}
	g := in.groups[0]
	in.groups = in.groups[1:]
	in.body.Files, in.body.lost = g.files, g.lost
	if len(g.files) != n {
		_ = in.body.Close()
		in.body.lost = true
	}
}

// fill reads until n bytes are in the buffer, n being at most its size.
func (l *Link) fill(n int) error {
	in := &l.in
	if in.buf == nil {
		in.buf = make([]byte, readSize)
	}
	for in.w-in.r < n {
		switch {
		case in.r == in.w:
			in.r, in.w = 0, 0
		case in.r+n > len(in.buf):
			in.w = copy(in.buf, in.buf[in.r:in.w])
			in.r = 0
		}
		k, err := l.read(in.buf[in.w:])
		if err != nil {
			return l.unlessInterrupted(err)
		}
		in.w += k
	}
	return nil
}

// read reads once, and puts descriptors that came along aside.
func (l *Link) read(b []byte) (int, error) {
	in := &l.in
	n, g, err := readWithFiles(l.c, b, &in.oob)
	if g.lost || len(g.files) > 0 {
		in.groups = append(in.groups, g)
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	if n > 0 {
		in.reads.Add(1)
	}
	return n, err
}

// Interrupt makes a Receive that waits return [ErrInterrupted], or the next that would
// have to. Any goroutine may call it.
func (l *Link) Interrupt() { _ = l.c.SetReadDeadline(longAgo) }

// Deadlines.
var never, longAgo = time.Time{}, time.Unix(1, 0)

// unlessInterrupted returns the error of a read that failed.
func (l *Link) unlessInterrupted(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) || l.closed.Load() {
		return l.ended(err)
	}
	_ = l.c.SetReadDeadline(never)
	return ErrInterrupted
}

// ended returns the error of a link that can receive no more because of err.
func (l *Link) ended(err error) error {
	err = l.explain(err)
	switch {
	case !errors.Is(err, errGone):
		return err
	case l.in.r == l.in.w:
		return io.EOF
	}
	return fmt.Errorf("wire: the other side is gone, in the middle of a message: %w", io.EOF)
}

// large reads a body that does not fit into the buffer. Memory is given to it as
// it comes.
func (l *Link) large(n int) ([]byte, error) {
	in := &l.in
	body := in.big[:min(n, cap(in.big))]
	if len(body) < min(n, growBody) {
		body = make([]byte, min(n, growBody))
	}
	got := copy(body, in.buf[in.r+headerSize:in.w])
	in.r, in.w = 0, 0
	for got < n {
		if got == len(body) {
			more := make([]byte, min(n, 4*len(body)))
			copy(more, body)
			body = more
		}
		k, err := l.read(body[got:])
		if err != nil {
			in.w = 1 // in the middle of something
			if err = l.unlessInterrupted(err); !errors.Is(err, ErrInterrupted) {
				return nil, err
			}
			in.w = 0 // the rest will come soon
			continue
		}
		got += k
	}
	if cap(body) <= maxKept {
		in.big = body
	}
	return body, nil
}

// closeFiles closes the descriptors of frames that nobody will receive.
func (in *incoming) closeFiles() {
	for _, g := range in.groups {
		for _, fd := range g.files {
			closeFile(fd)
		}
	}
	in.groups = nil
}
