package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// MaxDepth is how deep a value may be nested: pointers in pointers, slices in
// slices, and so on. A longer linked list is better sent as a slice.
const MaxDepth = 10_000

// An Encoder is where values are encoded to. The zero Encoder is ready to use. It
// must not be used by two goroutines at the same time.
type Encoder struct {
	// Bytes is what was encoded so far. A [Portable] appends to it.
	Bytes []byte
	// Files are the descriptors that go along, in order. They are borrowed: they
	// must stay open until the message has been sent ([Link.Send] has returned),
	// and whoever sends it does not close them. A [Portable] appends to it.
	Files []int
	// Peer says who the message is for, to a [Portable] that needs to know.
	Peer any

	depth int
	seen  map[visit]struct{} // what we are inside of, once it is deep enough
	keep  []any              // what must not be collected while Files are borrowed
}

// A Decoder is where values are decoded from. It must not be used by two
// goroutines at the same time.
type Decoder struct {
	// Bytes is what is left to decode. A [Portable] takes its own from the front,
	// and may not keep any part of it: the memory is used again.
	Bytes []byte
	// Files are the descriptors that came along and nobody has taken so far, in
	// order. The Decoder owns them: see [Decoder.TakeFile] and [Decoder.Close].
	Files []int
	// Peer says who the message is from, to a [Portable] that needs to know.
	Peer any

	depth int
	lost  bool // descriptors came along and could not be received
}

// Portable is implemented by pointers to types that stand for something shared:
// a lock, a queue, a connection, an address. EncodeWire appends to the encoder
// what the other side needs; DecodeWire, called on a pointer to a zero value,
// takes exactly that from the decoder again.
type Portable interface {
	EncodeWire(*Encoder) error
	DecodeWire(*Decoder) error
}

// The errors of encoding and decoding, besides those that name a type.
var (
	// ErrMalformed is wrapped by every error about bytes that no codec for the
	// type can have made.
	ErrMalformed = errors.New("these bytes are not an encoded value of the type; is the same program on the other side?")
	// ErrTooDeep is wrapped by the error about a value that contains itself or is
	// nested more than [MaxDepth] deep.
	ErrTooDeep = fmt.Errorf("the value contains itself, or is nested more than %d deep; send a flat one", MaxDepth)
	// ErrNoFile is returned by [Decoder.TakeFile] when no descriptor is left.
	ErrNoFile = errors.New("wire: no open file came along; send the message through something that carries files")
	// ErrFilesLost is returned by [Decoder.TakeFile] when descriptors came along,
	// and the system could not give them to this process.
	ErrFilesLost = errors.New("wire: open files that came along were lost, because this process may not have more; raise its limit of open files, or close some")
)

// TakeFile hands the next descriptor over to the caller, who must close it.
func (d *Decoder) TakeFile() (int, error) {
	if len(d.Files) == 0 {
		if d.lost {
			return -1, ErrFilesLost
		}
		return -1, ErrNoFile
	}
	fd := d.Files[0]
	d.Files = d.Files[1:]
	return fd, nil
}

// Close closes the descriptors that nobody took.
func (d *Decoder) Close() error {
	for _, fd := range d.Files {
		closeFile(fd)
	}
	d.Files = nil
	return nil
}

// Keep returns a decoder with a copy of what is left, which stays valid, and with
// the descriptors, which are no longer d's.
func (d *Decoder) Keep() *Decoder {
	k := &Decoder{Bytes: append([]byte(nil), d.Bytes...), Files: append([]int(nil), d.Files...), Peer: d.Peer, lost: d.lost}
	d.Files = nil
	return k
}

// Uint appends v in as few bytes as it needs, at most ten.
func (e *Encoder) Uint(v uint64) { e.Bytes = binary.AppendUvarint(e.Bytes, v) }

// Text appends s and its length.
func (e *Encoder) Text(s string) { e.Bytes = append(appendLen(e.Bytes, len(s)), s...) }

// Uint takes what [Encoder.Uint] appended.
func (d *Decoder) Uint() (uint64, error) {
	v, n := binary.Uvarint(d.Bytes)
	if n <= 0 {
		return 0, ErrMalformed
	}
	d.Bytes = d.Bytes[n:]
	return v, nil
}

// Text takes what [Encoder.Text] appended.
func (d *Decoder) Text() (string, error) {
	b, err := d.span()
	return string(b), err
}

// span takes a length and as many bytes, without copying them.
func (d *Decoder) span() ([]byte, error) {
	n, rest, ok := takeLen(d.Bytes)
	if !ok || n > len(rest) {
		return nil, ErrMalformed
	}
	d.Bytes = rest[n:]
	return rest[:n], nil
}

func appendLen(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	return binary.AppendUvarint(b, uint64(n))
}

// takeLen takes a length from the front of b.
func takeLen(b []byte) (n int, rest []byte, ok bool) {
	if len(b) > 0 && b[0] < 0x80 {
		return int(b[0]), b[1:], true
	}
	v, k := binary.Uvarint(b)
	if k <= 0 || v > math.MaxInt-1 {
		return 0, nil, false
	}
	return int(v), b[k:], true
}
