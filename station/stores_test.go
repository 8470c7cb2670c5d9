package station_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
	"github.com/troupe-go/troupe/supervisor"
)

func TestStorePerPattern(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, memory := newStation(t)
		bytes := newByteStore(t)
		log := &record[string]{}
		station.HandleFunc(s, "/fast/{x}", func(ctx context.Context, m station.Mail[add]) error {
			log.add(fmt.Sprint(m.Address, m.Body))
			return station.Tell(ctx, s, "/safe/1", m.Body)
		}, station.Options{})
		station.HandleFunc(s, "/safe/{x}", func(_ context.Context, m station.Mail[add]) error {
			log.add(fmt.Sprint(m.Address, m.Body, m.From))
			return nil
		}, station.Options{Store: bytes})
		tell(t, s, "/fast/1", add{"apple", 1})
		tell(t, s, "/safe/1", add{"pear", 2})
		for store, want := range map[mailbox.Store]int{memory: 1, bytes: 1} {
			if totals, err := store.Addresses().Totals(t.Context()); totals.Waiting != want || err != nil {
				t.Error(totals, err)
			}
		}
		nodes, err := s.Subtree(t.Context(), "/")
		if must(t, err); len(nodes) != 2 {
			t.Error(nodes)
		}
		start(t, s)
		synctest.Wait()
		if list := log.get(); len(list) != 3 || list[2] != "/safe/1{apple 1}/fast/1" {
			t.Error(list)
		}
	})
}

func TestG70_UnreadableMailNeverBlocks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := newByteStore(t)
		s := station.New(store, station.Logger(slogDiscard()))
		got := numbers(s, "/a", station.Options{})
		start(t, s)
		must(t, store.Put(t.Context(),
			mailbox.Mail{Address: "/a", Encoding: "json", Body: []byte(`"word"`)},
			mailbox.Mail{Address: "/a", Encoding: "msgpack", Body: []byte{1}},
			mailbox.Mail{Address: "/a", Encoding: "json", Body: []byte(`{`)},
			mailbox.Mail{Address: "/a", Encoding: "json", Body: []byte(`7`)}))
		synctest.Wait()
		wantList(t, got.get(), 7)
		dead, err := s.DeadLetters(t.Context(), "/a", 0)
		if must(t, err); len(dead) != 3 || !strings.Contains(dead[1].Reason, "msgpack") {
			t.Error(dead)
		}
		n, err := s.Purge(t.Context(), dead...)
		if must(t, err); n != 3 {
			t.Error("purged", n)
		}
		s2 := station.New(newByteStore(t))
		station.HandleFunc(s2, "/a", func(context.Context, station.Mail[chan int]) error { return nil }, station.Options{})
		if err := station.Tell(t.Context(), s2, "/a", make(chan int)); err == nil {
			t.Error("a channel was sent")
		}
	})
}

func TestUnreadableValueOfAnotherType(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, store := newStation(t)
		got := numbers(s, "/a", station.Options{})
		start(t, s)
		must(t, store.PutValue(t.Context(), "/a", "word"))
		must(t, store.PutValue(t.Context(), "/a", 7))
		synctest.Wait()
		wantList(t, got.get(), 7)
	})
}

func TestAskThroughBytes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := station.New(newByteStore(t), station.Logger(slogDiscard()))
		station.HandleFunc(s, "/a/{what}", func(ctx context.Context, m station.Mail[add]) error {
			switch m.Param("what") {
			case "fail":
				return errors.New("no such item")
			case "silent":
				return nil
			case "twice":
				if err := m.Reply(ctx, m.Body.N); err != nil {
					return err
				}
				if err := m.Reply(ctx, m.Body.N); !errors.Is(err, station.ErrNoQuestion) {
					t.Error(err)
				}
				return errors.New("too late")
			}
			return m.Reply(ctx, add{m.Body.Item, 2 * m.Body.N})
		}, station.Options{})
		start(t, s)
		a, err := station.Ask[add, add](t.Context(), s, "/a/x", add{"apple", 2})
		if a != (add{"apple", 4}) || err != nil {
			t.Error(a, err)
		}
		var remote *station.RemoteError
		if _, err = station.Ask[add, add](t.Context(), s, "/a/fail", add{}); !errors.As(err, &remote) || remote.Text != "no such item" {
			t.Error(err)
		}
		_, err = station.Ask[add, int](t.Context(), s, "/a/silent", add{})
		wantErr(t, err, station.ErrNoAnswer)
		_, err = station.Ask[add, troupe.None](t.Context(), s, "/a/silent", add{})
		must(t, err)
		if n, err := station.Ask[add, int](t.Context(), s, "/a/twice", add{N: 3}); n != 3 || err != nil {
			t.Error(n, err)
		}
		if _, err = station.Ask[add, int](t.Context(), s, "/a/x", add{}); err == nil {
			t.Error("an add was read as an int")
		}
		if dead, _ := s.DeadLetters(t.Context(), "", 0); len(dead) != 0 {
			t.Error(dead)
		}
	})
}

func TestQuestionsNobodyWaitsForAreNotHandled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		got := numbers(s, "/a", station.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := station.Ask[int, int](ctx, s, "/a", 1)
		wantErr(t, err, context.DeadlineExceeded)
		tell(t, s, "/a", 2)
		start(t, s)
		synctest.Wait()
		wantList(t, got.get(), 2)
		if dead, _ := s.DeadLetters(t.Context(), "", 0); len(dead) != 0 {
			t.Error(dead)
		}
	})
}

func TestAskAtOnceErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := station.New(struct{ mailbox.Store }{newByteStore(t)})
		_, err := station.Ask[int, int](t.Context(), s, "/a", 1)
		wantErr(t, err, mailbox.ErrUnsupported)
		s, _ = newStation(t)
		errs := &record[error]{}
		station.HandleFunc(s, "/self", func(ctx context.Context, m station.Mail[int]) error {
			_, err := station.Ask[int, int](ctx, s, "/self", 1)
			errs.add(err)
			errs.add(m.Reply(ctx, 1))
			return nil
		}, station.Options{})
		start(t, s)
		tell(t, s, "/self", 1)
		synctest.Wait()
		if list := errs.get(); len(list) == 2 {
			wantErr(t, list[0], station.ErrAsksItself)
			wantErr(t, list[1], station.ErrNoQuestion)
		} else {
			t.Error(list)
		}
	})
}

func TestTwoStationsServeOneStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := mailbox.NewMemory()
		t.Cleanup(func() { store.Close() })
		var handled [1000]atomic.Int32
		var share [2]atomic.Int32
		var stations [2]*station.Station
		for i := range stations {
			stations[i] = station.New(store, station.Logger(slogDiscard()))
			station.HandleFunc(stations[i], "/a/{x}", func(_ context.Context, m station.Mail[int]) error {
				handled[m.Body].Add(1)
				share[i].Add(1)
				time.Sleep(time.Millisecond)
				return nil
			}, station.Options{Idle: 5 * time.Millisecond})
		}
		stop := start(t, stations[0])
		start(t, stations[1])
		for i := range handled {
			tell(t, stations[i%2], fmt.Sprint("/a/", i%50), i)
			if i == 500 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		time.Sleep(5 * time.Millisecond)
		must(t, stop()) // the other takes over
		time.Sleep(time.Minute)
		for i := range handled {
			if n := handled[i].Load(); n != 1 {
				t.Error(i, "was handled", n, "times")
			}
		}
		if share[0].Load() == 0 || share[1].Load() == 0 {
			t.Error("shares", share[0].Load(), share[1].Load())
		}
	})
}

func TestAsSupervisedChild(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, store := newStation(t)
		got := numbers(s, "/a", station.Options{})
		app := supervisor.Spec{Children: []supervisor.Child{{Name: "mail", Body: s.Body()}}}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- troupe.Run(ctx, app.Run, troupe.Logger(slogDiscard())) }()
		tell(t, s, "/a", 1)
		synctest.Wait()
		err := troupe.Run(context.Background(), s.Run, troupe.Logger(slogDiscard()))
		wantErr(t, err, station.ErrRunning)
		cancel()
		must(t, <-ended)
		wantList(t, got.get(), 1)
		must(t, store.Close())
		wantErr(t, s.Serve(t.Context()), mailbox.ErrClosed)
	})
}

func TestStoreThatEndsEndsTheStation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, store := newStation(t)
		numbers(s, "/a", station.Options{})
		ended := make(chan error, 1)
		go func() { ended <- troupe.Run(context.Background(), s.Run, troupe.Logger(slogDiscard())) }()
		tell(t, s, "/a", 1)
		synctest.Wait()
		must(t, store.Close())
		wantErr(t, <-ended, mailbox.ErrClosed)
	})
}
