package wire

import (
	"errors"
	"os"
)

// An Encoder is where values are encoded to. The zero Encoder is ready to use.
type Encoder struct {
	// Bytes is what was encoded so far. A [Portable] appends to it.
	Bytes []byte
	// Files are the descriptors that go along, in order. They are borrowed:
	// they must stay open until the message has been sent, and are not closed
	// by whoever sends it. A [Portable] appends to it.
	Files []int
	// Peer says who the message is for, to a [Portable] that needs to know.
	Peer any
}

// A Decoder is where values are decoded from.
type Decoder struct {
	// Bytes is what is left to decode. A [Portable] takes its own from the front.
	Bytes []byte
	// Files are the descriptors that came along and nobody has taken so far, in
	// order. The Decoder owns them: see [Decoder.TakeFile] and [Decoder.Close].
	Files []int
	// Peer says who the message is from, to a [Portable] that needs to know.
	Peer any
}

// ErrNoFile is returned by [Decoder.TakeFile] when no descriptor is left.
var ErrNoFile = errors.New("wire: no open file came along with the message: send it through something that carries files")

// TakeFile hands the next descriptor over to the caller, who must close it.
func (d *Decoder) TakeFile() (int, error) {
	if len(d.Files) == 0 {
		return -1, ErrNoFile
	}
	fd := d.Files[0]
	d.Files = d.Files[1:]
	return fd, nil
}

// Close closes the descriptors that nobody took.
func (d *Decoder) Close() error {
	for _, fd := range d.Files {
		os.NewFile(uintptr(fd), "").Close()
	}
	d.Files = nil
	return nil
}

// Portable is implemented by pointers to types that stand for something shared:
// a lock, a queue, a connection, an address. EncodeWire appends to the encoder
// what the other side needs; DecodeWire, called on a pointer to a zero value,
// takes exactly that from the decoder again.
type Portable interface {
	EncodeWire(*Encoder) error
	DecodeWire(*Decoder) error
}
