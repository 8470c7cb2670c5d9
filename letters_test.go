package troupe_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Dead letters: G24.

func TestG24_WhatIsLeftInAMailboxIsADeadLetter(t *testing.T) {
	ends := map[string]struct {
		end    func(self *troupe.Self[none], pid troupe.PID)
		reason error
	}{
		"exit":   {func(self *troupe.Self[none], pid troupe.PID) { pid.Exit(self, errBoom) }, errBoom},
		"kill":   {func(self *troupe.Self[none], pid troupe.PID) { pid.Kill(self) }, troupe.ErrKilled},
		"return": {func(*troupe.Self[none], troupe.PID) {}, errOther},
	}
	for name, e := range ends {
		for _, many := range []int{0, 1, 2, 5, 21, 300} {
			for _, taken := range []int{0, 1, 3} {
				if taken > many {
					continue
				}
				t.Run(fmt.Sprint(name, many, taken), func(t *testing.T) {
					play(t, func(t *testing.T, self *troupe.Self[none]) {
						r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
							time.Sleep(time.Second)
							wantBodies(t, self, numbers(1, taken)...)
							if e.reason != errOther {
								<-self.Done()
							}
							return errOther
						})
						var want []any
						for i := range many {
							r.Send(self, i+1)
							if i >= taken {
								want = append(want, i+1)
							}
						}
						time.Sleep(time.Minute)
						e.end(self, r.PID())
						time.Sleep(time.Minute) // what the dead body still held follows its return
						last, total := self.Node().DeadLetters()
						if len(last) != len(want) || total != uint64(len(want)) {
							t.Fatalf("%d dead letters, %d in all, want %d", len(last), total, len(want))
						}
						seen := make(map[any]bool)
						for _, l := range last {
							seen[l.Body] = true
							wantErr(t, l.Reason, e.reason)
							if l.From != self.PID() || l.To != r.PID() {
								t.Errorf("a dead letter from %v to %v, want from %v to %v", l.From, l.To, self, r)
							}
						}
						for _, n := range want {
							if !seen[n] {
								t.Errorf("%v is not among the dead letters", n)
							}
						}
					})
				})
			}
		}
	}
}

func TestG24_OfAHandler(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		gate := make(chan none)
		h := troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error { <-gate; return errBoom }))
		for i := range 4 {
			h.Send(self, i)
		}
		close(gate)
		wantReason(t, self, h.PID(), errBoom)
		wantLetters(t, self.Node(), errBoom, 1, 2, 3)
	})
}

func TestG24_TheLastOnesAreKept(t *testing.T) {
	for _, limit := range []int{-1, 0, 1, 7, 100} {
		play(t, func(t *testing.T, self *troupe.Self[none]) {
			const many = 50
			r := troupe.Spawn(self, until[int], troupe.Bounded(1, troupe.DropNewest))
			for i := range many + 1 {
				r.Send(self, i)
			}
			last, total := self.Node().DeadLetters()
			want := numbers(max(1, many+1-max(limit, 0)), many)
			if total != many || len(last) != len(want) {
				t.Fatalf("limit %d: %d kept, %d in all, want %d and %d", limit, len(last), total, len(want), many)
			}
			for i, l := range last {
				if l.Body != want[i] {
					t.Errorf("limit %d: letter %d is %v, want %v", limit, i, l.Body, want[i])
				}
			}
		}, troupe.DeadLetterLimit(limit))
	}
}

func TestG24_TheDefaultLimit(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, until[int])
		for i := range 5000 {
			r.Send(self, i)
		}
		r.PID().Kill(self)
		synctest.Wait()
		last, total := self.Node().DeadLetters()
		if len(last) != 1024 || total != 5000 || last[0].Body != 5000-1024 || last[1023].Body != 4999 {
			t.Errorf("%d kept of %d", len(last), total)
		}
	})
}

func TestG24_Listeners(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var first, second atomic.Int64
		ctx, cancel := context.WithCancel(self)
		self.Node().OnDeadLetter(ctx, func(l troupe.DeadLetter) { first.Add(int64(l.Body.(int))) })
		self.Node().OnDeadLetter(self, func(l troupe.DeadLetter) { second.Add(int64(l.Body.(int))) })
		r := troupe.Spawn(self, until[int], troupe.Bounded(1, troupe.DropNewest))
		r.Send(self, 1)
		r.Send(self, 10)
		cancel()
		synctest.Wait()
		r.Send(self, 100)
		if first.Load() != 10 || second.Load() != 110 {
			t.Errorf("the listeners heard %d and %d, want 10 and 110", first.Load(), second.Load())
		}
	})
}

// Whoever has waited for an end finds the dead letters.
func TestG24_LettersAreThereWhenWaitReturns(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, until[int])
		r.Send(self, 1)
		telling := make(chan none)
		self.Node().OnDeadLetter(self, func(troupe.DeadLetter) {
			go func() { r.PID().Wait(context.Background()); close(telling) }()
			synctest.Wait()
			select {
			case <-telling:
				t.Error("Wait returned while the end was still being told")
			default:
			}
		})
		r.PID().Exit(self, errBoom)
		<-telling
	})
}

// Each message that a send accepted was either received or is a dead letter.
func TestStorm_AcceptedIsDeliveredOrDead(t *testing.T) {
	for name, opts := range map[string][]troupe.SpawnOption{
		"plain":   nil,
		"urgent":  {troupe.AcceptUrgent()},
		"block":   {troupe.Bounded(10, troupe.Block)},
		"refuse":  {troupe.Bounded(10, troupe.Refuse)},
		"newest":  {troupe.Bounded(10, troupe.DropNewest)},
		"oldest":  {troupe.Bounded(10, troupe.DropOldest)},
		"oldest1": {troupe.Bounded(1, troupe.DropOldest), troupe.AcceptUrgent()},
	} {
		t.Run(name, func(t *testing.T) {
			var accepted, received atomic.Int64
			var node *troupe.Node
			stage(t, func(t *testing.T, self *troupe.Self[none]) {
				node = self.Node()
				ctx := node.Context(context.Background())
				for round := range 30 {
					r := victim(self, round, &received, opts...)
					var storm sync.WaitGroup
					for s := range 3 {
						storm.Go(func() {
							send := troupe.Ref[int].Send
							if s == 1 {
								send = troupe.Ref[int].SendUrgent
							}
							for i := range 100 {
								if send(r, ctx, i) == nil {
									accepted.Add(1)
								}
							}
						})
					}
					storm.Go(func() {
						if round%2 == 0 {
							r.PID().Kill(ctx)
						} else {
							r.PID().Exit(ctx, errBoom)
						}
					})
					storm.Wait()
				}
			})
			_, dead := node.DeadLetters()
			if accepted.Load() != received.Load()+int64(dead) {
				t.Errorf("%d were accepted, but %d received and %d dead", accepted.Load(), received.Load(), dead)
			}
		})
	}
}

// victim spawns a process that counts what it receives, of a different kind in
// each round.
func victim(self *troupe.Self[none], round int, received *atomic.Int64, opts ...troupe.SpawnOption) troupe.Ref[int] {
	switch round % 3 {
	case 0:
		return troupe.SpawnHandler(self, handle(func(*troupe.Self[int], troupe.Message[int]) error {
			received.Add(1)
			return nil
		}), opts...)
	case 1:
		return troupe.Spawn(self, func(self *troupe.Self[int]) error {
			for range self.Messages() {
				received.Add(1)
			}
			return nil
		}, opts...)
	}
	return troupe.Spawn(self, func(self *troupe.Self[int]) error {
		for {
			even := func(m troupe.Message[int]) bool { return m.Body%2 == 0 }
			if m := self.ReceiveFunc(even); m.Event != troupe.Sent {
				return nil
			}
			received.Add(1)
		}
	}, opts...)
}
