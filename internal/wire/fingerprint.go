package wire

import (
	"fmt"
	"hash"
	"hash/fnv"
	"reflect"
	"sync"
)

// shapes are the fingerprints by type.
var shapes sync.Map

// Shape is the fingerprint of T, also of a type that has no codec.
func Shape[T any]() uint64 {
	t := reflect.TypeFor[T]()
	if s, ok := shapes.Load(t); ok {
		return s.(uint64)
	}
	s := fingerprint(t)
	shapes.Store(t, s)
	return s
}

// fingerprint hashes the shape of t: names, kinds, sizes and offsets.
func fingerprint(t reflect.Type) uint64 {
	h := fnv.New64a()
	describe(h, t, make(map[reflect.Type]int))
	return h.Sum64()
}

// describe writes the shape of t. A type that was described before is mentioned by
// its number.
func describe(h hash.Hash, t reflect.Type, known map[reflect.Type]int) {
	if n, ok := known[t]; ok {
		fmt.Fprintf(h, "^%d", n)
		return
	}
	known[t] = len(known)
	fmt.Fprintf(h, "%s %s %s %d", t.PkgPath(), t.Name(), t.Kind(), t.Size())
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			fmt.Fprintf(h, ";%s %d %q ", f.Name, f.Offset, f.Tag.Get("wire"))
			if f.Name != "_" && f.Tag.Get("wire") != "-" {
				describe(h, f.Type, known)
			}
		}
	case reflect.Map:
		describe(h, t.Key(), known)
		describe(h, t.Elem(), known)
	case reflect.Array, reflect.Slice, reflect.Pointer:
		fmt.Fprintf(h, "[%v", t)
		describe(h, t.Elem(), known)
	case reflect.Interface:
		for i := range t.NumMethod() {
			fmt.Fprintf(h, ";%s", t.Method(i).Name)
		}
	}
}
