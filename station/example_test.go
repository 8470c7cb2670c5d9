package station_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// item is what is put into a cart.
type item struct {
	Name string
	N    int
}

// basket is an actor: one for each cart, made when there is mail for it.
type basket struct{ items map[string]int }

func (b *basket) Handle(ctx context.Context, m station.Mail[item]) error {
	if m.IsQuestion() {
		return m.Reply(ctx, b.items[m.Body.Name])
	}
	if m.Body.N < 1 {
		return station.Reject(fmt.Errorf("cannot put %d of %s into cart %s", m.Body.N, m.Body.Name, m.Param("id")))
	}
	b.items[m.Body.Name] += m.Body.N
	return nil // now the mail is acknowledged
}

func Example() {
	shop := station.New(mailbox.NewMemory())
	station.Handle(shop, "/cart/{id}", func(string) (station.Actor[item], error) {
		return &basket{items: map[string]int{}}, nil
	}, station.Options{Idle: time.Minute})

	err := troupe.Run(context.Background(), func(self *troupe.Self[troupe.None]) error {
		// Mail waits until somebody serves the address.
		for _, it := range []item{{"apple", 3}, {"apple", 2}, {"apple", 0}} {
			if err := station.Tell(self, shop, "/cart/42", it); err != nil {
				return err
			}
		}
		troupe.SpawnLink(self, shop.Run)
		n, err := station.Ask[item, int](self, shop, "/cart/42", item{Name: "apple"})
		fmt.Println("apples:", n)
		return err
	}, troupe.Logger(slogDiscard()))
	if err != nil {
		log.Fatal(err)
	}
	letters, _ := shop.DeadLetters(context.Background(), "/cart", 0)
	for _, l := range letters {
		fmt.Println(l.Address, l.Value, l.Reason)
	}
	// Output:
	// apples: 5
	// /cart/42 {apple 0} cannot put 0 of apple into cart 42
}

// serveFor runs a station until done is called.
func serveFor(s *station.Station, f func(ctx context.Context, done func())) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f(ctx, cancel)
	if err := troupe.Run(ctx, s.Run, troupe.Logger(slogDiscard())); err != nil {
		log.Fatal(err)
	}
}

// Work goes down the tree, step by step. The flow's name goes along.
func ExampleForward() {
	s := station.New(mailbox.NewMemory())
	serveFor(s, func(ctx context.Context, done func()) {
		station.HandleFunc(s, "/a", func(ctx context.Context, m station.Mail[string]) error {
			return station.Forward(ctx, s, m.Child("b"), m.Body+" through a")
		}, station.Options{})
		station.HandleFunc(s, "/a/b", func(ctx context.Context, m station.Mail[string]) error {
			fmt.Println(station.Forward(ctx, s, "/a", "back"))
			return station.Forward(ctx, s, m.Child("c"), m.Body+" through b")
		}, station.Options{})
		station.HandleFunc(s, "/a/b/c", func(_ context.Context, m station.Mail[string]) error {
			fmt.Println(m.Body, "from", m.From, "in", m.Flow, "hop", m.Hop)
			done()
			return nil
		}, station.Options{})
		station.Tell(ctx, s, "/a", "it goes", station.Flow("order 7"))
	})
	// Output:
	// station: the address is not below the sender's: /a is not below /a/b
	// it goes through a through b from /a/b in order 7 hop 2
}

// State, acknowledgement and outgoing mail are one step.
func ExampleSave() {
	s := station.New(mailbox.NewMemory()) // with mailbox/bolt it survives a crash
	serveFor(s, func(ctx context.Context, done func()) {
		station.HandleFunc(s, "/counter", func(ctx context.Context, m station.Mail[int]) error {
			sum, _, err := station.Load[int](ctx)
			if err != nil {
				return err
			}
			if err := station.Tell(ctx, s, "/printer", sum+m.Body); err != nil {
				return err
			}
			if m.Body == 10 && !m.Redelivered() {
				return errors.New("what was told is not sent, and comes again")
			}
			return station.Save(ctx, sum+m.Body)
		}, station.Options{Atomic: true, Retry: station.Retry{Min: time.Millisecond}})
		station.HandleFunc(s, "/printer", func(_ context.Context, m station.Mail[int]) error {
			if fmt.Println(m.Body); m.Body == 111 {
				done()
			}
			return nil
		}, station.Options{})
		for _, n := range []int{1, 10, 100} {
			station.Tell(ctx, s, "/counter", n)
		}
	})
	// Output:
	// 1
	// 11
	// 111
}

// A person stops an address. Its mail waits.
func ExampleStation_Stop() {
	s := station.New(mailbox.NewMemory())
	serveFor(s, func(ctx context.Context, done func()) {
		station.HandleFunc(s, "/door/{n}", func(_ context.Context, m station.Mail[string]) error {
			fmt.Println(m.Body, "at door", m.Param("n"))
			if m.Param("n") == "1" {
				done()
				return nil
			}
			fmt.Println("open door 1")
			return s.Start("/door/1")
		}, station.Options{})
		fmt.Println("close door 1:", s.Stop("/door/1"))
		station.Tell(ctx, s, "/door/1", "knock")
		n, _ := s.Info(ctx, "/door/1")
		fmt.Println("waiting:", n.Waiting, "stopped:", n.Stopped)
		station.Tell(ctx, s, "/door/2", "knock")
	})
	// Output:
	// close door 1: <nil>
	// waiting: 1 stopped: true
	// knock at door 2
	// open door 1
	// knock at door 1
}

// Mail that could not be handled is listed, and replayed when the cause has gone.
func ExampleStation_Replay() {
	s := station.New(mailbox.NewMemory())
	broken := true
	serveFor(s, func(ctx context.Context, done func()) {
		station.HandleFunc(s, "/printer", func(ctx context.Context, m station.Mail[string]) error {
			if broken {
				return errors.New("out of paper")
			}
			fmt.Println(m.Body)
			done()
			return nil
		}, station.Options{Retry: station.Retry{Attempts: 1}})
		station.HandleFunc(s, "/boy", func(ctx context.Context, _ station.Mail[troupe.None]) error {
			letters, err := s.DeadLetters(ctx, "/printer", 0)
			if len(letters) == 0 {
				return errors.Join(err, errors.New("nothing to do yet"))
			}
			fmt.Println(letters[0].Reason)
			broken = false
			_, err = s.Replay(ctx, letters...)
			return err
		}, station.Options{Retry: station.Retry{Attempts: -1, Min: time.Millisecond, Max: time.Millisecond}})
		station.Tell(ctx, s, "/printer", "page 1")
		station.Tell(ctx, s, "/boy", troupe.None{})
	})
	// Output:
	// out of paper
	// page 1
}

// Mail at certain times.
func ExampleSchedule() {
	s := station.New(mailbox.NewMemory())
	n := 0
	serveFor(s, func(ctx context.Context, done func()) {
		station.HandleFunc(s, "/tick", func(_ context.Context, m station.Mail[string]) error {
			if n++; n > 3 {
				return nil // it takes a moment to end
			}
			fmt.Println(m.Body)
			if n == 3 {
				done()
			}
			return nil
		}, station.Options{})
		if err := station.Schedule(ctx, s, "pulse", "@every 10ms", "/tick", "tick"); err != nil {
			log.Fatal(err)
		}
		err := station.Schedule(ctx, s, "report", "30 25 * * *", "/tick", "report")
		fmt.Println(err)
	})
	// Output:
	// station: the plan "30 25 * * *": hour: "25" is not a number from 0 to 23
	// tick
	// tick
	// tick
}
