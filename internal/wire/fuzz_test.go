package wire

import (
	"encoding/binary"
	"math/big"
	"os"
	"reflect"
	"runtime"
	"testing"
	"time"
)

// fuzzed has one of everything that is decoded.
type fuzzed struct {
	E everything
	T tree
	L *list
	W time.Time
	G *big.Int
	H []*handle
	F *os.File
	M map[any][]any
	Z []struct{}
	N []struct {
		A int `wire:"-"`
	}
	X loop
	R []error
	Q [3]map[string]string
	B []*bool
}

// FuzzDecode gives the codec bytes that nobody encoded. They must end in an error
// or in a value that can be encoded; no panic, and not much memory.
func FuzzDecode(f *testing.F) {
	Register[registeredType]("wire_test.registeredType")
	Register[*codeError]("wire_test.codeError")
	c := must(For[fuzzed]())
	values := must(For[any]())
	for _, v := range []fuzzed{
		{},
		{E: full(), T: tree{Name: "n", Children: make([]tree, 3), ByName: map[string]*tree{"x": {}}, Any: &codeError{1}}, L: &list{1, &list{}},
			W: time.Now(), G: big.NewInt(1000), H: []*handle{{1}}, M: map[any][]any{1: {2, "x", []byte("y")}}, Z: make([]struct{}, 3),
			X: loop{{}, {{}}}, R: []error{&codeError{2}, os.ErrNotExist, errOurs, nil}, Q: [3]map[string]string{{"a": "b"}}, B: []*bool{new(bool)}},
	} {
		var e Encoder
		if err := c.Encode(&e, v); err != nil {
			f.Fatal(err)
		}
		f.Add(e.Bytes)
		e.Bytes = e.Bytes[:0]
		if err := values.Encode(&e, v.T.Any); err != nil {
			f.Fatal(err)
		}
		f.Add(e.Bytes)
	}
	f.Add(binary.AppendUvarint(nil, 1<<63))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		check(t, c, b)
		runtime.ReadMemStats(&before)
		check(t, values, b)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(1<<20+1000*len(b)) {
			t.Fatalf("%d bytes of memory for %d bytes", grown, len(b))
		}
	})
}

// check decodes b, not through Decode, which would make errors of panics.
func check[T any](t *testing.T, c *Codec[T], b []byte) {
	d := &Decoder{Bytes: b}
	v := new(T)
	if err := c.plan.decode(d, reflect.ValueOf(v).UnsafePointer()); err != nil {
		return
	}
	if n := len(b) - len(d.Bytes); n < c.plan.min {
		t.Fatalf("%d bytes make a value, but the plan says at least %d", n, c.plan.min)
	}
	var e Encoder
	if err := c.Encode(&e, *v); err != nil {
		t.Logf("not encoded: %v", err)
	}
}
