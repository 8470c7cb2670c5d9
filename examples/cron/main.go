// Cron: things that are to happen at certain times, as mail. In a store that lasts, a plan lasts
// too: the program may be down in between, and what it missed comes once, late.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// say prints what it is told, and when.
func say(out io.Writer) func(context.Context, station.Mail[string]) error {
	return func(_ context.Context, m station.Mail[string]) error {
		_, err := fmt.Fprintln(out, time.Now().UTC().Format("Mon 15:04:05"), m.Body)
		return err
	}
}

// plan tells the office what is to be done when.
func plan(ctx context.Context, office *station.Station) error {
	for _, p := range []struct{ name, when, what string }{
		{"pulse", "@every 5s", "still here"},
		{"report", "TZ=UTC 30 9 * * mon-fri", "write the report"},
		{"backup", "TZ=UTC @daily", "make a backup"},
	} {
		if err := station.Schedule(ctx, office, p.name, p.when, "/say", p.what); err != nil {
			return err
		}
	}
	// Once only, and not before a time.
	return station.Tell(ctx, office, "/say", "seven seconds later", station.Delay(7*time.Second))
}

func run(ctx context.Context, out io.Writer) error {
	office := station.New(mailbox.NewMemory())
	station.HandleFunc(office, "/say", say(out), station.Options{})
	if err := plan(ctx, office); err != nil {
		return err
	}
	time.AfterFunc(61*time.Second, func() { // enough of that
		if err := station.Unschedule(ctx, office, "pulse"); err != nil {
			log.Println(err)
		}
	})
	return troupe.Run(ctx, office.Run)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}
