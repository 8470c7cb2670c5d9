package troupe_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Bounded mailboxes that refuse or drop: G23.

// filled spawns a process that does nothing for a second and then passes what
// it receives to got, and sends it the numbers from 1 to many.
func filled(t *testing.T, self *troupe.Self[none], many int, got *[]int, opts ...troupe.SpawnOption) (refused int) {
	t.Helper()
	r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
		time.Sleep(time.Second)
		*got = drain(self)
		return nil
	}, opts...)
	for i := range many {
		switch err := r.Send(self, i+1); err {
		case nil:
		case troupe.ErrMailboxFull:
			refused++
		default:
			t.Errorf("Send: %v", err)
		}
	}
	wantReason(t, self, r.PID(), nil)
	return refused
}

func TestG23_TheBoundIsExact(t *testing.T) {
	const many = 700
	for name, overflow := range map[string]troupe.Overflow{"refuse": troupe.Refuse, "newest": troupe.DropNewest, "oldest": troupe.DropOldest} {
		for _, limit := range []int{-1, 0, 1, 2, 5, 300, many} {
			t.Run(fmt.Sprint(name, limit), func(t *testing.T) {
				play(t, func(t *testing.T, self *troupe.Self[none]) {
					var got []int
					refused := filled(t, self, many, &got, troupe.Bounded(limit, overflow))
					room := max(limit, 1)
					want, lost, refusals := numbers(1, room), numbers(room+1, many), 0
					switch overflow {
					case troupe.DropOldest:
						want, lost = numbers(many-room+1, many), numbers(1, many-room)
					case troupe.Refuse:
						lost, refusals = nil, many-room
					}
					if !slices.Equal(got, want) {
						t.Errorf("it got %v, want %v", got, want)
					}
					if refused != refusals {
						t.Errorf("%d sends were refused, want %d", refused, refusals)
					}
					var letters []int
					last, _ := self.Node().DeadLetters()
					for _, l := range last {
						wantErr(t, l.Reason, troupe.ErrMailboxFull)
						letters = append(letters, l.Body.(int))
					}
					if !slices.Equal(letters, lost) {
						t.Errorf("dropped: %v, want %v", letters, lost)
					}
				})
			})
		}
	}
}

// What has left the mailbox makes room, however it left.
func TestG23_RoomComesBack(t *testing.T) {
	takes := map[string]func(*troupe.Self[int], int){
		"Receive":     func(self *troupe.Self[int], _ int) { self.Receive() },
		"ReceiveFunc": func(self *troupe.Self[int], last int) { self.ReceiveFunc(is(last)) },
		"Messages": func(self *troupe.Self[int], _ int) {
			for range self.Messages() {
				return
			}
		},
	}
	for name, take := range takes {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					fill(self, 1, 3)
					for last := 3; last < 50; last++ {
						wantErr(t, self.Ref().Send(self, 99), troupe.ErrMailboxFull)
						take(self, last)
						wantErr(t, self.Ref().Send(self, last+1), nil)
					}
					return nil
				}, troupe.Bounded(3, troupe.Refuse))
				wantReason(t, self, r.PID(), nil)
			})
		})
	}
}

// What a handler has at hand does not count.
func TestG23_TheMessageAtHandDoesNotCount(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		gate := make(chan none)
		h := troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error { <-gate; return nil }),
			troupe.Bounded(2, troupe.Refuse))
		h.Send(self, 1)
		synctest.Wait()
		wantErr(t, h.Send(self, 2), nil)
		wantErr(t, h.Send(self, 3), nil)
		wantErr(t, h.Send(self, 4), troupe.ErrMailboxFull)
		close(gate)
	})
}

func TestG23_SignalsAlwaysFindRoom(t *testing.T) {
	for name, overflow := range map[string]troupe.Overflow{
		"block": troupe.Block, "refuse": troupe.Refuse, "newest": troupe.DropNewest, "oldest": troupe.DropOldest,
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					a := troupe.SpawnMonitor(self, func(*troupe.Self[none]) error { time.Sleep(time.Second); return errBoom })
					fill(self, 1, 2)
					time.Sleep(time.Minute)
					wantBodies(t, self, 1, 2)
					for range 3 {
						wantEvent(t, self, troupe.Exit, self.Parent(), errOther)
					}
					wantEvent(t, self, troupe.Down, a.PID(), errBoom)
					return nil
				}, troupe.Bounded(2, overflow), troupe.TrapExits())
				synctest.Wait()
				for range 3 {
					r.PID().Exit(self, errOther)
				}
				wantReason(t, self, r.PID(), nil)
			})
		})
	}
}

// DropOldest passes over the signals before the oldest body: none is lost, they
// keep their order, and the mailbox does not grow.
func TestG23_DropOldestKeepsSignals(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		const rounds = 100
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			time.Sleep(time.Second)
			var exits int
			for range rounds {
				m := next(t, self)
				wantErr(t, m.Reason, numbered{0, exits})
				exits++
			}
			wantBodies(t, self, 2*rounds-1, 2*rounds)
			return nil
		}, troupe.Bounded(2, troupe.DropOldest), troupe.TrapExits())
		for i := range rounds {
			r.PID().Exit(self, numbered{0, i})
			r.Send(self, 2*i+1)
			r.Send(self, 2*i+2)
		}
		for _, p := range self.Node().Processes() {
			if p.PID == r.PID() && (p.Waiting != rounds+2 || p.Dropped != 2*rounds-2) {
				t.Errorf("%d wait and %d were dropped, want %d and %d", p.Waiting, p.Dropped, rounds+2, 2*rounds-2)
			}
		}
		wantReason(t, self, r.PID(), nil)
	})
}

func (n numbered) Error() string { return fmt.Sprint("reason ", n.n) }

// Urgent bodies are dropped last, and signals that were withdrawn meanwhile
// leave neither a gap nor a turn in the order.
func TestG23_DropOldestAmongUrgentMail(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		victim := troupe.Spawn(self, until[none])
		ready, killed := make(chan none), make(chan none)
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			before, cancelled, after := self.Monitor(victim.PID()), self.Monitor(victim.PID()), self.Monitor(victim.PID())
			close(ready)
			<-killed
			fill(self, 1, 3) // 1 is dropped, the Downs now go first
			cancelled.Cancel()
			for i := range 5 {
				self.Ref().SendUrgent(self, 101+i)
			}
			wantEvent(t, self, troupe.Down, victim.PID(), troupe.ErrKilled)
			wantEvent(t, self, troupe.Down, victim.PID(), troupe.ErrKilled)
			wantBodies(t, self, 104, 105)
			wantNothing(t, self)
			before.Cancel()
			after.Cancel()
			return nil
		}, troupe.Bounded(2, troupe.DropOldest), troupe.AcceptUrgent())
		<-ready
		victim.PID().Kill(self)
		close(killed)
		wantReason(t, self, r.PID(), nil)
		wantLetters(t, self.Node(), troupe.ErrMailboxFull, 1, 2, 3, 101, 102, 103)
	})
}

// Signals that a drop has put in front stay in their order when one of them is
// withdrawn and the next drop has to look past them.
func TestG23_DropOldestTurnsNoOrder(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			cancelled := self.Monitor(troupe.PID{}) // its Down lies in front
			time.Sleep(time.Second)                 // then come the exits
			fill(self, 1, 2)
			cancelled.Cancel()
			for i := range 3 {
				self.Ref().SendUrgent(self, 101+i)
			}
			for i := range 4 {
				wantErr(t, next(t, self).Reason, numbered{0, i})
			}
			wantBodies(t, self, 103)
			wantNothing(t, self)
			return nil
		}, troupe.Bounded(1, troupe.DropOldest), troupe.AcceptUrgent(), troupe.TrapExits())
		synctest.Wait()
		for i := range 4 {
			r.PID().Exit(self, numbered{0, i})
		}
		wantReason(t, self, r.PID(), nil)
	})
}

// A drop during a selective receive moves what it looks at; it must neither skip
// nor repeat a message, and take the one it wanted if that is still there.
func TestG23_DropOldestDuringSelectiveReceive(t *testing.T) {
	for drops := range 6 {
		play(t, func(t *testing.T, self *troupe.Self[none]) {
			r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
				fill(self, 1, 5)
				var seen []int
				m := self.ReceiveFunc(func(m troupe.Message[int]) bool {
					seen = append(seen, m.Body)
					if m.Body == 3 {
						fill(self, 6, 5+drops)
					}
					return m.Body == 5 || m.Body == 10
				}, troupe.After(time.Second))
				want, rest := 5, append(numbers(1+drops, 4), numbers(6, 5+drops)...)
				if drops == 5 { // 5 itself was dropped
					want, rest = 10, numbers(6, 9)
				}
				if m.Body != want {
					t.Errorf("after %d drops it got %v, want %d; match saw %v", drops, m, want, seen)
				}
				if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
					t.Errorf("match saw %v", seen)
				}
				if got := drain(self); !slices.Equal(got, rest) {
					t.Errorf("after %d drops is left %v, want %v", drops, got, rest)
				}
				return nil
			}, troupe.Bounded(5, troupe.DropOldest))
			wantReason(t, self, r.PID(), nil)
		})
	}
}

// A drop of another message while match says yes does not lose the one it
// wants; a drop of that very one does.
func TestG23_DropOldestWhileMatchSaysYes(t *testing.T) {
	for wanted := 1; wanted <= 3; wanted++ {
		for drops := range 4 {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					fill(self, 1, 3)
					m := self.ReceiveFunc(func(m troupe.Message[int]) bool {
						if m.Body == wanted {
							fill(self, 4, 3+drops)
						}
						return m.Body == wanted
					}, troupe.After(time.Second))
					gone := wanted <= drops
					if gone && m.Event != troupe.Timeout || !gone && m.Body != wanted {
						t.Errorf("%d wanted, %d dropped: got %v", wanted, drops, m)
					}
					want := slices.DeleteFunc(numbers(1+drops, 3+drops), func(n int) bool { return n == wanted })
					if got := drain(self); !slices.Equal(got, want) {
						t.Errorf("%d wanted, %d dropped: left is %v, want %v", wanted, drops, got, want)
					}
					return nil
				}, troupe.Bounded(3, troupe.DropOldest))
				wantReason(t, self, r.PID(), nil)
			})
		}
	}
}

// Mail that is dropped must not keep a selective receive from getting on.
func TestG23_SelectiveReceiveUnderPressure(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			fill(self, 1, 3)
			calls := 0
			self.ReceiveFunc(func(m troupe.Message[int]) bool {
				if calls++; calls < 1000 {
					self.Ref().Send(self, 4)
				}
				return m.Body == 3
			})
			if calls != 3 {
				t.Errorf("match was called %d times, want 3", calls)
			}
			return nil
		}, troupe.Bounded(3, troupe.DropNewest))
		wantReason(t, self, r.PID(), nil)
	})
}

// What a dead process still sends does not push anybody's mail out.
func TestG23_AFencedSenderDropsNothing(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			time.Sleep(time.Minute)
			wantBodies(t, self, 1)
			return nil
		}, troupe.Bounded(1, troupe.DropOldest))
		r.Send(self, 1)
		zombie := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			<-self.Done()
			wantErr(t, r.Send(self, 2), troupe.ErrKilled)
			return nil
		})
		synctest.Wait()
		zombie.PID().Kill(self)
		wantReason(t, self, r.PID(), nil)
		wantLetters(t, self.Node(), nil)
	})
}
