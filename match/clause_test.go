package match

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// A recorder makes handlers that write down what they got.
type recorder struct{ got string }

func (r *recorder) note(name string, values ...any) error {
	r.got = name
	for _, v := range values {
		r.got += " " + fmt.Sprintf("%T:%v", v, v)
	}
	return nil
}

// every returns a receiver with a clause of each kind, most special first.
func (r *recorder) every() *Receiver {
	s, n := Type[string](), Type[int]()
	return NewReceiver(
		Case(Type[point](), func(p point) error { return r.note("whole", p) }),
		Case(TupleOf(Is("t"), Any()), func(t Tuple) error { return r.note("tuple", t) }),
		Case0(func() error { return r.note("0") }),
		Case1(s, func(a string) error { return r.note("1", a) }),
		Case1(Type[Tuple](), func(a Tuple) error { return r.note("1t", a) }),
		Case2(s, n, func(a string, b int) error { return r.note("2", a, b) }),
		Case3(s, n, s, func(a string, b int, c string) error { return r.note("3", a, b, c) }),
		Case4(s, n, s, n, func(a string, b int, c string, d int) error { return r.note("4", a, b, c, d) }),
		Case5(s, n, s, n, s, func(a string, b int, c string, d int, e string) error { return r.note("5", a, b, c, d, e) }),
		CaseRest3(Is("r3"), s, s, n, func(a, b, c string, rest []int) error { return r.note("r3", a, b, c, rest) }),
		CaseRest2(Is("r2"), s, Any(), func(a, b string, rest []any) error { return r.note("r2", a, b, rest) }),
		CaseRest1(Is("r1"), Any(), func(a string, rest []any) error { return r.note("r1", a, rest) }),
		CaseRest(n, func(rest []int) error { return r.note("r", rest) }),
		CatchAll(func(m any) error { return r.note("else", m) }),
	)
}

func TestClauses(t *testing.T) {
	for _, c := range []struct {
		message any
		want    string
	}{
		{point{1, 2}, "whole match.point:{1 2}"},
		{Tuple{point{1, 2}}, "else match.Tuple:[{1 2}]"}, // not whole
		{Tuple{"t", 1}, "tuple match.Tuple:[t 1]"},
		{Tuple{}, "0"},
		{Tuple(nil), "0"},
		{"bare", "1 string:bare"},
		{Tuple{"one"}, "1 string:one"},
		{Tuple{Tuple{1, 2}}, "1t match.Tuple:[1 2]"},
		{Tuple{"two", 2}, "2 string:two int:2"},
		{Tuple{"two", "2"}, "else match.Tuple:[two 2]"},
		{Tuple{2, 2.5}, "else match.Tuple:[2 2.5]"},
		{Tuple{"a", 1, "b"}, "3 string:a int:1 string:b"},
		{Tuple{"a", 1, "b", 2}, "4 string:a int:1 string:b int:2"},
		{Tuple{"a", 1, "b", 2, "c"}, "5 string:a int:1 string:b int:2 string:c"},
		{Tuple{"a", 1, "b", 2, "c", 3}, "else match.Tuple:[a 1 b 2 c 3]"},
		{Tuple{"a", 1, "b", 2, 3}, "else match.Tuple:[a 1 b 2 3]"},
		{Tuple{"r3", "x", "y"}, "r3 string:r3 string:x string:y []int:[]"},
		{Tuple{"r3", "x", "y", 1, 2}, "r3 string:r3 string:x string:y []int:[1 2]"},
		{Tuple{"r3", "x", "y", 1, "2"}, "else match.Tuple:[r3 x y 1 2]"},
		{Tuple{"r2", "x"}, "r2 string:r2 string:x []interface {}:[]"},
		{Tuple{"r2", "x", nil, 3}, "r2 string:r2 string:x []interface {}:[<nil> 3]"},
		{Tuple{"r1", nil}, "r1 string:r1 []interface {}:[<nil>]"},
		{Tuple{1, 2, 3}, "r []int:[1 2 3]"},
		{7, "r []int:[7]"},
		{nil, "else <nil>:<nil>"},
		{[]any{"one"}, "else []interface {}:[one]"}, // a list is no tuple
	} {
		r := new(recorder)
		handled, err := r.every().Match(c.message)
		if !handled || err != nil || r.got != c.want {
			t.Errorf("Match(%s) = %v, %v with %q; want true, nil with %q", valueText(c.message), handled, err, r.got, c.want)
		}
	}
}

func TestRestOfNothing(t *testing.T) {
	var got any
	r := NewReceiver(CaseRest(Any(), func(rest []any) error { got = rest; return nil }))
	for message, want := range map[string]struct{ message, want any }{
		"empty tuple": {Tuple{}, []any(nil)},
		"bare":        {"x", []any{"x"}},
		"bare nil":    {nil, []any{nil}},
		"parts":       {Tuple{1, nil}, []any{1, nil}},
	} {
		if handled, _ := r.Match(want.message); !handled || !reflect.DeepEqual(got, want.want) {
			t.Errorf("%s: got %#v; want %#v", message, got, want.want)
		}
	}
}

func TestRestOfAnyCannotReachBeyondTheMessage(t *testing.T) {
	room := make(Tuple, 2, 10)
	room[0], room[1] = "r", 1
	var rest []any
	r := NewReceiver(CaseRest1(Is("r"), Any(), func(_ string, more []any) error { rest = append(more, "own"); return nil }))
	if handled, _ := r.Match(room); !handled {
		t.Fatal("not handled")
	}
	if got := room[:3][2]; got != nil {
		t.Errorf("an append to the rest wrote %v behind the message", got)
	}
	if want := []any{1, "own"}; !reflect.DeepEqual(rest, want) {
		t.Errorf("rest = %v; want %v", rest, want)
	}
}

func TestFirstClauseWins(t *testing.T) {
	var got []string
	note := func(name string) func(string) error {
		return func(string) error { got = append(got, name); return nil }
	}
	r := NewReceiver(
		CatchAll(func(any) error { got = append(got, "else"); return nil }),
		CatchAll(func(any) error { got = append(got, "second else"); return nil }),
		Clause{},
		Case1(Is("a"), note("a")),
		Case1(Type[string](), note("string")),
		Case1(Is("b"), note("b")),
	)
	for _, m := range []any{"a", "b", Tuple{"c"}, 1} {
		if handled, err := r.Match(m); !handled || err != nil {
			t.Errorf("Match(%v) = %v, %v", m, handled, err)
		}
	}
	if want := []string{"a", "string", "string", "else"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestHandlersErrorComesBack(t *testing.T) {
	failed := errors.New("failed")
	r := NewReceiver(
		Case1(Is("fail"), func(string) error { return failed }),
		Case(Type[string](), func(string) error { t.Error("a later clause was tried"); return nil }),
		CatchAll(func(any) error { return errors.ErrUnsupported }),
	)
	if handled, err := r.Match("fail"); !handled || err != failed {
		t.Errorf("Match = %v, %v; want true, %v", handled, err, failed)
	}
	if handled, err := r.Match(1); !handled || err != errors.ErrUnsupported {
		t.Errorf("Match = %v, %v; want true, %v", handled, err, errors.ErrUnsupported)
	}
}

// manyClauses is enough for the index: two for each key, and general ones among
// them; which writes down the number of the clause that ran.
func manyClauses(which *int) []Clause {
	var clauses []Clause
	add := func(make func(n int) Clause) { clauses = append(clauses, make(len(clauses))) }
	for i := range 6 {
		key := fmt.Sprint("key", i%3)
		add(func(n int) Clause {
			return Case2(Is(key), Is(i), func(string, int) error { *which = n; return nil })
		})
		add(func(n int) Clause {
			return Case2(Type[string](), Is(i+10), func(string, int) error { *which = n; return nil })
		})
		add(func(n int) Clause {
			return CaseRest1(Is(key), Is(i+20), func(string, []int) error { *which = n; return nil })
		})
		add(func(n int) Clause {
			return Case(Where(func(s string) bool { return s == fmt.Sprint("w", i) }), func(string) error { *which = n; return nil })
		})
	}
	return clauses
}

func TestIndexAgreesWithTryingInOrder(t *testing.T) {
	var which int
	clauses := manyClauses(&which)
	indexed := NewReceiver(clauses...)
	if indexed.table().byKey == nil {
		t.Fatal("too few clauses for an index")
	}
	var messages []any
	for _, key := range []any{"key0", "key1", "key2", "w1", "none", 5, nil} {
		messages = append(messages, key, Tuple{key})
		for n := range 30 {
			messages = append(messages, Tuple{key, n}, Tuple{key, n, n})
		}
	}
	for _, m := range messages {
		want := -1
		for n, c := range clauses {
			if handled, _ := NewReceiver(c).Match(m); handled {
				want = n
				break
			}
		}
		which = -1
		indexed.Match(m)
		if which != want {
			t.Errorf("Match(%v) ran clause %d; want %d", valueText(m), which, want)
		}
	}
}

func TestMisuseOfClausesPanics(t *testing.T) {
	wantPanic(t, "Case: pattern 1 is nil", func() { Case[int](nil, func(int) error { return nil }) })
	wantPanic(t, "Case: the handler is nil", func() { Case(Any(), nil) })
	wantPanic(t, "CatchAll: the handler is nil", func() { CatchAll(nil) })
	wantPanic(t, "Case0: the handler is nil", func() { Case0(nil) })
	wantPanic(t, "Case1: pattern 1 is nil", func() { Case1[int](nil, func(int) error { return nil }) })
	wantPanic(t, "Case2: the handler is nil", func() { Case2(Any(), Any(), nil) })
	wantPanic(t, "Case3: the handler is nil", func() { Case3(Any(), Any(), Any(), nil) })
	wantPanic(t, "Case4: pattern 4 is nil", func() { Case4[any, any, any, int](Any(), Any(), Any(), nil, nil) })
	wantPanic(t, "Case5: the handler is nil", func() { Case5(Any(), Any(), Any(), Any(), Any(), nil) })
	wantPanic(t, "CaseRest: pattern 1 is nil", func() { CaseRest[int](nil, func([]int) error { return nil }) })
	wantPanic(t, "CaseRest1: the handler is nil", func() { CaseRest1(Any(), Any(), nil) })
	wantPanic(t, "CaseRest2: pattern 3 is nil", func() { CaseRest2[any, any, int](Any(), Any(), nil, nil) })
	wantPanic(t, "CaseRest3: the handler is nil", func() { CaseRest3(Any(), Any(), Any(), Any(), nil) })
}

func TestClauseText(t *testing.T) {
	three := func(string, int, []any) error { return nil }
	for _, c := range []struct {
		clause Clause
		want   string
	}{
		{Case2(Is("sqrt"), Where(func(int) bool { return true }), func(string, int) error { return nil }), `("sqrt", where int)`},
		{Case1(Type[error](), func(error) error { return nil }), `(error)`},
		{CaseRest2(Is("log"), Type[int](), Any(), three), `("log", int, _...)`},
		{CaseRest(Maybe(Type[int]()), func([]int) error { return nil }), `(nil or int...)`},
		{Case(TupleRest(Is(1)), func(Tuple) error { return nil }), `whole message (1, ...)`},
		{Case(ListOf(Any(), Each(Type[int]())), func([]any) error { return nil }), `whole message [_, [each int]]`},
		{Case(Map[map[string]any](Key("a", Is(true))), func(map[string]any) error { return nil }), `whole message map[string]interface {}{"a": true, ...}`},
		{CatchAll(func(any) error { return nil }), "anything else"},
		{Clause{}, ""},
	} {
		if got := c.clause.String(); got != c.want {
			t.Errorf("text = %s; want %s", got, c.want)
		}
	}
}

func TestUnhandledErrorTellsWhatToDo(t *testing.T) {
	r := NewReceiver(Case1(Is("stop"), func(string) error { return nil }))
	err := r.table().unhandled(Tuple{"pang", 3})
	want := `match: no clause matches the message ("pang", 3); the clauses are ("stop"): add a clause for it, or a match.CatchAll`
	if err.Error() != want {
		t.Errorf("Error() = %s\nwant        %s", err, want)
	}
	err = new(Receiver).table().unhandled(nil)
	if want := `match: no clause matches the message nil: add a clause for it, or a match.CatchAll`; err.Error() != want {
		t.Errorf("Error() = %s\nwant        %s", err, want)
	}
	var which int
	err = NewReceiver(manyClauses(&which)...).table().unhandled(1)
	if got := len(err.clauses); got != maxTried+1 || !strings.Contains(err.Error(), ", ...: add") {
		t.Errorf("%d clauses in %s", got, err)
	}
}

func TestValueText(t *testing.T) {
	cycle := Tuple{"deep", nil}
	cycle[1] = cycle
	loop := []any{nil}
	loop[0] = loop
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "nil"},
		{"a\n", `"a\n"`},
		{strings.Repeat("é", 100), `"` + strings.Repeat("é", 32) + `..."`},
		{"x" + strings.Repeat("é", 100), `"x` + strings.Repeat("é", 31) + `..."`},
		{command("go"), `match.command("go")`},
		{3, "3"},
		{2.5, "2.5"},
		{true, "true"},
		{reflect.Int, "int"}, // a Stringer
		{errors.New("broken"), "broken"},
		{Tuple{}, "()"},
		{Tuple{"a", []any{1, nil}}, `("a", [1, nil])`},
		{point{1, 2}, "a match.point"},
		{&point{1, 2}, "a *match.point"},
		{func() {}, "a func()"},
		{map[string]int{}, "a map[string]int"},
		{equality(2), "match.equality(2)"},
		{make([]any, 10), "[nil, nil, nil, nil, nil, nil, nil, nil, ... 2 more]"},
		{cycle, `("deep", ("deep", ("deep", ("deep", (...)))))`},
		{loop, "[[[[[...]]]]]"},
		{(*failing)(nil), "<nil>"},
	} {
		if got := valueText(c.v); got != c.want {
			t.Errorf("text = %s; want %s", got, c.want)
		}
	}
}

type failing struct{ text string }

func (f *failing) Error() string { return f.text } // panics on a nil pointer
