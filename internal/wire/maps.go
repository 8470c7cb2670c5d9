package wire

import (
	"reflect"
	"unsafe"
)

// mapping returns the operation for a map.
func (c *compiler) mapping(p *plan, path string) ([]op, error) {
	t := p.typ
	key, err := c.plan(t.Key(), path+"[key]")
	if err != nil {
		return nil, err
	}
	value, err := c.plan(t.Elem(), path+"[]")
	if err != nil {
		return nil, err
	}
	m := &mapPlan{t, key, value}
	o := op{code: opCall, enc: m.encode, dec: m.decode, bytes: 1, key: key, sub: value}
	if t == reflect.TypeFor[map[string]string]() {
		o.enc, o.dec = encodeStrings, decodeStrings
	}
	return []op{o}, nil
}

// A mapPlan encodes and decodes maps of one type. Maps are the one kind of data
// that takes reflection.
type mapPlan struct {
	typ        reflect.Type
	key, value *plan
}

func (m *mapPlan) encode(e *Encoder, p unsafe.Pointer) error {
	// Through an interface, so that the iterator does not point to p, which may
	// be on the stack.
	v := reflect.ValueOf(reflect.NewAt(m.typ, p).Elem().Interface())
	if v.IsNil() {
		e.Bytes = append(e.Bytes, 0)
		return nil
	}
	e.Bytes = appendLen(e.Bytes, v.Len()+1)
	if v.Len() == 0 {
		return nil
	}
	if err := e.enter(v.UnsafePointer(), m.value); err != nil {
		return err
	}
	key, value := reflect.New(m.typ.Key()), reflect.New(m.typ.Elem())
	for i := v.MapRange(); i.Next(); {
		key.Elem().SetIterKey(i)
		value.Elem().SetIterValue(i)
		if err := m.key.encodeMany(e, key.UnsafePointer(), 1); err != nil {
			return inside("[key]", err)
		}
		if err := m.value.encodeMany(e, value.UnsafePointer(), 1); err != nil {
			return err
		}
	}
	e.leave(v.UnsafePointer(), m.value)
	return nil
}

func (m *mapPlan) decode(d *Decoder, p unsafe.Pointer) error {
	n, rest, ok := takeLen(d.Bytes)
	if !ok || n > len(rest)/(max(m.key.min, 1)+max(m.value.min, 1))+1 {
		return ErrMalformed
	}
	d.Bytes = rest
	if n == 0 {
		return nil
	}
	v := reflect.MakeMapWithSize(m.typ, n-1)
	*(*unsafe.Pointer)(p) = v.UnsafePointer()
	if err := d.enter(); err != nil {
		return err
	}
	key, value := reflect.New(m.typ.Key()), reflect.New(m.typ.Elem())
	for range n - 1 {
		if err := m.key.decodeMany(d, key.UnsafePointer(), 1); err != nil {
			return inside("[key]", err)
		}
		if err := m.value.decodeMany(d, value.UnsafePointer(), 1); err != nil {
			return err
		}
		if m.key.hashing && !key.Elem().Comparable() {
			return inside("[key]", ErrMalformed)
		}
		v.SetMapIndex(key.Elem(), value.Elem())
		key.Elem().SetZero()
		value.Elem().SetZero()
	}
	d.depth--
	return nil
}

func encodeStrings(e *Encoder, p unsafe.Pointer) error {
	m := *(*map[string]string)(p)
	if m == nil {
		e.Bytes = append(e.Bytes, 0)
		return nil
	}
	// The length is not known to be the number of pairs if somebody writes to the
	// map meanwhile; that is a fault in the program, which the runtime reports.
	b := appendLen(e.Bytes, len(m)+1)
	for k, v := range m {
		b = append(appendLen(b, len(k)), k...)
		b = append(appendLen(b, len(v)), v...)
	}
	e.Bytes = b
	return nil
}

func decodeStrings(d *Decoder, p unsafe.Pointer) error {
	n, rest, ok := takeLen(d.Bytes)
	if !ok || n > len(rest)/2+1 {
		return ErrMalformed
	}
	d.Bytes = rest
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n-1)
	for range n - 1 {
		k, err := d.Text()
		if err != nil {
			return inside("[key]", err)
		}
		v, err := d.Text()
		if err != nil {
			return inside("[]", err)
		}
		m[k] = v
	}
	*(*map[string]string)(p) = m
	return nil
}
