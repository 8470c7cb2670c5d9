package match

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// inNode runs body as the root of a node, in virtual time.
func inNode(t *testing.T, body func(t *testing.T, self *troupe.Self[any]) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		err := troupe.Run(t.Context(), func(self *troupe.Self[any]) error { return body(t, self) },
			troupe.Logger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Errorf("the root ended with %v", err)
		}
	})
}

// serving is a body that serves the clauses.
func serving(clauses ...Clause) func(*troupe.Self[any]) error {
	return func(self *troupe.Self[any]) error { return Serve(self, clauses...) }
}

// echo is a clause that sends the second part of ("echo", x) to to.
func echo(self *troupe.Self[any]) Clause {
	to := self.Ref()
	return Case2(Is("echo"), Any(), func(_ string, x any) error { return to.Send(context.Background(), x) })
}

func wantReason(t *testing.T, self *troupe.Self[any], pid troupe.PID, want error) {
	t.Helper()
	if got := pid.Wait(self); !errors.Is(got, want) || (want == nil && got != nil) {
		t.Errorf("%v ended with %v; want %v", pid, got, want)
	}
}

func TestUnhandledMessageEndsTheProcess(t *testing.T) {
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		p := troupe.SpawnMonitor(self, serving(echo(self)))
		p.Send(self, Tuple{"echo", 1})
		p.Send(self, Tuple{"unknown", 2})
		p.Send(self, Tuple{"echo", 3}) // nobody handles it
		if m := self.Receive(); m.Body != 1 {
			t.Errorf("got %v; want the echo of 1", m)
		}
		m := self.Receive()
		var unhandled *UnhandledError
		if m.Event != troupe.Down || !errors.As(m.Reason, &unhandled) {
			t.Fatalf("got %v; want Down with an UnhandledError", m)
		}
		if want := (Tuple{"unknown", 2}); !reflect.DeepEqual(unhandled.Message, want) {
			t.Errorf("Message = %v; want %v", unhandled.Message, want)
		}
		return nil
	})
}

func TestCatchAllKeepsTheProcessAlive(t *testing.T) {
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		to := self.Ref()
		p := troupe.Spawn(self, serving(
			CatchAll(func(m any) error { return to.Send(self, fmt.Sprint("else ", m)) }), echo(self)))
		p.Send(self, nil)
		p.Send(self, Tuple{"echo", "hi"})
		if a, b := self.Receive().Body, self.Receive().Body; a != "else <nil>" || b != "hi" {
			t.Errorf("got %v and %v", a, b)
		}
		return nil
	})
}

func TestHandlersErrorIsTheReason(t *testing.T) {
	failed := errors.New("failed")
	body := serving(
		Case1(Is("stop"), func(string) error { return troupe.Stop }),
		Case1(Is("fail"), func(string) error { return failed }),
		Case1(Is("panic"), func(string) error { panic(failed) }),
	)
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		for message, want := range map[string]error{"stop": nil, "fail": failed, "panic": failed} {
			direct := troupe.Spawn(self, body)
			direct.Send(self, message)
			wantReason(t, self, direct.PID(), want)
		}
		return nil
	})
}

func TestServeReturnsWhenTheProcessIsToldToEnd(t *testing.T) {
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		var returned error
		p := troupe.Spawn(self, func(self *troupe.Self[any]) error {
			returned = Serve(self)
			return returned
		})
		synctest.Wait() // else the body might never run
		if got := p.PID().Shutdown(self, time.Minute); got != troupe.ErrShutdown || returned != troupe.ErrShutdown {
			t.Errorf("Shutdown = %v, Serve = %v; want ErrShutdown from both", got, returned)
		}
		return nil
	})
}

func TestDownGoesToItsClauseOrIsPassedOver(t *testing.T) {
	failed := errors.New("failed")
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		to := self.Ref()
		watch := func(clauses ...Clause) {
			p := troupe.Spawn(self, func(self *troupe.Self[any]) error {
				victim := troupe.SpawnMonitor(self, func(*troupe.Self[any]) error { return failed })
				victim.PID().Wait(self)
				return Serve(self, clauses...)
			})
			synctest.Wait()
			p.Send(self, Tuple{"echo", "alive"})
		}
		watch(echo(self), OnDown(func(from troupe.PID, reason error) error {
			_, ended := from.Ended()
			return to.Send(self, Tuple{ended, reason})
		}), OnDown(func(troupe.PID, error) error { return errors.New("the second clause was called") }))
		if m := self.Receive(); !reflect.DeepEqual(m.Body, Tuple{true, failed}) {
			t.Errorf("got %v; want what OnDown sent", m)
		}
		if m := self.Receive(); m.Body != "alive" {
			t.Errorf("got %v; want a sign of life", m)
		}
		watch(echo(self))
		if m := self.Receive(); m.Body != "alive" {
			t.Errorf("without OnDown: got %v; want a sign of life", m)
		}
		return nil
	})
}

// linked spawns a process that serves the clauses with a linked child, and then
// ends the child with reason.
func linked(self *troupe.Self[any], trap bool, reason error, clauses ...Clause) troupe.Ref[any] {
	p := troupe.Spawn(self, func(self *troupe.Self[any]) error {
		self.TrapExit(trap)
		child := troupe.SpawnLink(self, func(self *troupe.Self[any]) error { return self.Receive().Body.(error) })
		child.Send(self, reason)
		return Serve(self, clauses...)
	})
	synctest.Wait()
	return p
}

func TestExitWithAndWithoutAClause(t *testing.T) {
	failed := errors.New("failed")
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		to := self.Ref()
		tell := OnExit(func(_ troupe.PID, reason error) error { return to.Send(self, Tuple{"exit", reason}) })
		for _, c := range []struct {
			name   string
			trap   bool
			reason error
			clause bool
			heard  bool
			ends   bool
		}{
			{"trapped, heard", true, failed, true, true, false},
			{"trapped, normal, heard", true, troupe.Stop, true, true, false},
			{"trapped, no clause", true, failed, false, false, true},
			{"trapped, normal, no clause", true, troupe.Stop, false, false, false},
			{"not trapped", false, failed, true, false, true},
			{"not trapped, normal", false, troupe.Stop, true, false, false},
		} {
			clauses := []Clause{echo(self)}
			if c.clause {
				clauses = append(clauses, tell)
			}
			p := linked(self, c.trap, c.reason, clauses...)
			if c.heard {
				if m := self.Receive(troupe.After(0)); !reflect.DeepEqual(m.Body, Tuple{"exit", normal(c.reason)}) {
					t.Errorf("%s: got %v; want the exit", c.name, m)
				}
			}
			if reason, ended := p.PID().Ended(); ended != c.ends || (ended && reason != failed) {
				t.Errorf("%s: ended %v with %v; want %v", c.name, ended, reason, c.ends)
			}
			if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
				t.Errorf("%s: got %v; want nothing", c.name, m)
			}
		}
		return nil
	})
}

func normal(reason error) error {
	if troupe.IsNormal(reason) {
		return nil
	}
	return reason
}

func TestAnOrderOfTheParentGoesToNoClause(t *testing.T) {
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		p := troupe.Spawn(self, serving(OnExit(func(troupe.PID, error) error {
			t.Error("a clause heard the order")
			return nil
		})), troupe.TrapExits())
		if got := p.PID().Shutdown(self, -1); got != troupe.ErrShutdown {
			t.Errorf("Shutdown = %v; want ErrShutdown", got)
		}
		p = troupe.SpawnHandler(self, NewReceiver(OnExit(func(troupe.PID, error) error { return nil })), troupe.TrapExits())
		if got := p.PID().Shutdown(self, -1); got != troupe.ErrShutdown {
			t.Errorf("handler: Shutdown = %v; want ErrShutdown", got)
		}
		return nil
	})
}

func TestTheEndOfTheNodeGoesToNoClause(t *testing.T) {
	var returned error
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		troupe.Spawn(self, func(self *troupe.Self[any]) error {
			returned = Serve(self, OnExit(func(troupe.PID, error) error { return nil }))
			return nil
		}, troupe.TrapExits())
		synctest.Wait()
		return nil
	})
	if returned != troupe.ErrShutdown {
		t.Errorf("Serve returned %v; want ErrShutdown", returned)
	}
}

func TestTheDeathOfTheParentIsHeard(t *testing.T) {
	failed := errors.New("failed")
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		to := self.Ref()
		parent := troupe.Spawn(self, func(self *troupe.Self[any]) error {
			troupe.SpawnLink(self, serving(OnExit(func(from troupe.PID, reason error) error {
				to.Send(self.Node().Context(context.Background()), Tuple{from, reason})
				return nil
			})), troupe.TrapExits())
			self.Receive()
			return failed
		})
		parent.Send(self, "die")
		if m := self.Receive(troupe.After(time.Second)); !reflect.DeepEqual(m.Body, Tuple{parent.PID(), failed}) {
			t.Errorf("got %v; want the parent's death", m)
		}
		return nil
	})
}

func TestTimeout(t *testing.T) {
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		start := time.Now()
		var at []time.Duration
		p := troupe.Spawn(self, serving(
			Case1(Is("noise"), func(string) error { return nil }),
			OnTimeout(10*time.Second, func() error {
				at = append(at, time.Since(start))
				if len(at) == 3 {
					return troupe.Stop
				}
				return nil
			}),
		))
		p.SendAfter(self, 15*time.Second, "noise")
		wantReason(t, self, p.PID(), nil)
		if want := []time.Duration{10 * time.Second, 25 * time.Second, 35 * time.Second}; !reflect.DeepEqual(at, want) {
			t.Errorf("timeouts at %v; want %v", at, want)
		}
		return nil
	})
}

func TestTimeoutOfNoughtRunsWhenTheMailboxIsEmpty(t *testing.T) {
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		n := 0
		self.Ref().Send(self, "one")
		self.Ref().Send(self, "two")
		err := Serve(self,
			Case1(Type[string](), func(string) error { n++; return nil }),
			OnTimeout(0, func() error { return fmt.Errorf("after %d messages: %w", n, troupe.Stop) }))
		if err.Error() != "after 2 messages: troupe: normal end" {
			t.Errorf("Serve = %v", err)
		}
		return nil
	})
}

func TestClausesChangeWhileTheProcessServes(t *testing.T) {
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		var r Receiver
		to := self.Ref()
		r.Add(Case1(Is("learn"), func(string) error {
			var forget func()
			forget = r.Add(Case1(Is("new"), func(string) error { forget(); return to.Send(self, "learnt") }))
			return nil
		}))
		p := troupe.SpawnMonitor(self, r.Serve)
		p.Send(self, "learn")
		p.Send(self, "new")
		if m := self.Receive(); m.Body != "learnt" {
			t.Errorf("got %v", m)
		}
		remove := r.Add(echo(self)) // from outside, while the process waits
		p.Send(self, Tuple{"echo", 1})
		if m := self.Receive(); m.Body != 1 {
			t.Errorf("got %v", m)
		}
		remove()
		p.Send(self, "new")
		var unhandled *UnhandledError
		if m := self.Receive(); !errors.As(m.Reason, &unhandled) || unhandled.Message != "new" {
			t.Errorf("got %v; want an UnhandledError about new", m)
		}
		return nil
	})
}

func TestReceiverAsHandler(t *testing.T) {
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		to := self.Ref()
		var r troupe.Handler[any] = NewReceiver(
			echo(self),
			Case1(Is("stop"), func(string) error { return troupe.Stop }),
			OnDown(func(_ troupe.PID, reason error) error { return to.Send(self, reason) }),
		)
		p, q := troupe.SpawnHandler(self, r), troupe.SpawnHandler(self, r) // one receiver, two processes
		for i, ref := range []troupe.Ref[any]{p, q} {
			ref.Send(self, Tuple{"echo", i})
			if m := self.Receive(); m.Body != i || m.From != ref.PID() && m.From != (troupe.PID{}) {
				t.Errorf("got %v from %v", m.Body, m.From)
			}
		}
		p.Send(self, "stop")
		wantReason(t, self, p.PID(), nil)
		q.Send(self, "what?")
		var unhandled *UnhandledError
		if err := q.PID().Wait(self); !errors.As(err, &unhandled) {
			t.Errorf("reason %v; want an UnhandledError", err)
		}
		return nil
	})
}

// What no mailbox of one node holds, and what a process that does not serve may
// hand on.
func TestHandleOfOtherEvents(t *testing.T) {
	lost := errors.New("lost")
	inNode(t, func(t *testing.T, self *troupe.Self[any]) error {
		r := NewReceiver(
			OnNodeDown(func(from troupe.PID, reason error) error { return fmt.Errorf("%v: %w", from, reason) }),
			OnTimeout(time.Second, func() error { return troupe.Stop }))
		for _, c := range []struct {
			m    troupe.Message[any]
			want error
		}{
			{troupe.Message[any]{Event: troupe.NodeDown, From: self.PID(), Reason: lost}, lost},
			{troupe.Message[any]{Event: troupe.Timeout}, troupe.Stop},
			{troupe.Message[any]{Event: troupe.Exit, From: self.PID(), Reason: lost}, lost},
			{troupe.Message[any]{Event: troupe.Exit, From: self.PID()}, troupe.Stop},
			{troupe.Message[any]{Event: troupe.Event(99)}, nil},
		} {
			if got := r.Handle(self, c.m); !errors.Is(got, c.want) {
				t.Errorf("Handle(%v) = %v; want %v", c.m, got, c.want)
			}
			if got := new(Receiver).Handle(self, c.m); c.m.Event != troupe.Exit && got != nil {
				t.Errorf("without clauses: Handle(%v) = %v; want nil", c.m, got)
			}
		}
		return nil
	})
}

func TestMisuseOfEventClausesPanics(t *testing.T) {
	wantPanic(t, "OnDown: the handler is nil", func() { OnDown(nil) })
	wantPanic(t, "OnExit: the handler is nil", func() { OnExit(nil) })
	wantPanic(t, "OnNodeDown: the handler is nil", func() { OnNodeDown(nil) })
	wantPanic(t, "OnTimeout: the handler is nil", func() { OnTimeout(time.Second, nil) })
}
