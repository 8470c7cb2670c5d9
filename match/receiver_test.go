package match

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

func TestZeroReceiverHandlesNothing(t *testing.T) {
	var r Receiver
	for _, m := range []any{nil, "x", Tuple{}, Tuple{1, 2}} {
		if handled, err := r.Match(m); handled || err != nil {
			t.Errorf("Match(%v) = %v, %v; want false, nil", m, handled, err)
		}
	}
}

func TestAddAndRemove(t *testing.T) {
	var r Receiver
	var got string
	note := func(name string) func(any) error {
		return func(any) error { got = name; return nil }
	}
	expect := func(want string) {
		t.Helper()
		got = "nothing"
		if _, err := r.Match("x"); err != nil || got != want {
			t.Errorf("handled by %s (%v); want %s", got, err, want)
		}
	}
	expect("nothing")
	removeFirst := r.Add(Case1(Any(), note("first")), Case1(Is(2), func(int) error { return nil }))
	removeSecond := r.Add(Case1(Any(), note("second")))
	removeElse := r.Add(CatchAll(note("else")))
	expect("first")
	removeFirst()
	expect("second")
	if handled, _ := r.Match(2); !handled || got != "second" {
		t.Errorf("a clause of the first Add is still there")
	}
	removeFirst() // again: nothing happens
	expect("second")
	r.Add(Case1(Any(), note("third")))
	removeSecond()
	expect("third")
	removeElse()
	expect("third")
}

func TestOneClauseAddedTwiceIsRemovedOnce(t *testing.T) {
	var r Receiver
	n := 0
	c := Case1(Is("x"), func(string) error { n++; return nil })
	removeFirst, removeSecond := r.Add(c), r.Add(c)
	removeFirst()
	if handled, _ := r.Match("x"); !handled || n != 1 {
		t.Errorf("handled %v, %d times; want true, once", handled, n)
	}
	removeSecond()
	if handled, _ := r.Match("x"); handled {
		t.Error("handled by a removed clause")
	}
}

func TestHandlersChangeTheReceiver(t *testing.T) {
	var r Receiver
	var log []string
	var removeOnce func()
	removeOnce = r.Add(Case1(Is("once"), func(string) error {
		removeOnce()
		log = append(log, "once")
		return nil
	}))
	r.Add(Case1(Is("learn"), func(string) error {
		r.Add(Case1(Is("new"), func(string) error { log = append(log, "new"); return nil }))
		return nil
	}))
	r.Add(CatchAll(func(m any) error { log = append(log, fmt.Sprint("else ", m)); return nil }))
	for _, m := range []string{"once", "once", "new", "learn", "new"} {
		if _, err := r.Match(m); err != nil {
			t.Fatal(err)
		}
	}
	want := "[once else once else new new]"
	if got := fmt.Sprint(log); got != want {
		t.Errorf("log = %s; want %s", got, want)
	}
}

// The index comes and goes as clauses do.
func TestIndexFollowsTheClauses(t *testing.T) {
	var r Receiver
	var got int
	var removes []func()
	for i := range 3 * indexFrom {
		removes = append(removes, r.Add(Case1(Is(fmt.Sprint(i)), func(string) error { got = i; return nil })))
	}
	for i, remove := range removes {
		for j := range removes {
			got = -1
			handled, _ := r.Match(fmt.Sprint(j))
			if want := j >= i; handled != want || (want && got != j) {
				t.Fatalf("with %d clauses removed, message %d went to %d", i, j, got)
			}
		}
		remove()
	}
	if r.table().byKey != nil || len(r.table().all) != 0 {
		t.Error("something is left of the removed clauses")
	}
}

func TestConcurrentUse(t *testing.T) {
	var r Receiver
	var handled, other atomic.Int64
	r.Add(Case1(Is("steady"), func(string) error { handled.Add(1); return nil }))
	r.Add(CatchAll(func(any) error { other.Add(1); return nil }))
	const workers, rounds = 4, 300
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range rounds {
				if ok, err := r.Match("steady"); !ok || err != nil {
					t.Errorf("Match = %v, %v", ok, err)
				}
				r.Match(Tuple{"passing", 1})
			}
		})
		all.Go(func() {
			for range rounds {
				remove := r.Add(CaseRest1(Is("passing"), Any(), func(string, []any) error { other.Add(1); return nil }))
				remove()
			}
		})
	}
	all.Wait()
	if handled.Load() != workers*rounds || other.Load() != workers*rounds {
		t.Errorf("handled %d and %d messages; want %d of each", handled.Load(), other.Load(), workers*rounds)
	}
	if n := len(r.table().all); n != 2 {
		t.Errorf("%d clauses are left; want 2", n)
	}
}

func TestPanicsGoThroughAndLeaveTheReceiverUsable(t *testing.T) {
	r := NewReceiver(
		Case1(Is("panic"), func(string) error { panic("match: handler") }),
		Case1(Where(func(n int) bool { panic("match: predicate") }), func(int) error { return nil }),
		Case1(Is("fine"), func(string) error { return nil }),
	)
	wantPanic(t, "handler", func() { r.Match("panic") })
	wantPanic(t, "predicate", func() { r.Match(1) })
	if handled, err := r.Match("fine"); !handled || err != nil {
		t.Errorf("Match = %v, %v; want true, nil", handled, err)
	}
	r.Add(Case1(Is("more"), func(string) error { return nil }))
	if handled, _ := r.Match("more"); !handled {
		t.Error("nothing can be added after a panic")
	}
}
