package stationtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// traffic: without a crash nothing that succeeded comes again.
func traffic(t *testing.T, p Place) {
	const senders = 4
	s := newStation(open(t, p))
	l := newLedger(t, senders*each)
	l.handle(s, 20)
	send(t, s, 0, senders/2) // nobody serves yet
	stop := serve(t, s)
	send(t, s, senders/2, senders/2)
	l.wait()
	stop()
	if n := l.doubles(); n > 0 {
		t.Errorf("%d were handled more than once", n)
	}
}

// ask: answers find their askers, if the store carries them.
func ask(t *testing.T, p Place) {
	store := open(t, p)
	if _, ok := store.(mailbox.Answers); !ok {
		t.Skip("it carries no answers")
	}
	s := newStation(store)
	station.HandleFunc(s, "/half/{who}", func(ctx context.Context, m station.Mail[int]) error {
		if m.Body%2 == 1 {
			return errors.New("odd")
		}
		return m.Reply(ctx, m.Body/2)
	}, station.Options{})
	serve(t, s)
	for i := range 20 {
		half, err := station.Ask[int, int](limited(t), s, fmt.Sprint("/half/", i%3), i)
		if i%2 == 0 && (half != i/2 || err != nil) || i%2 == 1 && err == nil {
			t.Fatal(i, half, err)
		}
	}
}

// stopLasts: what a person has stopped stays stopped for the next program.
func stopLasts(t *testing.T, p Place) {
	store := p.Open(t)
	s := newStation(store)
	l := newLedger(t, 2)
	l.handle(s, 0)
	must(t, s.Stop("/box/1"))
	must(t, station.Tell(limited(t), s, "/box/1", parcel{N: 1}))
	if p.Crash != nil {
		must(t, store.Close())
		store = p.Open(t)
		s = newStation(store)
		l.handle(s, 0)
	}
	t.Cleanup(func() { store.Close() })
	serve(t, s)
	must(t, station.Tell(limited(t), s, "/box/2", parcel{N: 2}))
	l.until(1)
	n, err := s.Info(limited(t), "/box/1")
	if must(t, err); !n.Stopped || n.Waiting != 1 || l.count() != 1 {
		t.Errorf("%+v; handled: %d", n, l.count())
	}
	must(t, s.Start("/box/1"))
	l.wait()
}

// deadLetters: what fails for good, or cannot be read, is listed, and replayed.
func deadLetters(t *testing.T, p Place) {
	store := open(t, p)
	s := newStation(store)
	l := newLedger(t, 2)
	fixed := make(chan struct{})
	failed := make(chan struct{}, 10)
	station.HandleFunc(s, "/box/{n}", func(_ context.Context, m station.Mail[parcel]) error {
		select {
		case <-fixed:
		default:
			if m.Body.N == 1 {
				return errors.New("broken")
			}
		}
		l.note(m)
		return nil
	}, station.Options{Retry: station.Retry{Attempts: 3, Min: time.Millisecond}, Done: func(_ string, err error) {
		if err != nil {
			failed <- struct{}{}
		}
	}})
	serve(t, s)
	ctx := limited(t)
	must(t, store.Put(ctx, mailbox.Mail{Address: "/box/1", Encoding: "runes", Body: []byte("?"), Value: "?"}))
	must(t, station.Tell(ctx, s, "/box/1", parcel{N: 1}))
	must(t, station.Tell(ctx, s, "/box/1", parcel{Sender: 1, N: 2}))
	for range 4 { // one cannot be read, one is tried three times
		select {
		case <-failed:
		case <-time.After(patience):
			t.Fatal("too little has failed")
		}
	}
	l.until(1) // so what is before it is settled
	must(t, s.Flush(ctx))
	letters, err := s.DeadLetters(ctx, "/box", 0)
	if must(t, err); len(letters) != 2 {
		t.Fatal(letters)
	}
	close(fixed)
	for _, d := range letters {
		do := s.Purge
		if d.Reason == "broken" {
			do = s.Replay
		}
		if n, err := do(ctx, d); n != 1 || err != nil {
			t.Error(d.Reason, n, err)
		}
	}
	l.wait()
	if letters, err := s.DeadLetters(ctx, "/", 0); len(letters) > 0 || err != nil {
		t.Error(letters, err)
	}
}

// unkept stands for a sum that could not be kept.
const unkept = -1

// atomicSteps: state and mail of steps that fail are not there.
func atomicSteps(t *testing.T, p Place) {
	s := newStation(open(t, p))
	const n = 50
	sums := make(chan int, 2*n)
	station.HandleFunc(s, "/sum", func(ctx context.Context, m station.Mail[int]) error {
		sum, _, err := station.Load[int](ctx)
		if err != nil {
			sums <- unkept
			return station.Reject(err)
		}
		if err := station.Tell(ctx, s, "/report", sum+m.Body); err != nil {
			return err
		}
		if err := station.Save(ctx, sum+m.Body); err != nil {
			return err
		}
		if m.Body%7 == 0 && m.Count == 1 {
			return errors.New("no luck")
		}
		return nil
	}, station.Options{Atomic: true, Retry: station.Retry{Min: time.Millisecond}})
	station.HandleFunc(s, "/report", func(_ context.Context, m station.Mail[int]) error {
		sums <- m.Body
		return nil
	}, station.Options{})
	serve(t, s)
	want := 0
	for i := range n {
		must(t, station.Tell(limited(t), s, "/sum", i))
	}
	for i := range n {
		want += i
		select {
		case got := <-sums:
			if got == unkept {
				t.Skip("its boxes are no ledgers")
			}
			if got != want {
				t.Fatalf("step %d reports %d, want %d", i, got, want)
			}
		case <-time.After(patience):
			t.Fatal("nothing came for step", i)
		}
	}
}

// schedule: scheduled mail comes again and again, until it is ended.
func schedule(t *testing.T, p Place) {
	s := newStation(open(t, p))
	ticks := make(chan string, 100)
	station.HandleFunc(s, "/tick", func(_ context.Context, m station.Mail[string]) error {
		ticks <- m.ID
		return nil
	}, station.Options{})
	serve(t, s)
	must(t, station.Schedule(limited(t), s, "pulse", "@every 30ms", "/tick", "x"))
	must(t, station.Schedule(limited(t), s, "pulse", "@every 30ms", "/tick", "x"))
	seen := map[string]bool{}
	for range 4 {
		select {
		case id := <-ticks:
			if seen[id] {
				t.Error("it came twice for", id)
			}
			seen[id] = true
		case <-time.After(patience):
			nodes, err := s.Subtree(t.Context(), station.ScheduleAddress("pulse"))
			t.Fatalf("no tick came; %+v, %v", nodes, err)
		}
	}
	must(t, station.Unschedule(limited(t), s, "pulse"))
}

// crash: a program dies in the middle, and another one goes on. Nothing is lost;
// what comes again is marked.
func crash(t *testing.T, p Place) {
	if p.Crash == nil {
		t.Skip("mail is lost with the program")
	}
	const senders = 3
	l := newLedger(t, senders*each)
	store := p.Open(t)
	s := newStation(store)
	l.handle(s, 0)
	send(t, s, 0, senders)
	stop := serve(t, s)
	l.until(10)
	p.Crash(t, store)
	stop()
	s = newStation(open(t, p))
	l.handle(s, 0)
	serve(t, s)
	l.wait()
}

// twoPrograms: two programs share the work, and one dies.
func twoPrograms(t *testing.T, p Place) {
	if !p.Shared || p.Crash == nil {
		t.Skip("it belongs to one program")
	}
	const senders = 4
	l := newLedger(t, senders*each)
	var stores [2]mailbox.Store
	var stations [2]*station.Station
	var stops [2]func()
	for i := range stations {
		stores[i] = open(t, p)
		stations[i] = newStation(stores[i])
		l.handle(stations[i], 0)
		stops[i] = serve(t, stations[i])
	}
	send(t, stations[0], 0, senders/2)
	l.until(10)
	var sending sync.WaitGroup
	sending.Go(func() { send(t, stations[1], senders/2, senders/2) })
	p.Crash(t, stores[0])
	stops[0]()
	l.wait()
	sending.Wait() // the last may be handled before its sender hears that it is safe
}
