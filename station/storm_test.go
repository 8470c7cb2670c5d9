package station_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// rounds returns n, or more when TROUPE_SOAK asks for it.
func rounds(n int) int {
	if factor, err := strconv.Atoi(os.Getenv("TROUPE_SOAK")); err == nil && factor > 1 {
		return n * factor
	}
	return n
}

// TestG70_Storm: senders, handlers that fail, panic, leave by Goexit and take too
// long, actors that are retired at once, people that stop and start, stations
// that are killed and started again. All mail is handled successfully once or
// more, and in the order of each sender, for what was handled the first time.
func TestG70_Storm(t *testing.T) {
	for _, parallel := range []int{1, 3} {
		t.Run(fmt.Sprint("parallel ", parallel), func(t *testing.T) {
			for range rounds(3) {
				storm(t, parallel)
			}
		})
	}
}

const (
	stormSenders   = 4
	stormAddresses = 7
	stormEach      = 300
)

type stormMail struct{ Sender, N int }

// A stormBook counts successes, and looks after the order.
type stormBook struct {
	t    *testing.T
	mu   sync.Mutex
	last map[string]map[int]int // address → sender → n
	done map[stormMail]int
	left atomic.Int64
	all  chan struct{}
}

func (b *stormBook) note(address string, m stormMail, ordered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last[address] == nil {
		b.last[address] = map[int]int{}
	}
	if b.done[m]++; b.done[m] > 1 {
		return
	}
	if last, seen := b.last[address][m.Sender]; ordered && seen && m.N <= last {
		b.t.Errorf("%s got %d of sender %d after %d", address, m.N, m.Sender, last)
	}
	b.last[address][m.Sender] = m.N
	if b.left.Add(-1) == 0 {
		close(b.all)
	}
}

func storm(t *testing.T, parallel int) {
	store := mailbox.NewMemory()
	defer store.Close()
	s := station.New(store, station.Limit(5), station.Grace(20*time.Millisecond), station.Logger(slogDiscard()))
	book := &stormBook{t: t, last: map[string]map[int]int{}, done: map[stormMail]int{}, all: make(chan struct{})}
	book.left.Store(stormSenders * stormEach)
	station.HandleFunc(s, "/a/{x}", func(ctx context.Context, m station.Mail[stormMail]) error {
		switch rand.N(60) {
		case 0:
			return errors.New("no luck")
		case 1:
			panic("no luck at all")
		case 2:
			runtime.Goexit()
		case 3:
			<-ctx.Done()
			return ctx.Err()
		case 4:
			runtime.Gosched()
		}
		book.note(m.Address, m.Body, parallel == 1)
		return nil
	}, station.Options{
		Parallel: parallel, Idle: time.Duration(rand.N(3)-1) * 10 * time.Millisecond, Timeout: 3 * time.Millisecond,
		Gate: func(string) bool { return rand.N(10) > 0 }, GateWait: time.Millisecond,
		Retry: station.Retry{Attempts: -1, Min: 100 * time.Microsecond, Max: time.Millisecond},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var helpers sync.WaitGroup
	helpers.Go(func() { stormStation(ctx, t, s) })
	helpers.Go(func() { stormPeople(ctx, t, s) })
	for sender := range stormSenders {
		helpers.Go(func() {
			for i := range stormEach {
				to := fmt.Sprint("/a/", (sender+i)%stormAddresses)
				if err := station.Tell(ctx, s, to, stormMail{sender, i}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	select {
	case <-book.all:
	case <-time.After(60 * time.Second):
		nodes, _ := s.Subtree(ctx, "/")
		t.Errorf("%d mails were not handled; %+v", book.left.Load(), nodes)
	}
	cancel()
	helpers.Wait()
}

// stormStation runs the station, kills it, and runs it again.
func stormStation(ctx context.Context, t *testing.T, s *station.Station) {
	err := troupe.Run(ctx, func(self *troupe.Self[troupe.None]) error {
		for self.Err() == nil {
			r := troupe.SpawnMonitor(self, s.Run)
			end := time.Now().Add(rand.N(200 * time.Millisecond))
			m := self.Receive(troupe.After(rand.N(10 * time.Millisecond)))
			for m.Event == troupe.Timeout && time.Now().Before(end) {
				killSome(self, r.PID())
				m = self.Receive(troupe.After(rand.N(10 * time.Millisecond)))
			}
			if m.Event != troupe.Timeout {
				if m.Event == troupe.Down && !errors.Is(m.Reason, station.ErrRunning) {
					t.Error("the station ended by itself:", m)
				}
				continue
			}
			if rand.N(2) == 0 {
				r.PID().Kill(self)
			} else {
				r.PID().Exit(self, troupe.ErrShutdown)
			}
			self.Receive()
		}
		return nil
	}, troupe.Logger(slogDiscard()))
	if err != nil {
		t.Error(err)
	}
}

// killSome kills a process that the station has spawned.
func killSome(self *troupe.Self[troupe.None], s troupe.PID) {
	for _, p := range self.Node().Processes() {
		if p.Handler && p.PID != s && rand.N(4) == 0 {
			p.PID.Kill(self)
			return
		}
	}
}

// stormPeople stops and starts addresses.
func stormPeople(ctx context.Context, t *testing.T, s *station.Station) {
	for ctx.Err() == nil {
		to := fmt.Sprint("/a/", rand.N(stormAddresses))
		if err := s.Stop(to); err != nil {
			t.Error(err)
		}
		select {
		case <-time.After(rand.N(2 * time.Millisecond)):
		case <-ctx.Done():
		}
		if err := s.Start(to); err != nil {
			t.Error(err)
		}
	}
}
