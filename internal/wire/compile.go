package wire

import (
	"encoding"
	"fmt"
	"os"
	"reflect"
	"time"
)

// A compiler makes plans, of all the types that one type needs.
type compiler struct {
	building map[reflect.Type]*plan
}

// plan returns the plan of t. A type within itself gets the plan that is still
// being made; that is only possible behind a pointer, slice, map or interface, so
// that nothing but its address is needed.
func (c *compiler) plan(t reflect.Type, path string) (*plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	if p, ok := c.building[t]; ok {
		return p, nil
	}
	p := &plan{typ: t, size: t.Size()}
	c.building[t] = p
	ops, err := c.ops(p, path)
	if err != nil {
		return nil, err
	}
	p.ops, p.done = merge(ops), true
	p.flat = t.Size() > 0 && (len(p.ops) == 1 && p.ops[0].n == t.Size() && p.ops[0].code != opBool)
	for i := range p.ops {
		p.min += p.ops[i].least()
	}
	return p, nil
}

// least returns how many bytes the op takes at least.
func (o *op) least() int {
	switch {
	case o.n > 0:
		return int(o.n)
	case o.code == opSub:
		return max(o.sub.min, o.bytes)
	case o.code == opArray:
		return o.many * max(o.sub.min, 1)
	case o.code == opCall:
		return o.bytes
	}
	return 1
}

var (
	portableType = reflect.TypeFor[Portable]()
	timeType     = reflect.TypeFor[time.Time]()
	fileType     = reflect.TypeFor[os.File]()
)

// ops returns the operations for values of type p.typ, and sets what p says about
// the type.
func (c *compiler) ops(p *plan, path string) ([]op, error) {
	t := p.typ
	p.plain = plainMemory(t)
	if why := forbidden(t); why != "" {
		return nil, fmt.Errorf("wire: %s: %s cannot be sent to another process; leave the field out with the tag `wire:\"-\"`, or send what it stands for", path, why)
	}
	if o, ok := ownWay(t); ok {
		p.foreign = t != timeType
		return []op{o}, nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return c.fields(p, path)
	case reflect.Array:
		return c.array(p, path)
	case reflect.Slice:
		return c.slice(p, path)
	case reflect.Pointer:
		if t.Elem() == fileType {
			return []op{{code: opCall, enc: encodeFile, dec: decodeFile, bytes: 1}}, nil
		}
		sub, err := c.plan(t.Elem(), path)
		return []op{{code: opPointer, sub: sub, typ: t}}, err
	case reflect.Map:
		return c.mapping(p, path)
	case reflect.Interface:
		p.hashing, p.foreign = true, true
		return []op{{code: opCall, enc: encodeInterface(t), dec: decodeInterface(t), bytes: 1}}, nil
	case reflect.String:
		return []op{{code: opString}}, nil
	case reflect.Bool:
		return []op{{code: opBool, n: 1}}, nil
	}
	return []op{{code: opCopy, n: t.Size()}}, nil
}

// forbidden says why values of type t cannot be sent.
func forbidden(t reflect.Type) string {
	switch pkg := t.PkgPath(); {
	case says(t, portableType):
		return ""
	case pkg == "sync" || pkg == "sync/atomic":
		return "a " + t.String()
	case t == fileType:
		return "an os.File that is not behind a pointer"
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func:
		return "a " + t.Kind().String()
	case reflect.UnsafePointer:
		return "an unsafe.Pointer"
	}
	return ""
}

// ownWay returns the op for a type that says for itself how it travels.
func ownWay(t reflect.Type) (op, bool) {
	switch {
	case t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer:
		return op{}, false
	case says(t, portableType):
		enc, dec := portable(t)
		return op{code: opCall, enc: enc, dec: dec}, true
	case t == timeType:
		return op{code: opCall, enc: encodeTime, dec: decodeTime, bytes: 1}, true
	}
	appending := reflect.TypeFor[encoding.BinaryAppender]()
	marshaling := reflect.TypeFor[encoding.BinaryMarshaler]()
	if back := reflect.TypeFor[encoding.BinaryUnmarshaler](); says(t, back) {
		switch {
		case says(t, appending):
			return op{code: opCall, enc: appendBinary(t), dec: unmarshalBinary(t), bytes: 1}, true
		case says(t, marshaling):
			return op{code: opCall, enc: marshalBinary(t), dec: unmarshalBinary(t), bytes: 1}, true
		}
	}
	appending = reflect.TypeFor[encoding.TextAppender]()
	marshaling = reflect.TypeFor[encoding.TextMarshaler]()
	if back := reflect.TypeFor[encoding.TextUnmarshaler](); says(t, back) {
		switch {
		case says(t, appending):
			return op{code: opCall, enc: appendText(t), dec: unmarshalText(t), bytes: 1}, true
		case says(t, marshaling):
			return op{code: opCall, enc: marshalText(t), dec: unmarshalText(t), bytes: 1}, true
		}
	}
	return op{}, false
}

// plainMemory reports that t is plain memory without pointers.
func plainMemory(t reflect.Type) bool {
	if says(t, portableType) {
		return false
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !plainMemory(f.Type) || f.Tag.Get("wire") == "-" {
				return false
			}
		}
		return true
	case reflect.Array:
		return plainMemory(t.Elem())
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return true
	}
	return false
}

// maxInline is how many operations of a struct are put among those of the struct
// around it.
const maxInline = 32

// fields returns the operations for a struct.
func (c *compiler) fields(p *plan, path string) ([]op, error) {
	var ops []op
	for i := range p.typ.NumField() {
		f := p.typ.Field(i)
		if f.Name == "_" || f.Tag.Get("wire") == "-" {
			continue
		}
		sub, err := c.plan(f.Type, path+"."+f.Name)
		if err != nil {
			return nil, err
		}
		p.foreign = p.foreign || sub.foreign
		p.hashing = p.hashing || sub.hashing
		if !sub.done { // it is p itself, or around it, behind a pointer or the like: it is not known yet
			ops = append(ops, op{code: opSub, off: f.Offset, sub: sub, step: "." + f.Name, bytes: 1})
			continue
		}
		if len(sub.ops) > maxInline {
			ops = append(ops, op{code: opSub, off: f.Offset, sub: sub, step: "." + f.Name})
			continue
		}
		for _, o := range sub.ops {
			o.off += f.Offset
			o.step = "." + f.Name + o.step
			ops = append(ops, o)
		}
	}
	return ops, nil
}

func (c *compiler) array(p *plan, path string) ([]op, error) {
	if p.typ.Len() == 0 {
		return nil, nil
	}
	sub, err := c.plan(p.typ.Elem(), path+"[]")
	if err != nil {
		return nil, err
	}
	p.foreign, p.hashing = sub.foreign, sub.hashing
	if sub.flat {
		return []op{{code: opCopy, n: p.size}}, nil
	}
	return []op{{code: opArray, many: p.typ.Len(), sub: sub}}, nil
}

func (c *compiler) slice(p *plan, path string) ([]op, error) {
	sub, err := c.plan(p.typ.Elem(), path+"[]")
	if err != nil {
		return nil, err
	}
	o := op{code: opSlice, sub: sub, typ: p.typ}
	switch {
	case sub.flat && sub.size == 1:
		o.code = opBytes
	case sub.flat:
		o.code = opFlatSlice
	case len(sub.ops) == 1 && sub.ops[0].code == opBool && sub.size == 1:
		o.code = opBools
	}
	return []op{o}, nil
}

// merge joins copies of memory that lies side by side, and picks the quick ones.
func merge(ops []op) []op {
	var out []op
	for _, o := range ops {
		if o.code <= opCopy16 {
			o.code = opCopy
			if n := len(out) - 1; n >= 0 && out[n].code == opCopy && out[n].off+out[n].n == o.off {
				out[n].n += o.n
				continue
			}
		}
		out = append(out, o)
	}
	for i := range out {
		if o := &out[i]; o.code == opCopy {
			switch o.n {
			case 1:
				o.code = opCopy1
			case 4:
				o.code = opCopy4
			case 8:
				o.code = opCopy8
			case 16:
				o.code = opCopy16
			}
		}
	}
	return out
}
