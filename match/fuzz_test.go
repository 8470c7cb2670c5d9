package match

import (
	"math"
	"reflect"
	"slices"
	"testing"
)

// A source makes choices from the fuzzer's bytes; it chooses 0 when they are
// used up.
type source struct{ data []byte }

func (s *source) choose(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

// atoms are the values at the leaves: equal ones of different types, nils of
// several kinds, and values that cannot be compared.
var atoms = []any{
	nil, 0, 1, int64(1), 1.0, math.NaN(), true, "", "a", "b", command("a"), 'a',
	point{1, 2}, &point{1, 2}, (*point)(nil), holder{1}, holder{[]int{1}}, holder{holder{map[int]int{}}},
	func() {}, make(chan int), []byte("ab"), []string{"a", "b"}, []any(nil), Tuple(nil),
	map[string]int{"a": 1}, map[any]any(nil), map[int]string{1: "a"}, [1]any{func() {}}, reflect.Int,
}

// value makes a value in which tuples, lists and maps nest.
func (s *source) value(depth int) any {
	kind := s.choose(8)
	if depth == 0 || kind < 3 {
		return atoms[s.choose(len(atoms))]
	}
	values := make([]any, s.choose(4))
	for i := range values {
		values[i] = s.value(depth - 1)
	}
	switch kind {
	case 3, 4:
		return Tuple(values)
	case 5:
		return values
	}
	m := map[any]any{}
	for i, v := range values {
		m[[]any{"a", 1, nil}[i]] = v
	}
	if kind == 6 {
		return m
	}
	if len(values) == 0 {
		return map[string]any(nil)
	}
	return map[string]any{"a": values[0]}
}

// A spec is a pattern, and the naive statement of which values fit it.
type spec struct {
	p    Matcher
	fits func(v any) bool
}

// naivelyEqual compares by kind of type and then deeply, but for what Go says
// cannot be compared or is not equal to itself.
func naivelyEqual(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	ra, rb := reflect.ValueOf(a), reflect.ValueOf(b)
	return ra.Type() == rb.Type() && ra.Comparable() && rb.Comparable() && ra.Equal(rb)
}

func hasType[T any](v any) bool {
	want := reflect.TypeFor[T]()
	if v == nil || want.Kind() != reflect.Interface {
		return v != nil && reflect.TypeOf(v) == want
	}
	return reflect.TypeOf(v).Implements(want)
}

func typeSpec[T any]() spec { return spec{Type[T](), hasType[T]} }

func isSpec[T comparable](want T) spec {
	return spec{Is(want), func(v any) bool { return (v == nil || hasType[T](v)) && naivelyEqual(v, want) }}
}

// leaves are the patterns that hold no others.
var leaves = []spec{
	{Any(), func(any) bool { return true }},
	typeSpec[int](), typeSpec[string](), typeSpec[Tuple](), typeSpec[[]any](), typeSpec[point](),
	typeSpec[error](), typeSpec[interface{ String() string }](), typeSpec[func()](), typeSpec[*point](),
	{Type[any](), func(any) bool { return true }},
	isSpec(1), isSpec("a"), isSpec(""), isSpec(1.0), isSpec(math.NaN()), isSpec(point{1, 2}),
	isSpec(holder{1}), isSpec(holder{[]int{1}}), isSpec[any](1), isSpec[any](nil), isSpec[error](nil),
	isSpec[any](Tuple{}), isSpec([1]any{1}), isSpec((*point)(nil)),
	{Where(func(n int) bool { return n > 0 }), func(v any) bool { n, ok := v.(int); return ok && n > 0 }},
	{Where(func(v any) bool { return v == nil }), func(v any) bool { return v == nil }},
	{Maybe(Type[string]()), func(v any) bool { return v == nil || hasType[string](v) }},
}

func (s *source) spec(depth int) spec {
	kind := s.choose(9)
	if depth == 0 || kind < 3 {
		return leaves[s.choose(len(leaves))]
	}
	specs := make([]spec, s.choose(4))
	matchers := make([]Matcher, len(specs))
	for i := range specs {
		specs[i] = s.spec(depth - 1)
		matchers[i] = specs[i].p
	}
	switch kind {
	case 3:
		return spec{TupleOf(matchers...), func(v any) bool { return naiveSequence(v, true, false, specs) }}
	case 4:
		return spec{TupleRest(matchers...), func(v any) bool { return naiveSequence(v, true, true, specs) }}
	case 5:
		return spec{ListOf(matchers...), func(v any) bool { return naiveSequence(v, false, false, specs) }}
	case 6:
		return spec{ListRest(matchers...), func(v any) bool { return naiveSequence(v, false, true, specs) }}
	case 7:
		each := s.spec(depth - 1)
		return spec{Each[any](wide{each.p}), func(v any) bool {
			return naiveSequence(v, false, true, slices.Repeat([]spec{each}, naiveLen(v)))
		}}
	}
	return mapSpec(specs)
}

// wide makes a Pattern of a Matcher.
type wide struct{ Matcher }

func (w wide) Match(v any) (any, bool) { return v, w.Matches(v) }

func naiveLen(v any) int {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice {
		return rv.Len()
	}
	return 0
}

func naiveSequence(v any, tuple, rest bool, specs []spec) bool {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice || (rv.Type() == reflect.TypeFor[Tuple]()) != tuple {
		return false
	}
	if rv.Len() < len(specs) || (rv.Len() > len(specs) && !rest) {
		return false
	}
	for i, s := range specs {
		if !s.fits(rv.Index(i).Interface()) {
			return false
		}
	}
	return true
}

// mapSpec asks for the keys "a", 1 and nil, as far as there are specs.
func mapSpec(specs []spec) spec {
	keys := []any{"a", 1, nil}[:len(specs)]
	makers := []func(Matcher) Entry{
		func(m Matcher) Entry { return Key("a", m) },
		func(m Matcher) Entry { return Key(1, m) },
		func(m Matcher) Entry { return Key[any](nil, m) },
	}
	var entries []Entry
	for i, s := range specs {
		entries = append(entries, makers[i](s.p))
	}
	return spec{Map[any](entries...), func(v any) bool {
		rv := reflect.ValueOf(v)
		if rv.Kind() != reflect.Map {
			return false
		}
		for i, s := range specs {
			found := false
			for _, k := range rv.MapKeys() {
				if naivelyEqual(k.Interface(), keys[i]) {
					found = s.fits(rv.MapIndex(k).Interface())
				}
			}
			if !found {
				return false
			}
		}
		return true
	}}
}

// FuzzPatterns: no pattern panics for any value, and each agrees with the naive
// statement of its rule.
func FuzzPatterns(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &source{data}
		pattern, v := s.spec(3), s.value(3)
		want := pattern.fits(v)
		if got := pattern.p.Matches(v); got != want {
			t.Errorf("%s fits %s: %v; want %v", valueText(v), matcherText(pattern.p), got, want)
		}
		if nested := TupleOf(pattern.p).Matches(Tuple{v}); nested != want {
			t.Errorf("(%s) fits (%s): %v; want %v", valueText(v), matcherText(pattern.p), nested, want)
		}
	})
}

// FuzzClauses: a receiver runs the first clause that matches, whatever its
// index does, and says so if there is none.
func FuzzClauses(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &source{data}
		got, want, found := -1, -1, false
		var r Receiver
		message := s.value(3)
		for i := range 2 + s.choose(2*indexFrom) {
			ran := func() error { got = i; return nil }
			clause, fits := s.clause(ran)
			r.Add(clause)
			if !found && fits(message) {
				want, found = i, true
			}
		}
		handled, err := r.Match(message)
		if handled != found || err != nil || got != want {
			t.Errorf("%s: handled %v (%v) by clause %d; want %v by %d of %v", valueText(message), handled, err, got, found, want, r.table().all)
		}
		_ = r.table().unhandled(message).Error()
	})
}

// clause makes a clause whose handler calls ran, and the naive statement of
// what it matches.
func (s *source) clause(ran func() error) (Clause, func(m any) bool) {
	kind := s.choose(6)
	a, b := s.spec(1), s.spec(2)
	if word := s.choose(4); word > 0 { // clauses with a key are the usual ones
		a = isSpec([]string{"", "a", "b"}[word-1])
	}
	naive := func(rest bool, specs ...spec) func(any) bool {
		return func(m any) bool {
			if _, ok := m.(Tuple); !ok {
				m = Tuple{m}
			}
			return naiveSequence(m, true, rest, specs)
		}
	}
	p1, keyed := a.p.(Pattern[string])
	if !keyed {
		p1 = narrow{a.p}
	}
	p2 := wide{b.p}
	switch kind {
	case 0:
		return Case1(p1, func(string) error { return ran() }), naive(false, a)
	case 1:
		return CaseRest1(p1, Any(), func(string, []any) error { return ran() }), naive(true, a)
	case 2:
		return CaseRest2(p1, p2, Any(), func(string, any, []any) error { return ran() }), naive(true, a, b)
	case 3:
		return Case(p2, func(any) error { return ran() }), b.fits
	}
	return Case2(p1, p2, func(string, any) error { return ran() }), naive(false, a, b)
}

// narrow makes a Pattern[string] of a Matcher that may accept other types too.
type narrow struct{ Matcher }

func (n narrow) Match(v any) (string, bool) { return "", n.Matches(v) }

func seeds(f *testing.F) {
	f.Add([]byte{})
	for i := range 64 {
		data := make([]byte, 48)
		for j := range data {
			data[j] = byte(i*j*7 + i ^ j<<2)
		}
		f.Add(data)
	}
}
