package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

type question = troupe.Call[string, string]

// echo answers questions, and crashes when it is asked nothing.
func echo(self *troupe.Self[question]) error {
	for m := range self.Messages() {
		if m.Body.Request == "" {
			panic("nothing to say")
		}
		m.Body.Reply(self, m.Body.Request)
	}
	return nil
}

// silent is a Report that takes no notice.
func silent(supervisor.Event) {}

// A child that crashes is started again; who asks for it by name waits for the
// successor.
func ExampleSpec() {
	client := func(self *troupe.Self[troupe.None]) error {
		for _, q := range []string{"hello", "", "still there?"} {
			fmt.Println(troupe.Ask(self, troupe.Named[question]("echo"), q))
		}
		return nil
	}
	app := supervisor.Spec{
		AutoShutdown: supervisor.AnySignificant, // end with the client
		Children: []supervisor.Child{
			{Name: "echo", Body: troupe.Function(echo)},
			{Name: "client", Body: troupe.Function(client), Restart: supervisor.Transient, Significant: true},
		},
		Report: silent,
	}
	err := troupe.Run(context.Background(), app.Run)
	fmt.Println(errors.Is(err, supervisor.ErrAutoShutdown))
	// Output:
	// hello <nil>
	//  panic: nothing to say
	// still there? <nil>
	// true
}

// inside runs a supervisor, and f beside it once its children are up.
func inside(s supervisor.Spec, f func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request])) {
	s.Report = silent
	err := troupe.Run(context.Background(), func(self *troupe.Self[troupe.None]) error {
		up := make(chan struct{})
		sup := troupe.SpawnLink(self, s.Run, troupe.Name("sup"), troupe.OnReady(func() { close(up) }))
		<-up
		f(self, sup)
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
}

// Children can be added while the supervisor runs.
func ExampleAdd() {
	inside(supervisor.Spec{}, func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request]) {
		pid, err := supervisor.Add(self, sup, supervisor.Child{
			Body: troupe.Function(echo), Restart: supervisor.Temporary,
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		address, _ := troupe.RefOf[question](pid)
		fmt.Println(troupe.Ask(self, address, "hello"))
		fmt.Println(supervisor.Remove(self, sup, pid))
	})
	// Output:
	// hello <nil>
	// <nil>
}

// A child stopped by a person stays stopped until a person starts it.
func ExampleStop() {
	s := supervisor.Spec{Children: []supervisor.Child{{Name: "echo", Body: troupe.Function(echo)}}}
	inside(s, func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request]) {
		supervisor.Stop(self, sup, "echo")
		i, _ := supervisor.Find(self, sup, "echo")
		fmt.Println(i.State)
		supervisor.Start(self, sup, "echo")
		i, _ = supervisor.Find(self, sup, "echo")
		fmt.Println(i.State)
	})
	// Output:
	// stopped
	// running
}

// Start says why it could not.
func ExampleStart() {
	inside(supervisor.Spec{Children: []supervisor.Child{
		{Name: "echo", Body: troupe.Function(echo), Gate: func() error { return errors.New("not before noon") }},
	}}, func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request]) {
		_, err := supervisor.Start(self, sup, "echo")
		fmt.Println(err)
		_, err = supervisor.Start(self, sup, "ekko")
		fmt.Println(err)
	})
	// Output:
	// supervisor: the gate refused the start: not before noon
	// supervisor: no such child: List tells which there are: "ekko"
}

// Restart replaces a child by a new process.
func ExampleRestart() {
	s := supervisor.Spec{Children: []supervisor.Child{{Name: "echo", Body: troupe.Function(echo)}}}
	inside(s, func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request]) {
		before, _ := supervisor.Find(self, sup, "echo")
		pid, err := supervisor.Restart(self, sup, "echo")
		fmt.Println(pid != before.PID, err)
	})
	// Output: true <nil>
}

func ExampleRemove() {
	s := supervisor.Spec{Children: []supervisor.Child{{Name: "echo", Body: troupe.Function(echo)}}}
	inside(s, func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request]) {
		fmt.Println(supervisor.Remove(self, sup, "echo"))
		list, _ := supervisor.List(self, sup)
		fmt.Println(len(list))
	})
	// Output:
	// <nil>
	// 0
}

// A supervisor can be the child of another.
func ExampleSpec_Body() {
	words := supervisor.Spec{
		Strategy: supervisor.OneForAll,
		Children: []supervisor.Child{{Name: "echo", Body: troupe.Function(echo)}},
	}
	s := supervisor.Spec{Children: []supervisor.Child{{Name: "words", Body: words.Body()}}}
	inside(s, func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request]) {
		fmt.Println(troupe.Ask(self, troupe.Named[question]("sup/words/echo"), "from below"))
	})
	// Output: from below <nil>
}

func ExampleList() {
	s := supervisor.Spec{Children: []supervisor.Child{
		{Name: "echo", Body: troupe.Function(echo)},
		{Name: "clock", Body: troupe.Service(func(ctx context.Context) error { <-ctx.Done(); return nil })},
	}}
	inside(s, func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request]) {
		list, _ := supervisor.List(self, sup)
		for _, i := range list {
			fmt.Println(i.Name, i.State, i.Policy)
		}
	})
	// Output:
	// echo running permanent
	// clock running permanent
}

func ExampleCount() {
	inside(supervisor.Spec{}, func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request]) {
		for range 3 {
			supervisor.Add(self, sup, supervisor.Child{Body: troupe.Function(echo)})
		}
		all, _ := supervisor.Count(self, sup)
		fmt.Println(all.Running, "of", all.Children)
	})
	// Output: 3 of 3
}

func ExampleFind() {
	inside(supervisor.Spec{}, func(self *troupe.Self[troupe.None], sup troupe.Ref[supervisor.Request]) {
		pid, _ := supervisor.Add(self, sup, supervisor.Child{Body: troupe.Function(echo)})
		i, err := supervisor.Find(self, sup, pid)
		fmt.Println(i.State, i.Restarts, err)
	})
	// Output: running 0 <nil>
}

// Check finds mistakes before anything runs.
func ExampleSpec_Check() {
	fmt.Println(supervisor.Spec{Children: []supervisor.Child{{Name: "echo"}}}.Check())
	// Output: supervisor: child "echo" has no Body: make one with troupe.Function, Handling or Service
}

// A child that fails again and again is given more and more time.
func ExampleBackoff() {
	app := supervisor.Spec{
		Intensity: 3,
		Children: []supervisor.Child{{
			Name:    "mail",
			Body:    troupe.Service(func(context.Context) error { return errors.New("no network") }),
			Backoff: supervisor.Backoff{Min: time.Millisecond, Max: time.Minute, Jitter: -1},
		}},
		Report: func(e supervisor.Event) {
			if e.Kind == supervisor.ChildRestarting {
				fmt.Println(e.Child, "again in", e.Delay)
			}
		},
	}
	fmt.Println(troupe.Run(context.Background(), app.Run))
	// Output:
	// mail again in 1ms
	// mail again in 2ms
	// mail again in 4ms
	// supervisor: gave up after 4 restarts within 5s, the last one of child "mail": no network
}

// Failures go to a logger of one's own.
func ExampleLog() {
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "process" {
			return slog.Attr{}
		}
		return a
	}})
	app := supervisor.Spec{
		Intensity: -1, // no restart at all
		Children: []supervisor.Child{{Name: "job", Body: troupe.Service(func(context.Context) error {
			return errors.New("out of paper")
		})}},
		Report: supervisor.Log(slog.New(handler)),
	}
	fmt.Println(troupe.Run(context.Background(), app.Run))
	// Output:
	// level=ERROR msg="supervisor: child ended" supervisor=/ child=job reason="out of paper"
	// level=ERROR msg="supervisor: gave up" supervisor=/ child=job reason="out of paper"
	// supervisor: gave up after 1 restarts within 5s, the last one of child "job": out of paper
}
