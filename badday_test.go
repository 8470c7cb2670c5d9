package troupe_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Bad days: what goes wrong in bodies and cleanups neither hangs, nor loses a
// signal, nor ends the program. More of them stand with their subject.

// disasters are ways for a cleanup to go wrong.
var disasters = map[string]func(){
	"panic":  func() { panic("in the cleanup") },
	"nil":    func() { panic(nil) },
	"error":  func() { panic(errOther) },
	"goexit": runtime.Goexit,
}

// A body that was told to end, or ends by itself, and then fails in its cleanup:
// the reason it was told stands, a normal one gives way, and the panic is not
// hidden.
func TestBadDay_DisasterInADeferredCleanup(t *testing.T) {
	for name, disaster := range disasters {
		t.Run("told "+name, func(t *testing.T) {
			var book logbook
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
					defer disaster()
					return until(self)
				})
				synctest.Wait()
				r.PID().Exit(self, errBoom)
				wantEvent(t, self, troupe.Down, r.PID(), errBoom)
				wantNothing(t, self)
			}, book.option())
			if name != "goexit" && !strings.Contains(book.String(), "panic") {
				t.Errorf("the panic is hidden: %q", book.String())
			}
		})
		t.Run("by itself "+name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
					defer disaster()
					return nil
				})
				wantDisaster(t, next(t, self), r.PID(), name)
			})
		})
	}
}

func wantDisaster(t *testing.T, m troupe.Message[none], pid troupe.PID, name string) {
	t.Helper()
	var p *troupe.PanicError
	if m.Event != troupe.Down || m.From != pid || errors.As(m.Reason, &p) == (name == "goexit") ||
		name == "goexit" && !errors.Is(m.Reason, troupe.ErrGoexit) {
		t.Errorf("got %v, want a Down because of %s", m, name)
	}
}

func TestBadDay_DisasterInTerminate(t *testing.T) {
	for name, disaster := range disasters {
		for _, reason := range []error{nil, errBoom} {
			var book logbook
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				start := time.Now()
				r := troupe.SpawnHandler(self, parts[none]{
					handle: func(*troupe.Self[none], troupe.Message[none]) error {
						if reason == nil {
							return troupe.Stop
						}
						return reason
					},
					terminate: func(*troupe.Self[none], error) { disaster() },
				}, troupe.Monitored())
				r.Send(self, none{})
				m := next(t, self)
				if reason == nil {
					wantDisaster(t, m, r.PID(), name)
				} else {
					wantMessage(t, m, troupe.Down, r.PID(), reason)
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("the end took %v", d)
				}
				wantNothing(t, self)
			}, book.option())
			if reason != nil && name != "goexit" && !strings.Contains(book.String(), "panic") {
				t.Errorf("the panic is hidden: %q", book.String())
			}
		}
	}
}

// A body that recovers from its own panic goes on as if nothing had happened.
func TestBadDay_RecoveredPanic(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[int]) error {
			func() {
				defer func() { recover() }()
				panic("caught")
			}()
			wantBodies(t, self, 1)
			return nil
		})
		r.Send(self, 1)
		wantEvent(t, self, troupe.Down, r.PID(), nil)
	})
}

// One that swallows the unwinding of a second Receive cannot be helped, but a
// third unwinds it again.
func TestBadDay_ABodyThatIgnoresItsEnd(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var returned atomic.Bool
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[int]) error {
			defer returned.Store(true)
			for {
				self.Receive() // looks at nothing
			}
		})
		synctest.Wait()
		r.PID().Exit(self, errBoom)
		wantEvent(t, self, troupe.Down, r.PID(), errBoom)
		if !returned.Load() {
			t.Error("the Down came before the body was left")
		}
	})
}

// A match function that kills its own process, or panics.
func TestBadDay_MatchKills(t *testing.T) {
	for _, take := range []bool{true, false} {
		play(t, func(t *testing.T, self *troupe.Self[none]) {
			var received, calls atomic.Int64
			r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
				time.Sleep(time.Second)
				m := self.ReceiveFunc(func(m troupe.Message[int]) bool {
					calls.Add(1)
					self.PID().Kill(self)
					return take
				})
				if m.Event == troupe.Sent {
					received.Add(1)
				}
				return nil
			})
			for i := range 10 {
				r.Send(self, i+1)
			}
			time.Sleep(time.Minute)
			_, dead := self.Node().DeadLetters()
			if int64(dead)+received.Load() != 10 || calls.Load() != 1 {
				t.Errorf("%d dead letters and %d received of 10; match was called %d times", dead, received.Load(), calls.Load())
			}
		})
	}
}

func TestBadDay_MatchPanics(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[int]) error {
			fill(self, 1, 3)
			defer func() {
				recover()
				if got := drain(self); len(got) != 3 {
					t.Errorf("left is %v", got)
				}
			}()
			self.ReceiveFunc(func(m troupe.Message[int]) bool { panic("in match") })
			return nil
		})
		wantEvent(t, self, troupe.Down, r.PID(), nil)
	})
}

func TestBadDay_AMillionMessagesToOneThatDoesNotRead(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		const many = 1_000_000
		for _, opts := range [][]troupe.SpawnOption{nil, {troupe.Bounded(100, troupe.DropOldest)}} {
			gate := make(chan none)
			r := troupe.Spawn(self, func(self *troupe.Self[int32]) error {
				<-gate
				if opts != nil {
					wantBodies(t, self, many-100)
				}
				return nil
			}, opts...)
			for i := range int32(many) {
				if err := r.Send(self, i); err != nil {
					t.Fatal(err)
				}
			}
			close(gate)
			wantErr(t, r.PID().Wait(self), nil)
		}
		last, total := self.Node().DeadLetters()
		if total != 2*many-1 || len(last) != 10 {
			t.Errorf("%d dead letters, %d kept; want %d and 10", total, len(last), 2*many-1)
		}
	}, troupe.DeadLetterLimit(10))
}

// A process spawned by one that was told to end lives as any other; the node's
// end takes it along.
func TestBadDay_SpawnInTheCleanup(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		pids := make(chan troupe.PID, 1)
		r := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			<-self.Done()
			pids <- troupe.Spawn(self, until[none]).PID()
			return nil
		})
		synctest.Wait()
		r.PID().Exit(self, errBoom)
		child := <-pids
		wantReason(t, self, r.PID(), errBoom)
		synctest.Wait()
		if _, ended := child.Ended(); ended {
			t.Error("the child ended with its parent")
		}
	})
}

// The body of a linked process returns its context's cause, which was another's
// panic: it did not panic itself.
func TestBadDay_ThePanicOfAnother(t *testing.T) {
	var book logbook
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
			troupe.SpawnLink(self, func(*troupe.Self[none]) error { panic("ouch") })
			<-self.Done()
			return context.Cause(self)
		})
		var p *troupe.PanicError
		if m := next(t, self); m.From != r.PID() || !errors.As(m.Reason, &p) || p.Value != "ouch" {
			t.Errorf("got %v", m)
		}
	}, book.option())
	if book.String() != "" {
		t.Errorf("logged: %s", book.String())
	}
}

// Told to end and killed while it waits for everything there is to wait for.
func TestStorm_EndsWhileWaiting(t *testing.T) {
	waits := []func(self *troupe.Self[int], full troupe.Ref[int], dumb troupe.Ref[call]){
		func(self *troupe.Self[int], _ troupe.Ref[int], _ troupe.Ref[call]) { self.Receive() },
		func(self *troupe.Self[int], _ troupe.Ref[int], _ troupe.Ref[call]) {
			self.Receive(troupe.After(time.Hour))
		},
		func(self *troupe.Self[int], _ troupe.Ref[int], _ troupe.Ref[call]) { self.ReceiveFunc(is(-1)) },
		func(self *troupe.Self[int], _ troupe.Ref[int], _ troupe.Ref[call]) { <-self.Mail() },
		func(self *troupe.Self[int], full troupe.Ref[int], _ troupe.Ref[call]) { full.Send(self, 1) },
		func(self *troupe.Self[int], _ troupe.Ref[int], dumb troupe.Ref[call]) { troupe.Ask(self, dumb, 1) },
		func(self *troupe.Self[int], _ troupe.Ref[int], dumb troupe.Ref[call]) { dumb.PID().Wait(self) },
	}
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		ctx := self.Node().Context(context.Background())
		full := troupe.Spawn(self, until[int], troupe.Bounded(1, troupe.Block))
		full.Send(self, 1)
		dumb := troupe.Spawn(self, until[call])
		for round := range 400 {
			wait := waits[round%len(waits)]
			r := troupe.SpawnMonitor(self, func(self *troupe.Self[int]) error {
				wait(self, full, dumb)
				<-self.Done()
				return nil
			})
			if round%3 == 0 {
				runtime.Gosched()
			}
			go r.Send(ctx, 1)
			go r.PID().Exit(ctx, errBoom)
			r.PID().Kill(ctx)
			m := self.Receive()
			if m.From != r.PID() || m.Reason != errBoom && m.Reason != troupe.ErrKilled {
				t.Errorf("got %v", m)
			}
		}
	})
}
