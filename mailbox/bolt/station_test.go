package bolt

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
	"github.com/troupe-go/troupe/station/stationtest"
)

const accounts = 5

// bank returns a station of accounts and a book that counts what happened to them.
// Each transfer to an account, its new balance and the mail to the book are one
// step; so are a mail to the book and its new count.
func bank(s mailbox.Store, done func()) *station.Station {
	b := station.New(s, station.Logger(slog.New(slog.DiscardHandler)))
	add := func(after func(ctx context.Context, m station.Mail[int]) error) func(context.Context, station.Mail[int]) error {
		return func(ctx context.Context, m station.Mail[int]) error {
			sum, _, err := station.Load[int](ctx)
			if err != nil {
				return err
			}
			if m.IsQuestion() {
				return m.Reply(ctx, sum)
			}
			if err := station.Save(ctx, sum+m.Body); err != nil {
				return err
			}
			if rand.N(20) == 0 {
				return fmt.Errorf("no luck at attempt %d", m.Count)
			}
			return after(ctx, m)
		}
	}
	o := station.Options{Atomic: true, Idle: -1, Done: func(string, error) { done() }, Retry: station.Retry{
		Attempts: -1, Min: time.Millisecond, Max: time.Millisecond,
	}}
	station.HandleFunc(b, "/account/{id}", add(func(ctx context.Context, m station.Mail[int]) error {
		return station.Tell(ctx, b, "/book", m.Body)
	}), o)
	station.HandleFunc(b, "/book", add(func(context.Context, station.Mail[int]) error { return nil }), o)
	return b
}

// stationProgram is the program that is killed.
func stationProgram(dir string, _ []string) error {
	s, err := Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		return err
	}
	return bank(s, func() { fmt.Println("done") }).Serve(context.Background())
}

// TestStations runs stations on the file.
func TestStations(t *testing.T) {
	stationtest.Run(t, func(t *testing.T) stationtest.Place {
		p := place(t)
		return stationtest.Place{Open: p.Open, Crash: p.Crash}
	})
}

// TestG70_StationKilledAtAnyInstant: a program that serves atomic actors is killed
// again and again. In the end each transfer has happened once: no more, no less.
func TestG70_StationKilledAtAnyInstant(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mail.db")
	transfers := rounds(150)
	s, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	sender := station.New(s)
	for i := range transfers {
		if err := station.Tell(t.Context(), sender, fmt.Sprint("/account/", i%accounts), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range rounds(5) {
		p := start(t, "station", dir)
		for range 1 + rand.N(20) {
			p.until(t, "done")
		}
		time.Sleep(rand.N(3 * time.Millisecond)) // an instant that nobody chose
		kill(t, p)
		if left := waiting(t, file); left == 0 {
			break
		}
	}
	sums := finish(t, file)
	if sums["/book"] != transfers {
		t.Errorf("the book has %d transfers, want %d", sums["/book"], transfers)
	}
	for i := range accounts {
		if got, want := sums[fmt.Sprint("/account/", i)], transfers/accounts; got != want {
			t.Errorf("account %d has %d, want %d", i, got, want)
		}
	}
}

// waiting returns how much mail there is.
func waiting(t *testing.T, file string) int {
	t.Helper()
	s, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	totals, err := s.Addresses().Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return totals.Waiting
}

// finish handles what is left, and returns the state of all addresses.
func finish(t *testing.T, file string) map[string]int {
	t.Helper()
	s, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	some := make(chan struct{}, 1)
	b := bank(s, func() {
		select {
		case some <- struct{}{}:
		default:
		}
	})
	sums := make(map[string]int)
	err = troupe.Run(t.Context(), func(self *troupe.Self[troupe.None]) error {
		troupe.SpawnLink(self, b.Run)
		for {
			totals, err := s.Addresses().Totals(self)
			if err != nil {
				return err
			}
			if totals.DeadLetters > 0 {
				return fmt.Errorf("there are %d dead letters", totals.DeadLetters)
			}
			if totals.Waiting == 0 {
				break
			}
			select {
			case <-some:
			case <-time.After(50 * time.Millisecond): // what is settled is counted some milliseconds later
			}
		}
		for i := range accounts + 1 {
			address := fmt.Sprint("/account/", i)
			if i == accounts {
				address = "/book"
			}
			sum, err := station.Ask[int, int](self, b, address, 0)
			if err != nil {
				return err
			}
			sums[address] = sum
		}
		return nil
	}, troupe.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	return sums
}
