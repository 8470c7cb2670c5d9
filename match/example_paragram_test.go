package match_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/match"
)

// These are the things that paragram's documentation and tests show, done here.

// quiet keeps ends that nobody watches out of the log.
var quiet = troupe.Logger(slog.New(slog.DiscardHandler))

// greet is a function that exists anyway, and is used as a handler.
func greet(_ string, name string) error {
	fmt.Println("hello,", name)
	return nil
}

// A receiver is set in two ways: with a function that exists, and with one that
// is written on the spot. Either can be handed to Serve, or added to a Receiver
// before or while it serves.
func Example_receiverSetInBothWays() {
	troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		p := troupe.Spawn(self, func(self *troupe.Self[any]) error {
			fmt.Println("process started!")
			var r match.Receiver
			r.Add(match.Case2(match.Is("hello"), match.Type[string](), greet))
			r.Add(match.Case1(match.Is("go away"), func(string) error {
				fmt.Println("process ending.")
				return troupe.Stop
			}))
			return r.Serve(self)
		})
		p.Send(self, match.Tuple{"hello", "Ada"})
		p.Send(self, "go away")
		fmt.Println("reason:", p.PID().Wait(self))
		return nil
	})
	// Output:
	// process started!
	// hello, Ada
	// process ending.
	// reason: <nil>
}

// dying is a body that ends as soon as it is told to.
func dying(self *troupe.Self[any]) error {
	return match.Serve(self, match.Case1(match.Is("die"), func(string) error {
		return errors.New("bad things are afoot")
	}))
}

// Without a handler for it, the abnormal end of a linked process ends those that
// are linked to it, with the same reason.
func Example_linkedExitWithoutHandler() {
	troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		first := troupe.Spawn(self, func(self *troupe.Self[any]) error {
			troupe.SpawnLink(self, dying).Send(self, "die")
			return match.Serve(self)
		})
		fmt.Println("first:", first.PID().Wait(self))
		return nil
	}, quiet)
	// Output: first: bad things are afoot
}

// With a handler, and trapping exits, it lives on.
func Example_linkedExitWithHandler() {
	troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		first := troupe.Spawn(self, func(self *troupe.Self[any]) error {
			troupe.SpawnLink(self, dying).Send(self, "die")
			return match.Serve(self,
				match.OnExit(func(from troupe.PID, reason error) error {
					fmt.Println("linked process ended:", reason)
					return self.Ref().Send(self, "still here?")
				}),
				match.Case1(match.Is("still here?"), func(string) error {
					fmt.Println("still here")
					return troupe.Stop
				}))
		}, troupe.TrapExits())
		fmt.Println("first:", first.PID().Wait(self))
		return nil
	}, quiet)
	// Output:
	// linked process ended: bad things are afoot
	// still here
	// first: <nil>
}

// A message that no clause matches ends the process.
func Example_unhandledMessage() {
	troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		ponger := troupe.Spawn(self, func(self *troupe.Self[any]) error {
			return match.Serve(self, match.Case2(match.Is("ping"), match.Type[troupe.Ref[any]](),
				func(_ string, from troupe.Ref[any]) error { return from.Send(self, "pong") }))
		})
		ponger.Send(self, match.Tuple{"ping", self.Ref()})
		fmt.Println(self.Receive().Body)
		ponger.Send(self, "unknown")
		var unhandled *match.UnhandledError
		if reason := ponger.PID().Wait(self); errors.As(reason, &unhandled) {
			fmt.Println("nobody handles", unhandled.Message)
		}
		return nil
	}, quiet)
	// Output:
	// pong
	// nobody handles unknown
}

// Arguments for a body are what its function closes over; the compiler checks
// them.
func Example_argumentsForTheBody() {
	takesArgs := func(a, b, c int) func(*troupe.Self[any]) error {
		return func(self *troupe.Self[any]) error {
			return match.Serve(self, match.Case2(match.Is("main"), match.Type[troupe.Ref[int]](),
				func(_ string, main troupe.Ref[int]) error {
					main.Send(self, a+b+c)
					return troupe.Stop
				}))
		}
	}
	troupe.Run(context.Background(), func(self *troupe.Self[int]) error {
		p := troupe.SpawnLink(self, takesArgs(1, 2, 3))
		p.Send(self, match.Tuple{"main", self.Ref()})
		fmt.Println(self.Receive().Body)
		return nil
	})
	// Output: 6
}

// To wait with a time-out is to wait with a context that ends.
func Example_waitForAnEndWithATimeOut() {
	troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		p := troupe.Spawn(self, dying)
		ctx, cancel := context.WithTimeout(self, time.Millisecond)
		defer cancel()
		err := p.PID().Wait(ctx)
		_, ended := p.PID().Ended()
		fmt.Println("time-out:", errors.Is(err, context.DeadlineExceeded), "- ended:", ended)

		p.Send(self, "die")
		fmt.Println("reason:", p.PID().Wait(self))
		_, ended = p.PID().Ended()
		fmt.Println("ended:", ended)
		return nil
	}, quiet)
	// Output:
	// time-out: true - ended: false
	// reason: bad things are afoot
	// ended: true
}

// The error of a process can be read after its end, by whoever has its PID; no
// link is needed.
func Example_errorReadAfterTheEnd() {
	troupe.Run(context.Background(), func(self *troupe.Self[any]) error {
		p := troupe.Spawn(self, dying)
		if reason, ended := p.PID().Ended(); !ended {
			fmt.Println("before:", reason)
		}
		p.Send(self, "die")
		p.PID().Wait(self)
		reason, ended := p.PID().Ended()
		fmt.Println("after:", reason, ended)
		return nil
	}, quiet)
	// Output:
	// before: <nil>
	// after: bad things are afoot true
}
