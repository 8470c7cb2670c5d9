package troupe_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Bounded mailboxes that block their senders: G06 and G23.

// senders spawns one process for each of bodies that sends it to r, in the given
// order; log gets the body when the send has returned, with its error.
func senders(self *troupe.Self[none], r troupe.Ref[int], log *journal, bodies ...int) (pids []troupe.PID) {
	for _, n := range bodies {
		s := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			if err := r.Send(self, n); err != nil {
				log.add(fmt.Sprintf("%d:%v", n, err))
			} else {
				log.add(fmt.Sprint(n))
			}
			return nil
		})
		synctest.Wait()
		pids = append(pids, s.PID())
	}
	return pids
}

// slow takes one message a second.
func slow(self *troupe.Self[int]) error {
	for {
		time.Sleep(time.Second)
		if self.Receive().Event == troupe.Exit {
			return nil
		}
	}
}

func TestG23_BlockedSendersGetTheirTurnInOrder(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, slow, troupe.Bounded(2, troupe.Block))
		var log journal
		senders(self, r, &log, 1, 2, 3, 4, 5, 6)
		log.want(t, "1 2")
		for _, want := range []string{"1 2 3", "1 2 3 4", "1 2 3 4 5", "1 2 3 4 5 6"} {
			time.Sleep(time.Second)
			synctest.Wait()
			log.want(t, want)
		}
	})
}

// A newcomer does not overtake those who wait, even when there is room for a
// moment.
func TestG23_NobodyJumpsTheQueue(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		const many, each = 6, 300
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[numbered]) error {
			check := inOrder(t, many)
			for range many * each {
				check(self.Receive().Body)
			}
			return nil
		}, troupe.Bounded(1, troupe.Block))
		for s := range many {
			troupe.Spawn(self, func(self *troupe.Self[none]) error {
				for i := range each {
					wantErr(t, r.Send(self, numbered{s, i + 1}), nil)
				}
				return nil
			})
		}
		wantMessage(t, self.Receive(), troupe.Down, r.PID(), nil)
	})
}

func TestG23_ACancelledSenderLeavesTheQueue(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			for _, n := range []int{1, 2, 4, 5} {
				time.Sleep(time.Minute) // in which the sender that had room says so
				wantBodies(t, self, n)
			}
			return nil
		}, troupe.Bounded(1, troupe.Block))
		var log journal
		pids := senders(self, r, &log, 1, 2, 3, 4, 5)
		pids[2].Exit(self, errBoom)
		synctest.Wait()
		log.want(t, "1 3:boom")
		wantReason(t, self, r.PID(), nil)
		synctest.Wait()
		log.want(t, "1 3:boom 2 4 5")
	})
}

// A sender whose room comes at the instant at which it gives up: either the
// message arrives or the next sender gets the room.
func TestG23_CancelledAtTheInstantOfRoom(t *testing.T) {
	for range 200 {
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			r := troupe.SpawnMonitor(self, func(self *troupe.Self[int]) error {
				for self.Receive().Body != 4 {
				}
				return nil
			}, troupe.Bounded(1, troupe.Block))
			ctx, cancel := context.WithCancel(self)
			var all sync.WaitGroup
			for i := range 3 {
				all.Go(func() { r.Send(ctx, i+1) })
			}
			all.Go(func() { r.Send(self, 4) })
			cancel()
			wantMessage(t, self.Receive(), troupe.Down, r.PID(), nil)
			all.Wait()
		})
	}
}

func TestG23_BlockedSendersAreReleasedWhenTheReceiverEnds(t *testing.T) {
	ends := map[string]func(self *troupe.Self[none], pid troupe.PID){
		"exit":   func(self *troupe.Self[none], pid troupe.PID) { pid.Exit(self, errBoom) },
		"kill":   func(self *troupe.Self[none], pid troupe.PID) { pid.Kill(self) },
		"return": func(*troupe.Self[none], troupe.PID) { time.Sleep(time.Hour) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					select {
					case <-self.Done():
						time.Sleep(time.Second) // the senders do not wait for that
					case <-time.After(time.Minute):
					}
					return nil
				}, troupe.Bounded(1, troupe.Block))
				var log journal
				senders(self, r, &log, 1, 2, 3)
				end(self, r.PID())
				synctest.Wait()
				got := log.String()
				if got != "1 2:troupe: no such process 3:troupe: no such process" && got != "1 3:troupe: no such process 2:troupe: no such process" {
					t.Errorf("the senders got %s", got)
				}
				r.PID().Wait(self)
				if last, _ := self.Node().DeadLetters(); len(last) != 1 || last[0].Body != 1 {
					t.Errorf("dead letters: %v, want 1 alone", last)
				}
			})
		})
	}
}

func TestBadDay_KillWhileASenderIsBlocked(t *testing.T) {
	for name, ctx := range map[string]func(context.Context) context.Context{
		"own context": func(ctx context.Context) context.Context { return ctx },
		"detached":    context.WithoutCancel,
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					time.Sleep(time.Minute)
					wantBodies(t, self, 1, 3, 4)
					return nil
				}, troupe.Bounded(1, troupe.Block))
				r.Send(self, 1)
				victim := troupe.Spawn(self, func(self *troupe.Self[none]) error {
					if err := r.Send(ctx(self), 2); err == nil {
						t.Error("the send of a dead process succeeded")
					}
					return nil
				}, troupe.Grace(time.Hour))
				synctest.Wait()
				var log journal
				senders(self, r, &log, 3, 4)
				victim.PID().Kill(self)
				wantReason(t, self, r.PID(), nil)
				synctest.Wait()
				if got := log.String(); got != "3 4" && got != "4 3" { // either may note it first
					t.Errorf("these senders got their room: %s, want 3 and 4", got)
				}
			})
		})
	}
}

// A handler that waits for room does not keep others from running, even the one
// that would make room.
func TestG23_ABlockedHandlerHoldsNobodyUp(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		const many = 100
		received := 0
		sink := troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error {
			if received++; received == many {
				return troupe.Stop
			}
			return nil
		}), troupe.Bounded(1, troupe.Block), troupe.Monitored())
		for i := range many {
			troupe.SpawnHandler(self, handle(func(self *troupe.Self[int], m troupe.Message[int]) error {
				return sink.Send(self, m.Body)
			})).Send(self, i)
		}
		wantEvent(t, self, troupe.Down, sink.PID(), nil)
	})
}

// An Ask that a full mailbox does not take ends at once with ErrMailboxFull; one
// that is thrown out of it later does so then.
func TestG30_AskOfAFullMailbox(t *testing.T) {
	for name, c := range map[string]struct {
		overflow troupe.Overflow
		second   error
	}{
		"refuse": {troupe.Refuse, troupe.ErrMailboxFull},
		"newest": {troupe.DropNewest, troupe.ErrMailboxFull},
		"oldest": {troupe.DropOldest, errBoom},
		"block":  {troupe.Block, troupe.ErrNoProc},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.Spawn(self, until[call], troupe.Bounded(1, c.overflow))
				first, second := make(chan error, 1), make(chan error, 1)
				ctx := self.Node().Context(context.Background())
				for _, answer := range []chan error{first, second} {
					go func() {
						_, err := troupe.Ask(ctx, r, 1)
						answer <- err
					}()
					synctest.Wait()
				}
				if c.overflow == troupe.DropOldest {
					wantErr(t, <-first, troupe.ErrMailboxFull) // at once
				}
				r.PID().Exit(self, errBoom)
				if c.overflow != troupe.DropOldest {
					wantErr(t, <-first, errBoom)
				}
				wantErr(t, <-second, c.second)
			})
		})
	}
}
