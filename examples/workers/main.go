// Workers do jobs, a monitor counts them, a display shows the count: three addresses, one below
// the other, each with mail of its own. Work goes down the tree only. Jobs that fail are tried
// again, and what cannot be done at all ends among the dead letters.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

type job struct{ Kind, Text string }

const jobs = 100

// work does a job: speech is hard to understand, and often takes a second try.
func work(shop *station.Station) func(context.Context, station.Mail[job]) error {
	return func(ctx context.Context, m station.Mail[job]) error {
		switch {
		case m.Body.Text == "":
			return station.Reject(errors.New("there is nothing in it"))
		case m.Body.Kind == "voice" && !m.Redelivered():
			return errors.New("say that again")
		}
		return station.Forward(ctx, shop, m.Child("monitor"), m.Body.Kind)
	}
}

// A monitor counts the jobs of each kind. Its count is its own: nobody else can reach it.
type monitor struct {
	shop  *station.Station
	count map[string]int
}

func (a *monitor) Handle(ctx context.Context, m station.Mail[string]) error {
	a.count[m.Body]++
	return station.Forward(ctx, a.shop, m.Child("display"), maps.Clone(a.count))
}

// show prints the count once all jobs are done.
func show(out io.Writer, done func()) func(context.Context, station.Mail[map[string]int]) error {
	return func(_ context.Context, m station.Mail[map[string]int]) error {
		sum := 0
		for _, n := range m.Body {
			sum += n
		}
		if sum < jobs {
			return nil
		}
		for _, kind := range slices.Sorted(maps.Keys(m.Body)) {
			fmt.Fprintln(out, kind, m.Body[kind])
		}
		done()
		return nil
	}
}

func run(out io.Writer) error {
	ctx, done := context.WithCancel(context.Background())
	defer done()
	shop := station.New(mailbox.NewMemory())
	failures := 0
	station.HandleFunc(shop, "/worker", work(shop), station.Options{
		Retry: station.Retry{Min: time.Millisecond, Aside: true},
		Done: func(_ string, err error) {
			if err != nil {
				failures++
			}
		},
	})
	station.Handle(shop, "/worker/monitor", func(string) (station.Actor[string], error) {
		return &monitor{shop, map[string]int{}}, nil
	}, station.Options{})
	station.HandleFunc(shop, "/worker/monitor/display", show(out, done), station.Options{})

	for i := range jobs {
		kind := []string{"text", "voice"}[i%2]
		if err := station.Tell(ctx, shop, "/worker", job{kind, fmt.Sprint("hello ", i)}); err != nil {
			return err
		}
	}
	if err := station.Tell(ctx, shop, "/worker", job{Kind: "text"}); err != nil {
		return err
	}
	if err := troupe.Run(ctx, shop.Run); err != nil {
		return err
	}
	letters, err := shop.DeadLetters(context.Background(), "/worker", 0)
	for _, l := range letters {
		fmt.Fprintln(out, l.Address, l.Value, l.Reason)
	}
	fmt.Fprintln(out, "failures:", failures)
	return err
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
