//go:build unix

package isolate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/isolate"
	"github.com/troupe-go/troupe/supervisor"
)

// run is the main function of these examples; osproc.Main was called in TestMain.
func run(f func(self *troupe.Self[string])) {
	err := troupe.Run(context.Background(), func(self *troupe.Self[string]) error {
		f(self)
		return nil
	}, troupe.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
	}
}

// A kind is declared as a package variable, so that a child knows it before its main
// function begins.
var greeter = isolate.Register("greeter", func(self *troupe.Self[string], greeting string) error {
	for m := range self.Messages() {
		if m.Body == "" {
			os.Exit(7) // or anything else that ends the whole OS process
		}
		if err := m.Reply(self, greeting+", "+m.Body); err != nil {
			return err
		}
	}
	return nil
})

func Example() {
	// In a real program, main begins with osproc.Main().
	run(func(self *troupe.Self[string]) {
		ref := troupe.SpawnMonitor(self, isolate.Body(greeter, "Hello"))
		_ = ref.Send(self, "world")
		fmt.Println(self.Receive().Body)

		_ = ref.Send(self, "")
		down := self.Receive()
		var exit *osproc.ExitError
		fmt.Println(down.Event, errors.As(down.Reason, &exit), exit.Status)
	})
	// Output:
	// Hello, world
	// down true exit status 7
}

var squarer = isolate.Register("squarer", func(self *troupe.Self[troupe.Call[int, int]], _ troupe.None) error {
	for m := range self.Messages() {
		if err := m.Body.Reply(self, m.Body.Request*m.Body.Request); err != nil {
			return err
		}
	}
	return nil
})

// A question to a process in another OS process ends when that is killed, and the
// killed process does not live on.
func ExampleSpawn() {
	run(func(self *troupe.Self[string]) {
		ref := isolate.Spawn(self, squarer, troupe.None{})
		fmt.Println(troupe.Ask(self, ref, 12))
		_ = ref.PID().Kill(self) // SIGKILL
		fmt.Println(ref.PID().Wait(self))
	})
	// Output:
	// 144 <nil>
	// troupe: killed
}

// A supervisor cares for OS processes as it does for goroutines; a question that is asked
// of a name waits for the successor.
func ExampleChild() {
	client := func(self *troupe.Self[troupe.None]) error {
		name := troupe.Named[troupe.Call[int, int]]("divider")
		fmt.Println(troupe.Ask(self, name, 12))
		_, err := troupe.Ask(self, name, 0)
		fmt.Println(err)
		fmt.Println(troupe.Ask(self, name, 6))
		return nil
	}
	app := supervisor.Spec{
		AutoShutdown: supervisor.AnySignificant, // end with the client
		Children: []supervisor.Child{
			{Name: "divider", Body: isolate.Child(divider, 144)},
			{Name: "client", Body: troupe.Function(client), Restart: supervisor.Transient, Significant: true},
		},
		Report: func(supervisor.Event) {},
	}
	_ = troupe.Run(context.Background(), app.Run)
	// Output:
	// 12 <nil>
	// panic: runtime error: integer divide by zero
	// 24 <nil>
}

var divider = isolate.Register("divider", func(self *troupe.Self[troupe.Call[int, int]], n int) error {
	for m := range self.Messages() {
		if err := m.Body.Reply(self, n/m.Body.Request); err != nil {
			return err
		}
	}
	return nil
})

type counter struct{ total int }

func (c *counter) Handle(self *troupe.Self[troupe.Call[int, int]], m troupe.Message[troupe.Call[int, int]]) error {
	c.total += m.Body.Request
	return m.Body.Reply(self, c.total)
}

var counters = isolate.RegisterHandler("counter", func(start int) troupe.Handler[troupe.Call[int, int]] {
	return &counter{start}
})

func ExampleRegisterHandler() {
	run(func(self *troupe.Self[string]) {
		ref := isolate.Spawn(self, counters, 100)
		for _, n := range []int{1, 20} {
			fmt.Println(troupe.Ask(self, ref, n))
		}
	})
	// Output:
	// 101 <nil>
	// 121 <nil>
}

// A program that has nothing to do with this library: its lines are messages, its
// standard input takes what is sent, its exit is the reason.
func ExampleCommand() {
	run(func(self *troupe.Self[string]) {
		body := isolate.Command(osproc.Command("sh", "-c", `while read line; do echo "got $line"; done; exit 3`),
			func(ctx context.Context, l isolate.Line) error { return self.Ref().Send(ctx, l.Text) })
		ref := troupe.SpawnMonitor(self, body)
		_ = ref.Send(self, isolate.Input{Line: "one"})
		_ = ref.Send(self, isolate.Input{Line: "two", Close: true})
		for m := self.Receive(); ; m = self.Receive() {
			var exit *osproc.ExitError
			if errors.As(m.Reason, &exit) {
				fmt.Println(exit.Status)
				return
			}
			fmt.Println(m.Body)
		}
	})
	// Output:
	// got one
	// got two
	// exit status 3
}
