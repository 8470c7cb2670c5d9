package troupe_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// SendAfter and SendEvery.

// stamps receives many messages and returns when they came, as milliseconds
// since start.
func stamps(t *testing.T, self *troupe.Self[int], start time.Time, many int) (at []int) {
	t.Helper()
	for range many {
		next(t, self)
		at = append(at, int(time.Since(start).Milliseconds()))
	}
	return at
}

func TestSendAfter_IsExact(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		start := time.Now()
		for _, ms := range []int{300, 0, 100, 200, -1} {
			self.Ref().SendAfter(self, time.Duration(ms)*time.Millisecond, ms)
		}
		if at := stamps(t, self, start, 5); !slices.Equal(at, []int{0, 0, 100, 200, 300}) {
			t.Errorf("they came at %v", at)
		}
		self.Ref().SendAfter(self, time.Hour, 1)
		m := self.Receive()
		if m.From != self.PID() || time.Since(start) != time.Hour+300*time.Millisecond {
			t.Errorf("got %v after %v", m, time.Since(start))
		}
	})
}

func TestSendAfter_Stop(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		timer := self.Ref().SendAfter(self, time.Second, 1)
		if !timer.Stop() || timer.Stop() {
			t.Error("Stop must prevent the message once")
		}
		time.Sleep(time.Minute)
		wantNothing(t, self)
		timer = self.Ref().SendAfter(self, time.Second, 2)
		time.Sleep(time.Minute)
		if timer.Stop() {
			t.Error("Stop says that it prevented a message that was sent")
		}
		wantBodies(t, self, 2)
	})
}

func TestSendEvery_DoesNotDrift(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		start := time.Now()
		timer := self.Ref().SendEvery(self, 100*time.Millisecond, 1)
		var at, want []int
		for i := range 1000 {
			if i%10 == 5 {
				time.Sleep(30 * time.Millisecond) // a slow receiver
			}
			at = append(at, stamps(t, self, start, 1)...)
			want = append(want, 100*(i+1))
		}
		if !slices.Equal(at, want) {
			t.Errorf("they came at %v", at)
		}
		time.Sleep(350 * time.Millisecond)
		if !timer.Stop() {
			t.Error("Stop says that it prevented nothing")
		}
		time.Sleep(time.Minute)
		if got := drain(self); len(got) != 3 {
			t.Errorf("%d messages waited, want 3", len(got))
		}
	})
}

// The timer of a process is silent once it was told to end.
func TestTimer_IsSilentAfterItsOwnersEnd(t *testing.T) {
	for name, end := range map[string]func(self *troupe.Self[int], pid troupe.PID){
		"return": func(*troupe.Self[int], troupe.PID) {},
		"exit":   func(self *troupe.Self[int], pid troupe.PID) { pid.Exit(self, errBoom) },
		"kill":   func(self *troupe.Self[int], pid troupe.PID) { pid.Kill(self) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[int]) {
				me := self.Ref()
				owner := troupe.Spawn(self, func(self *troupe.Self[none]) error {
					derived, cancel := context.WithCancel(self)
					defer cancel()
					me.SendAfter(self, 3*time.Second, 1)
					me.SendEvery(derived, time.Second, 2)
					select {
					case <-time.After(2500 * time.Millisecond):
					case <-self.Done():
						time.Sleep(4 * time.Second) // it takes long to end
					}
					return nil
				})
				time.Sleep(2200 * time.Millisecond)
				end(self, owner.PID())
				time.Sleep(time.Minute)
				wantBodies(t, self, 2, 2)
				wantNothing(t, self)
				wantLetters(t, self.Node(), nil)
			})
		})
	}
}

func TestTimer_IsSilentAfterTheReceiversEnd(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			wantBodies(t, self, 1, 1)
			return nil
		})
		r.SendAfter(self, 5*time.Second, 2)
		timer := r.SendEvery(self, time.Second, 1)
		time.Sleep(time.Hour)
		if timer.Stop() {
			t.Error("the timer still ran an hour after the receiver's end")
		}
		// one for each timer: both found out that the receiver had ended
		wantLetters(t, self.Node(), troupe.ErrNoProc, 1, 2)
	})
}

func TestTimer_OfADeadOwner(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		me := self.Ref()
		var old context.Context
		owner := troupe.Spawn(self, func(self *troupe.Self[none]) error { old = self; return nil })
		wantReason(t, self, owner.PID(), nil)
		if me.SendAfter(old, time.Second, 1).Stop() || me.SendEvery(old, time.Second, 1).Stop() {
			t.Error("a process that has ended can set a timer")
		}
		time.Sleep(time.Minute)
		wantNothing(t, self)
	})
}

// A context that ends does not silence the timer: only its process counts.
func TestTimer_OutlivesADerivedContext(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		ctx, cancel := context.WithCancel(self)
		self.Ref().SendAfter(ctx, time.Second, 1)
		cancel()
		wantBodies(t, self, 1)
	})
}

func TestTimer_FromOutside(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		self.Ref().SendAfter(context.Background(), time.Second, 1)
		if m := next(t, self); m.Body != 1 || m.From != (troupe.PID{}) {
			t.Errorf("got %v, want 1 from nobody", m)
		}
	})
}

// A named address is looked up for each message; while nobody has the name, the
// messages are dead letters and the timer goes on.
func TestTimer_FollowsTheName(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		name := troupe.Named[int]("x")
		timer := name.SendEvery(self, time.Second, 1)
		time.Sleep(time.Second / 2)
		for i := range 3 {
			time.Sleep(time.Second) // nobody is there for one message
			var got []int
			r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
				time.Sleep(2 * time.Second)
				got = drain(self)
				return nil
			}, troupe.Name("x"))
			wantReason(t, self, r.PID(), nil)
			if len(got) != 2 {
				t.Errorf("holder %d got %d messages, want 2", i, len(got))
			}
		}
		timer.Stop()
		if _, total := self.Node().DeadLetters(); total != 3 {
			t.Errorf("%d dead letters, want 3", total)
		}
	})
}

// A mailbox that is full for a while does not stop the timer.
func TestSendEvery_ToAFullMailbox(t *testing.T) {
	for name, c := range map[string]struct {
		overflow troupe.Overflow
		want     int
	}{
		"refuse": {troupe.Refuse, 9}, // at 1, then 3 to 10
		"newest": {troupe.DropNewest, 9},
		"oldest": {troupe.DropOldest, 9},
		"block":  {troupe.Block, 10}, // the one at 2 waits until 2.5
	} {
		t.Run(fmt.Sprint(name), func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				got := 0
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					time.Sleep(2500 * time.Millisecond)
					for range self.Messages() {
						got++
					}
					return nil
				}, troupe.Bounded(1, c.overflow))
				r.SendEvery(self, time.Second, 1)
				time.Sleep(10*time.Second + 1)
				synctest.Wait()
				wantErr(t, r.PID().Shutdown(self, time.Second), troupe.ErrShutdown)
				if got != c.want {
					t.Errorf("%d came, want %d", got, c.want)
				}
			})
		})
	}
}

// Timers that are set, stopped and fire at once, and owners that die, from many
// goroutines.
func TestStorm_Timers(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		for range 20 {
			r := troupe.Spawn(self, sink[int])
			var owners []troupe.PID
			for range 8 {
				owners = append(owners, troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
					for range 30 {
						every := r.SendEvery(self, time.Microsecond, 1)
						r.SendAfter(self, 0, 1)
						r.SendAfter(self, time.Microsecond, 2).Stop()
						every.Stop()
					}
					r.SendEvery(self, time.Microsecond, 3)
					return nil
				}).PID())
			}
			owners[0].Kill(self)
			for range owners {
				self.Receive()
			}
			r.PID().Kill(self)
		}
	})
}
