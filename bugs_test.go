package troupe_test

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
)

func TestG23_RoomGivenToAFencedSenderGoesToTheNext(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		full := troupe.Spawn(self, func(self *troupe.Self[string]) error {
			<-time.After(time.Second)
			wantBodies(t, self, "first", "third")
			return nil
		}, troupe.Bounded(1, troupe.Block))
		full.Send(self, "first")
		fenced := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			wantErr(t, full.Send(context.WithoutCancel(self), "second"), troupe.ErrKilled)
			return nil
		})
		synctest.Wait()
		troupe.Spawn(self, func(self *troupe.Self[none]) error {
			wantErr(t, full.Send(self, "third"), nil)
			return nil
		})
		synctest.Wait()
		fenced.PID().Kill(self)
		wantReason(t, self, full.PID(), nil)
	})
}

func TestWaitOfName(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, failing[int](errBoom), troupe.Name("x"))
		name := troupe.Named[int]("x").PID()
		go func() { synctest.Wait(); r.Send(context.Background(), 1) }()
		wantReason(t, self, name, errBoom)
	})
}

func TestShutdownOfName(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		troupe.Spawn(self, until[int], troupe.Name("x"))
		name := troupe.Named[int]("x").PID()
		wantErr(t, name.Shutdown(self, time.Second), troupe.ErrShutdown)
	})
}

func TestZombieTerminateOfIdleHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan none)
		var zombies atomic.Int64
		go func() { time.Sleep(time.Hour); close(stuck) }()
		start := time.Now()
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			r := troupe.SpawnHandler(self, troupe.Handler[int](parts[int]{terminate: func(*troupe.Self[int], error) { <-stuck }}))
			synctest.Wait()
			r.PID().Exit(self, errBoom)
			time.Sleep(10 * time.Second)
			zombies.Store(int64(len(self.Node().Zombies())))
		})
		if zombies.Load() != 1 {
			t.Error("no zombie")
		}
		if d := time.Since(start); d > time.Minute {
			t.Error("run took", d)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestBadDay_GoexitInTerminate(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		start := time.Now()
		r := troupe.SpawnHandler(self, troupe.Handler[int](parts[int]{
			handle:    func(*troupe.Self[int], troupe.Message[int]) error { return errBoom },
			terminate: func(*troupe.Self[int], error) { runtime.Goexit() },
		}), troupe.Monitored())
		r.Send(self, 1)
		wantEvent(t, self, troupe.Down, r.PID(), errBoom)
		if time.Since(start) != 0 {
			t.Error("took", time.Since(start))
		}
	})
}

func TestTerminateWithoutInit(t *testing.T) {
	var inits, terms atomic.Int64
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		for range 2000 {
			var inited atomic.Bool
			r := troupe.SpawnHandler(self, troupe.Handler[int](parts[int]{
				init: func(*troupe.Self[int]) error { inits.Add(1); inited.Store(true); return nil },
				terminate: func(*troupe.Self[int], error) {
					if !inited.Load() {
						terms.Add(1)
					}
				},
			}))
			r.PID().Exit(self, errBoom)
			r.PID().Wait(self)
		}
	})
	if terms.Load() > 0 {
		t.Errorf("%d Terminate without Init; %d inits", terms.Load(), inits.Load())
	}
}

func TestG30_CleanupAskAfterInterruptedAsk(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		full := troupe.Spawn(self, until[call], troupe.Bounded(1, troupe.Block))
		full.Send(self, call{})
		server := troupe.Spawn(self, func(self caller) error {
			for m := range self.Messages() {
				time.Sleep(time.Second)
				m.Body.Reply(self, 42)
			}
			return nil
		})
		asker := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			_, err := troupe.Ask(self, full, 1)
			wantErr(t, err, errBoom)
			a, err := troupe.Ask(context.WithoutCancel(self), server, 1)
			if a != 42 || err != nil {
				t.Error("got", a, err)
			}
			return nil
		})
		synctest.Wait()
		asker.PID().Exit(self, errBoom)
		wantReason(t, self, asker.PID(), errBoom)
	})
}

func TestAskDropNewest(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		full := troupe.Spawn(self, until[call], troupe.Bounded(1, troupe.DropNewest))
		full.Send(self, call{})
		ctx, cancel := context.WithTimeout(self, time.Hour)
		defer cancel()
		_, err := troupe.Ask(ctx, full, 1)
		wantErr(t, err, troupe.ErrMailboxFull)
	})
}

func TestPhantom(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		victim := troupe.Spawn(self, until[int])
		go1, done := make(chan none), make(chan none)
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			mon := self.Monitor(victim.PID())
			<-go1
			mon.Cancel()
			self.Ref().SendUrgent(self, 2)
			self.Ref().SendUrgent(self, 3)
			wantBodies(t, self, 3)
			wantNothing(t, self)
			close(done)
			return nil
		}, troupe.Bounded(1, troupe.DropOldest), troupe.AcceptUrgent())
		synctest.Wait()
		victim.PID().Kill(self)
		r.Send(self, 0)
		r.Send(self, 1)
		close(go1)
		<-done
	})
}

func TestLivelock(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			n := 0
			self.Ref().Send(self, 1)
			self.ReceiveFunc(func(m troupe.Message[int]) bool {
				n++
				if n < 1000 {
					self.Ref().Send(self, 2)
				}
				return m.Body == 1
			})
			if n > 1 {
				t.Error("calls", n)
			}
			return nil
		}, troupe.Bounded(1, troupe.DropNewest))
		wantReason(t, self, r.PID(), nil)
	})
}

func TestUnlinkKeepsExplicitExit(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		self.TrapExit(true)
		q := troupe.Spawn(self, func(s *troupe.Self[int]) error {
			self.PID().Exit(s, errBoom)
			return until(s)
		})
		synctest.Wait()
		self.Unlink(q.PID())
		wantEvent(t, self, troupe.Exit, q.PID(), errBoom)
	})
}

func TestUnlinkByName(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		self.TrapExit(true)
		q := troupe.Spawn(self, failing[int](errBoom), troupe.Name("x"))
		self.Link(troupe.Named[int]("x").PID())
		q.Send(self, 1)
		synctest.Wait()
		self.Unlink(troupe.Named[int]("x").PID())
		wantNothing(t, self)
	})
}

func TestWaitBeforeAllIsTold(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		q := troupe.Spawn(self, until[int])
		q.Send(self, 1)
		var early atomic.Bool
		var inside atomic.Bool
		self.Node().OnDeadLetter(self, func(troupe.DeadLetter) {
			inside.Store(true)
			go func() {
				q.PID().Wait(context.Background())
				early.Store(inside.Load())
			}()
			time.Sleep(time.Second)
			inside.Store(false)
		})
		q.PID().Exit(self, errBoom)
		time.Sleep(time.Minute)
		if early.Load() {
			t.Error("Wait returned before all was told")
		}
	})
}

func TestSendEveryRefuse(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		n := 0
		q := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			time.Sleep(time.Second * 5 / 2)
			for range self.Messages() {
				n++
			}
			return nil
		}, troupe.Bounded(1, troupe.Refuse))
		q.SendEvery(self, time.Second, 1)
		time.Sleep(10*time.Second + 1)
		q.PID().Shutdown(self, time.Second)
		if n != 9 { // at 1, 3, 4, … 10
			t.Error("got", n)
		}
	})
}

func TestPanicStop(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		q := troupe.SpawnMonitor(self, func(self *troupe.Self[int]) error { panic(fmt.Errorf("x: %w", troupe.Stop)) })
		m := next(t, self)
		var p *troupe.PanicError
		if !errors.As(m.Reason, &p) {
			t.Error("got", m, q)
		}
	})
}

func TestPanicInDeferIsLogged(t *testing.T) {
	var book logbook
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		q := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			defer panic("in the cleanup")
			return until(self)
		})
		synctest.Wait()
		wantErr(t, q.PID().Shutdown(self, time.Second), troupe.ErrShutdown)
	}, book.option())
	if !strings.Contains(book.String(), "in the cleanup") {
		t.Error("not logged:", book.String())
	}
}

func TestWrongTypeText(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		_, err := troupe.RefOf[string](self.PID())
		if s := err.Error(); !strings.HasSuffix(s, "does not accept string") {
			t.Error(s)
		}
	})
}

func TestKillDuringMatch(t *testing.T) {
	for _, take := range []bool{true, false} {
		play(t, func(t *testing.T, self *troupe.Self[none]) {
			var got atomic.Int64
			var calls int
			q := troupe.Spawn(self, func(self *troupe.Self[int]) error {
				<-time.After(time.Second)
				m := self.ReceiveFunc(func(m troupe.Message[int]) bool {
					calls++
					if m.Body == 0 {
						t.Error("phantom", m)
					}
					self.PID().Kill(self)
					return take
				})
				if m.Event == troupe.Sent {
					got.Add(1)
				}
				return nil
			})
			for i := range 10 {
				q.Send(self, i+1)
			}
			time.Sleep(time.Minute)
			if _, total := self.Node().DeadLetters(); total+uint64(got.Load()) != 10 {
				t.Error("dead", total, "got", got.Load())
			}
		})
	}
}

func TestTrappingIgnorerIsGoneWhenRunReturns(t *testing.T) {
	var book logbook
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			troupe.Spawn(self, func(self *troupe.Self[int]) error {
				defer gone.Store(true)
				return sink(self)
			}, troupe.TrapExits())
			synctest.Wait()
		}, book.option())
		if !gone.Load() {
			t.Error("still there")
		}
	})
	if s := book.String(); s != "" {
		t.Error(s)
	}
}

func TestAskWhileRestarting(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		spawn := func() troupe.PID {
			return troupe.Spawn(self, func(self caller) error {
				defer time.Sleep(time.Second)
				return answer(self)
			}, troupe.Name("x"), troupe.Monitored(), troupe.KeepName(func(error) bool { return true })).PID()
		}
		old := spawn()
		synctest.Wait()
		old.Exit(self, errBoom)
		var done atomic.Bool
		go func() {
			a, err := troupe.Ask(self.Node().Context(context.Background()), troupe.Named[call]("x"), 1)
			if a != 2 || err != nil {
				t.Error(a, err)
			}
			done.Store(true)
		}()
		next(t, self)
		spawn()
		synctest.Wait()
		if !done.Load() {
			t.Error("not done")
		}
	})
}

func TestAlarmRace(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		for range 300 {
			r := troupe.SpawnMonitor(self, func(self *troupe.Self[int]) error {
				self.Receive(troupe.After(time.Hour))
				return nil
			})
			runtime.Gosched()
			r.PID().Kill(self)
			wantEvent(t, self, troupe.Down, r.PID(), troupe.ErrKilled)
		}
	})
}

func TestKillWhileSpawned(t *testing.T) {
	var stop atomic.Bool
	var counts [3]int
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		ctx := self.Node().Context(context.Background())
		killed := make(chan none)
		go func() {
			defer close(killed)
			name := troupe.Named[int]("x").PID()
			for !stop.Load() {
				name.Kill(ctx)
			}
		}()
		for range 5000 {
			r := troupe.SpawnMonitor(self, until[int], troupe.Name("x"))
			m := next(t, self)
			if m.From != r.PID() {
				t.Fatal(m)
			}
			if m.Reason == troupe.ErrKilled {
				counts[0]++
			} else {
				counts[1]++
			}
		}
		stop.Store(true)
		<-killed
	})
	if counts[1] > 0 {
		t.Error(counts)
	}
}
