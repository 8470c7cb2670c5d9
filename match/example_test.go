package match_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/match"
)

// try gives messages to a receiver, without a process.
func try(r *match.Receiver, messages ...any) {
	for _, m := range messages {
		if handled, err := r.Match(m); !handled {
			fmt.Println("no clause matches", m)
		} else if err != nil {
			fmt.Println("error:", err)
		}
	}
}

// A process that serves three clauses, and one that talks to it.
func Example() {
	calculator := func(self *troupe.Self[any]) error {
		negative := match.Where(func(n int) bool { return n < 0 })
		return match.Serve(self,
			match.Case2(match.Is("ping"), match.Type[troupe.Ref[string]](),
				func(_ string, from troupe.Ref[string]) error { return from.Send(self, "pong") }),
			match.Case2(match.Is("sqrt"), negative,
				func(_ string, n int) error { return fmt.Errorf("sqrt of %d", n) }),
			match.Case1(match.Is("go away"),
				func(string) error { return troupe.Stop }),
		)
	}
	troupe.Run(context.Background(), func(self *troupe.Self[string]) error {
		p := troupe.SpawnMonitor(self, calculator)
		p.Send(self, match.Tuple{"ping", self.Ref()})
		fmt.Println(self.Receive().Body)
		p.Send(self, match.Tuple{"sqrt", -4})
		fmt.Println(self.Receive().Reason)
		return nil
	})
	// Output:
	// pong
	// sqrt of -4
}

// A bare message counts as a tuple of one part.
func ExampleCase1() {
	r := match.NewReceiver(
		match.Case1(match.Is("stop"), func(string) error { fmt.Println("stopping"); return nil }),
		match.Case1(match.Type[int](), func(n int) error { fmt.Println("twice", n, "is", 2*n); return nil }),
	)
	try(r, "stop", match.Tuple{"stop"}, 21, 2.5)
	// Output:
	// stopping
	// stopping
	// twice 21 is 42
	// no clause matches 2.5
}

// The handler gets what the patterns matched, with its type.
func ExampleCase2() {
	r := match.NewReceiver(
		match.Case2(match.Is("upper"), match.Type[string](), func(_, s string) error {
			fmt.Println(strings.ToUpper(s))
			return nil
		}),
		match.Case2(match.Is("upper"), match.Any(), func(_ string, v any) error {
			return fmt.Errorf("cannot upper %v", v)
		}),
	)
	try(r, match.Tuple{"upper", "curtain"}, match.Tuple{"upper", 7}, match.Tuple{"upper"})
	// Output:
	// CURTAIN
	// error: cannot upper 7
	// no clause matches [upper]
}

// What follows the fixed parts, of any type or of one.
func ExampleCaseRest1() {
	r := match.NewReceiver(
		match.CaseRest1(match.Is("sum"), match.Type[int](), func(_ string, numbers []int) error {
			sum := 0
			for _, n := range numbers {
				sum += n
			}
			fmt.Println(sum)
			return nil
		}),
		match.CaseRest1(match.Is("log"), match.Any(), func(_ string, rest []any) error {
			fmt.Println(rest...)
			return nil
		}),
	)
	try(r, match.Tuple{"sum", 1, 2, 3}, match.Tuple{"sum"}, match.Tuple{"log", "door", 3, nil})
	// Output:
	// 6
	// 0
	// door 3 <nil>
}

// A struct is often the better message: Case and Type take it whole.
func ExampleCase() {
	type move struct{ X, Y int }
	r := match.NewReceiver(match.Case(match.Type[move](), func(m move) error {
		fmt.Println("to", m.X, m.Y)
		return nil
	}))
	try(r, move{3, 4})
	// Output: to 3 4
}

// The catch-all comes last, wherever it stands.
func ExampleCatchAll() {
	r := match.NewReceiver(
		match.CatchAll(func(m any) error { fmt.Println("what is", m); return nil }),
		match.Case1(match.Is("hello"), func(string) error { fmt.Println("hello to you"); return nil }),
	)
	try(r, "hello", match.Tuple{"hello", 2})
	// Output:
	// hello to you
	// what is [hello 2]
}

// Patterns nest.
func ExampleTupleOf() {
	at := match.TupleOf(match.Type[int](), match.Type[int]())
	p := match.ListRest(match.Is("path"), at)
	fmt.Println(p.Matches([]any{"path", match.Tuple{1, 2}, match.Tuple{3, 4}}))
	fmt.Println(p.Matches([]any{"path", match.Tuple{1, "2"}}))
	fmt.Println(p.Matches([]any{"path", []any{1, 2}})) // a list is no tuple
	// Output:
	// true
	// false
	// false
}

func ExampleMap() {
	p := match.Map[map[string]any](
		match.Key("op", match.Is("add")),
		match.Key("to", match.ListRest(match.Type[int]())),
	)
	m, ok := p.Match(map[string]any{"op": "add", "to": []int{1, 2}, "by": "Ada"})
	fmt.Println(m["by"], ok)
	_, ok = p.Match(map[string]any{"op": "add"})
	fmt.Println(ok)
	// Output:
	// Ada true
	// false
}

// nil has no type: an error that may be nil needs Maybe.
func ExampleMaybe() {
	r := match.NewReceiver(match.Case2(match.Is("done"), match.Maybe(match.Type[error]()), func(_ string, err error) error {
		fmt.Println("done:", err)
		return nil
	}))
	try(r, match.Tuple{"done", nil}, match.Tuple{"done", io.ErrUnexpectedEOF}, match.Tuple{"done", "well"})
	// Output:
	// done: <nil>
	// done: unexpected EOF
	// no clause matches [done well]
}

func ExampleEach() {
	positive := match.Each(match.Where(func(n int) bool { return n > 0 }))
	fmt.Println(positive.Match([]any{1, 2}))
	fmt.Println(positive.Match([]int{1, -2}))
	// Output:
	// [1 2] true
	// [] false
}

// A handler that removes itself answers once.
func ExampleReceiver_Add() {
	var r match.Receiver
	var remove func()
	remove = r.Add(match.Case1(match.Is("knock"), func(string) error {
		fmt.Println("who is there?")
		remove()
		return nil
	}))
	try(&r, "knock", "knock")
	// Output:
	// who is there?
	// no clause matches knock
}

// A receiver is a handler: the process holds no goroutine while it waits.
func ExampleReceiver_Handle() {
	troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		r := match.NewReceiver(match.Case2(match.Is("add"), match.Type[troupe.Call[int, int]](),
			func(_ string, c troupe.Call[int, int]) error { return c.Reply(self, c.Request+1) }))
		p := troupe.SpawnHandler(self, r)
		add := func(c troupe.Call[int, int]) any { return match.Tuple{"add", c} }
		fmt.Println(troupe.AskWith(self, p, add, 41))
		return nil
	})
	// Output: 42 <nil>
}

func ExampleUnhandledError() {
	troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		p := troupe.SpawnMonitor(self, func(self *troupe.Self[any]) error {
			return match.Serve(self, match.Case1(match.Is("stop"), func(string) error { return troupe.Stop }))
		})
		p.Send(self, match.Tuple{"stopp", 1})
		reason := self.Receive().Reason
		fmt.Println(reason)
		var unhandled *match.UnhandledError
		if errors.As(reason, &unhandled) {
			fmt.Println("it was", unhandled.Message)
		}
		return nil
	})
	// Output:
	// match: no clause matches the message ("stopp", 1); the clauses are ("stop"): add a clause for it, or a match.CatchAll
	// it was [stopp 1]
}

func ExampleOnTimeout() {
	err := troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		return match.Serve(self, match.OnTimeout(time.Millisecond, func() error {
			fmt.Println("nobody writes")
			return troupe.Stop
		}))
	})
	fmt.Println(err)
	// Output:
	// nobody writes
	// <nil>
}

func ExampleOnDown() {
	troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		troupe.SpawnMonitor(self, func(*troupe.Self[any]) error { return errors.New("lost the key") })
		return match.Serve(self, match.OnDown(func(_ troupe.PID, reason error) error {
			fmt.Println("down:", reason)
			return troupe.Stop
		}))
	})
	// Output: down: lost the key
}
