package wire

import (
	"fmt"
	"reflect"
	"unsafe"
)

// What is in an interface begins with one byte: one of these, or the code of a
// basic type.
const (
	isNil byte = iota
	isNamed
	isError
	firstBasic
)

var errorType = reflect.TypeFor[error]()

func encodeInterface(t reflect.Type) func(*Encoder, unsafe.Pointer) error {
	return func(e *Encoder, p unsafe.Pointer) error {
		v := reflect.NewAt(t, p).Elem().Elem()
		if !v.IsValid() {
			e.Bytes = append(e.Bytes, isNil)
			return nil
		}
		return encodeDynamic(e, v)
	}
}

// encodeDynamic encodes what is in an interface.
func encodeDynamic(e *Encoder, v reflect.Value) error {
	r, known := typeKnown(v.Type())
	switch {
	case known:
		return encodeKnown(e, r, v)
	case v.Type().Implements(errorType):
		e.Bytes = append(e.Bytes, isError)
		return encodeError(e, v.Interface().(error))
	}
	return fmt.Errorf("a %s travels in an interface, and is not registered; register it under a name on both sides", v.Type())
}

func encodeKnown(e *Encoder, r *registered, v reflect.Value) error {
	plan, err := planFor(r.typ)
	if err != nil {
		return err
	}
	if r.code != 0 {
		e.Bytes = append(e.Bytes, r.code)
	} else {
		e.Bytes = append(e.Bytes, isNamed)
		e.Text(r.name)
	}
	// The value in an interface must not change, so it is copied.
	p := reflect.New(r.typ)
	p.Elem().Set(v)
	e.depth++
	if e.depth > MaxDepth {
		return ErrTooDeep
	}
	err = plan.encode(e, p.UnsafePointer())
	e.depth--
	return err
}

func decodeInterface(t reflect.Type) func(*Decoder, unsafe.Pointer) error {
	return func(d *Decoder, p unsafe.Pointer) error {
		v, err := decodeDynamic(d)
		if err != nil || !v.IsValid() {
			return err
		}
		if !v.Type().AssignableTo(t) {
			return fmt.Errorf("a %s came for a %s, which it is not: %w", v.Type(), t, ErrMalformed)
		}
		reflect.NewAt(t, p).Elem().Set(v)
		return nil
	}
}

// decodeDynamic decodes what encodeDynamic, or an interface that is nil, encoded.
func decodeDynamic(d *Decoder) (reflect.Value, error) {
	if len(d.Bytes) == 0 {
		return reflect.Value{}, ErrMalformed
	}
	code := d.Bytes[0]
	d.Bytes = d.Bytes[1:]
	var r *registered
	switch {
	case code == isNil:
		return reflect.Value{}, nil
	case code == isError:
		err, bad := decodeError(d)
		return reflect.ValueOf(err), bad
	case code == isNamed:
		name, err := d.span()
		if err != nil {
			return reflect.Value{}, err
		}
		found, ok := types.byName.Load(string(name))
		if !ok {
			return reflect.Value{}, fmt.Errorf("a %.80q came in an interface, and no type is registered under this name; register it here too", name)
		}
		r = found.(*registered)
	case int(code) < len(basics().list):
		r = basics().list[code]
	default:
		return reflect.Value{}, ErrMalformed
	}
	plan, err := planFor(r.typ)
	if err != nil {
		return reflect.Value{}, err
	}
	if err := d.enter(); err != nil {
		return reflect.Value{}, err
	}
	p := reflect.New(r.typ)
	err = plan.decode(d, p.UnsafePointer())
	d.depth--
	return p.Elem(), err
}
