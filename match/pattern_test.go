package match

import (
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

type (
	command string
	point   struct{ x, y int }
	holder  struct{ held any } // comparable or not, as what it holds is
)

// A patternCase says which values fit a pattern and which do not.
type patternCase struct {
	name string
	p    Matcher
	fit  []any
	miss []any
}

func (c patternCase) run(t *testing.T) {
	for _, v := range c.fit {
		if !c.p.Matches(v) {
			t.Errorf("%v: %s should fit", matcherText(c.p), valueText(v))
		}
	}
	for _, v := range c.miss {
		if c.p.Matches(v) {
			t.Errorf("%v: %s should not fit", matcherText(c.p), valueText(v))
		}
	}
}

// Each rule that paragram documents, with values like those it documents.
func TestParagramRules(t *testing.T) {
	number, text := Type[int](), Type[string]()
	negative := Where(func(f float64) bool { return f < 0 })
	fn := func() bool { return true }
	cases := []patternCase{
		{"any", Any(),
			[]any{"text", 13.7, nil, Tuple{1, "", fn}, fn, []int(nil)}, nil},
		{"literal string", Is("land shark"),
			[]any{"land shark"}, []any{"dolphin", 42, []any{}, nil, command("land shark")}},
		{"literal number", Is(13.7),
			[]any{13.7}, []any{"text", 13.6, map[string]int{"A": 14}, float32(13.7)}},
		{"type int", number,
			[]any{13, 42, 0}, []any{"text", 13.7, []any{}, true, int64(13), nil}},
		{"type string", text,
			[]any{"plumber", ""}, []any{42, 0.9, fn, command("plumber")}},
		{"predicate", Where(func(n int) bool { return n > 20 }),
			[]any{42, 100}, []any{13, 0, -67, 67.7, "42", nil}},
		{"tuple", TupleOf(text, number),
			[]any{Tuple{"shark", 42}, Tuple{"dolphin", 0}},
			[]any{[]any{"shark", 42}, Tuple{"dolphin", 42, 0}, Tuple{"dolphin"}, nil, "shark"}},
		{"tuple of three rules", TupleOf(text, Is(20), negative),
			[]any{Tuple{"shark", 20, -54.76}, Tuple{"dolphin", 20, -1.0}},
			[]any{Tuple{"shark", 21, -6.0}, Tuple{20, 20, -1.0}, Tuple{"", 20}}},
		{"tuple with a rest", TupleRest(Is(1), Is(2)),
			[]any{Tuple{1, 2}, Tuple{1, 2, 3}, Tuple{1, 2, 3, "not a number"}},
			[]any{Tuple{1, 3}, Tuple{1, 1, 2}, Tuple{1}, []any{1, 2}, Tuple(nil)}},
		{"list", ListOf(Is("A"), text, text),
			[]any{[]any{"A", "B", "C"}, []string{"A", "B", "C"}},
			[]any{[]any{"A", "B"}, []any{"C", "B", "A"}, []string{"A"}, Tuple{"A", "B", "C"}}},
		{"list of two types", ListOf(text, number),
			[]any{[]any{"dolphin", 42}},
			[]any{[]any{"shark"}, []any{42, 0}, []any{"dolphin", 42, "shark"}, []int{1, 2}}},
		{"every list", ListRest(),
			[]any{[]any{"dolphin", 42, 0.9}, []any{}, []any(nil), []int{1}, []byte("ab")},
			[]any{Tuple{"dolphin", 42}, "shark", nil, [2]int{1, 2}, map[int]int{}}},
		{"list with a rest", ListRest(Is("A"), number),
			[]any{[]any{"A", 1}, []any{"A", 1, nil}}, []any{[]any{"A"}, []any{"A", "B"}, []string{"A", "1"}}},
		{"map", Map[any](Key("S", number), Key(19, text)),
			[]any{map[any]any{"S": 3, 19: "foo"}, map[any]any{"S": -65, 19: "bar", "T": "me"}},
			[]any{map[any]any{"S": "Charlie", 19: "foo"}, map[any]any{"S": 3}, map[string]any{"S": 3}, "S", nil}},
		{"nested", TupleOf(Is("add"), ListOf(Map[any](Key("at", TupleOf(number, number))), Any())),
			[]any{Tuple{"add", []any{map[string]any{"at": Tuple{1, 2}}, nil}}},
			[]any{Tuple{"add", []any{map[string]any{"at": []any{1, 2}}, nil}}, Tuple{"add", nil}}},
	}
	for _, c := range cases {
		t.Run(c.name, c.run)
	}
}

func TestIs(t *testing.T) {
	var nilPointer *point
	p := &point{1, 2}
	cases := []patternCase{
		{"bool", Is(true), []any{true}, []any{false, 1, nil}},
		{"defined type", Is(command("go")), []any{command("go")}, []any{"go", command("stop")}},
		{"struct", Is(point{1, 2}), []any{point{1, 2}}, []any{point{2, 1}, &point{1, 2}}},
		{"pointer", Is(p), []any{p}, []any{&point{1, 2}, *p, nilPointer, nil}},
		{"nil pointer", Is(nilPointer), []any{nilPointer}, []any{p, nil}},
		{"array", Is([2]int{1, 2}), []any{[2]int{1, 2}}, []any{[2]int{2, 1}, []int{1, 2}}},
		{"nothing equals NaN", Is(math.NaN()), nil, []any{math.NaN(), 0.0}},
		{"error", Is(io.EOF), []any{io.EOF}, []any{errors.New("EOF"), nil, "EOF"}},
		{"any", Is[any](7), []any{7}, []any{8, "7", nil, []int{7}}},
		{"nil", Is[any](nil), []any{nil}, []any{0, "", nilPointer, error(nil) == nil}},
		{"nil error", Is[error](nil), []any{nil, error(nil)}, []any{io.EOF}},
	}
	for _, c := range cases {
		t.Run(c.name, c.run)
	}
}

func TestIsNeverPanicsOnWhatCannotBeCompared(t *testing.T) {
	uncomparable := []any{[]int{1}, map[string]int{}, func() {}, holder{[]int{1}}, [1]any{func() {}}, holder{holder{Tuple{}}}}
	patterns := []Matcher{
		Is("x"), Is(1), Is[any]("x"), Is[any](holder{1}), Is(holder{1}), Is(holder{nil}), Is(holder{holder{1}}),
		Is([1]any{1}), Is[any](nil), Is[error](nil), Is[fmt.Stringer](reflect.ValueOf(1)),
		Is[any]([]int{1}), Is(holder{[]int{1}}), Is([1]any{map[int]int{}}), Is[any](func() {}),
		Map[any](Key(holder{[]int{1}}, Any())), Map[any](Key[any](func() {}, Any())),
	}
	for _, p := range patterns {
		for _, v := range uncomparable {
			if p.Matches(v) {
				t.Errorf("%v should not fit %s", matcherText(p), valueText(v))
			}
		}
	}
	for _, c := range []patternCase{
		{"comparable after all", Is(holder{1}), []any{holder{1}}, []any{holder{2}, holder{"1"}, holder{nil}}},
		{"held nil", Is(holder{}), []any{holder{}}, []any{holder{1}}},
		{"behind any", Is[any](holder{holder{1}}), []any{holder{holder{1}}}, []any{holder{1}}},
		{"array of any", Is([1]any{1}), []any{[1]any{1}}, []any{[1]any{2}}},
	} {
		t.Run(c.name, c.run)
	}
}

func TestTypeOfInterfaces(t *testing.T) {
	type empty interface{}
	for _, c := range []patternCase{
		{"error", Type[error](), []any{io.EOF, &UnhandledError{}}, []any{"EOF", nil}},
		{"any", Type[any](), []any{1, nil, "x"}, nil},
		{"empty interface", Type[empty](), []any{1, nil}, nil},
		{"pointer", Type[*point](), []any{&point{}, (*point)(nil)}, []any{point{}, nil}},
		{"predicate on any", Where(func(v any) bool { return v == nil }), []any{nil}, []any{1, ""}},
		{"predicate on error", Where(func(err error) bool { return errors.Is(err, io.EOF) }),
			[]any{io.EOF, fmt.Errorf("read: %w", io.EOF)}, []any{io.ErrClosedPipe, nil}},
		{"maybe", Maybe(Type[error]()), []any{nil, io.EOF}, []any{"EOF", 1}},
		{"maybe a predicate", Maybe(Where(func(n int) bool { return n > 0 })), []any{nil, 1}, []any{-1, "1"}},
	} {
		t.Run(c.name, c.run)
	}
}

func TestEach(t *testing.T) {
	for _, c := range []patternCase{
		{"type", Each(Type[int]()), []any{[]int{1, 2}, []any{1, 2}, []int(nil), []any{}, []string{}}, []any{[]any{1, "2"}, Tuple{1}, 1, nil, []string{"a"}}},
		{"predicate", Each(Where(func(n int) bool { return n > 0 })), []any{[]int{1}}, []any{[]int{1, 0}}},
	} {
		t.Run(c.name, c.run)
	}
	check(t, Each(Type[int]()), []any{1, 2}, []int{1, 2})
	check(t, Each(Type[any]()), []any{1, nil}, []any{1, nil})
	if got, ok := Each(Type[int]()).Match([]any{1, "2"}); ok || got != nil {
		t.Errorf("Match of a list that does not fit = %v, %v; want nil, false", got, ok)
	}
}

func TestMap(t *testing.T) {
	type table map[string]int
	for _, c := range []patternCase{
		{"typed", Map[map[string]any](Key("a", Type[int]())),
			[]any{map[string]any{"a": 1, "b": 2}}, []any{map[any]any{"a": 1}, map[string]any{"a": "1"}, map[string]any(nil), nil}},
		{"typed values", Map[map[string]int](Key("a", Is(1))), []any{map[string]int{"a": 1}}, []any{map[string]int{"a": 2}, table{"a": 1}}},
		{"other types", Map[any](Key("a", Is(1))), []any{map[string]int{"a": 1}, table{"a": 1}, map[fmt.Stringer]int{}}[:2],
			[]any{map[int]int{1: 1}, map[command]int{"a": 1}, map[fmt.Stringer]int{}, []int{1}}},
		{"key is there, its value nil", Map[any](Key("a", Any())), []any{map[string]any{"a": nil}, map[string]error{"a": nil}}, []any{map[string]any{"b": nil}}},
		{"nil key", Map[any](Key[any](nil, Is("x"))), []any{map[any]any{nil: "x"}, map[any]string{nil: "x"}, map[error]string{nil: "x"}}, []any{map[string]any{"": "x"}}},
		{"every map", Map[any](), []any{map[string]any{}, map[int]int(nil), table{}}, []any{nil, 1, []int{}, Tuple{}}},
		{"every map of a type", Map[table](), []any{table{}, table(nil)}, []any{map[string]int{}, nil}},
		{"zero entry", Map[any](Entry{}), nil, []any{map[string]any{"": 1}, map[any]any{nil: nil}}},
		{"key of an interface type", Map[any](Key[error](io.EOF, Is(1))), []any{map[error]any{io.EOF: 1}, map[error]int{io.EOF: 1}, map[any]any{io.EOF: 1}}, []any{map[error]any{}}},
	} {
		t.Run(c.name, c.run)
	}
}

// check asserts what a pattern hands out for a value that fits.
func check[T any](t *testing.T, p Pattern[T], v any, want T) {
	t.Helper()
	got, ok := p.Match(v)
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%v.Match(%s) = %#v, %v; want %#v, true", matcherText(p), valueText(v), got, ok, want)
	}
}

func TestMatchHandsOutTypedValues(t *testing.T) {
	check(t, Any(), nil, nil)
	check(t, Any(), 3, any(3))
	check(t, Is("x"), "x", "x")
	check(t, Is(holder{1}), any(holder{1}), holder{1})
	check(t, Is[any](nil), nil, nil)
	check(t, Type[error](), io.EOF, io.EOF)
	check(t, Where(func(n int) bool { return n > 0 }), 4, 4)
	check(t, Maybe(Type[int]()), nil, 0)
	check(t, Maybe(Type[int]()), 5, 5)
	check(t, TupleOf(Any()), Tuple{nil}, Tuple{nil})
	check(t, ListRest(), []int{1, 2}, []any{1, 2})
	check(t, ListOf(), []int(nil), []any{})
	check(t, Map[map[string]int](Key("a", Any())), map[string]int{"a": 1}, map[string]int{"a": 1})
}

func TestMatchHandsOutZeroOnAMiss(t *testing.T) {
	if v, ok := Is("x").Match("y"); ok || v != "" {
		t.Errorf("Is: %q, %v", v, ok)
	}
	if v, ok := Is[any]([]int{1}).Match([]int{1}); ok || v != nil {
		t.Errorf("Is: %v, %v", v, ok)
	}
	if v, ok := Where(func(n int) bool { return n > 5 }).Match(3); ok || v != 0 {
		t.Errorf("Where: %v, %v", v, ok)
	}
	if v, ok := Maybe(Type[int]()).Match("x"); ok || v != 0 {
		t.Errorf("Maybe: %v, %v", v, ok)
	}
	if v, ok := TupleOf(Is(1)).Match(Tuple{2}); ok || v != nil {
		t.Errorf("TupleOf: %v, %v", v, ok)
	}
	if v, ok := ListOf(Is(1)).Match([]any{2}); ok || v != nil {
		t.Errorf("ListOf: %v, %v", v, ok)
	}
	if v, ok := Map[any](Key(1, Any())).Match(map[int]int{}); ok || v != nil {
		t.Errorf("Map: %v, %v", v, ok)
	}
}

// even is a pattern that a program brings along.
type even struct{}

func (even) Match(v any) (int, bool) {
	n, ok := v.(int)
	if !ok || n%2 != 0 {
		return 0, false
	}
	return n / 2, true
}

func (e even) Matches(v any) bool { _, ok := e.Match(v); return ok }

func TestPatternsOfAProgram(t *testing.T) {
	check(t, Each[int](even{}), []int{2, 4}, []int{1, 2})
	check(t, TupleOf(even{}), Tuple{2}, Tuple{2})
	if got := matcherText(TupleOf(even{})); got != "(match.even)" {
		t.Errorf("text = %q", got)
	}
}

// wantPanic asserts that f panics with a text of this package that has part.
func wantPanic(t *testing.T, part string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		text, _ := recover().(string)
		if !strings.HasPrefix(text, "match: ") || !strings.Contains(text, part) {
			t.Errorf("panic with %q; want one with %q", text, part)
		}
	}()
	f()
}

func TestMisusePanics(t *testing.T) {
	wantPanic(t, "Where: the predicate is nil", func() { Where[int](nil) })
	wantPanic(t, "Maybe: pattern 1 is nil", func() { Maybe[int](nil) })
	wantPanic(t, "Each: pattern 1 is nil", func() { Each[int](nil) })
	wantPanic(t, "TupleOf: pattern 2 is nil", func() { TupleOf(Any(), nil) })
	wantPanic(t, "TupleRest: pattern 1 is nil", func() { TupleRest(nil) })
	wantPanic(t, "ListOf: pattern 1 is nil", func() { ListOf(nil) })
	wantPanic(t, "ListRest: pattern 1 is nil", func() { ListRest(nil) })
	wantPanic(t, "Key: pattern 1 is nil", func() { Key("a", nil) })
	wantPanic(t, "Map[int]: the type is no map", func() { Map[int]() })
}
