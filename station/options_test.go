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
)

// A gauge tells how many are at work, and were at most.
type gauge struct{ now, most atomic.Int32 }

func (g *gauge) enter() (leave func()) {
	n := g.now.Add(1)
	for old := g.most.Load(); n > old && !g.most.CompareAndSwap(old, n); old = g.most.Load() {
	}
	return func() { g.now.Add(-1) }
}

// slack is what the node's pool may take to see that handlers sleep.
const slack = 200 * time.Millisecond

// sleeper registers a pattern whose handlers take a second.
func sleeper(s *station.Station, pattern string, o station.Options) (*gauge, *record[int]) {
	g, r := &gauge{}, &record[int]{}
	station.HandleFunc(s, pattern, func(_ context.Context, m station.Mail[int]) error {
		defer g.enter()()
		time.Sleep(time.Second)
		r.add(m.Body)
		return nil
	}, o)
	return g, r
}

func TestParallel(t *testing.T) {
	for parallel, seconds := range map[int]int{0: 20, 1: 20, 4: 5, 10: 2, 50: 1} {
		t.Run(fmt.Sprint(parallel), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, _ := newStation(t)
				g, got := sleeper(s, "/a", station.Options{Parallel: parallel})
				start(t, s)
				for i := range 20 {
					tell(t, s, "/a", i)
				}
				time.Sleep(time.Duration(seconds)*time.Second - time.Millisecond)
				if n := len(got.get()); n >= 20 {
					t.Error("too quick:", n)
				}
				time.Sleep(slack)
				if n, most := len(got.get()), int(g.most.Load()); n != 20 || most != min(max(parallel, 1), 20) {
					t.Error("handled", n, "at once", most)
				}
				if parallel <= 1 {
					wantList(t, got.get(), upTo(20)...)
				}
			})
		})
	}
}

func TestParallelFailuresPass(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		got := &record[int]{}
		station.HandleFunc(s, "/a", func(_ context.Context, m station.Mail[int]) error {
			if m.Body == 0 && m.Count < 3 {
				panic("not yet")
			}
			got.add(m.Body)
			return nil
		}, station.Options{Parallel: 2, Retry: station.Retry{Min: time.Minute, Jitter: -1}})
		start(t, s)
		for i := range 5 {
			tell(t, s, "/a", i)
		}
		time.Sleep(time.Second)
		if n := len(got.get()); n != 4 {
			t.Error("passed:", n)
		}
		time.Sleep(time.Minute + 2*time.Minute)
		if list := got.get(); len(list) != 5 || list[4] != 0 {
			t.Error(list)
		}
	})
}

func TestLimitOfTheStation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t, station.Limit(3))
		g, got := sleeper(s, "/a/{x}", station.Options{})
		start(t, s)
		for i := range 30 {
			tell(t, s, fmt.Sprint("/a/", i), i)
		}
		time.Sleep(10*time.Second + slack)
		if n, most := len(got.get()), g.most.Load(); n != 30 || most != 3 {
			t.Error("handled", n, "at once", most)
		}
	})
}

func TestAskersDoNotCount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t, station.Limit(1))
		station.HandleFunc(s, "/depth/{n}", func(ctx context.Context, m station.Mail[int]) error {
			if m.Body == 0 {
				return m.Reply(ctx, 0)
			}
			n, err := station.Ask[int, int](ctx, s, fmt.Sprint("/depth/", m.Body-1), m.Body-1)
			if err != nil {
				return err
			}
			return m.Reply(ctx, n+1)
		}, station.Options{})
		start(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n, err := station.Ask[int, int](ctx, s, "/depth/20", 20)
		if n != 20 || err != nil {
			t.Error(n, err)
		}
	})
}

// A mortal actor tells of its life.
type mortal struct {
	address string
	log     *record[string]
}

func (a *mortal) Start(context.Context) error { a.log.add("start " + a.address); return nil }
func (a *mortal) Retire()                     { a.log.add("retire " + a.address) }
func (a *mortal) Handle(_ context.Context, m station.Mail[int]) error {
	a.log.add(fmt.Sprint("handle ", m.Body))
	return nil
}

func mortals(s *station.Station, o station.Options) *record[string] {
	log := &record[string]{}
	station.Handle(s, "/m/{x}", func(address string) (station.Actor[int], error) {
		return &mortal{address, log}, nil
	}, o)
	return log
}

func TestIdleActorsAreRetired(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		log := mortals(s, station.Options{Idle: 10 * time.Second})
		start(t, s)
		tell(t, s, "/m/1", 1)
		time.Sleep(6 * time.Second)
		tell(t, s, "/m/1", 2)
		time.Sleep(9 * time.Second)
		wantList(t, log.get(), "start /m/1", "handle 1", "handle 2")
		time.Sleep(2 * time.Second)
		wantList(t, log.get(), "start /m/1", "handle 1", "handle 2", "retire /m/1")
		tell(t, s, "/m/1", 3)
		synctest.Wait()
		wantList(t, log.get()[4:], "start /m/1", "handle 3")
	})
}

func TestActorsThatAreNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		log := mortals(s, station.Options{Idle: -1})
		start(t, s)
		tell(t, s, "/m/1", 1)
		synctest.Wait()
		tell(t, s, "/m/1", 2)
		synctest.Wait()
		wantList(t, log.get(), "start /m/1", "handle 1", "retire /m/1", "start /m/1", "handle 2", "retire /m/1")
		nodes, err := s.Subtree(t.Context(), "/m")
		if must(t, err); len(nodes) != 0 {
			t.Error(nodes)
		}
	})
}

func TestKeep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t, station.Keep(2))
		log := mortals(s, station.Options{Idle: time.Hour})
		start(t, s)
		for i := range 5 {
			tell(t, s, fmt.Sprint("/m/", i), i)
			time.Sleep(time.Second)
		}
		var retired []string
		for _, line := range log.get() {
			if strings.HasPrefix(line, "retire") {
				retired = append(retired, line)
			}
		}
		wantList(t, retired, "retire /m/0", "retire /m/1", "retire /m/2")
	})
}

func TestActorsAreRetiredWithTheStation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		log := mortals(s, station.Options{})
		stop := start(t, s)
		tell(t, s, "/m/1", 1)
		tell(t, s, "/m/2", 2)
		synctest.Wait()
		must(t, s.Stop("/m/2"))
		synctest.Wait()
		if list := log.get(); list[len(list)-1] != "retire /m/2" {
			t.Error(list)
		}
		must(t, stop())
		if list := log.get(); list[len(list)-1] != "retire /m/1" {
			t.Error(list)
		}
	})
}

func TestG23_FullAddress(t *testing.T) {
	for full, want := range map[troupe.Overflow][]int{
		troupe.Block: {0, 1, 2}, troupe.Refuse: {0, 1}, troupe.DropNewest: {0, 1}, troupe.DropOldest: {1, 2},
	} {
		t.Run(fmt.Sprint(full), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, _ := newStation(t)
				got := numbers(s, "/a", station.Options{Capacity: 2, Full: full})
				start(t, s)
				must(t, s.Stop("/a"))
				sent := make(chan error, 1)
				go func() {
					var err error
					for i := range 3 {
						err = station.Tell(t.Context(), s, "/a", i)
					}
					sent <- err
				}()
				synctest.Wait()
				switch full {
				case troupe.Block:
					if len(sent) > 0 {
						t.Error("the sender did not wait")
					}
				case troupe.Refuse:
					wantErr(t, <-sent, troupe.ErrMailboxFull)
				default:
					must(t, <-sent)
				}
				must(t, s.Start("/a"))
				synctest.Wait()
				wantList(t, got.get(), want...)
				dead, _ := s.DeadLetters(t.Context(), "/a", 0)
				if dropped := full == troupe.DropNewest || full == troupe.DropOldest; dropped != (len(dead) == 1) {
					t.Error(dead)
				}
			})
		})
	}
}

func TestG23_BlockedSenderHonoursItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		numbers(s, "/a", station.Options{Capacity: 1})
		tell(t, s, "/a", 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantErr(t, station.Tell(ctx, s, "/a", 1), context.DeadlineExceeded)
	})
}

func TestHighWater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		hooks := &record[string]{}
		got := numbers(s, "/a/{x}", station.Options{HighWater: station.HighWater{
			Count: 10, Age: time.Hour, Every: time.Second,
			Hook: func(st mailbox.Status) { hooks.add(fmt.Sprint(st.Address, " ", st.Waiting)) },
		}})
		start(t, s)
		must(t, s.Stop("/a/1"))
		must(t, s.Stop("/a/2"))
		for i := range 11 {
			tell(t, s, "/a/1", i)
		}
		tell(t, s, "/a/2", 1)
		time.Sleep(time.Minute)
		wantList(t, hooks.get(), "/a/1 11") // once
		time.Sleep(time.Hour)
		wantList(t, hooks.get(), "/a/1 11", "/a/2 1")
		must(t, s.Start("/a/1"))
		time.Sleep(time.Minute)
		must(t, s.Stop("/a/1"))
		for i := range 12 {
			tell(t, s, "/a/1", i)
		}
		time.Sleep(time.Minute)
		wantList(t, hooks.get(), "/a/1 11", "/a/2 1", "/a/1 12")
		if n := len(got.get()); n != 11 {
			t.Error("handled", n)
		}
	})
}

func TestRetryBacksOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		at := &record[time.Duration]{}
		begin := time.Now()
		station.HandleFunc(s, "/a", func(context.Context, station.Mail[int]) error {
			at.add(time.Since(begin))
			return errors.New("no")
		}, station.Options{Idle: time.Millisecond, Retry: station.Retry{Attempts: 6, Min: time.Second, Max: 5 * time.Second, Jitter: -1}})
		start(t, s)
		tell(t, s, "/a", 1)
		time.Sleep(time.Hour)
		var waits []time.Duration
		for i, d := range at.get() {
			if i > 0 {
				waits = append(waits, (d - at.get()[i-1]).Round(time.Millisecond))
			}
		}
		wantList(t, waits, time.Second, 2*time.Second, 4*time.Second, 5*time.Second, 5*time.Second)
	})
}

func TestJitter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		at := &record[time.Time]{}
		station.HandleFunc(s, "/a/{x}", func(_ context.Context, m station.Mail[int]) error {
			if m.Count == 2 {
				at.add(time.Now())
				return nil
			}
			return errors.New("no")
		}, station.Options{Retry: station.Retry{Min: time.Second, Jitter: 0.5}})
		start(t, s)
		begin := time.Now()
		for i := range 200 {
			tell(t, s, fmt.Sprint("/a/", i), i)
		}
		time.Sleep(time.Minute)
		var early, late int
		for _, when := range at.get() {
			d := when.Sub(begin)
			if d < 500*time.Millisecond || d > 1501*time.Millisecond {
				t.Error("came after", d)
			}
			if d < 900*time.Millisecond {
				early++
			}
			if d > 1100*time.Millisecond {
				late++
			}
		}
		if early < 20 || late < 20 {
			t.Error("early", early, "late", late)
		}
	})
}
