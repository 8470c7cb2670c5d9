//go:build unix

package isolate_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc/isolate"
)

// An order tells an agent what to do. It is one type for all, so that agents can send
// it to each other.
type order struct {
	Do    string
	PID   troupe.PID
	To    troupe.Ref[order]
	Out   troupe.Ref[string]
	Call  troupe.Call[string, string]
	Error error
	Text  string
}

// agent does what it is told to.
var agent = isolate.Register("agent", func(self *troupe.Self[order], _ troupe.None) error {
	for m := range self.Messages() {
		if err := act(self, m); err != nil {
			return err
		}
	}
	return nil
})

// act is what agents do, here and there.
func act(self *troupe.Self[order], m troupe.Message[order]) error {
	o := m.Body
	if m.Event != troupe.Sent {
		var err error
		if reports.IsZero() {
			return nil
		}
		err = reports.out.Send(self, fmt.Sprintf("%v: %v", m.Event, m.Reason))
		return err
	}
	switch o.Do {
	case "say":
		return o.Out.Send(self, o.Text)
	case "who":
		return o.Out.Send(self, fmt.Sprint(os.Getpid()))
	case "tell": // somebody else to say something
		return o.To.Send(self, order{Do: "say", Out: o.Out, Text: o.Text})
	case "pass": // the question on
		return o.To.Send(self, order{Do: "answer", Call: o.Call})
	case "answer":
		return o.Call.Reply(self, o.Call.Request+" is the question, from "+fmt.Sprint(o.Call.From() == o.PID))
	case "ask":
		a, err := troupe.AskWith(self, o.To, func(c troupe.Call[string, string]) order {
			return order{Do: "answer", Call: c, PID: self.PID()}
		}, o.Text)
		if err != nil {
			a = "failed: " + err.Error()
		}
		return o.Out.Send(self, a)
	case "send back":
		return m.Reply(self, order{Do: "say", Out: o.Out, Text: o.Text})
	case "me":
		return o.To.Send(self, order{Do: "this is", To: self.Ref(), PID: m.From, Out: o.Out})
	case "link":
		self.Link(o.PID)
	case "unlink":
		self.Unlink(o.PID)
	case "monitor":
		reports.out = o.Out
		self.Monitor(o.PID)
	case "trap":
		reports.out = o.Out
		self.TrapExit(true)
	case "exit":
		return o.PID.Exit(self, o.Error)
	case "kill":
		return o.PID.Kill(self)
	case "end":
		return o.Error
	case "register":
		err := self.Register(o.Text)
		return o.Out.Send(self, fmt.Sprint("registered: ", err))
	case "by name":
		err := troupe.Named[order](o.Text).Send(self, order{Do: "say", Out: o.Out, Text: "found"})
		if err != nil {
			return o.Out.Send(self, fmt.Sprint("not found: ", errors.Is(err, troupe.ErrNoProc)))
		}
	case "spawn": // an isolated one of its own
		ref := isolate.Spawn(self, isolate.KindOf[order, troupe.None]("agent"), troupe.None{})
		return o.To.Send(self, order{Do: "this is", To: ref, Out: o.Out})
	case "spawn local":
		ref := troupe.Spawn(self, func(self *troupe.Self[order]) error {
			for m := range self.Messages() {
				if err := act(self, m); err != nil {
					return err
				}
			}
			return nil
		})
		return o.To.Send(self, order{Do: "this is", To: ref, Out: o.Out})
	case "path":
		return o.Out.Send(self, self.Path()+" "+fmt.Sprint(self.Parent() == o.PID))
	}
	return nil
}

// reports is where an agent says what it hears of.
var reports reporting

type reporting struct{ out troupe.Ref[string] }

func (r *reporting) IsZero() bool { return r.out == troupe.Ref[string]{} }

// cast starts agents, and a process of this node that passes on to the test what it gets.
type cast struct {
	t      testing.TB
	self   *troupe.Self[string]
	agents []troupe.Ref[order]
}

func newCast(t testing.TB, self *troupe.Self[string], n int) *cast {
	c := &cast{t: t, self: self}
	for range n {
		c.agents = append(c.agents, isolate.Spawn(self, agent, troupe.None{}))
	}
	return c
}

func (c *cast) tell(to troupe.Ref[order], o order) {
	c.t.Helper()
	o.Out = c.self.Ref()
	if err := to.Send(c.self, o); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cast) want(text string) troupe.Message[string] {
	c.t.Helper()
	m := next(c.t, c.self)
	if m.Body != text {
		c.t.Errorf("got %v, want %q", m, text)
	}
	return m
}

// meet has an agent introduce what o makes it spawn.
func (c *cast) meet(agent troupe.Ref[order], do string) troupe.Ref[order] {
	c.t.Helper()
	met := make(chan troupe.Ref[order], 1)
	hall := troupe.Spawn(c.self, func(self *troupe.Self[order]) error {
		met <- self.Receive().Body.To
		return nil
	})
	c.tell(agent, order{Do: do, To: hall})
	return <-met
}

func TestAddressesTravel(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := newCast(t, self, 2)
		a, b := c.agents[0], c.agents[1]
		c.tell(a, order{Do: "say", Text: "hello"})
		if m := c.want("hello"); m.From != a.PID() {
			t.Errorf("from %v, want %v", m.From, a)
		}
		c.tell(a, order{Do: "tell", To: b, Text: "through me"})
		if m := c.want("through me"); m.From != b.PID() {
			t.Errorf("from %v, want %v", m.From, b)
		}
		c.tell(a, order{Do: "tell", To: a, Text: "to myself"})
		c.want("to myself")

		if back := c.meet(a, "me"); back != a {
			t.Errorf("an address came home as %v, want %v", back, a)
		}
		inner := c.meet(a, "spawn local")
		again := c.meet(inner, "me")
		if again != inner || inner.PID() == a.PID() {
			t.Errorf("%v is not %v", again, inner)
		}
		c.tell(b, order{Do: "tell", To: inner, Text: "from sister to niece"})
		if m := c.want("from sister to niece"); m.From != inner.PID() {
			t.Errorf("from %v, want %v", m.From, inner)
		}
		grandchild := c.meet(a, "spawn")
		c.tell(grandchild, order{Do: "tell", To: b, Text: "over three hops"})
		c.want("over three hops")
		c.tell(b, order{Do: "tell", To: grandchild, Text: "and back"})
		c.want("and back")
		if back := c.meet(grandchild, "me"); back != grandchild {
			t.Errorf("an address came home as %v, want %v", back, grandchild)
		}
		var pids []string
		for _, to := range []troupe.Ref[order]{a, b, inner, grandchild} {
			c.tell(to, order{Do: "who"})
			pids = append(pids, next(t, self).Body)
		}
		if pids[0] != pids[2] {
			t.Error("a process that a child spawned is not in it")
		}
		slices.Sort(pids)
		if len(slices.Compact(pids)) != 3 {
			t.Error("isolated processes share an OS process")
		}
	})
}

func TestQuestionsTravel(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := newCast(t, self, 2)
		a, b := c.agents[0], c.agents[1]
		local := troupe.Spawn(self, func(self *troupe.Self[order]) error {
			for m := range self.Messages() {
				if err := act(self, m); err != nil {
					return err
				}
			}
			return nil
		})
		ask := func(to troupe.Ref[order], o order, text string) {
			t.Helper()
			got, err := troupe.AskWith(self, to, func(call troupe.Call[string, string]) order { o.Call = call; o.PID = self.PID(); return o }, text)
			if want := text + " is the question, from true"; err != nil || got != want && o.Do == "answer" {
				t.Errorf("got %q, %v", got, err)
			}
		}
		for range 10 {
			ask(a, order{Do: "answer"}, "directly")
			ask(a, order{Do: "pass", To: b}, "to a sister")
			ask(a, order{Do: "pass", To: local}, "and home again")
			ask(local, order{Do: "pass", To: a}, "away")
			for _, to := range []troupe.Ref[order]{a, b, local} {
				c.tell(a, order{Do: "ask", To: to, Text: "who"})
				if to == a {
					next(t, self) // it cannot ask itself
				} else {
					c.want("who is the question, from true")
				}
			}
		}
		grandchild := c.meet(b, "spawn")
		c.tell(grandchild, order{Do: "ask", To: a, Text: "far"})
		c.want("far is the question, from true")
	})
}

func TestG30_CalleeOfAChildDies(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := newCast(t, self, 2)
		a, b := c.agents[0], c.agents[1]
		deaf := isolate.Spawn(self, agent, troupe.None{})
		c.tell(a, order{Do: "ask", To: deaf, Text: "anybody?"})
		c.want("anybody? is the question, from true")
		mute := troupe.Spawn(self, func(self *troupe.Self[order]) error {
			self.Receive()
			return errors.New("had enough")
		})
		c.tell(a, order{Do: "ask", To: mute, Text: "anybody?"})
		c.want("failed: had enough")
		c.tell(a, order{Do: "ask", To: mute, Text: "anybody?"})
		c.want("failed: " + troupe.ErrNoProc.Error())
		silent := c.meet(b, "spawn local")
		c.tell(silent, order{Do: "end", Error: errors.New("gone")})
		wantEnd(t, self, silent.PID(), "gone")
	})
}

func wantEnd(t testing.TB, self *troupe.Self[string], pid troupe.PID, text string) {
	t.Helper()
	if err := reason(t, self, pid); err == nil || err.Error() != text {
		t.Errorf("%v ended with %v, want %q", pid, err, text)
	}
}
