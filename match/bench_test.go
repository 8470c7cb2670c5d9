package match

import (
	"fmt"
	"testing"
)

// A workload is a receiver and a message that one of its clauses handles. Those
// marked free cost no allocation.
type workload struct {
	name    string
	free    bool
	clauses []Clause
	message any
}

func workloads() []workload {
	none := func(string) error { return nil }
	text := func(string, int) error { return nil }
	negative := Where(func(n int) bool { return n < 0 })
	word := func(i int) string { return fmt.Sprintf("message-%02d", i) }
	many := func(n int) (clauses []Clause) {
		for i := range n {
			clauses = append(clauses, Case2(Is(word(i)), Type[int](), text))
		}
		return clauses
	}
	list := func([]any) error { return nil }
	return []workload{
		{"bare string", true, []Clause{Case1(Is("stop"), none)}, "stop"},
		{"tuple of one", true, []Clause{Case1(Is("stop"), none)}, Tuple{"stop"}},
		{"type of a struct", true, []Clause{Case(Type[point](), func(point) error { return nil })}, point{1, 2}},
		{"tuple of two, equality and type", true, []Clause{Case2(Is("add"), Type[int](), text)}, Tuple{"add", 1000}},
		{"tuple of two, equality and predicate", true, []Clause{Case2(Is("sqrt"), negative, text)}, Tuple{"sqrt", -1000}},
		{"equality of a struct", true, []Clause{Case2(Type[string](), Is(point{1, 2}), func(string, point) error { return nil })}, Tuple{"at", point{1, 2}}},
		{"three clauses, the last matches", true, []Clause{
			Case2(Is("ping"), Type[*point](), func(string, *point) error { return nil }),
			Case2(Is("sqrt"), negative, text),
			Case1(Is("go away"), none),
		}, Tuple{"go away"}},
		{"7 clauses, the last matches", true, many(7), Tuple{word(6), 1000}},
		{"8 clauses, the last matches", true, many(8), Tuple{word(7), 1000}},
		{"50 clauses, the last matches", true, many(50), Tuple{word(49), 1000}},
		{"50 clauses, catch-all", true, append(many(50), CatchAll(func(any) error { return nil })), Tuple{"unknown", 1}},
		{"tuple with a rest of any", true, []Clause{CaseRest1(Is("log"), Any(), func(string, []any) error { return nil })}, Tuple{"log", 1, 2, 3}},
		{"tuple with a typed rest", false, []Clause{CaseRest1(Is("sum"), Type[int](), func(string, []int) error { return nil })}, Tuple{"sum", 1, 2, 3}},
		{"nested tuples", true, []Clause{Case2(Is("put"), TupleOf(Type[string](), TupleOf(Type[int](), Any())), func(string, Tuple) error { return nil })}, Tuple{"put", Tuple{"k", Tuple{1, nil}}}},
		{"list of any", true, []Clause{Case(ListRest(Is("a"), Type[int]()), list)}, []any{"a", 1, 2}},
		{"list of strings, by reflection", false, []Clause{Case(ListRest(Is("a"), Is("b")), list)}, []string{"a", "b"}},
		{"map that contains, of any", true, []Clause{Case(Map[map[string]any](Key("op", Is("add"))), func(map[string]any) error { return nil })}, map[string]any{"op": "add", "n": 1}},
		{"map that contains, by reflection", false, []Clause{Case(Map[map[string]string](Key("op", Is("add"))), func(map[string]string) error { return nil })}, map[string]string{"op": "add"}},
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, w := range workloads() {
		b.Run(w.name, func(b *testing.B) {
			r := NewReceiver(w.clauses...)
			b.ReportAllocs()
			for b.Loop() {
				if handled, err := r.Match(w.message); !handled || err != nil {
					b.Fatalf("Match = %v, %v", handled, err)
				}
			}
		})
	}
}

// BenchmarkTypeSwitch is the same choice made by hand, for comparison with the
// three clauses of BenchmarkMatch.
func BenchmarkTypeSwitch(b *testing.B) {
	choose := func(message any) bool {
		t, _ := message.(Tuple)
		if len(t) == 2 && t[0] == "ping" {
			_, ok := t[1].(*point)
			return ok
		}
		if len(t) == 2 && t[0] == "sqrt" {
			n, ok := t[1].(int)
			return ok && n < 0
		}
		return len(t) == 1 && t[0] == "go away"
	}
	var message any = Tuple{"go away"}
	b.ReportAllocs()
	for b.Loop() {
		if !choose(message) {
			b.Fatal("not handled")
		}
	}
}

func BenchmarkAddAndRemove(b *testing.B) {
	for _, n := range []int{0, 10, 100} {
		b.Run(fmt.Sprint(n, " clauses"), func(b *testing.B) {
			var r Receiver
			for i := range n {
				r.Add(Case1(Is(fmt.Sprint(i)), func(string) error { return nil }))
			}
			c := Case1(Is("passing"), func(string) error { return nil })
			b.ReportAllocs()
			for b.Loop() {
				r.Add(c)()
			}
		})
	}
}

// The common clauses cost no allocation, so no reflection of values either.
func TestCommonClausesDoNotAllocate(t *testing.T) {
	for _, w := range workloads() {
		if !w.free {
			continue
		}
		r := NewReceiver(w.clauses...)
		n := testing.AllocsPerRun(100, func() {
			if handled, err := r.Match(w.message); !handled || err != nil {
				t.Fatalf("%s: Match = %v, %v", w.name, handled, err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a message; want none", w.name, n)
		}
	}
}
