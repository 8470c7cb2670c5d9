package troupe_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/troupe-go/troupe"
)

// run starts a node whose root does nothing but f.
func run(f func(self *troupe.Self[string])) {
	err := troupe.Run(context.Background(), func(self *troupe.Self[string]) error {
		f(self)
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
}

// The example of aioerl: a ping, a pong, a crash, and a dead process.
func Example() {
	pingPong := func(self *troupe.Self[string]) error {
		for m := range self.Messages(troupe.After(10 * time.Second)) {
			switch {
			case m.Event == troupe.Timeout:
				return nil
			case m.Body == "ping":
				m.Reply(self, "pong")
			default:
				return errors.New("invalid message body")
			}
		}
		return nil
	}
	run(func(self *troupe.Self[string]) {
		p := troupe.SpawnMonitor(self, pingPong)

		p.Send(self, "ping")
		fmt.Println(self.Receive().Body)

		p.Send(self, "pang")
		fmt.Println(self.Receive().Reason)

		fmt.Println(p.Send(self, "ping"))
	})
	// Output:
	// pong
	// invalid message body
	// troupe: no such process
}

func ExampleSpawnHandler() {
	greet := func(self *troupe.Self[string], m troupe.Message[string]) error {
		return m.Reply(self, "hello, "+m.Body)
	}
	run(func(self *troupe.Self[string]) {
		p := troupe.SpawnHandler(self, troupe.HandlerFunc[string](greet))
		p.Send(self, "world")
		fmt.Println(self.Receive().Body)
	})
	// Output: hello, world
}

func ExampleSpawnLink() {
	run(func(self *troupe.Self[string]) {
		self.TrapExit(true)
		troupe.SpawnLink(self, func(self *troupe.Self[troupe.None]) error {
			return errors.New("out of paper")
		})
		m := self.Receive()
		fmt.Println(m.Event, m.Reason)
	})
	// Output: exit out of paper
}

func ExampleAsk() {
	double := func(self *troupe.Self[troupe.Call[int, int]]) error {
		for m := range self.Messages() {
			if m.Body.Request < 0 {
				m.Body.Fail(self, errors.New("cannot double less than nothing"))
				continue
			}
			m.Body.Reply(self, 2*m.Body.Request)
		}
		return nil
	}
	run(func(self *troupe.Self[string]) {
		p := troupe.Spawn(self, double)
		fmt.Println(troupe.Ask(self, p, 21))
		fmt.Println(troupe.Ask(self, p, -1))

		p.PID().Shutdown(self, time.Second)
		fmt.Println(troupe.Ask(self, p, 1))
	})
	// Output:
	// 42 <nil>
	// 0 cannot double less than nothing
	// 0 troupe: no such process
}

// Several kinds of requests share a mailbox whose message type is an interface.
func ExampleAskWith() {
	type get struct {
		troupe.Call[string, int]
	}
	type put struct {
		troupe.Call[int, troupe.None]
	}
	cell := func(self *troupe.Self[any]) error {
		held := 0
		for m := range self.Messages() {
			switch r := m.Body.(type) {
			case get:
				r.Reply(self, held)
			case put:
				held = r.Request
				r.Reply(self, troupe.None{})
			}
		}
		return nil
	}
	run(func(self *troupe.Self[string]) {
		p := troupe.Spawn(self, cell)
		troupe.AskWith(self, p, func(c troupe.Call[int, troupe.None]) any { return put{c} }, 7)
		fmt.Println(troupe.AskWith(self, p, func(c troupe.Call[string, int]) any { return get{c} }, ""))
	})
	// Output: 7 <nil>
}

func ExampleNamed() {
	run(func(self *troupe.Self[string]) {
		if err := self.Register("front desk"); err != nil {
			fmt.Println(err)
		}
		troupe.Named[string]("front desk").Send(self, "a guest")
		fmt.Println(self.Receive().Body)
		fmt.Println(troupe.Named[string]("back desk").Send(self, "a guest"))
	})
	// Output:
	// a guest
	// troupe: no such process
}

func ExampleSelf_ReceiveFunc() {
	run(func(self *troupe.Self[string]) {
		for _, s := range []string{"red", "blue", "green"} {
			self.Ref().Send(self, s)
		}
		blue := func(m troupe.Message[string]) bool { return m.Body == "blue" }
		fmt.Println(self.ReceiveFunc(blue).Body)
		fmt.Println(self.Receive().Body, self.Receive().Body)
	})
	// Output:
	// blue
	// red green
}

// Waiting for mail and for a channel at once.
func ExampleSelf_Mail() {
	run(func(self *troupe.Self[string]) {
		ticks := make(chan int, 1)
		ticks <- 1
		self.Ref().Send(self, "letter")
		for range 2 {
			select {
			case n := <-ticks:
				fmt.Println("tick", n)
				ticks = nil
			case <-self.Mail():
				fmt.Println(self.Receive().Body)
			}
		}
	})
	// Unordered output:
	// tick 1
	// letter
}

func ExampleSelf_Monitor() {
	run(func(self *troupe.Self[string]) {
		self.Monitor(troupe.Named[string]("nobody").PID())
		fmt.Println(self.Receive())
	})
	// Output: nobody is down: no such process
}

func ExampleRef_SendAfter() {
	run(func(self *troupe.Self[string]) {
		never := self.Ref().SendAfter(self, time.Hour, "too late")
		self.Ref().SendAfter(self, time.Millisecond, "wake up")
		fmt.Println(self.Receive().Body)
		fmt.Println(never.Stop())
	})
	// Output:
	// wake up
	// true
}

func ExampleBounded() {
	run(func(self *troupe.Self[string]) {
		lazy := func(self *troupe.Self[string]) error {
			<-self.Done()
			return nil
		}
		p := troupe.Spawn(self, lazy, troupe.Bounded(1, troupe.Refuse))
		fmt.Println(p.Send(self, "one"))
		fmt.Println(p.Send(self, "two"))
	})
	// Output:
	// <nil>
	// troupe: mailbox is full
}

func ExampleNode_Graph() {
	run(func(self *troupe.Self[string]) {
		self.TrapExit(true)
		wait := func(self *troupe.Self[string]) error { <-self.Done(); return nil }
		troupe.SpawnLink(self, wait, troupe.Name("shop"))
		var picture strings.Builder
		self.Node().Graph().Mermaid(&picture)
		fmt.Println(strings.ReplaceAll(picture.String(), strconv.Itoa(os.Getpid()), "1"))
	})
	// Output:
	// flowchart TB
	// 	subgraph c0 ["OS process 1"]
	// 		n0["/"]
	// 		n1["/shop"]
	// 	end
	// 	n0 --> n1
	// 	n0 === n1
}
