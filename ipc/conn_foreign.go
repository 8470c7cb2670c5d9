package ipc

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/troupe-go/troupe/internal/wire"
)

// foreignFor returns the codec for values that travel between programs that are not the same
// executable. What CBOR would leave out in silence is refused.
func foreignFor[T any](t reflect.Type) (*valueCodec[T], error) {
	if c, ok := foreign.Load(t); ok {
		return c.(*valueCodec[T]), nil
	}
	if err := checkForeign(t, t.String(), make(map[reflect.Type]bool)); err != nil {
		return nil, err
	}
	c := &valueCodec[T]{nil, kindCBOR, 0}
	foreign.Store(t, c)
	return c, nil
}

var (
	portableType = reflect.TypeFor[wire.Portable]()
	fileType     = reflect.TypeFor[os.File]()
	timeType     = reflect.TypeFor[time.Time]()
	binaryType   = reflect.TypeFor[encoding.BinaryMarshaler]()
)

// checkForeign finds what is in t that only the same program understands.
func checkForeign(t reflect.Type, path string, seen map[reflect.Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	switch {
	case t.Implements(portableType) || reflect.PointerTo(t).Implements(portableType) || t == fileType:
		return foreignError(path, "stands for something that only processes of one program share")
	case t == timeType || t.Implements(binaryType) || reflect.PointerTo(t).Implements(binaryType):
		return nil
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Uintptr, reflect.Complex64, reflect.Complex128:
		return foreignError(path, "is a "+t.Kind().String())
	case reflect.Interface:
		return foreignError(path, "is an interface, of which the other program knows no types")
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return checkForeign(t.Elem(), path, seen)
	case reflect.Map:
		if err := checkForeign(t.Key(), path, seen); err != nil {
			return err
		}
		return checkForeign(t.Elem(), path, seen)
	case reflect.Struct:
		return checkFields(t, path, seen)
	default:
		return nil
	}
}

func checkFields(t reflect.Type, path string, seen map[reflect.Type]bool) error {
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case f.Tag.Get("cbor") == "-" || f.Name == "_":
			continue
		case !f.IsExported():
			return foreignError(path+"."+f.Name, "is not exported")
		}
		if err := checkForeign(f.Type, path+"."+f.Name, seen); err != nil {
			return err
		}
	}
	return nil
}

func foreignError(path, why string) error {
	return fmt.Errorf("ipc: the other side is another program, and %s %s: send exported fields and basic types, or bytes", path, why)
}

// modes are how CBOR is written and read: the fields and times of RFC 8949's preferred
// serialisation, and no limits but that of the message. A decoder of the library takes
// memory for elements that have arrived only.
var modes = sync.OnceValues(func() (cbor.EncMode, cbor.DecMode) {
	enc, err1 := cbor.EncOptions{Time: cbor.TimeRFC3339Nano, TimeTag: cbor.EncTagRequired}.EncMode()
	dec, err2 := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxArrayElements: maxBody, MaxMapPairs: maxBody, MaxNestedLevels: 64,
	}.DecMode()
	if err := errors.Join(err1, err2); err != nil {
		panic(err) // the options above are wrong
	}
	return enc, dec
})

func encodeForeign(e *wire.Encoder, v any) error {
	enc, _ := modes()
	b, err := enc.Marshal(v)
	if err != nil {
		return fmt.Errorf("ipc: encode for another program: %w", err)
	}
	e.Bytes = append(e.Bytes, b...)
	return nil
}

func decodeForeign[T any](d *wire.Decoder) (v T, err error) {
	_, dec := modes()
	if err := dec.Unmarshal(d.Bytes, &v); err != nil {
		var zero T
		return zero, fmt.Errorf("ipc: decode what another program sent: %w", err)
	}
	return v, nil
}
