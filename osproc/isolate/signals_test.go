//go:build unix

package isolate_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc/isolate"
)

var errPlanned = errors.New("as planned")

func TestG15_Monitors(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := newCast(t, self, 3)
		a, b, z := c.agents[0], c.agents[1], c.agents[2]
		local := c.meet(z, "spawn local")

		self.Monitor(local.PID())
		c.tell(a, order{Do: "monitor", PID: b.PID()})
		c.tell(a, order{Do: "monitor", PID: local.PID()})
		c.tell(a, order{Do: "say", Text: "ready"}) // the orders were obeyed
		c.want("ready")
		c.tell(b, order{Do: "end", Error: errPlanned})
		c.want("down: as planned")
		c.tell(local, order{Do: "end", Error: errPlanned})
		for range 2 {
			m := next(t, self)
			switch {
			case m.Event == troupe.Down && m.From == local.PID() && m.Reason.Error() == "as planned":
			case m.Body == "down: as planned":
			default:
				t.Errorf("got %v", m)
			}
		}
		c.tell(a, order{Do: "monitor", PID: b.PID()})
		c.want("down: " + troupe.ErrNoProc.Error())
	})
}

func TestG11_Links(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		self.TrapExit(true)
		c := newCast(t, self, 4)
		a, b, d, e := c.agents[0], c.agents[1], c.agents[2], c.agents[3]

		// From here: an abnormal end comes as a message, a normal one too.
		self.Link(a.PID())
		c.tell(a, order{Do: "end", Error: errPlanned})
		if m := next(t, self); m.Event != troupe.Exit || m.From != a.PID() || m.Reason.Error() != "as planned" {
			t.Errorf("got %v", m)
		}
		// From there: the agents end with each other.
		c.tell(b, order{Do: "link", PID: d.PID()})
		c.tell(b, order{Do: "link", PID: e.PID()})
		c.tell(e, order{Do: "trap"})
		c.tell(e, order{Do: "say", Text: "trapping"})
		c.want("trapping")
		c.tell(b, order{Do: "unlink", PID: d.PID()})
		c.tell(b, order{Do: "link", PID: d.PID()})
		c.tell(b, order{Do: "say", Text: "linked"})
		c.want("linked")
		c.tell(d, order{Do: "end", Error: errPlanned})
		wantEnd(t, self, b.PID(), "as planned")
		c.want("exit: as planned")

		// A link is two-way, whoever made it.
		local := troupe.Spawn(self, func(self *troupe.Self[order]) error {
			<-self.Done()
			return nil
		})
		c.tell(e, order{Do: "link", PID: local.PID()})
		c.tell(e, order{Do: "say", Text: "linked"})
		c.want("linked")
		if err := local.PID().Exit(self, errPlanned); err != nil {
			t.Fatal(err)
		}
		c.want("exit: as planned")
	})
}

func TestG14_AfterUnlinkNothingIsFelt(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		self.TrapExit(true)
		c := newCast(t, self, 2)
		a, b := c.agents[0], c.agents[1]
		self.Link(a.PID())
		self.Unlink(a.PID())
		c.tell(b, order{Do: "link", PID: self.PID()})
		c.tell(b, order{Do: "unlink", PID: self.PID()})
		c.tell(b, order{Do: "end", Error: errPlanned})
		c.tell(a, order{Do: "end", Error: errPlanned})
		_ = reason(t, self, a.PID())
		_ = reason(t, self, b.PID())
		if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
			t.Errorf("got %v", m)
		}
		self.Link(a.PID())
		if m := next(t, self); m.Event != troupe.Exit || m.Reason != troupe.ErrNoProc {
			t.Errorf("a link with the dead: %v", m)
		}
	})
}

func TestExitsGoBothWays(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		self.TrapExit(true)
		c := newCast(t, self, 3)
		a, b, d := c.agents[0], c.agents[1], c.agents[2]
		c.tell(a, order{Do: "exit", PID: self.PID(), Error: errPlanned})
		if m := next(t, self); m.Event != troupe.Exit || m.From != a.PID() || m.Reason.Error() != "as planned" {
			t.Errorf("got %v", m)
		}
		c.tell(a, order{Do: "exit", PID: b.PID(), Error: errPlanned})
		wantEnd(t, self, b.PID(), "as planned")
		c.tell(a, order{Do: "kill", PID: d.PID()})
		wantErr(t, reason(t, self, d.PID()), troupe.ErrKilled)
		inner := c.meet(a, "spawn local")
		if err := inner.PID().Kill(self); err != nil {
			t.Error(err)
		}
		wantErr(t, reason(t, self, inner.PID()), troupe.ErrKilled)
		if err := a.PID().Exit(self, nil); err != nil { // a normal exit is not felt
			t.Error(err)
		}
		c.tell(a, order{Do: "say", Text: "still here"})
		c.want("still here")
		wantErr(t, a.PID().Shutdown(self, long), troupe.ErrShutdown)
	})
}

func TestG05_Names(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := newCast(t, self, 2)
		a, b := c.agents[0], c.agents[1]
		c.tell(a, order{Do: "register", Text: "star"})
		c.want("registered: <nil>")
		if pid, ok := self.Node().Whereis("star"); !ok || pid != a.PID() {
			t.Errorf("star is %v, %v", pid, ok)
		}
		c.tell(troupe.Named[order]("star"), order{Do: "say", Text: "here"})
		c.want("here")
		c.tell(b, order{Do: "by name", Text: "star"})
		if m := c.want("found"); m.From != a.PID() {
			t.Errorf("found %v", m.From)
		}
		c.tell(b, order{Do: "register", Text: "star"})
		if m := next(t, self); m.Body == "registered: <nil>" {
			t.Error("two have one name")
		}
		inner := c.meet(b, "spawn local")
		c.tell(inner, order{Do: "register", Text: "extra"})
		c.want("registered: <nil>")
		c.tell(a, order{Do: "by name", Text: "extra"})
		if m := c.want("found"); m.From != inner.PID() {
			t.Errorf("found %v", m.From)
		}
		c.tell(a, order{Do: "by name", Text: "nobody"})
		c.want("not found: true")
		self.Monitor(a.PID())
		if err := a.PID().Kill(self); err != nil {
			t.Fatal(err)
		}
		if m := next(t, self); m.Event != troupe.Down {
			t.Fatalf("got %v", m)
		}
		if err := self.Register("star"); err != nil {
			t.Errorf("the name of the dead: %v", err)
		}
	})
}

func TestNamesOfSpawning(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		ref := isolate.Spawn(self, agent, troupe.None{}, troupe.Name("shop"))
		c := &cast{t: t, self: self}
		c.tell(ref, order{Do: "path", PID: self.PID()})
		c.want("/shop true")
		c.tell(troupe.Named[order]("shop"), order{Do: "say", Text: "open"})
		c.want("open")
		second := isolate.Spawn(self, agent, troupe.None{}, troupe.Name("shop"))
		wantErr(t, reason(t, self, second.PID()), troupe.ErrNameTaken)
	})
}

// options says what it finds in its mailbox.
var options = isolate.Register("options", func(self *troupe.Self[string], to troupe.Ref[string]) error {
	if err := to.Send(self, "up"); err != nil {
		return err
	}
	self.ReceiveFunc(func(m troupe.Message[string]) bool { return m.Body == "go" })
	for {
		m := self.Receive(troupe.After(0))
		switch m.Event {
		case troupe.Timeout:
			_ = to.Send(self, "empty")
			m = self.Receive()
		case troupe.Exit:
			_ = to.Send(self, fmt.Sprint("exit ", m.From == self.PID()))
			return m.Reason
		}
		if err := to.Send(self, m.Body); err != nil {
			return err
		}
	}
})

func TestG22_G23_OptionsTravel(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := &cast{t: t, self: self}
		run := func(opts []troupe.SpawnOption, send []string, want ...string) troupe.Ref[string] {
			t.Helper()
			ref := isolate.Spawn(self, options, self.Ref(), opts...)
			c.want("up")
			for _, s := range send {
				if s[0] == '!' {
					_ = ref.SendUrgent(self, s)
				} else {
					_ = ref.Send(self, s)
				}
			}
			for _, w := range want {
				c.want(w)
			}
			return ref
		}
		run(nil, []string{"1", "2", "3", "go"}, "1", "2", "3", "empty")
		run([]troupe.SpawnOption{troupe.Bounded(2, troupe.DropOldest)}, []string{"1", "2", "3", "go"}, "3", "empty")
		run([]troupe.SpawnOption{troupe.Bounded(1, troupe.Block)}, []string{"1", "2", "3", "go"}, "1", "2", "3", "empty")
		run([]troupe.SpawnOption{troupe.AcceptUrgent()}, []string{"1", "!2", "go"}, "!2", "1", "empty")
		ref := run([]troupe.SpawnOption{troupe.TrapExits()}, []string{"go"}, "empty")
		if err := ref.PID().Exit(self, errPlanned); err != nil {
			t.Fatal(err)
		}
		c.want("") // the message with the event Exit has no body
		_ = ref.PID().Kill(self)
		wantErr(t, reason(t, self, ref.PID()), troupe.ErrKilled)
	})
}
