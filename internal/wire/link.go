package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// MaxFiles is how many descriptors a message can carry.
const MaxFiles = 253

// MaxBody is how many bytes a message can have.
const MaxBody = 1 << 30

// The errors of a Link.
var (
	// ErrClosed is returned by the methods of a [Link] that was closed on this side.
	ErrClosed = errors.New("wire: the link is closed")
	// ErrOtherProgram is returned by Receive when the other side runs another
	// program, or another build of this one.
	ErrOtherProgram = errors.New("wire: the other side runs another program, or another build of this one; start both from the same executable")
	// ErrOtherVersion is returned by Receive when the other side speaks another
	// version of the protocol, or something else altogether.
	ErrOtherVersion = errors.New("wire: the other side does not speak this version of the protocol; build it with the same version of Troupe")
)

// ErrInterrupted is returned by Receive after [Link.Interrupt]. Nothing is lost.
var ErrInterrupted = errors.New("wire: receiving was interrupted")

// A frame is a header and a body. The header: length of the body (4 bytes, little
// endian), kind, number of descriptors, and two bytes that are always the same, so
// that a stream that got out of step is noticed.
const headerSize = 8

var frameMark = [2]byte{'t', 'r'}

// The hello, which comes first in each direction: a word, the version of frames
// and encoding, three bytes for later, and the Build.
const (
	helloWord    = "TRPE"
	helloVersion = 1
	helloSize    = 4 + 4 + 16
)

// A Link carries frames over a unix stream socket, each a kind, a body and
// descriptors. Frames that one goroutine sends arrive in the order in which it
// sent them. The first bytes in each direction say which program is speaking.
type Link struct {
	c       *net.UnixConn
	trial   *trial // nil where there is none
	out     outgoing
	in      incoming
	watch   atomic.Pointer[Watch]
	closed  atomic.Bool
	closing sync.Once
}

// NewLink makes a link of c, which belongs to the link from now on.
func NewLink(c *net.UnixConn) *Link {
	l := &Link{c: c, trial: newTrial(c)}
	l.out.room.L = &l.out.mu
	hello := append(make([]byte, 0, helloSize), helloWord...)
	id := Build()
	hello = append(append(hello, helloVersion, 0, 0, 0), id[:]...)
	l.out.pending.add(hello, nil)
	return l
}

// checkHello looks at the first bytes that came.
func checkHello(b []byte) error {
	id := Build()
	switch {
	case string(b[:4]) != helloWord || b[4] != helloVersion:
		return ErrOtherVersion
	case string(b[8:helloSize]) != string(id[:]):
		return ErrOtherProgram
	}
	return nil
}

// Send sends a frame. Any number of goroutines may call it at the same time. fill
// encodes the body, under no lock; what it returns as an error, Send returns, and
// nothing is sent. The descriptors that it leaves in the encoder must stay open
// until Send has returned.
//
// Send does not wait for the frame to leave, but it waits while more than about a
// megabyte of frames has not left. It returns [ErrClosed] once the link is closed
// on this side, and an error that is io.EOF once the other side is known to be
// gone; that an earlier frame was lost is told by a later Send or by Flush.
func (l *Link) Send(kind byte, fill func(*Encoder) error) error {
	e := Begin()
	if err := fill(e); err != nil {
		Drop(e)
		return err
	}
	if err := Seal(kind, e); err != nil {
		Drop(e)
		return err
	}
	return l.Post(e)
}

// Begin returns an encoder for the body of a frame. It must be given to [Seal] and
// [Link.Post], or to [Drop]. This is Send in its parts, for those who need no
// function.
func Begin() *Encoder {
	f := frames.Get().(*frame)
	f.Bytes = append(f.Bytes[:0], make([]byte, headerSize)...)
	return &f.Encoder
}

// Drop gives up what Begin returned.
func Drop(e *Encoder) {
	f := frameOf(e)
	for _, fd := range f.mine {
		closeFile(fd)
	}
	f.recycle()
}

// Seal makes a frame of what was encoded. From now on the descriptors may be closed,
// and only Post or Drop can be done with it. When it fails it must be dropped.
func Seal(kind byte, e *Encoder) error { return frameOf(e).seal(kind) }

// Post sends a frame that was sealed, as Send does. It is used up, also by an error.
func (l *Link) Post(e *Encoder) error { return l.send(frameOf(e)) }

// NeverWait makes Send wait for nothing, however much has not left. It must be
// called before anything is sent.
func (l *Link) NeverWait() { l.out.endless = true }

// frameOf returns the frame that Begin made, of which e is the first field.
func frameOf(e *Encoder) *frame { return (*frame)(unsafe.Pointer(e)) }

// A frame is an encoder whose first bytes are the header.
type frame struct {
	Encoder
	mine []int // the descriptors, copied
}

var frames = sync.Pool{New: func() any { return new(frame) }}

// maxKept is how large a buffer may be to be used again.
const maxKept = 4 << 20

func (f *frame) recycle() {
	b, files := f.Bytes, f.Files
	if cap(b) > maxKept {
		b = nil
	}
	*f = frame{Encoder: Encoder{Bytes: b[:0], Files: files[:0]}}
	frames.Put(f)
}

// seal writes the header, and copies the descriptors, so that those of the caller
// may be closed before they have left.
func (f *frame) seal(kind byte) error {
	n := len(f.Bytes) - headerSize
	switch {
	case n > MaxBody:
		return fmt.Errorf("wire: a message of %d bytes is too large; send it in parts of at most %d", n, MaxBody)
	case len(f.Files) > MaxFiles:
		return fmt.Errorf("wire: a message with %d open files; send at most %d with each", len(f.Files), MaxFiles)
	}
	var err error
	if f.mine, err = copyFiles(f.Files); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(f.Bytes, uint32(n))
	f.Bytes[4], f.Bytes[5], f.Bytes[6], f.Bytes[7] = kind, byte(len(f.Files)), frameMark[0], frameMark[1]
	return nil
}

// Close closes the link: Send and Receive return [ErrClosed] from now on, also to
// those that are waiting in them. What was sent before may need a moment to leave,
// if the other side is slow; Close gives it a second.
func (l *Link) Close() error {
	var err error
	l.closing.Do(func() {
		l.closed.Store(true)
		l.out.end(l, ErrClosed)
		err = l.c.Close()
		if w := l.watch.Load(); w != nil {
			w.Wake()
		}
	})
	return err
}

// explain makes the error of a link of one of its socket.
func (l *Link) explain(err error) error {
	switch {
	case l.closed.Load() || errors.Is(err, net.ErrClosed):
		return ErrClosed
	case errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF):
		return errGone
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrClosed
	}
	return fmt.Errorf("wire: the link is broken: %w", err)
}

// errGone is what Send returns when the other side is gone.
var errGone = fmt.Errorf("wire: the other side is gone: %w", io.EOF)
