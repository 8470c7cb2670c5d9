package osproc

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/troupe-go/troupe/internal/wire"
)

// codecs are how argument and result of a function travel.
type codecs[A, R any] struct {
	arg    *codec[A]
	result *codec[R]
}

func newCodecs[A, R any](name string) (*codecs[A, R], error) {
	arg, err := newCodec[A]()
	if err != nil {
		return nil, fmt.Errorf("osproc: the argument of %s cannot travel: %w", name, err)
	}
	result, err := newCodec[R]()
	if err != nil {
		return nil, fmt.Errorf("osproc: the result of %s cannot travel: %w", name, err)
	}
	return &codecs[A, R]{arg, result}, nil
}

// A codec is how values of one type travel, one by one or as lists whose length is known.
type codec[T any] struct {
	*wire.Codec[T]
	many  *wire.Codec[[]T]
	plain bool // memory without pointers, which can be copied as it is
	print uint64
}

func newCodec[T any]() (*codec[T], error) {
	one, err := wire.For[T]()
	if err != nil {
		return nil, err
	}
	many, err := wire.For[[]T]()
	if err != nil {
		return nil, err
	}
	_, plain := one.Fixed()
	return &codec[T]{one, many, plain, one.Fingerprint()}, nil
}

// encode encodes a list.
func (c *codec[T]) encode(e *wire.Encoder, list []T) error {
	switch {
	case c.plain:
		e.Bytes = append(e.Bytes, memory(list)...)
		return nil
	case len(list) == 1:
		return c.Encode(e, list[0])
	}
	return c.many.Encode(e, list)
}

var errLength = errors.New("osproc: there are more or fewer values than there should be")

// decode decodes a list of a known length.
func (c *codec[T]) decode(d *wire.Decoder, list []T) (err error) {
	switch {
	case c.plain:
		to := memory(list)
		if len(d.Bytes) != len(to) {
			return errLength
		}
		copy(to, d.Bytes)
		d.Bytes = nil
		return nil
	case len(list) == 1:
		list[0], err = c.Decode(d)
		return err
	}
	values, err := c.many.Decode(d)
	if err == nil && len(values) != len(list) {
		err = errLength
	}
	copy(list, values)
	return err
}

// memory is a list as it lies in memory. T must be plain.
func memory[T any](list []T) []byte {
	var v T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(list))), len(list)*int(unsafe.Sizeof(v)))
}
