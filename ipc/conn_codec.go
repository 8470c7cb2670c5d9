package ipc

import (
	"reflect"
	"sync"

	"github.com/troupe-go/troupe/internal/wire"
)

// A valueCodec is how values of one type travel: as this program lays them out, or in CBOR to
// a program that is not this one.
type valueCodec[T any] struct {
	wire *wire.Codec[T] // nil for CBOR
	kind byte
	tag  uint64
}

// codecs holds the native valueCodec of every type that was sent or received, foreign those
// for CBOR. The keys are reflect.Types.
var codecs, foreign sync.Map

func codecFor[T any](native bool) (*valueCodec[T], error) {
	t := reflect.TypeFor[T]()
	if !native {
		return foreignFor[T](t)
	}
	if c, ok := codecs.Load(t); ok {
		return c.(*valueCodec[T]), nil
	}
	w, err := wire.For[T]()
	if err != nil {
		return nil, err
	}
	c := &valueCodec[T]{w, kindValue, w.Fingerprint()}
	codecs.Store(t, c)
	return c, nil
}

func (c *valueCodec[T]) encode(e *wire.Encoder, v T) error {
	if c.wire == nil {
		return encodeForeign(e, v)
	}
	return c.wire.Encode(e, v)
}

func (c *valueCodec[T]) decode(d *wire.Decoder) (v T, err error) {
	if c.wire == nil {
		return decodeForeign[T](d)
	}
	return c.wire.Decode(d)
}

// fits tells why m is no value of type T.
func (c *valueCodec[T]) fits(m message) error {
	if m.kind == c.kind && m.tag == c.tag {
		return nil
	}
	return &TypeError{Sent: m.describe(), Wanted: reflect.TypeFor[T]().String()}
}
