package wire

import (
	"errors"
	"io"
	"math/big"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// trip encodes v and decodes it again, and checks that nothing is left.
func trip[T any](t *testing.T, v T) T {
	t.Helper()
	c, err := For[T]()
	if err != nil {
		t.Fatal(err)
	}
	var e Encoder
	if err := c.Encode(&e, v); err != nil {
		t.Fatal(err)
	}
	d := &Decoder{Bytes: e.Bytes, Files: e.Files}
	got, err := c.Decode(d)
	if err != nil {
		t.Fatalf("%v, of %x", err, e.Bytes)
	}
	if len(d.Bytes) > 0 {
		t.Fatalf("%d bytes left", len(d.Bytes))
	}
	if least := c.plan.min; len(e.Bytes) < least {
		t.Fatalf("%d bytes, but the plan says at least %d", len(e.Bytes), least)
	}
	return got
}

func same[T any](t *testing.T, v T) {
	t.Helper()
	if got := trip(t, v); !reflect.DeepEqual(got, v) {
		t.Errorf("%T: sent %+v, got %+v", v, v, got)
	}
}

type inner struct {
	a int8
	b bool
	c string
}

type everything struct {
	I   int
	I8  int8
	U16 uint16
	F   float64
	C   complex128
	B   bool
	S   string
	D   []byte
	n   int // unexported fields travel too
	In  inner
	Arr [3]inner
	Sl  []inner
	M   map[string]inner
	P   *inner
	PP  **int
	A   any
	E   error
	T   time.Duration
	_   int
	Sk  chan int `wire:"-"`
	Bs  []bool
	Ns  []int32
	N3  [][3]byte
}

func full() everything {
	seven := 7
	p := &seven
	return everything{
		I: -1, I8: -8, U16: 65535, F: 1.5, C: complex(1, 2), B: true, S: "hello", D: []byte{1, 2, 3}, n: 42,
		In: inner{1, true, "x"}, Arr: [3]inner{{c: "y"}}, Sl: []inner{{}, {2, true, strings.Repeat("long", 100)}},
		M: map[string]inner{"k": {3, false, "z"}}, P: &inner{4, true, ""}, PP: &p,
		A: []any{1, "two", 3.0, nil, map[string]any{"k": uint8(5)}}, E: io.EOF, T: time.Second,
		Bs: []bool{true, false}, Ns: []int32{1, -1}, N3: [][3]byte{{1, 2, 3}, {4, 5, 6}},
	}
}

func TestValuesArriveAsTheyWere(t *testing.T) {
	same(t, full())
	same(t, everything{})
	same(t, 7)
	same(t, "")
	same(t, true)
	same(t, [2]bool{false, true})
	same(t, []string{"a", ""})
	same(t, []struct{}{{}, {}})
	same(t, [4]struct{}{})
	same(t, map[string]string{"a": "b"})
	same(t, map[inner][]int{{c: "k"}: {1}})
	same(t, map[any]int{"k": 1, 2: 2})
	same(t, struct{}{})
	same[any](t, nil)
	same[error](t, nil)
	same(t, new(new(5)))
	same(t, []*int{nil, new(int)})
	same(t, time.Now().Round(0))
	same(t, netip.MustParseAddr("10.0.0.1"))
	same(t, big.NewInt(1).Lsh(big.NewInt(1), 2000))
	same(t, make([]int64, 10000))
}

func TestNilAndEmptyStayApart(t *testing.T) {
	same(t, []byte(nil))
	same(t, []byte{})
	same(t, []int(nil))
	same(t, []int{})
	same(t, []string(nil))
	same(t, []string{})
	same(t, map[string]string(nil))
	same(t, map[string]string{})
	same(t, map[int]int(nil))
	same(t, map[int]int{})
}

type list struct {
	Value int
	Next  *list
}

type tree struct {
	Name     string
	Children []tree
	ByName   map[string]*tree
	Any      any
}

func TestTypesWithinThemselves(t *testing.T) {
	same(t, list{1, &list{2, &list{3, nil}}})
	same(t, tree{"a", []tree{{Name: "b"}, {Name: "c"}}, map[string]*tree{"d": {Name: "d"}}, 1})
	long := &list{}
	for i := range 5000 {
		long = &list{i, long}
	}
	n := 0
	for l := trip(t, long); l != nil; l = l.Next {
		n++
	}
	if n != 5001 {
		t.Errorf("a list of 5001 arrived as %d", n)
	}
}

// TestTypesWithinThemselvesFromAnySide compiles types first that are not the struct: each
// of these is used nowhere else.
func TestTypesWithinThemselvesFromAnySide(t *testing.T) {
	same(t, &chain{1, &chain{2, &chain{3, nil}}})
	same(t, chain{1, &chain{2, nil}})
	same(t, forest{{"a", forest{{"b", nil}, {"c", forest{}}}}})
	same(t, grown{"a", forest{{"b", nil}}})
	same(t, index{"a": {1, index{"b": {2, nil}}}})
	same(t, &twin{1, &other{2, &twin{3, nil}}})
	same(t, &other{1, &twin{2, &other{3, nil}}})
}

type chain struct {
	Value int
	Next  *chain
}

type (
	forest []grown
	grown  struct {
		Name string
		Sub  forest
	}
	index map[string]entry
	entry struct {
		Value int
		Sub   index
	}
	twin struct {
		Value int
		Other *other
	}
	other struct {
		Value int
		Twin  *twin
	}
)

type loop []loop

func TestAValueThatContainsItselfIsAnError(t *testing.T) {
	l := &list{}
	l.Next = l
	fails(t, l, ErrTooDeep, "list.Next.Next")
	s := make(loop, 1)
	s[0] = s
	fails(t, s, ErrTooDeep, "[][]")
	m := map[string]any{}
	m["m"] = m
	fails(t, any(m), ErrTooDeep, "")
	var a any
	a = &a
	fails(t, a, nil, "not registered")
	long := &list{}
	for range MaxDepth {
		long = &list{0, long}
	}
	fails(t, long, ErrTooDeep, "")
}

// fails expects an error that is err and contains text, and an encoder that is as
// it was before.
func fails[T any](t *testing.T, v T, is error, text string) {
	t.Helper()
	c, err := For[T]()
	if err != nil {
		t.Fatal(err)
	}
	e := Encoder{Bytes: []byte("before"), Files: []int{1}}
	err = c.Encode(&e, v)
	if err == nil || is != nil && !errors.Is(err, is) || !strings.Contains(err.Error(), text) {
		t.Errorf("%T: error is %v, want %v with %q", v, err, is, text)
	}
	if err != nil && (!strings.HasPrefix(err.Error(), "wire: ") || len(err.Error()) > 1000) {
		t.Errorf("%T: error %v", v, err)
	}
	if string(e.Bytes) != "before" || len(e.Files) != 1 || e.depth != 0 {
		t.Errorf("%T: the encoder is %+v after an error", v, e)
	}
}

func TestWhatCannotTravelIsNamed(t *testing.T) {
	type job struct {
		Name string
		Done chan int
	}
	refused[struct{ Jobs []map[string]*job }](t, "Jobs[][].Done: a chan")
	refused[func()](t, "a func")
	refused[struct{ Mu sync.Mutex }](t, "Mu: a sync.Mutex")
	refused[map[chan int]int](t, "[key]: a chan")
	refused[os.File](t, "os.File that is not behind a pointer")
	if _, err := For[struct {
		F func() `wire:"-"`
		_ [0]func()
	}](); err != nil {
		t.Error(err)
	}
}

func refused[T any](t *testing.T, text string) {
	t.Helper()
	for range 2 { // the failure leaves nothing behind
		if _, err := For[T](); err == nil || !strings.Contains(err.Error(), text) || !strings.HasPrefix(err.Error(), "wire: ") {
			t.Errorf("error is %v, want %q", err, text)
		}
	}
}

type shouting struct{ s string }

func (s shouting) MarshalText() ([]byte, error)     { return []byte(strings.ToUpper(s.s)), nil }
func (s *shouting) UnmarshalText(text []byte) error { s.s = string(text); return nil }

type embedding struct {
	shouting
	N int
}

type alone struct{ shouting }

type handle struct{ id uint64 }

func (h *handle) EncodeWire(e *Encoder) error {
	if h.id == 0 {
		return errors.New("a zero handle leads nowhere")
	}
	e.Uint(h.id)
	e.Text("h")
	return nil
}

func (h *handle) DecodeWire(d *Decoder) (err error) {
	if h.id, err = d.Uint(); err != nil {
		return err
	}
	s, err := d.Text()
	if s != "h" {
		return ErrMalformed
	}
	return err
}

func TestATypeSaysHowItTravels(t *testing.T) {
	if got := trip(t, []shouting{{"quiet"}}); got[0].s != "QUIET" {
		t.Errorf("text methods were not used: %v", got)
	}
	if got := trip(t, embedding{shouting{"quiet"}, 3}); got.s != "QUIET" || got.N != 3 {
		t.Errorf("promoted methods lose fields: %+v", got)
	}
	if got := trip(t, alone{shouting{"quiet"}}); got.s != "QUIET" {
		t.Errorf("%+v", got)
	}
	same(t, []*handle{{7}, nil, {1 << 60}})
	same(t, struct {
		*handle
		N int
	}{&handle{9}, 1})
	same(t, map[string]handle{"a": {3}})
	fails(t, map[string]handle{"a": {}}, nil, "a zero handle")
	if _, ok := must(For[handle]()).Fixed(); ok {
		t.Error("a Portable is not plain memory")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestFixed(t *testing.T) {
	check := func(size int, ok bool, wantSize int, want bool) {
		t.Helper()
		if ok != want || ok && size != wantSize {
			t.Errorf("got %d, %v; want %d, %v", size, ok, wantSize, want)
		}
	}
	size, ok := must(For[struct {
		A int32
		B [3]bool
		C float64
	}]()).Fixed()
	check(size, ok, 16, true)
	size, ok = must(For[uint64]()).Fixed()
	check(size, ok, 8, true)
	_, ok = must(For[string]()).Fixed()
	check(0, ok, 0, false)
	_, ok = must(For[*int]()).Fixed()
	check(0, ok, 0, false)
	_, ok = must(For[time.Time]()).Fixed()
	check(0, ok, 0, false)
	_, ok = must(For[struct {
		A int `wire:"-"`
	}]()).Fixed()
	check(0, ok, 0, false)
}

func TestFingerprint(t *testing.T) {
	type a struct {
		N int
		L *list
	}
	type b struct {
		N uint
		L *list
	}
	if must(For[a]()).Fingerprint() == must(For[b]()).Fingerprint() {
		t.Error("different types, same fingerprint")
	}
	if first, second := must(For[a]()).Fingerprint(), must(For[a]()).Fingerprint(); first != second {
		t.Error("one type, two fingerprints")
	}
	if first, second := Build(), Build(); first == [16]byte{} || first != second {
		t.Error("no build")
	}
}

func TestConcurrentCompiling(t *testing.T) {
	type fresh struct {
		L *fresh
		M map[string][]fresh
		E everything
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { same(t, fresh{E: full(), L: &fresh{}}) })
	}
	wg.Wait()
}
