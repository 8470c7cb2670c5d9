package station_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// A frail actor counts how many mails it has handled, and does what it is told.
type frail struct {
	t       *testing.T
	handled int
	log     *record[string]
	let     chan struct{}
}

func (f *frail) Handle(ctx context.Context, m station.Mail[string]) error {
	f.handled++
	f.log.add(fmt.Sprintf("%s#%d:%d", m.Body, m.Count, f.handled))
	if m.Count > 1 {
		return nil
	}
	switch m.Body {
	case "panic":
		panic("boom")
	case "goexit":
		runtime.Goexit()
	case "slow":
		<-ctx.Done()
		return context.Cause(ctx)
	case "hang":
		<-f.let
		if err := station.Tell(ctx, shopOf(ctx), "/other", "from a zombie"); !errors.Is(err, troupe.ErrKilled) {
			f.t.Error("a zombie may send:", err)
		}
	case "stop":
		return troupe.Stop
	}
	return nil
}

type shopKey struct{}

func shopOf(ctx context.Context) *station.Station { return ctx.Value(shopKey{}).(*station.Station) }

// startFrail runs a station with frail actors, and another address, in a node that
// the test can look into.
func startFrail(t *testing.T, o station.Options) (s *station.Station, log, other *record[string], let chan struct{}, node *troupe.Node, stop func()) {
	s, _ = newStation(t)
	log, other, let = &record[string]{}, &record[string]{}, make(chan struct{})
	station.Handle(s, "/frail/{x}", func(string) (station.Actor[string], error) {
		return &frail{t: t, log: log, let: let}, nil
	}, o)
	station.HandleFunc(s, "/other", func(_ context.Context, m station.Mail[string]) error {
		other.add(m.Body)
		return nil
	}, station.Options{})
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), shopKey{}, s))
	ended := make(chan error, 1)
	nodes := make(chan *troupe.Node, 1)
	go func() {
		ended <- troupe.Run(ctx, func(self *troupe.Self[station.Note]) error {
			nodes <- self.Node()
			return s.Run(self)
		}, troupe.Logger(slogDiscard()))
	}()
	return s, log, other, let, <-nodes, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestG70_PanicHitsItsMailAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, log, other, _, _, stop := startFrail(t, station.Options{})
		defer stop()
		tell(t, s, "/frail/1", "a")
		tell(t, s, "/frail/1", "panic")
		tell(t, s, "/frail/1", "b")
		tell(t, s, "/other", "x")
		time.Sleep(time.Minute)
		wantList(t, log.get(), "a#1:1", "panic#1:2", "panic#2:1", "b#1:2") // a new actor after it
		wantList(t, other.get(), "x")
	})
}

func TestG70_Goexit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, log, _, _, _, stop := startFrail(t, station.Options{})
		defer stop()
		tell(t, s, "/frail/1", "goexit")
		tell(t, s, "/frail/1", "b")
		time.Sleep(time.Minute)
		wantList(t, log.get(), "goexit#1:1", "goexit#2:1", "b#1:2")
	})
}

func TestStopRetiresTheActor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, log, _, _, _, stop := startFrail(t, station.Options{})
		defer stop()
		tell(t, s, "/frail/1", "stop")
		tell(t, s, "/frail/1", "b")
		synctest.Wait()
		wantList(t, log.get(), "stop#1:1", "b#1:1")
	})
}

func TestTimeoutOfAHandlerThatListens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		done := &record[string]{}
		s, log, _, _, node, stop := startFrail(t, station.Options{
			Timeout: time.Second, Retry: station.Retry{Min: time.Millisecond},
			Done: func(_ string, err error) { done.add(fmt.Sprint(errors.Is(err, station.ErrTimeout))) },
		})
		defer stop()
		tell(t, s, "/frail/1", "slow")
		tell(t, s, "/frail/1", "b")
		time.Sleep(time.Minute)
		wantList(t, log.get(), "slow#1:1", "slow#2:2", "b#1:3")
		wantList(t, done.get(), "true", "false", "false")
		if z := node.Zombies(); len(z) != 0 {
			t.Error(z)
		}
	})
}

func TestG17_HandlerThatHangsIsFenced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, log, other, let, node, stop := startFrail(t, station.Options{Timeout: time.Second, Retry: station.Retry{Min: time.Millisecond}})
		defer stop()
		tell(t, s, "/frail/1", "hang")
		tell(t, s, "/frail/1", "b")
		time.Sleep(3 * time.Second)
		tell(t, s, "/frail/2", "c") // the others go on
		tell(t, s, "/other", "x")
		time.Sleep(time.Second) // on one processor what hangs holds the others up for a moment
		wantList(t, log.get(), "hang#1:1", "c#1:1")
		time.Sleep(time.Minute)
		wantList(t, log.get(), "hang#1:1", "c#1:1", "hang#2:1", "b#1:2")
		if n := zombies(node); n != 1 {
			t.Error("zombies:", n)
		}
		close(let)
		synctest.Wait()
		if n := zombies(node); n != 0 {
			t.Error("zombies:", n)
		}
		wantList(t, other.get(), "x")
	})
}

// zombies counts without the stacks, which stop the world of the bubble.
func zombies(n *troupe.Node) int { return len(n.Zombies()) }

func TestEndWithAHandlerThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, log, _, let, _, stop := startFrail(t, station.Options{})
		tell(t, s, "/frail/1", "hang")
		tell(t, s, "/frail/1", "b")
		synctest.Wait()
		begin := time.Now()
		stop()
		if took := time.Since(begin); took != station.DefaultGrace {
			t.Error("the end took", took)
		}
		close(let)
		synctest.Wait()
		wantList(t, log.get(), "hang#1:1")
		start(t, s)
		time.Sleep(time.Minute)
		wantList(t, log.get(), "hang#1:1", "hang#2:1", "b#1:2")
	})
}

func TestEndPutsBackWhatAHandlerGaveUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, log, _, _, _, stop := startFrail(t, station.Options{})
		tell(t, s, "/frail/1", "slow")
		tell(t, s, "/frail/1", "b")
		synctest.Wait()
		stop()
		n, err := s.Info(t.Context(), "/frail/1")
		if must(t, err); n.Waiting != 2 || n.Here {
			t.Error(n)
		}
		wantList(t, log.get(), "slow#1:1")
	})
}

func TestG70_PoisonEndsAmongTheDeadLetters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		var made atomic.Int32
		got := &record[int]{}
		station.Handle(s, "/a", func(string) (station.Actor[int], error) {
			made.Add(1)
			return station.ActorFunc[int](func(_ context.Context, m station.Mail[int]) error {
				if m.Body == 1 {
					panic("poison")
				}
				got.add(m.Body)
				return nil
			}), nil
		}, station.Options{Retry: station.Retry{Attempts: 4}})
		start(t, s)
		for i := range 3 {
			tell(t, s, "/a", i)
		}
		time.Sleep(time.Hour)
		wantList(t, got.get(), 0, 2)
		dead, _ := s.DeadLetters(t.Context(), "/a", 0)
		if len(dead) != 1 || !strings.Contains(dead[0].Reason, "poison") || dead[0].Count != 4 {
			t.Error(dead)
		}
		if n := made.Load(); n != 5 {
			t.Error("actors made:", n)
		}
	})
}

func TestRejectAndTooOften(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, store := newStation(t)
		var handled atomic.Int32
		station.HandleFunc(s, "/a", func(_ context.Context, m station.Mail[int]) error {
			handled.Add(1)
			return station.Reject(errors.New("never"))
		}, station.Options{Retry: station.Retry{Attempts: 2}})
		// Two programs have fetched the first mail, and never said what became of it.
		tell(t, s, "/a", 2)
		tell(t, s, "/a", 1)
		for range 2 {
			crashOn(t, store, "/a", 2)
		}
		start(t, s)
		time.Sleep(time.Minute)
		dead, _ := s.DeadLetters(t.Context(), "/a", 0)
		if len(dead) != 2 || handled.Load() != 1 {
			t.Error(dead, handled.Load())
		}
	})
}

// crashOn delivers all mail of an address, and then ends as by a crash for the
// mail with that value: it counts as delivered.
func crashOn(t *testing.T, store mailbox.Store, address string, value any) {
	session, err := store.Serve(t.Context(), mailbox.Serving{})
	must(t, err)
	defer session.Close()
	box, err := session.Next(t.Context())
	must(t, err)
	buf := make([]mailbox.Delivery, 10)
	n, err := box.Fetch(buf, func() {})
	must(t, err)
	var outs []mailbox.Outcome
	for _, d := range buf[:n] {
		verdict := mailbox.Untouched
		if d.Value == value {
			verdict = mailbox.Retry
		}
		outs = append(outs, mailbox.Outcome{Key: d.Key, Verdict: verdict})
	}
	must(t, box.Settle(outs))
}

func TestActorThatCannotBeMade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		var tries atomic.Int32
		got := &record[int]{}
		station.Handle(s, "/a", func(string) (station.Actor[int], error) {
			switch tries.Add(1) {
			case 1:
				return nil, errors.New("no database")
			case 2:
				panic("no database at all")
			}
			return station.ActorFunc[int](func(_ context.Context, m station.Mail[int]) error {
				got.add(m.Count)
				return nil
			}), nil
		}, station.Options{GateWait: time.Minute})
		start(t, s)
		tell(t, s, "/a", 1)
		time.Sleep(90 * time.Second)
		wantList(t, got.get())
		time.Sleep(time.Minute)
		wantList(t, got.get(), 1)
	})
}

func TestNotNow(t *testing.T) {
	for _, parallel := range []int{1, 3} {
		bubble(t, func(t *testing.T) {
			s, _ := newStation(t)
			var online atomic.Bool
			got, retired := &record[int]{}, &record[string]{}
			station.Handle(s, "/a", func(string) (station.Actor[int], error) {
				return away{online: &online, got: got, retired: retired}, nil
			}, station.Options{Gate: func(string) bool { return online.Load() }, GateWait: time.Minute, Parallel: parallel, Idle: 2 * time.Hour})
			start(t, s)
			online.Store(true)
			tell(t, s, "/a", 1)
			synctest.Wait()
			online.Store(false)
			tell(t, s, "/a", 2)
			tell(t, s, "/a", 3)
			time.Sleep(time.Hour)
			wantList(t, got.get(), 1)
			online.Store(true)
			time.Sleep(61 * time.Second)
			if list := got.get(); len(list) != 3 {
				t.Error(list)
			}
			if n := len(retired.get()); n != 1 {
				t.Error("retired", n)
			}
		})
	}
}

type away struct {
	online  *atomic.Bool
	got     *record[int]
	retired *record[string]
}

func (a away) Retire() { a.retired.add("") }
func (a away) Handle(_ context.Context, m station.Mail[int]) error {
	if !a.online.Load() {
		return station.ErrNotNow
	}
	if m.Count != 1 {
		return fmt.Errorf("it counts as delivered %d times", m.Count)
	}
	a.got.add(m.Body)
	return nil
}

func TestDoneThatPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		got := numbers(s, "/a", station.Options{Done: func(string, error) { panic("done") }})
		start(t, s)
		tell(t, s, "/a", 1)
		tell(t, s, "/a", 2)
		synctest.Wait()
		wantList(t, got.get(), 1, 2)
	})
}

func TestG70_StationIsKilled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		log := &record[string]{}
		first := make(chan struct{}, 1)
		station.HandleFunc(s, "/a", func(ctx context.Context, m station.Mail[int]) error {
			log.add(fmt.Sprint(m.Body, "#", m.Count))
			select {
			case first <- struct{}{}:
				<-ctx.Done()
			default:
			}
			return ctx.Err()
		}, station.Options{})
		err := troupe.Run(context.Background(), func(self *troupe.Self[troupe.None]) error {
			r := troupe.SpawnMonitor(self, s.Run)
			station.Tell(self, s, "/a", 0)
			station.Tell(self, s, "/a", 1)
			synctest.Wait()
			r.PID().Kill(self)
			if m := self.Receive(); m.Reason != troupe.ErrKilled {
				t.Error(m)
			}
			synctest.Wait()
			r = troupe.SpawnMonitor(self, s.Run)
			time.Sleep(time.Minute)
			r.PID().Shutdown(self, time.Second)
			return nil
		}, troupe.Logger(slogDiscard()))
		must(t, err)
		list := log.get()
		if len(list) != 3 || list[0] != "0#1" || !strings.HasPrefix(list[1], "0#") || list[2] != "1#1" {
			t.Error(list)
		}
	})
}
