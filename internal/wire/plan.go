package wire

import (
	"reflect"
	"unsafe"
)

// A plan is how values of one type are encoded and decoded: a list of operations
// on the memory of the value. The fields of structs within structs are in the
// list of the outermost.
type plan struct {
	typ  reflect.Type
	size uintptr
	ops  []op
	min  int // an encoded value takes at least so many bytes
	done bool

	flat    bool // one copy of the whole memory does it
	plain   bool // memory without pointers
	foreign bool // methods that are not ours are called on parts of the value
	hashing bool // comparing two values may panic: there is an interface inside
}

// An op handles one part of a value.
type op struct {
	code  opcode
	off   uintptr // where the part is
	n     uintptr // bytes that are copied
	many  int     // elements of an array
	bytes int     // that a call takes at least
	sub   *plan   // of the element
	key   *plan   // of a map
	typ   reflect.Type
	step  string // the part's name in errors
	enc   func(*Encoder, unsafe.Pointer) error
	dec   func(*Decoder, unsafe.Pointer) error
}

type opcode uint8

const (
	opCopy opcode = iota
	opCopy1
	opCopy4
	opCopy8
	opCopy16
	opBool
	opString
	opBytes
	// What follows is handled out of line.
	opSub
	opFlatSlice
	opBools
	opSlice
	opArray
	opPointer
	opCall
)

var emptyBytes = []byte{}

// reachesForeign reports that encoding a value may call methods that are not ours.
func (pl *plan) reachesForeign(visited map[*plan]bool) bool {
	if pl == nil || visited[pl] {
		return false
	}
	visited[pl] = true
	if pl.foreign {
		return true
	}
	for i := range pl.ops {
		if o := &pl.ops[i]; o.sub.reachesForeign(visited) || o.key.reachesForeign(visited) {
			return true
		}
	}
	return false
}

// encode appends the value at p to e.
func (pl *plan) encode(e *Encoder, p unsafe.Pointer) error {
	b := e.Bytes
	for i := range pl.ops {
		o := &pl.ops[i]
		f := unsafe.Add(p, o.off)
		switch o.code {
		case opCopy1, opBool:
			b = append(b, *(*byte)(f))
		case opCopy4:
			b = append(b, (*[4]byte)(f)[:]...)
		case opCopy8:
			b = append(b, (*[8]byte)(f)[:]...)
		case opCopy16:
			b = append(b, (*[16]byte)(f)[:]...)
		case opCopy:
			b = append(b, unsafe.Slice((*byte)(f), o.n)...)
		case opString:
			s := *(*string)(f)
			b = append(appendLen(b, len(s)), s...)
		case opBytes:
			s := *(*[]byte)(f)
			if s == nil {
				b = append(b, 0)
			} else {
				b = append(appendLen(b, len(s)+1), s...)
			}
		default:
			e.Bytes = b
			if err := o.encode(e, f); err != nil {
				return inside(o.step, err)
			}
			b = e.Bytes
		}
	}
	e.Bytes = b
	return nil
}

// decode takes a value from d and puts it into the zeroed memory at p.
func (pl *plan) decode(d *Decoder, p unsafe.Pointer) error {
	b := d.Bytes
	for i := range pl.ops {
		o := &pl.ops[i]
		f := unsafe.Add(p, o.off)
		if uintptr(len(b)) < o.n {
			return inside(o.step, ErrMalformed)
		}
		switch o.code {
		case opCopy1:
			*(*byte)(f) = b[0]
		case opCopy4:
			*(*[4]byte)(f) = [4]byte(b)
		case opCopy8:
			*(*[8]byte)(f) = [8]byte(b)
		case opCopy16:
			*(*[16]byte)(f) = [16]byte(b)
		case opCopy:
			copy(unsafe.Slice((*byte)(f), o.n), b)
		case opBool:
			if b[0] > 1 {
				return inside(o.step, ErrMalformed)
			}
			*(*bool)(f) = b[0] == 1
		case opString:
			n, rest, ok := takeLen(b)
			if !ok || n > len(rest) {
				return inside(o.step, ErrMalformed)
			}
			*(*string)(f) = string(rest[:n])
			b = rest[n:]
			continue
		case opBytes:
			n, rest, ok := takeLen(b)
			if !ok || n > len(rest)+1 {
				return inside(o.step, ErrMalformed)
			}
			if n > 0 {
				*(*[]byte)(f) = append(emptyBytes, rest[:n-1]...) //nolint:gocritic // a copy, and not nil
				rest = rest[n-1:]
			}
			b = rest
			continue
		default:
			d.Bytes = b
			if err := o.decode(d, f); err != nil {
				return inside(o.step, err)
			}
			b = d.Bytes
			continue
		}
		b = b[o.n:]
	}
	d.Bytes = b
	return nil
}

// A sliceHeader is how a slice lies in memory.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// encode handles what needs more than a few instructions.
func (o *op) encode(e *Encoder, p unsafe.Pointer) error {
	switch o.code {
	case opSub:
		return o.sub.encode(e, p)
	case opPointer:
		return o.encodePointer(e, *(*unsafe.Pointer)(p))
	case opArray:
		return o.sub.encodeMany(e, p, o.many)
	case opCall:
		return o.enc(e, p)
	}
	s := (*sliceHeader)(p)
	if s.data == nil {
		e.Bytes = append(e.Bytes, 0)
		return nil
	}
	e.Bytes = appendLen(e.Bytes, s.len+1)
	if o.code != opSlice {
		e.Bytes = append(e.Bytes, unsafe.Slice((*byte)(s.data), uintptr(s.len)*o.sub.size)...)
		return nil
	}
	if s.len == 0 {
		return nil
	}
	if err := e.enter(s.data, o.sub); err != nil {
		return err
	}
	err := o.sub.encodeMany(e, s.data, s.len)
	e.leave(s.data, o.sub)
	return err
}

func (o *op) encodePointer(e *Encoder, p unsafe.Pointer) error {
	if p == nil {
		e.Bytes = append(e.Bytes, 0)
		return nil
	}
	e.Bytes = append(e.Bytes, 1)
	if err := e.enter(p, o.sub); err != nil {
		return err
	}
	err := o.sub.encode(e, p)
	e.leave(p, o.sub)
	return err
}

// encodeMany encodes n values that lie one after the other. One that takes no
// bytes is given one, so that n can be checked against what is left.
func (pl *plan) encodeMany(e *Encoder, p unsafe.Pointer, n int) error {
	for i := range n {
		if pl.min == 0 {
			e.Bytes = append(e.Bytes, 0)
		}
		if err := pl.encode(e, unsafe.Add(p, uintptr(i)*pl.size)); err != nil {
			return inside("[]", err)
		}
	}
	return nil
}

// decode is the other half of encode.
func (o *op) decode(d *Decoder, p unsafe.Pointer) error {
	switch o.code {
	case opSub:
		return o.sub.decode(d, p)
	case opPointer:
		return o.decodePointer(d, (*unsafe.Pointer)(p))
	case opArray:
		return o.sub.decodeMany(d, p, o.many)
	case opCall:
		return o.dec(d, p)
	}
	n, rest, ok := takeLen(d.Bytes)
	if !ok || n > len(rest)/max(o.sub.min, 1)+1 {
		return ErrMalformed
	}
	d.Bytes = rest
	n--
	switch {
	case n < 0:
		return nil
	case o.code != opSlice:
		return o.decodeFlat(d, (*sliceHeader)(p), n)
	}
	s := reflect.NewAt(o.typ, p).Elem()
	if n == 0 {
		s.Set(reflect.MakeSlice(o.typ, 0, 0))
		return nil
	}
	s.Grow(n)
	s.SetLen(n)
	if err := d.enter(); err != nil {
		return err
	}
	err := o.sub.decodeMany(d, s.UnsafePointer(), n)
	d.depth--
	return err
}

// decodeFlat decodes a slice whose elements need no looking at, but for bools.
func (o *op) decodeFlat(d *Decoder, s *sliceHeader, n int) error {
	size := uintptr(n) * o.sub.size
	words := make([]uint64, (size+7)/8) // aligned for every type
	if n == 0 {
		*s = sliceHeader{data: unsafe.Pointer(unsafe.SliceData(emptyBytes))}
		return nil
	}
	*s = sliceHeader{unsafe.Pointer(unsafe.SliceData(words)), n, n}
	copy(unsafe.Slice((*byte)(s.data), size), d.Bytes)
	if o.code == opBools {
		for _, v := range d.Bytes[:n] {
			if v > 1 {
				return ErrMalformed
			}
		}
	}
	d.Bytes = d.Bytes[size:]
	return nil
}

func (o *op) decodePointer(d *Decoder, p *unsafe.Pointer) error {
	if len(d.Bytes) == 0 || d.Bytes[0] > 1 {
		return ErrMalformed
	}
	present := d.Bytes[0] == 1
	d.Bytes = d.Bytes[1:]
	if !present {
		return nil
	}
	if err := d.enter(); err != nil {
		return err
	}
	v := reflect.New(o.sub.typ).UnsafePointer()
	err := o.sub.decode(d, v)
	*p = v
	d.depth--
	return err
}

func (pl *plan) decodeMany(d *Decoder, p unsafe.Pointer, n int) error {
	for i := range n {
		if pl.min == 0 {
			if len(d.Bytes) == 0 {
				return ErrMalformed
			}
			d.Bytes = d.Bytes[1:]
		}
		if err := pl.decode(d, unsafe.Add(p, uintptr(i)*pl.size)); err != nil {
			return inside("[]", err)
		}
	}
	return nil
}
