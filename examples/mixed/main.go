// Mixed mailboxes in one station: orders must not be lost and lie in a file, what is only to be
// shown on a screen lies in memory and may go with the program. Run it more than once with the
// same file, and interrupt it where you like:
//
//	go run . orders.db 3
//
// puts three more orders in and ships all that are there. How many were shipped so far is part of
// the same file, changed in one step with each order.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/bolt"
	"github.com/troupe-go/troupe/station"
)

type order struct{ Item string }

// A desk ships orders, and counts them.
func desk(shop *station.Station) func(context.Context, station.Mail[order]) error {
	return func(ctx context.Context, m station.Mail[order]) error {
		shipped, _, err := station.Load[int](ctx)
		if err != nil {
			return err
		}
		shipped++
		// Both of this and the acknowledgement of the order are one step.
		if err := station.Save(ctx, shipped); err != nil {
			return err
		}
		return station.Tell(ctx, shop, "/shipped", fmt.Sprintf("%s is order %d", m.Body.Item, shipped))
	}
}

// newShop returns a station with two stores: what has to do with orders is in the one, what is
// shown in the other.
func newShop(orders mailbox.Store, show func(string)) *station.Station {
	shop := station.New(mailbox.NewMemory())
	station.HandleFunc(shop, "/ship", desk(shop), station.Options{Store: orders, Atomic: true})
	station.HandleFunc(shop, "/shipped", func(ctx context.Context, m station.Mail[string]) error {
		return station.Tell(ctx, shop, "/screen", m.Body)
	}, station.Options{Store: orders})
	station.HandleFunc(shop, "/screen", func(_ context.Context, m station.Mail[string]) error {
		show(m.Body)
		return nil
	}, station.Options{Capacity: 100, Full: troupe.DropOldest})
	return shop
}

// put adds orders to those in the file.
func put(ctx context.Context, shop *station.Station, n int) error {
	for i := range n {
		if err := station.Tell(ctx, shop, "/ship", order{[]string{"apple", "pear", "plum"}[i%3]}); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, file string, n int) error {
	orders, err := bolt.Open(file)
	if err != nil {
		return err
	}
	defer orders.Close()
	shop := newShop(orders, func(text string) { fmt.Println(text) })
	if err := put(ctx, shop, n); err != nil {
		return err
	}
	return troupe.Run(ctx, shop.Run)
}

func main() {
	n := 0
	if len(os.Args) > 2 {
		n, _ = strconv.Atoi(os.Args[2])
	}
	if len(os.Args) < 2 {
		log.Fatal("usage: mixed FILE [ORDERS]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1], n); err != nil {
		log.Fatal(err)
	}
}
