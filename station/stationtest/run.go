// Package stationtest shows, as tests, that stations work on a [mailbox.Store]. A
// store that passes mailboxtest should pass these; they are about what happens when
// the two meet: traffic, restarts, crashes, several programs at one store.
package stationtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// A Place is where one test's mail lies: empty at first, and nobody else's.
type Place struct {
	// Open opens the store. It is called again after Crash or Close, and then
	// finds what is there.
	Open func(t *testing.T) mailbox.Store

	// Crash ends a store as if its program had been killed: without any of
	// what Close does. Nil if mail is lost with the program.
	Crash func(t *testing.T, s mailbox.Store)

	// Shared says that Open may be called while the store is open, as by
	// another program.
	Shared bool
}

// Run runs all tests. newPlace is called once for each of them.
func Run(t *testing.T, newPlace func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, p Place)
	}{
		{"G70_Traffic", traffic},
		{"Ask", ask},
		{"G44_StopLasts", stopLasts},
		{"G70_DeadLetters", deadLetters},
		{"G70_Atomic", atomicSteps},
		{"Schedule", schedule},
		{"G70_Crash", crash},
		{"G70_TwoPrograms", twoPrograms},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newPlace(t)) })
	}
}

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

func open(t *testing.T, p Place) mailbox.Store {
	t.Helper()
	s := p.Open(t)
	t.Cleanup(func() { s.Close() })
	return s
}

func newStation(s mailbox.Store) *station.Station {
	return station.New(s, station.Logger(slog.New(slog.DiscardHandler)))
}

// serve runs a station until stop is called; the test fails if it ends before.
func serve(t *testing.T, s *station.Station) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- troupe.Run(ctx, s.Run, troupe.Logger(slog.New(slog.DiscardHandler))) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, mailbox.ErrClosed) {
			t.Error("the station ended with", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// parcel is what most tests send.
type parcel struct{ Sender, N int }

// A ledger of what was handled.
type ledger struct {
	t     *testing.T
	mu    sync.Mutex
	done  map[parcel]int         // how many times it was handled to the end
	last  map[string]map[int]int // address → sender → the latest that was handled the first time
	want  int
	all   chan struct{}
	grown chan struct{} // a token: more was handled
}

func newLedger(t *testing.T, want int) *ledger {
	return &ledger{
		t: t, want: want, all: make(chan struct{}), grown: make(chan struct{}, 1),
		done: map[parcel]int{}, last: map[string]map[int]int{},
	}
}

// note is called when a mail has been handled to the end.
func (l *ledger) note(m station.Mail[parcel]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := m.Body
	select {
	case l.grown <- struct{}{}:
	default:
	}
	if l.done[p]++; l.done[p] > 1 {
		if !m.Redelivered() {
			l.t.Errorf("%v came a second time and was not marked", p)
		}
		return
	}
	if l.last[m.Address] == nil {
		l.last[m.Address] = map[int]int{}
	}
	if last, seen := l.last[m.Address][p.Sender]; seen && p.N < last {
		l.t.Errorf("%s got %v after number %d", m.Address, p, last)
	}
	l.last[m.Address][p.Sender] = p.N
	if len(l.done) == l.want {
		close(l.all)
	}
}

// wait waits until all has been handled.
func (l *ledger) wait() {
	l.t.Helper()
	select {
	case <-l.all:
	case <-time.After(patience):
		l.mu.Lock()
		defer l.mu.Unlock()
		l.t.Fatalf("%d of %d were handled", len(l.done), l.want)
	}
}

// until waits until n have been handled, or more.
func (l *ledger) until(n int) {
	l.t.Helper()
	for l.count() < n {
		select {
		case <-l.grown:
		case <-time.After(patience):
			l.t.Fatalf("%d were handled, want %d at least", l.count(), n)
		}
	}
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.done)
}

// doubles counts what was handled more than once.
func (l *ledger) doubles() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, times := range l.done {
		n += times - 1
	}
	return n
}

// handle registers /box/{n}; one in fails of its handlers fails, if it is not 0.
func (l *ledger) handle(s *station.Station, fails int) {
	station.HandleFunc(s, "/box/{n}", func(_ context.Context, m station.Mail[parcel]) error {
		if fails > 0 && rand.N(fails) == 0 {
			return errors.New("no luck")
		}
		l.note(m)
		return nil
	}, station.Options{Retry: station.Retry{Attempts: -1, Min: time.Millisecond, Max: 10 * time.Millisecond}})
}

const (
	boxes = 7
	each  = 60 // parcels of a sender
)

// send sends parcels of several senders, each in order, and waits until they are safe.
func send(t *testing.T, s *station.Station, first, senders int) {
	var wg sync.WaitGroup
	for sender := first; sender < first+senders; sender++ {
		wg.Go(func() {
			for i := range each {
				if err := station.Tell(t.Context(), s, fmt.Sprint("/box/", i%boxes), parcel{sender, i}); err != nil {
					t.Error("Tell:", err)
				}
			}
		})
	}
	wg.Wait()
}
