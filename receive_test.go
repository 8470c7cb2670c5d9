package troupe_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Receiving: G20, G21, timeouts, and what a process sees that was told to end.

func is[M comparable](want M) func(troupe.Message[M]) bool {
	return func(m troupe.Message[M]) bool { return m.Event == troupe.Sent && m.Body == want }
}

// fill sends the numbers from first to last.
func fill(self *troupe.Self[int], first, last int) {
	for i := first; i <= last; i++ {
		self.Ref().Send(self, i)
	}
}

// drain takes all bodies that are there.
func drain(self *troupe.Self[int]) (all []int) {
	for m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout; m = self.Receive(troupe.After(0)) {
		all = append(all, m.Body)
	}
	return all
}

func numbers(first, last int) (all []int) {
	for i := first; i <= last; i++ {
		all = append(all, i)
	}
	return all
}

// mailboxes are all kinds of mailbox that must keep the order.
var mailboxes = map[string][]troupe.SpawnOption{
	"plain":       nil,
	"urgent":      {troupe.AcceptUrgent()},
	"block":       {troupe.Bounded(5000, troupe.Block)},
	"drop oldest": {troupe.Bounded(5000, troupe.DropOldest)},
}

func TestG20_SelectiveReceiveLeavesTheRestInOrder(t *testing.T) {
	for name, opts := range mailboxes {
		for _, many := range []int{1, 2, 3, 4, 5, 20, 21, 300, 1000} {
			t.Run(fmt.Sprint(name, many), func(t *testing.T) {
				play(t, func(t *testing.T, self *troupe.Self[none]) {
					r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
						want := numbers(1, many)
						fill(self, 1, many)
						for _, pick := range []int{1, many, many / 2, 2, many - 1, 3} {
							if !slices.Contains(want, pick) {
								continue
							}
							if m := self.ReceiveFunc(is(pick), troupe.After(0)); m.Body != pick {
								t.Fatalf("got %v, want %d", m, pick)
							}
							want = slices.DeleteFunc(want, func(n int) bool { return n == pick })
						}
						if got := drain(self); !slices.Equal(got, want) {
							t.Errorf("what was passed over is %v, want %v", got, want)
						}
						return nil
					}, opts...)
					wantReason(t, self, r.PID(), nil)
				})
			})
		}
	}
}

// Selective and ordinary receives take turns, before and after the process has
// taken mail out of the common part, with more mail coming in between.
func TestG20_SelectiveReceiveAmongOthers(t *testing.T) {
	for name, opts := range mailboxes {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					var want []int
					last := 0
					for round := range 60 {
						fill(self, last+1, last+round)
						want = append(want, numbers(last+1, last+round)...)
						last += round
						for range round / 3 {
							wantBodies(t, self, want[0])
							want = want[1:]
						}
						for k := range min(3, len(want)) {
							i := (round*7 + k*13) % len(want)
							if m := self.ReceiveFunc(is(want[i]), troupe.After(0)); m.Body != want[i] {
								t.Fatalf("got %v, want %d", m, want[i])
							}
							want = slices.Delete(want, i, i+1)
						}
					}
					if got := drain(self); !slices.Equal(got, want) {
						t.Errorf("left is %v, want %v", got, want)
					}
					return nil
				}, opts...)
				wantReason(t, self, r.PID(), nil)
			})
		})
	}
}

// A selective receive that waits goes on where it stopped; match sees each
// message once, in order.
func TestG20_WaitingSelectively(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		var seen []int
		me := self.Ref()
		troupe.Spawn(self, func(self *troupe.Self[none]) error {
			for i := range 1000 {
				if i%10 == 0 {
					synctest.Wait()
				}
				me.Send(self, i)
			}
			return nil
		})
		m := self.ReceiveFunc(func(m troupe.Message[int]) bool {
			seen = append(seen, m.Body)
			return m.Body == 995
		})
		if m.Body != 995 || !slices.Equal(seen, numbers(0, 995)) {
			t.Errorf("got %v; match saw %v", m, seen)
		}
		synctest.Wait()
		want := append(numbers(0, 994), 996, 997, 998, 999)
		if got := drain(self); !slices.Equal(got, want) {
			t.Errorf("left is %v", got)
		}
	})
}

func TestG20_SelectiveReceiveInsideAHandler(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var got []int
		gate := make(chan none)
		h := troupe.SpawnHandler(self, handle(func(self *troupe.Self[int], m troupe.Message[int]) error {
			if m.Body == 0 {
				<-gate
			}
			got = append(got, m.Body)
			if m.Body%10 == 3 { // takes its successor's successor first
				got = append(got, self.ReceiveFunc(is(m.Body+2)).Body)
			}
			if m.Body == 100 {
				return troupe.Stop
			}
			return nil
		}), troupe.Monitored())
		for i := range 101 {
			h.Send(self, i)
		}
		close(gate)
		wantEvent(t, self, troupe.Down, h.PID(), nil)
		var want []int
		for i := range 101 {
			switch i % 10 {
			case 3:
				want = append(want, i, i+2)
			case 5:
			default:
				want = append(want, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("handled %v\nwant %v", got, want)
		}
	})
}

func TestG20_SelectingSignals(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		fill(self, 1, 10)
		a := troupe.SpawnMonitor(self, func(*troupe.Self[none]) error { return errBoom })
		synctest.Wait()
		fill(self, 11, 20)
		m := self.ReceiveFunc(func(m troupe.Message[int]) bool { return m.Event == troupe.Down })
		wantMessage(t, m, troupe.Down, a.PID(), errBoom)
		if got := drain(self); !slices.Equal(got, numbers(1, 20)) {
			t.Errorf("left is %v", got)
		}
	})
}

func TestG21_AZeroTimeoutLooksThroughTheMailbox(t *testing.T) {
	for name, d := range map[string]time.Duration{"zero": 0, "negative": -time.Second} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[int]) {
				start := time.Now()
				wantMessage(t, self.Receive(troupe.After(d)), troupe.Timeout, troupe.PID{}, nil)
				wantMessage(t, self.ReceiveFunc(is(1), troupe.After(d)), troupe.Timeout, troupe.PID{}, nil)
				fill(self, 1, 500)
				if m := self.ReceiveFunc(is(500), troupe.After(d)); m.Body != 500 {
					t.Errorf("got %v, want 500", m)
				}
				wantMessage(t, self.ReceiveFunc(is(501), troupe.After(d)), troupe.Timeout, troupe.PID{}, nil)
				if m := self.Receive(troupe.After(d)); m.Body != 1 {
					t.Errorf("got %v, want 1", m)
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("looking took %v", d)
				}
			})
		})
	}
}

func TestReceive_TimeoutIsExact(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		for _, d := range []time.Duration{1, time.Millisecond, time.Hour, 1000 * time.Hour} {
			for _, receive := range []func() troupe.Message[int]{
				func() troupe.Message[int] { return self.Receive(troupe.After(d)) },
				func() troupe.Message[int] { return self.ReceiveFunc(is(-1), troupe.After(d)) },
			} {
				start := time.Now()
				wantMessage(t, receive(), troupe.Timeout, troupe.PID{}, nil)
				if took := time.Since(start); took != d {
					t.Errorf("the timeout of %v came after %v", d, took)
				}
			}
		}
	})
}

// Mail that a selective receive passes over, and signals that were withdrawn,
// do not put the timeout off.
func TestReceive_TimeoutIsNotPutOff(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		tick := self.Ref().SendEvery(self, 300*time.Millisecond, 1)
		start := time.Now()
		m := self.ReceiveFunc(is(2), troupe.After(time.Second))
		tick.Stop()
		wantMessage(t, m, troupe.Timeout, troupe.PID{}, nil)
		if took := time.Since(start); took != time.Second {
			t.Errorf("the timeout came after %v, want 1s", took)
		}
		wantBodies(t, self, 1, 1, 1)
	})
}

// A message at the very instant of the timeout: one of the two is seen, and the
// message is not lost.
func TestReceive_MessageAtTheInstantOfTheTimeout(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		for range 100 {
			self.Ref().SendAfter(self, time.Second, 1)
			if m := self.Receive(troupe.After(time.Second)); m.Event == troupe.Timeout {
				wantBodies(t, self, 1)
			}
			wantNothing(t, self)
		}
	})
}

func TestMessages_TimeoutsGoOn(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		start, timeouts := time.Now(), 0
		self.Ref().SendAfter(self, 1500*time.Millisecond, 1)
		for m := range self.Messages(troupe.After(time.Second)) {
			if m.Event == troupe.Timeout {
				if timeouts++; timeouts == 3 {
					break
				}
			}
		}
		// at 1 s, then 1 s after the message at 1.5 s, and again
		if took := time.Since(start); took != 3500*time.Millisecond {
			t.Errorf("three timeouts took %v, want 3.5s", took)
		}
	})
}

func TestMessages_MayBeLeftAndTakenUpAgain(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		fill(self, 1, 600)
		var got []int
		for len(got) < 600 {
			for m := range self.Messages() {
				if got = append(got, m.Body); len(got)%7 == 0 || len(got) == 600 {
					break
				}
			}
			if len(got)%14 == 0 {
				got = append(got, self.Receive(troupe.After(0)).Body)
			}
		}
		if !slices.Equal(got, numbers(1, 600)) {
			t.Errorf("got %v", got)
		}
	})
}

// Told to end, a body gets one Exit in its own name from Receive, whatever lies
// in its mailbox; if it receives once more it is unwound.
func TestReceive_AfterTheEndWasTold(t *testing.T) {
	for name, receive := range map[string]func(*troupe.Self[int]) troupe.Message[int]{
		"Receive":     func(self *troupe.Self[int]) troupe.Message[int] { return self.Receive() },
		"After":       func(self *troupe.Self[int]) troupe.Message[int] { return self.Receive(troupe.After(time.Hour)) },
		"After 0":     func(self *troupe.Self[int]) troupe.Message[int] { return self.Receive(troupe.After(0)) },
		"ReceiveFunc": func(self *troupe.Self[int]) troupe.Message[int] { return self.ReceiveFunc(is(-1)) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				var unwound, beyond atomic.Bool
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					defer unwound.Store(true)
					<-self.Done()
					wantMessage(t, receive(self), troupe.Exit, self.PID(), errBoom)
					for range self.Messages() {
						t.Error("Messages yields after the end was told")
					}
					receive(self)
					beyond.Store(true)
					return nil
				})
				r.Send(self, 1)
				synctest.Wait()
				r.PID().Exit(self, errBoom)
				wantReason(t, self, r.PID(), errBoom)
				if !unwound.Load() || beyond.Load() {
					t.Error("the second Receive did not unwind the body")
				}
				wantLetters(t, self.Node(), errBoom, 1)
			})
		})
	}
}

// A process that waits hears at once that it is to end.
func TestReceive_TheEndWakesTheWaiting(t *testing.T) {
	for name, body := range map[string]func(self *troupe.Self[int]) error{
		"Receive":     func(self *troupe.Self[int]) error { self.Receive(); return nil },
		"After":       func(self *troupe.Self[int]) error { self.Receive(troupe.After(time.Hour)); return nil },
		"ReceiveFunc": func(self *troupe.Self[int]) error { self.ReceiveFunc(is(-1)); return nil },
		"Messages":    sink[int],
		"Mail":        func(self *troupe.Self[int]) error { <-self.Mail(); return nil },
		"Done":        until[int],
	} {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " kill ", kill), func(t *testing.T) {
				play(t, func(t *testing.T, self *troupe.Self[none]) {
					var gone atomic.Bool
					r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
						defer gone.Store(true)
						return body(self)
					})
					synctest.Wait()
					if kill {
						r.PID().Kill(self)
					} else {
						r.PID().Exit(self, errBoom)
					}
					synctest.Wait()
					if !gone.Load() {
						t.Error("its goroutine is still there")
					}
				})
			})
		}
	}
}
