package troupe_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// The workers that run handlers.

// workers counts the goroutines that run handlers.
func workers() int {
	buf := make([]byte, 8<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "(*worker).loop(")
}

// wantNoWorkers fails the test if workers stay. One that has left the pool may
// still be on its way out of its goroutine.
func wantNoWorkers(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); workers() > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d workers are left after the node's end", workers())
		}
	}
}

// wantAlive fails the test unless the pool still runs handlers.
func wantAlive(t *testing.T, self *troupe.Self[none]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(self, time.Second)
	defer cancel()
	for range 3 {
		h := troupe.SpawnHandler(self, handle(func(self caller, m troupe.Message[call]) error {
			m.Body.Reply(self, m.Body.Request)
			return troupe.Stop
		}))
		if _, err := troupe.Ask(ctx, h, 1); err != nil {
			t.Fatalf("the pool has come to a halt: %v", err)
		}
	}
}

// blockers are ways for a handler to block; each returns when gate closes.
var blockers = map[string]func(t *testing.T, self *troupe.Self[int], gate troupe.Ref[call], open <-chan none){
	"channel": func(_ *testing.T, _ *troupe.Self[int], _ troupe.Ref[call], open <-chan none) { <-open },
	"ask": func(_ *testing.T, self *troupe.Self[int], gate troupe.Ref[call], _ <-chan none) {
		troupe.Ask(self, gate, 1)
	},
	"ask derived": func(_ *testing.T, self *troupe.Self[int], gate troupe.Ref[call], _ <-chan none) {
		troupe.Ask(troupe.Beside(self), gate, 1)
	},
	"wait": func(_ *testing.T, self *troupe.Self[int], gate troupe.Ref[call], _ <-chan none) {
		gate.PID().Wait(self)
	},
	"receive": func(_ *testing.T, self *troupe.Self[int], gate troupe.Ref[call], open <-chan none) {
		self.Monitor(gate.PID())
		self.Receive()
	},
	"receive after": func(_ *testing.T, self *troupe.Self[int], gate troupe.Ref[call], open <-chan none) {
		self.Monitor(gate.PID())
		self.ReceiveFunc(func(m troupe.Message[int]) bool { return m.Event == troupe.Down }, troupe.After(time.Hour))
	},
}

// Thousands of handlers block, each in its way; others run, and when they come
// back the surplus workers leave.
func TestPool_BlockedHandlersHoldNobodyUp(t *testing.T) {
	for name, block := range blockers {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				const many = 2000
				open := make(chan none)
				gate := troupe.Spawn(self, func(self caller) error { <-open; return nil })
				var blocked, back atomic.Int64
				h := handle(func(self *troupe.Self[int], _ troupe.Message[int]) error {
					blocked.Add(1)
					block(t, self, gate, open)
					back.Add(1)
					return nil
				})
				for range many {
					troupe.SpawnHandler(self, h).Send(self, 1)
				}
				time.Sleep(10 * time.Second)
				if n := blocked.Load(); n != many {
					t.Errorf("%d of %d handlers were started", n, many)
				}
				wantAlive(t, self)
				close(open)
				time.Sleep(10 * time.Second)
				if n := back.Load(); n != many {
					t.Errorf("%d of %d handlers came back", n, many)
				}
				if n := workers(); n > runtime.GOMAXPROCS(0) {
					t.Errorf("%d workers are left, want at most %d", n, runtime.GOMAXPROCS(0))
				}
				wantAlive(t, self)
			})
		})
	}
}

// Handlers that panic or unwind their worker do not use the pool up.
func TestPool_SurvivesItsHandlers(t *testing.T) {
	for name, leave := range map[string]func(){
		"panic":  func() { panic("boom") },
		"goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				for range 50 {
					h := troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error { leave(); return nil }))
					h.Send(self, 1)
					h.PID().Wait(self)
				}
				wantAlive(t, self)
				if n := workers(); n > runtime.GOMAXPROCS(0) {
					t.Errorf("%d workers, want at most %d", n, runtime.GOMAXPROCS(0))
				}
			})
		})
	}
}

// Goroutines beside a handler wait with its context, and its worker leaves or
// goes on meanwhile: the pool's count of those that wait must come out even.
func TestPool_WaitingBesideAHandler(t *testing.T) {
	for name, leave := range map[string]func(){
		"return": func() {},
		"panic":  func() { panic("boom") },
		"goexit": runtime.Goexit,
		"block":  func() { time.Sleep(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				slow := troupe.Spawn(self, func(self caller) error {
					for m := range self.Messages() {
						time.Sleep(100 * time.Millisecond)
						m.Body.Reply(self, 1)
					}
					return nil
				})
				for range 10 {
					var beside sync.WaitGroup
					waiting := make(chan none)
					h := troupe.SpawnHandler(self, handle(func(self *troupe.Self[int], _ troupe.Message[int]) error {
						ctx := context.WithoutCancel(troupe.Beside(self))
						for range 2 {
							beside.Go(func() { troupe.Ask(ctx, slow, 1) })
						}
						time.Sleep(time.Microsecond)
						close(waiting)
						leave()
						return nil
					}))
					h.Send(self, 1)
					<-waiting
					beside.Wait()
				}
				time.Sleep(time.Minute)
				wantAlive(t, self)
				if n := workers(); n > runtime.GOMAXPROCS(0) {
					t.Errorf("%d workers are left, want at most %d", n, runtime.GOMAXPROCS(0))
				}
			})
		})
	}
}

// A handler that computes for long does not keep what it has sent to waiting.
func TestPool_ABusyHandlerHoldsNobodyUp(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var got atomic.Int64
		other := troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error { got.Add(1); return nil }))
		busy := troupe.SpawnHandler(self, handle(func(self *troupe.Self[int], _ troupe.Message[int]) error {
			other.Send(self, 1)
			time.Sleep(time.Hour)
			return nil
		}))
		busy.Send(self, 1)
		time.Sleep(time.Second)
		if got.Load() != 1 {
			t.Error("the message still waits behind the one who sent it")
		}
		busy.PID().Kill(self)
		time.Sleep(2 * time.Hour)
	})
}

// An idle node runs nothing: when all handlers wait, no clock ticks.
func TestPool_AnIdleNodeRunsNothing(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		for range 100 {
			troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error { return nil })).Send(self, 1)
		}
		time.Sleep(time.Second)
		// A tick in this bubble would be seen as a wake-up of its clock: a year
		// with one each millisecond would not end.
		time.Sleep(365 * 24 * time.Hour)
	})
}

// Two handlers that keep each other busy do not shut out the rest.
func TestPool_PingPongIsFair(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		var over atomic.Bool
		bounce := handle(func(self *troupe.Self[troupe.PID], m troupe.Message[troupe.PID]) error {
			if over.Load() {
				return troupe.Stop
			}
			to, err := troupe.RefOf[troupe.PID](m.Body)
			if err != nil {
				return err
			}
			return to.Send(self, self.PID())
		})
		for range 2 * runtime.GOMAXPROCS(0) {
			a, b := troupe.SpawnHandler(self, bounce), troupe.SpawnHandler(self, bounce)
			a.Send(self, b.PID())
		}
		for range 5 {
			wantAlive(t, self)
		}
		over.Store(true)
	})
}

// Handlers, Asks, ends and blocking from all sides; at the end no goroutine of
// the pool is left.
func TestStorm_Pool(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		ctx := self.Node().Context(context.Background())
		server := troupe.SpawnHandler(self, handle(func(self caller, m troupe.Message[call]) error {
			if m.Body.Request%50 == 0 {
				runtime.Gosched()
			}
			return ignore(m.Body.Reply(self, m.Body.Request))
		}))
		var storm sync.WaitGroup
		for i := range 4 {
			storm.Go(func() {
				for n := range 100 {
					h := troupe.SpawnHandler(self, handle(func(self *troupe.Self[int], m troupe.Message[int]) error {
						if a, err := troupe.Ask(self, server, m.Body); err == nil && a != m.Body {
							t.Errorf("the answer to %d is %d", m.Body, a)
						}
						if m.Body%7 == 0 {
							runtime.Goexit()
						}
						return nil
					}))
					for k := range 5 {
						h.Send(ctx, n*10+k)
					}
					if i%2 == 0 {
						h.PID().Kill(ctx)
					} else {
						h.PID().Exit(ctx, errBoom)
					}
				}
			})
		}
		storm.Wait()
	})
	wantNoWorkers(t)
}

// ignore makes a reply that nobody waits for no reason to end.
func ignore(err error) error {
	if err == troupe.ErrNobodyWaits {
		return nil
	}
	return err
}

// In a bubble a worker that is left would fail every other test; here it is
// counted in real time too.
func TestPool_NoWorkerOutlivesItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			stage(t, func(t *testing.T, self *troupe.Self[none]) {
				for range 20 {
					troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error { return nil })).Send(self, 1)
				}
			})
		}
		synctest.Wait()
		if n := workers(); n != 0 {
			t.Errorf("%d workers are left after the nodes' ends", n)
		}
	})
}
