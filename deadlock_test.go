package troupe_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Questions that could never be answered: G31.

func TestG31_AskingOneself(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		ask := func(self caller, wrap func(context.Context) context.Context, to troupe.Ref[call]) {
			start := time.Now()
			_, err := troupe.Ask(wrap(self), to, 1)
			var d *troupe.DeadlockError
			if !errors.As(err, &d) || !slices.Equal(d.Cycle, []troupe.PID{self.PID()}) {
				t.Errorf("got %v, want a DeadlockError that names %v", err, self.PID())
			}
			if !errors.Is(err, &troupe.DeadlockError{}) {
				t.Error("errors.Is does not know a DeadlockError")
			}
			if time.Since(start) != 0 {
				t.Error("it was not told at once")
			}
		}
		plain := func(ctx context.Context) context.Context { return ctx }
		derived := func(ctx context.Context) context.Context { return context.WithValue(ctx, t, 1) }
		r := troupe.Spawn(self, func(self caller) error {
			for range 3 { // an error leaves nothing behind
				ask(self, plain, self.Ref())
				ask(self, derived, self.Ref())
				ask(self, context.WithoutCancel, troupe.Named[call]("me"))
			}
			wantNothing(t, self)
			return nil
		}, troupe.Name("me"))
		h := troupe.SpawnHandler(self, handle(func(self caller, _ troupe.Message[call]) error {
			ask(self, plain, self.Ref())
			return troupe.Stop
		}))
		h.Send(self, call{})
		wantReason(t, self, r.PID(), nil)
		wantReason(t, self, h.PID(), nil)
	})
}

// A process may ask itself from a goroutine beside its own.
func TestG31_BesideAsksItsOwnProcess(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self caller) error {
			go func() {
				if a, err := troupe.Ask(troupe.Beside(self), self.Ref(), 1); a != 2 || err != nil {
					t.Errorf("got %d, %v", a, err)
				}
			}()
			return answer(self)
		})
		synctest.Wait()
		r.PID().Exit(self, errBoom)
	})
}

// askRing makes a ring of size processes that ask each other, each with the
// context that wrap makes of its own, and returns what each of them got.
func askRing(self *troupe.Self[none], size int, wrap func(context.Context) context.Context) (pids []troupe.PID, errs []error) {
	refs := make(chan []troupe.Ref[call], size)
	errs = make([]error, size)
	var all []troupe.Ref[call]
	for i := range size {
		r := troupe.SpawnMonitor(self, func(self caller) error {
			all := <-refs
			_, errs[i] = troupe.Ask(wrap(self), all[(i+1)%size], i)
			return errs[i]
		})
		all, pids = append(all, r), append(pids, r.PID())
	}
	for range size {
		refs <- all
	}
	for range size {
		self.Receive()
	}
	return pids, errs
}

func TestG31_ARingIsNamed(t *testing.T) {
	for _, size := range []int{2, 3, 5, 50} {
		play(t, func(t *testing.T, self *troupe.Self[none]) {
			pids, errs := askRing(self, size, func(ctx context.Context) context.Context { return ctx })
			var found int
			for i, err := range errs {
				var d *troupe.DeadlockError
				if errors.Is(err, troupe.ErrNoProc) {
					continue // its callee saw the ring and ended before it was asked
				}
				if !errors.As(err, &d) {
					t.Errorf("ring of %d: number %d got %v", size, i, err)
					continue
				}
				found++
				at := slices.Index(pids, d.Cycle[0])
				want := append(slices.Clone(pids[at:]), pids[:at]...)
				if !slices.Equal(d.Cycle, want) {
					t.Errorf("ring of %d: the cycle is %v, want %v", size, d.Cycle, want)
				}
				text := d.Error()
				for _, pid := range pids {
					if !strings.Contains(text, pid.String()) {
						t.Errorf("ring of %d: %q does not name %v", size, text, pid)
					}
				}
			}
			if found == 0 {
				t.Errorf("ring of %d: nobody saw it", size)
			}
		})
	}
}

// The ring is closed from all sides at the same moment; somebody must see it
// every time, or this test would hang.
func TestStorm_Rings(t *testing.T) {
	for round := range 100 {
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			_, errs := askRing(self, 2+round%4, func(ctx context.Context) context.Context {
				if round%2 == 0 {
					ctx = context.WithValue(ctx, t, round)
				}
				return ctx
			})
			for i, err := range errs {
				if err == nil {
					t.Errorf("number %d got an answer", i)
				}
			}
		})
	}
}

// Handlers that ask each other in a ring, and the one at fault goes on.
func TestG31_ARingOfHandlers(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var first, second troupe.Ref[call]
		var saw atomic.Int64
		asks := func(to *troupe.Ref[call]) troupe.Handler[call] {
			return handle(func(self caller, m troupe.Message[call]) error {
				a, err := troupe.Ask(self, *to, m.Body.Request)
				if errors.Is(err, &troupe.DeadlockError{}) {
					saw.Add(1)
					return m.Body.Reply(self, 7)
				}
				return m.Body.Reply(self, a)
			})
		}
		first = troupe.SpawnHandler(self, asks(&second))
		second = troupe.SpawnHandler(self, asks(&first))
		for range 10 {
			if a, err := troupe.Ask(self, first, 1); a != 7 || err != nil {
				t.Errorf("got %d, %v, want 7", a, err)
			}
		}
		if saw.Load() != 10 {
			t.Errorf("the ring was seen %d times, want 10", saw.Load())
		}
	})
}

// A chain that does not close is no ring, however long; nor is a question to one
// that asked before and has its answer.
func TestG31_AChainIsNoRing(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		to := troupe.Spawn(self, answer)
		for range 100 {
			next := to
			to = troupe.SpawnHandler(self, handle(func(self caller, m troupe.Message[call]) error {
				a, err := troupe.Ask(self, next, m.Body.Request)
				if err != nil {
					return err
				}
				return m.Body.Reply(self, a+1)
			}))
		}
		for range 3 {
			if a, err := troupe.Ask(self, to, 0); a != 101 || err != nil {
				t.Errorf("got %d, %v, want 101", a, err)
			}
		}
	})
}

// A callee that has answered may ask back at once.
func TestG31_AskingBackAfterTheAnswer(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		const rounds = 2000
		var a troupe.Ref[call]
		b := make(chan troupe.Ref[call], 1)
		a = troupe.Spawn(self, func(self caller) error {
			to := <-b
			for i := range rounds {
				if _, err := troupe.Ask(self, to, i); err != nil {
					t.Errorf("round %d: %v", i, err)
				}
				self.Receive().Body.Reply(self, 0)
			}
			return nil
		}, troupe.Monitored())
		b <- troupe.Spawn(self, func(self caller) error {
			for range rounds {
				self.Receive().Body.Reply(self, 0)
				if _, err := troupe.Ask(self, a, 0); err != nil {
					t.Errorf("asking back: %v", err)
				}
			}
			return nil
		})
		wantMessage(t, self.Receive(), troupe.Down, a.PID(), nil)
	})
}

// A goroutine beside a process asks, and the one it asks asks the process, which
// is free to answer: no ring.
func TestG31_BesideMakesNoRing(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		front := make(chan troupe.Ref[call], 1)
		back := troupe.Spawn(self, func(self caller) error {
			to := <-front
			for m := range self.Messages() {
				a, err := troupe.Ask(self, to, m.Body.Request)
				if err != nil {
					m.Body.Fail(self, err)
					continue
				}
				m.Body.Reply(self, a)
			}
			return nil
		})
		asked := make(chan none)
		front <- troupe.Spawn(self, func(self caller) error {
			go func() {
				defer close(asked)
				if a, err := troupe.Ask(troupe.Beside(self), back, 1); a != 2 || err != nil {
					t.Errorf("got %d, %v, want 2", a, err)
				}
			}()
			return answer(self)
		})
		<-asked
	})
}
