package ipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A carrier takes the open files of messages along: a pair of sockets that belongs to the
// queue, through which a datagram goes for every message with files, in the same order. The
// datagram says whose it is: where in the ring, and who has put it. It is sent before its
// message appears and received after it has disappeared; what a process that died in between
// has left behind is recognised and dropped.
type carrier struct{ region *shm.Region }

const carrierTag = 16

func newCarrier() ([]int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("ipc: cannot make the sockets of a queue: %w", err)
	}
	return pair[:], nil
}

// send sends m's files. puts is locked.
func (c carrier) send(at uint64, m *parcel) error {
	tag := binary.NativeEndian.AppendUint64(nil, at&^ringClosed)
	tag = binary.NativeEndian.AppendUint64(tag, m.header.owner)
	err := c.out(tag, m.files)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return errFull
	case err != nil:
		return fmt.Errorf("ipc: cannot send %d open files through a queue: %w", len(m.files), err)
	}
	return nil
}

// peek returns the files of the first entry, and leaves them where they are. gets is locked.
func (c carrier) peek(at uint64, e ringEntry) ([]int, error) {
	var tag [carrierTag]byte
	for {
		n, _, _, err := c.in(tag[:], nil, unix.MSG_PEEK)
		if errors.Is(err, ErrClosed) {
			return nil, err
		}
		if err != nil || n != carrierTag {
			return nil, errCorrupt
		}
		whose := binary.NativeEndian.Uint64(tag[:])
		if whose == at&^ringClosed && binary.NativeEndian.Uint64(tag[8:]) == e.owner {
			break
		}
		c.drop() // of one who died before the message appeared, or after it was taken
	}
	oob := make([]byte, unix.CmsgSpace(4*e.files))
	_, oobn, _, err := c.in(tag[:], oob, unix.MSG_PEEK)
	if err != nil {
		return nil, fmt.Errorf("ipc: cannot receive %d open files from a queue: %w", e.files, err)
	}
	files := rights(oob[:oobn])
	if len(files) != e.files {
		_ = (&wire.Decoder{Files: files}).Close()
		return nil, fmt.Errorf("ipc: the next message of the queue stays where it is: %w", wire.ErrFilesLost)
	}
	return files, nil
}

// drop drops the first datagram. gets is locked.
func (c carrier) drop() bool {
	var tag [carrierTag]byte
	n, _, _, err := c.in(tag[:], nil, 0)
	return err == nil && n > 0
}

// out sends a datagram.
func (c carrier) out(body []byte, files []int) error {
	return c.region.Extra(0, func(fd int) error {
		return unix.Sendmsg(fd, body, unix.UnixRights(files...), nil, unix.MSG_NOSIGNAL)
	})
}

// in receives a datagram, or looks at it.
func (c carrier) in(body, oob []byte, how int) (n, oobn, flags int, err error) {
	err = c.region.Extra(1, func(fd int) (err error) {
		n, oobn, flags, _, err = unix.Recvmsg(fd, body, oob, how|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		return err
	})
	return n, oobn, flags, err
}

// sweep drops all datagrams. gets and puts are locked, and there is no message.
func (c carrier) sweep() {
	for c.drop() {
	}
}

// A parcel is a message on its way into a queue or out of it.
type parcel struct {
	header ringEntry
	body   []byte // of a message on its way in
	files  []int
	spill  *os.File

	wire.Decoder // of a message on its way out
	buffer       []byte
}

var parcels = sync.Pool{New: func() any { return new(parcel) }}

// packParcel makes a parcel of what was encoded. A message that would take more than limit bytes
// travels in a file of its own.
func packParcel(e *wire.Encoder, limit int) (*parcel, error) {
	m := parcels.Get().(*parcel)
	*m = parcel{header: ringEntry{length: len(e.Bytes), files: len(e.Files)}, body: e.Bytes, files: e.Files, buffer: m.buffer}
	if m.header.size() > limit {
		if err := m.spillOut(); err != nil {
			m.close()
			return nil, err
		}
	}
	if m.header.files > wire.MaxFiles || len(m.body) > math.MaxInt32 {
		defer m.close()
		return nil, fmt.Errorf("ipc: a message of %d bytes and %d open files is too large for a queue: send it in parts", m.header.length, m.header.files)
	}
	return m, nil
}

func (m *parcel) spillOut() error {
	fd, err := unix.MemfdCreate("troupe-message", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("ipc: cannot make memory for a message of %d bytes: %w", len(m.body), err)
	}
	m.spill = os.NewFile(uintptr(fd), "message")
	if _, err := m.spill.Write(m.body); err != nil {
		return fmt.Errorf("ipc: cannot write a message of %d bytes: %w", len(m.body), err)
	}
	m.files = append([]int{fd}, m.files...)
	m.header.files++
	m.header.flags |= flagSpilled
	return nil
}

// close ends the way in.
func (m *parcel) close() {
	if m.spill != nil {
		_ = m.spill.Close()
	}
	m.free()
}

func newParcel(e ringEntry) *parcel {
	m := parcels.Get().(*parcel)
	*m = parcel{header: e, buffer: m.buffer}
	if e.flags&flagSpilled == 0 {
		m.resize(e.length)
	}
	return m
}

// resize makes the body n bytes long.
func (m *parcel) resize(n int) {
	if n > cap(m.buffer) {
		m.buffer = make([]byte, n)
	}
	m.header.length = n
	m.Bytes = m.buffer[:n]
}

// unspill reads the body from the first file.
func (m *parcel) unspill() error {
	fd, err := m.TakeFile()
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "message")
	defer f.Close()
	n := m.header.length
	if st, err := f.Stat(); err != nil || n < 0 || st.Size() < int64(n) {
		return fmt.Errorf("ipc: a message of %d bytes was cut off: %w", n, errors.Join(err, io.ErrUnexpectedEOF))
	}
	m.resize(n)
	_, err = io.ReadFull(io.NewSectionReader(f, 0, int64(m.header.length)), m.Bytes)
	if err != nil {
		return fmt.Errorf("ipc: a message of %d bytes was cut off: %w", m.header.length, err)
	}
	return nil
}

// free gives the parcel back.
func (m *parcel) free() {
	buffer := m.buffer
	if cap(buffer) > keepParcel {
		buffer = nil
	}
	*m = parcel{buffer: buffer}
	parcels.Put(m)
}
