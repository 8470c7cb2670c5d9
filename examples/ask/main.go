// Ask: a till asks what things cost. An answer has a type; the handler's error is the asker's; and
// whoever asks says how long it wants to wait.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

var errUnknown = errors.New("no such item")

// price answers for one item.
func price(ctx context.Context, m station.Mail[troupe.None]) error {
	cents, known := map[string]int{"apple": 30, "pear": 45}[m.Param("item")]
	if !known {
		return errUnknown
	}
	return m.Reply(ctx, cents)
}

// till asks for the price of each item, and answers with the sum.
func till(shop *station.Station) func(context.Context, station.Mail[[]string]) error {
	return func(ctx context.Context, m station.Mail[[]string]) error {
		sum := 0
		for _, item := range m.Body {
			cents, err := station.Ask[troupe.None, int](ctx, shop, "/price/"+item, troupe.None{})
			if err != nil {
				return fmt.Errorf("%s: %w", item, err)
			}
			sum += cents
		}
		return m.Reply(ctx, sum)
	}
}

func run(out io.Writer) error {
	shop := station.New(mailbox.NewMemory())
	station.HandleFunc(shop, "/price/{item}", price, station.Options{})
	station.HandleFunc(shop, "/till", till(shop), station.Options{})
	return troupe.Run(context.Background(), func(self *troupe.Self[troupe.None]) error {
		troupe.SpawnLink(self, shop.Run)

		sum, err := station.Ask[[]string, int](self, shop, "/till", []string{"apple", "pear", "apple"})
		fmt.Fprintln(out, sum, err)

		_, err = station.Ask[[]string, int](self, shop, "/till", []string{"apple", "melon"})
		fmt.Fprintln(out, err, errors.Is(err, errUnknown))

		if err := shop.Stop("/price/pear"); err != nil { // questions to it wait now
			return err
		}
		ctx, cancel := context.WithTimeout(self, 100*time.Millisecond)
		defer cancel()
		_, err = station.Ask[troupe.None, int](ctx, shop, "/price/pear", troupe.None{})
		fmt.Fprintln(out, err)
		return nil
	})
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
