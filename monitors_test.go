package troupe_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/troupe-go/troupe"
)

// Monitors, and spawning with a link or a monitor: G15 and G16.

func TestG15_EachMonitorYieldsOneDown(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.SpawnMonitor(self, failing[none](errBoom))
		self.Monitor(r.PID())
		self.Monitor(r.PID())
		r.Send(self, none{})
		for range 3 {
			wantEvent(t, self, troupe.Down, r.PID(), errBoom)
		}
		wantNothing(t, self)
	})
}

func TestG15_MonitorOfTheDead(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(*troupe.Self[none]) error { return errBoom })
		r.PID().Wait(self)
		for _, pid := range []troupe.PID{r.PID(), {}, troupe.Named[int]("nobody").PID()} {
			self.Monitor(pid)
			wantEvent(t, self, troupe.Down, pid, troupe.ErrNoProc)
			wantNothing(t, self)
		}
	})
}

func TestG15_AMonitorOfANameReportsTheName(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		first := troupe.Spawn(self, failing[none](errBoom), troupe.Name("x"))
		name := troupe.Named[none]("x")
		self.Monitor(name.PID())
		first.Send(self, none{})
		wantEvent(t, self, troupe.Down, name.PID(), errBoom)

		// A monitor was about the process that had the name, not about the next.
		second := troupe.Spawn(self, failing[none](errOther), troupe.Name("x"))
		second.Send(self, none{})
		wantReason(t, self, second.PID(), errOther)
		wantNothing(t, self)
	})
}

func TestG15_CancelTakesBackADownInTheMailbox(t *testing.T) {
	for _, many := range []int{0, 1, 3, 4, 500} {
		play(t, func(t *testing.T, self *troupe.Self[int]) {
			r := troupe.Spawn(self, failing[none](errBoom))
			early, kept, queued := self.Monitor(r.PID()), self.Monitor(r.PID()), self.Monitor(r.PID())
			early.Cancel()
			for i := range many {
				self.Ref().Send(self, i)
			}
			r.Send(self, none{})
			synctest.Wait() // the Downs lie in the mailbox
			for i := range many {
				self.Ref().Send(self, many+i)
			}
			wantBodies(t, self, make([]int, min(many, 1))...)
			queued.Cancel()
			queued.Cancel() // again is nothing
			downs, at := 0, min(many, 1)
			for m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout; m = self.Receive(troupe.After(0)) {
				if m.Event == troupe.Down {
					downs++
					wantMessage(t, m, troupe.Down, r.PID(), errBoom)
					continue
				}
				if m.Body != at {
					t.Fatalf("got body %d, want %d", m.Body, at)
				}
				at++
			}
			if downs != 1 {
				t.Errorf("%d Downs came among %d bodies, want 1", downs, 2*many)
			}
			kept.Cancel() // after its Down is nothing
		})
	}
}

func TestG15_ACancelledMonitorIsForgotten(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, until[none])
		for range 100 {
			self.Monitor(r.PID()).Cancel()
		}
		for _, p := range self.Node().Processes() {
			if len(p.Monitors) != 0 {
				t.Errorf("%v still monitors %v", p.PID, p.Monitors)
			}
		}
	})
}

func TestG15_MonitorOfOneselfTellsNobody(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
			self.Monitor(self.PID())
			return errBoom
		})
		wantEvent(t, self, troupe.Down, r.PID(), errBoom)
	})
}

// A monitor that is cancelled while the Down is on its way gives one or none,
// and none after Cancel has returned.
func TestStorm_CancelWhileTheTargetDies(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		ctx := self.Node().Context(context.Background())
		for range 1000 {
			r := troupe.Spawn(self, sink[none])
			m := self.Monitor(r.PID())
			var killed sync.WaitGroup
			killed.Go(func() { r.PID().Kill(ctx) })
			m.Cancel()
			killed.Wait()
			if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
				t.Fatalf("after Cancel came %v", m)
			}
		}
	})
}

// Many watch many, and all die in the storm: each watcher hears of each once.
func TestStorm_ExactlyOneDown(t *testing.T) {
	const watchers, targets = 8, 30
	for range 5 {
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			ctx := self.Node().Context(context.Background())
			var victims []troupe.PID
			for i := range targets {
				if i%2 == 0 {
					victims = append(victims, troupe.Spawn(self, sink[none]).PID())
				} else {
					victims = append(victims, troupe.SpawnHandler(self, parts[none]{}).PID())
				}
			}
			for range watchers {
				troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
					heard := make(map[troupe.PID]int)
					for _, pid := range victims {
						self.Monitor(pid)
					}
					for range targets {
						heard[self.Receive().From]++
					}
					for _, pid := range victims {
						if heard[pid] != 1 {
							t.Errorf("heard %d times of the end of %v", heard[pid], pid)
						}
					}
					if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
						t.Errorf("one too many: %v", m)
					}
					return nil
				})
			}
			var killers sync.WaitGroup
			for range 3 {
				killers.Go(func() {
					for _, pid := range victims {
						pid.Kill(ctx)
					}
				})
			}
			for range watchers {
				if m := self.Receive(); m.Event != troupe.Down || m.Reason != nil {
					t.Errorf("got %v from a watcher", m)
				}
			}
			killers.Wait()
		})
	}
}

// A child that ends before its parent has come back from the spawn is seen none
// the less, with its reason.
func TestG16_AChildCannotDieUnseen(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		self.TrapExit(true)
		for range 100 {
			r := troupe.SpawnLink(self, func(*troupe.Self[none]) error { return errBoom })
			wantEvent(t, self, troupe.Exit, r.PID(), errBoom)
			r = troupe.SpawnMonitor(self, func(*troupe.Self[none]) error { return errBoom })
			wantEvent(t, self, troupe.Down, r.PID(), errBoom)
			r = troupe.SpawnHandler(self, parts[none]{init: func(*troupe.Self[none]) error { return errBoom }}, troupe.Monitored())
			wantEvent(t, self, troupe.Down, r.PID(), errBoom)
		}
		wantNothing(t, self)
	})
}

// Somebody who knows the name kills the child while it is being spawned.
func TestG16_KilledWhileItIsSpawned(t *testing.T) {
	for _, style := range []string{"direct", "handler"} {
		t.Run(style, func(t *testing.T) {
			stage(t, func(t *testing.T, self *troupe.Self[none]) {
				var over atomic.Bool
				var killer sync.WaitGroup
				ctx := self.Node().Context(context.Background())
				killer.Go(func() {
					for !over.Load() {
						troupe.Named[none]("x").PID().Kill(ctx)
						runtime.Gosched() // there may be one processor
					}
				})
				for range 2000 {
					var r troupe.Ref[none]
					if style == "direct" {
						r = troupe.SpawnMonitor(self, until[none], troupe.Name("x"))
					} else {
						r = troupe.SpawnHandler(self, parts[none]{}, troupe.Name("x"), troupe.Monitored())
					}
					wantMessage(t, self.Receive(), troupe.Down, r.PID(), troupe.ErrKilled)
				}
				over.Store(true)
				killer.Wait()
				if n := self.Node().Len(); n > 1+1 { // the last may still be on its way out
					t.Errorf("the node counts %d processes, want the root alone", n)
				}
			})
		})
	}
}
