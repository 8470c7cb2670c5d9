package ipc

import (
	"bytes"
	"errors"
	"reflect"

	"github.com/troupe-go/troupe/internal/wire"
)

// A blob is a value as a manager keeps it: encoded by one client, to be decoded by another. The
// manager itself never looks into it.
type blob struct {
	kind  byte // kindValue or kindCBOR
	tag   uint64
	body  []byte
	files []int
}

func (b *blob) close() {
	(&wire.Decoder{Files: b.files}).Close()
	b.files = nil
}

// put appends the blob; its descriptors are not copied.
func (b *blob) put(e *wire.Encoder) {
	e.Bytes = append(e.Bytes, b.kind)
	e.Uint(b.tag)
	e.Uint(uint64(len(b.body)))
	e.Bytes = append(e.Bytes, b.body...)
	e.Uint(uint64(len(b.files)))
	e.Files = append(e.Files, b.files...)
}

// putCopy appends the blob, with descriptors of its own.
func (b *blob) putCopy(e *wire.Encoder) error {
	files, err := copyFiles(b.files)
	if err != nil {
		return err
	}
	c := *b
	c.files = files
	c.put(e)
	return nil
}

// takeBlob takes a blob from the front of d. It shares d's memory, and has d's descriptors.
func takeBlob(d *wire.Decoder) (b blob, err error) {
	if len(d.Bytes) == 0 {
		return b, wire.ErrMalformed
	}
	b.kind = d.Bytes[0]
	d.Bytes = d.Bytes[1:]
	tag, err1 := d.Uint()
	size, err2 := d.Uint()
	if errors.Join(err1, err2) != nil || size > uint64(len(d.Bytes)) {
		return b, wire.ErrMalformed
	}
	b.tag, b.body, d.Bytes = tag, d.Bytes[:size], d.Bytes[size:]
	n, err := d.Uint()
	if err != nil || n > uint64(len(d.Files)) {
		return b, wire.ErrMalformed
	}
	b.files, d.Files = d.Files[:n:n], d.Files[n:]
	return b, nil
}

// keepBlob is takeBlob for an object that keeps the blob: nothing is shared.
func (c *call) keepBlob() (b blob, err error) {
	if b, err = takeBlob(&c.args); err != nil {
		return b, err
	}
	b.body = bytes.Clone(b.body)
	if c.files == filesBorrowed {
		b.files, err = copyFiles(b.files)
	}
	return b, err
}

// keptBy is the Peer of values that a broker keeps, and hands out any number of times.
type keptBy struct {
	id  [16]byte // of the broker
	way *Conn    // to it; nil in its own process
}

// errKept says that there can be only one of something.
var errKept = errors.New("ipc: a manager cannot keep a connection, or something of another manager, in a variable, list or map, for it would hand it out several times: send it through a queue")

// keepValue appends v as a blob that the link's broker will keep.
func keepValue[T any](e *wire.Encoder, l *link, v T) error {
	way, _ := l.peer().(*Conn)
	return encodeFor(e, keptBy{l.id, way}, l.program(), v)
}

// encodeValue appends v as a blob that arrives once, for a program that is the same as this one
// or not.
func encodeValue[T any](e *wire.Encoder, native bool, v T) error {
	return encodeFor(e, e.Peer, native, v)
}

func encodeFor[T any](e *wire.Encoder, peer any, native bool, v T) error {
	codec, err := codecFor[T](native)
	if err != nil {
		return err
	}
	inner := wire.Encoder{Peer: peer}
	if err := codec.encode(&inner, v); err != nil {
		return err
	}
	b := blob{codec.kind, codec.tag, inner.Bytes, inner.Files}
	b.put(e)
	e.Hold(&inner) // and what it holds
	return nil
}

// decodeValue takes a T from a blob.
func decodeValue[T any](b blob) (v T, err error) {
	codec, err := codecFor[T](b.kind != kindCBOR)
	if err != nil {
		return v, err
	}
	if b.kind != codec.kind || b.tag != codec.tag {
		m := message{head: head{kind: b.kind, tag: b.tag}}
		return v, &TypeError{Sent: m.describe(), Wanted: reflect.TypeFor[T]().String()}
	}
	d := wire.Decoder{Bytes: b.body, Files: b.files}
	v, err = codec.decode(&d)
	d.Close()
	return v, err
}
